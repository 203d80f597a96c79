//! Several servers on one database: one works, the others stand by, and take over when it ends, dies, sleeps or is cut off.

use rustix::process::Signal;
use serde_json::json;

use super::place::{Place, await_stand_by, leader};
use crate::support::databases::{Kind, Proxy};
use crate::support::{Server, wait_until};

pub(super) fn one_works_and_the_others_stand_by(kind: Kind) {
    let Some(place) = Place::new(kind) else {
        return;
    };
    let first = place.server();
    first.await_ready();
    let others = [place.server(), place.server()];
    let id = first.create(&json!({"name": "asked", "command": "true", "schedule": "@manual"}));
    first.run(&id);
    for other in &others {
        await_stand_by(other, "works on the job database");
        await_stand_by(other, &first.pid().as_raw_nonzero().to_string());
        wait_until("it shows the job and its run", || {
            let job = other.get(&format!("/api/v1/job/{id}/"));
            job.status == 200 && job.json()["job"]["success_count"] == 1
        });
        assert_eq!(other.outcomes(&id), ["succeeded"]);
        let refused = other.post("/api/v1/job/", &json!({"name": "b", "command": "true"}));
        assert!(refused.expect(503).text().contains("this server stands by"));
        other
            .post(&format!("/api/v1/job/start/{id}/"), &json!({}))
            .expect(503);
        let metrics = other.get("/metrics").expect(200).text();
        assert!(metrics.contains("\nnimesha_leader 0\n"), "{metrics}");
        let page = other.get("/webui/").expect(200).text();
        assert!(page.contains("This server stands by."));
    }
    let metrics = first.get("/metrics").expect(200).text();
    assert!(metrics.contains("\nnimesha_leader 1\n"), "{metrics}");

    // It gives the lease back as it ends, and one of the others goes on.
    first.signal(Signal::TERM);
    let next = leader(&others);
    others[next].run(&id);
    assert_eq!(others[next].outcomes(&id), ["succeeded"; 2]);
    await_stand_by(
        &others[1 - next],
        &others[next].pid().as_raw_nonzero().to_string(),
    );
}

pub(super) fn a_dead_server_is_followed_by_another(kind: Kind) {
    let Some(place) = Place::new(kind) else {
        return;
    };
    let mut servers = vec![place.server(), place.server(), place.server()];
    let mut first = servers.swap_remove(leader(&servers));
    let tick = first.create(&place.ticking());
    let begun = place.file("begun");
    let long = first.create(&json!({
        "name": "long",
        "command": format!("echo $$ >> {}; exec sleep 600", begun.display()),
        "schedule": "@manual",
    }));
    first.begin(&long);
    wait_until("it runs", || begun.exists());
    place.await_ticks(3);
    first.kill9();
    let next = &servers[leader(&servers)];
    place.await_ticks(3);
    assert_eq!(next.outcomes(&long), ["interrupted"]);
    next.disable(&tick);
    place.assert_nothing_ran_twice();
    let pid = std::fs::read_to_string(&begun).unwrap();
    let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
}

pub(super) fn a_server_that_slept_through_its_lease_does_nothing(kind: Kind) {
    let Some(place) = Place::new(kind) else {
        return;
    };
    let servers = [place.server(), place.server()];
    let sleeper = leader(&servers);
    let (sleeper, next) = (&servers[sleeper], &servers[1 - sleeper]);
    let tick = sleeper.create(&place.ticking());
    let retried = sleeper.create(&json!({
        "name": "retried",
        "command": format!("echo $NIMESHA_ATTEMPT >> {}; false", place.file("attempts").display()),
        "schedule": "@manual",
        "retries": 100,
        "retry_delay": "PT1S",
    }));
    let long =
        sleeper.create(&json!({"name": "long", "command": "sleep 600", "schedule": "@manual"}));
    sleeper.begin(&retried);
    sleeper.begin(&long);
    place.await_ticks(3);
    sleeper.signal(Signal::STOP);
    next.await_ready();
    place.await_ticks(3);
    let attempts = || {
        std::fs::read_to_string(place.file("attempts"))
            .unwrap()
            .lines()
            .count()
    };
    let made = attempts();
    sleeper.signal(Signal::CONT);
    await_stand_by(sleeper, "works on the job database");
    assert!(sleeper.log().contains("lost the lease of the job database"));
    place.await_ticks(3);
    assert_eq!(attempts(), made);
    for id in [&retried, &long] {
        assert_eq!(next.outcomes(id), ["interrupted"]);
    }
    next.disable(&tick);
    place.assert_nothing_ran_twice();
    // What it stands by for is what it was: it goes on where the other ends.
    next.signal(Signal::TERM);
    sleeper.await_ready();
    sleeper.enable(&tick);
    place.await_ticks(2);
    place.assert_nothing_ran_twice();
}

pub(super) fn a_server_that_is_cut_off_is_followed_and_comes_back(kind: Kind) {
    let Some(place) = Place::new(kind) else {
        return;
    };
    let proxy = Proxy::to(place.database.port());
    let lonely = place.server_by(proxy.port());
    lonely.await_ready();
    let next = place.server();
    let tick = lonely.create(&place.ticking());
    place.await_ticks(3);
    proxy.refuse();
    wait_until("it says that it is cut off", || !lonely.is_ready());
    assert_eq!(lonely.job(&tick)["name"], "tick");
    next.await_ready();
    place.await_ticks(3);
    proxy.accept();
    await_stand_by(&lonely, "works on the job database");
    place.await_ticks(3);
    next.disable(&tick);
    place.assert_nothing_ran_twice();
    assert_same(&lonely, &next, &tick);
}

/// Both show the same job.
fn assert_same(reader: &Server, worker: &Server, id: &str) {
    wait_until("both show the same", || reader.job(id) == worker.job(id));
}
