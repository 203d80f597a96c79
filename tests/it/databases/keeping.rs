//! What a shared database keeps: over restarts and crashes, as the server's own file does.

use serde_json::{Value, json};

use super::place::{Place, await_ready};
use crate::support::databases::Kind;
use crate::support::{Server, wait_until};

pub(super) fn jobs_and_their_links_outlive_restarts(kind: Kind) {
    let Some(place) = Place::new(kind) else {
        return;
    };
    let mut server = place.server();
    await_ready(&server);
    server.create(&place.ticking());
    let off = server.create(&manual("off"));
    server.disable(&off);
    let parent = server.create(&manual("parent"));
    let child =
        server.create(&json!({"name": "child", "command": "true", "parent_jobs": [parent]}));
    let once = server.create(&json!({"name": "once", "command": "true"}));
    let unknown = uuid::Uuid::new_v4().to_string();
    let refused = json!({"name": "refused", "command": "true", "parent_jobs": [unknown]});
    server.post("/api/v1/job/", &refused).expect(400);
    place.await_ticks(2);
    wait_until("the one-off job is done", || {
        server.job(&once)["is_done"] == true
    });
    for crashes in [false, true] {
        if crashes {
            server.kill9();
            server.start_again();
        } else {
            server.restart();
        }
        await_ready(&server);
        place.await_ticks(2);
        assert_eq!(count(&server), 5);
        assert_eq!(server.job(&once)["is_done"], true);
        assert_eq!(server.job(&off)["disabled"], true);
        let runs = server.outcomes(&child).len();
        server.run(&parent);
        assert_eq!(server.outcomes(&child).len(), runs + 1);
    }
    server.enable(&off);
    server.run(&off);
    place.assert_nothing_ran_twice();
    server.delete("/api/v1/job/all/").expect(204);
    server.restart();
    await_ready(&server);
    assert_eq!(count(&server), 0);
}

pub(super) fn crash_after_crash_loses_nothing(kind: Kind) {
    let Some(place) = Place::new(kind) else {
        return;
    };
    let mut server = place.server();
    await_ready(&server);
    let tick = server.create(&place.ticking());
    let mut known: Vec<String> = Vec::new();
    for round in 0..3 {
        let names = (0..20).map(|n| format!("job {round}.{n}"));
        let new: Vec<String> = names.map(|name| server.create(&manual(&name))).collect();
        new.iter().for_each(|id| server.run(id));
        known.extend(new);
        place.await_ticks(2);
        server.kill9();
        server.start_again();
        await_ready(&server);
        for id in &known {
            assert_eq!(server.outcomes(id), ["succeeded"], "{}", server.job(id));
        }
    }
    assert_eq!(count(&server), known.len() + 1);
    server.disable(&tick);
    place.assert_nothing_ran_twice();
    wait_until("every tick stands in the history", || {
        let runs = server.outcomes(&tick).into_iter();
        let ran = runs.filter(|outcome| matches!(outcome.as_str(), "succeeded" | "interrupted"));
        ran.count() >= place.ticks().len()
    });
}

fn manual(name: &str) -> Value {
    json!({"name": name, "command": "true", "schedule": "@manual"})
}

fn count(server: &Server) -> usize {
    let jobs = server.get("/api/v1/job/").expect(200).json();
    jobs["jobs"].as_object().expect("jobs by id").len()
}
