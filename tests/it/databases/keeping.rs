//! What a shared database keeps: over restarts and crashes, as the server's own file does.

use serde_json::{Value, json};

use super::place::Place;
use crate::recovery;
use crate::support::databases::Kind;
use crate::support::{Server, wait_until};

/// Each takes a server that starts anew, and all of its answers once more.
const CRASHES: u64 = 8;

pub(super) fn jobs_and_their_links_outlive_restarts(kind: Kind) {
    let Some(place) = Place::new(kind) else {
        return;
    };
    let mut server = place.server();
    server.await_ready();
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
        server.await_ready();
        // What died here is known to be dead: nobody waits for the end of its lease.
        assert!(!server.log().contains("standing by"), "{}", server.log());
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
    server.await_ready();
    assert_eq!(count(&server), 0);
}

pub(super) fn what_was_acknowledged_outlives_every_crash(kind: Kind) {
    if let Some(place) = Place::new(kind) {
        let server = place.server_with(place.database.port(), &["--workers", "8"]);
        server.await_ready();
        recovery::outlives_crashes(server, CRASHES);
    }
}

fn manual(name: &str) -> Value {
    json!({"name": name, "command": "true", "schedule": "@manual"})
}

fn count(server: &Server) -> usize {
    let jobs = server.get("/api/v1/job/").expect(200).json();
    jobs["jobs"].as_object().expect("jobs by id").len()
}
