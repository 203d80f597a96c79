//! A database that is away: at the start, and in the middle of the work.

use serde_json::json;

use super::place::{Place, await_stand_by};
use crate::support::databases::Kind;
use crate::support::wait_until;

pub(super) fn a_server_waits_for_its_database(kind: Kind) {
    let Some(mut place) = Place::new(kind) else {
        return;
    };
    place.database.stop();
    let server = place.server();
    await_stand_by(&server, "the job database does not answer");
    assert_eq!(
        server.get("/api/v1/job/").expect(200).json(),
        json!({"jobs": {}})
    );
    server
        .post("/api/v1/job/", &json!({"name": "early", "command": "true"}))
        .expect(503);
    place.database.start_again();
    server.await_ready();
    let id = server.create(&json!({"name": "asked", "command": "true", "schedule": "@manual"}));
    server.run(&id);
    assert!(server.log().contains("the job database does not answer"));
    assert!(server.log().contains("the job database answers again"));
}

pub(super) fn nothing_runs_unclaimed_while_it_is_away(kind: Kind) {
    let Some(mut place) = Place::new(kind) else {
        return;
    };
    let server = place.server();
    server.await_ready();
    let tick = server.create(&place.ticking());
    let asked = server.create(&json!({"name": "asked", "command": "true", "schedule": "@manual"}));
    for how in ["stopped", "killed", "stalled"] {
        place.await_ticks(3);
        match how {
            "stopped" => place.database.stop(),
            "killed" => place.database.kill9(),
            _ => place.database.pause(),
        }
        wait_until(&format!("it notices that the database is {how}"), || {
            !server.is_ready()
        });
        assert_eq!(server.job(&tick)["name"], "tick", "{how}");
        server.get("/webui/").expect(200);
        server
            .post(&format!("/api/v1/job/start/{asked}/"), &json!({}))
            .expect(503);
        server
            .post("/api/v1/job/", &json!({"name": "no", "command": "true"}))
            .expect(503);
        match how {
            "stalled" => place.database.resume(),
            _ => place.database.start_again(),
        }
        server.await_ready();
    }
    place.await_ticks(3);
    server.run(&asked);
    assert_eq!(server.outcomes(&asked), ["succeeded"]);
    server.disable(&tick);
    place.assert_nothing_ran_twice();
    let job = server.job(&tick);
    let count = |key: &str| job[key].as_u64().unwrap();
    assert!(count("missed_count") > 0, "{job}");
    wait_until("what ran is what was counted", || {
        let job = server.job(&tick);
        job["running"] == 0 && job["metadata"]["number_of_finished_runs"] == place.ticks().len()
    });
    assert_eq!(
        server.get("/api/v1/job/").json()["jobs"]
            .as_object()
            .unwrap()
            .len(),
        2
    );
}
