//! What is done to a shared database as a whole: asked over TLS, backed up while a server works on it, and measured.

use std::fs;

use serde_json::json;

use super::place::Place;
use crate::support::databases::{Kind, SERVER_NAME};
use crate::support::program::nimesha_with;
use crate::support::{Server, TempDir, nimesha, wait_until};

pub(super) fn a_server_works_over_tls(kind: Kind) {
    let Some(place) = Place::new(kind) else {
        return;
    };
    let (certificate, key) = place.database.client_certificate();
    let [authority, stranger, certificate, key] = [
        place.database.authority(),
        place.database.stranger(),
        certificate,
        key,
    ]
    .map(|path| path.display().to_string());
    let port = place.database.tls_port();
    let mut flags = vec![
        "--jobdb-tls-capath",
        &authority,
        "--jobdb-tls-certpath",
        &certificate,
        "--jobdb-tls-keypath",
        &key,
    ];
    // Whose driver knows no other name than the host's.
    if kind != Kind::MariaDb {
        flags.extend(["--jobdb-tls-servername", SERVER_NAME]);
    }
    let server = place.server_with(port, &flags);
    server.await_ready();
    let id = server.create(&json!({"name": "safe", "command": "true", "schedule": "@manual"}));
    server.run(&id);
    assert_eq!(server.outcomes(&id), ["succeeded"]);

    let variables = place.variables(port);
    for (name, file, why) in [
        ("NIMESHA_JOBDB_TLS_CAPATH", &stranger, "--jobdb-tls"),
        (
            "NIMESHA_JOBDB_TLS_SERVERNAME",
            &"elsewhere.test".to_owned(),
            "elsewhere.test",
        ),
    ] {
        let mut variables = variables.clone();
        variables.push(("NIMESHA_JOBDB_TLS_CAPATH".to_owned(), authority.clone()));
        variables.retain(|(known, _)| known != name);
        variables.push((name.to_owned(), file.clone()));
        let ended = nimesha_with(&["serve", "--port", "0"], &variables);
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains(why), "{why}: {}", ended.stderr);
    }
}

pub(super) fn it_is_backed_up_while_a_server_works_on_it(kind: Kind) {
    let Some(place) = Place::new(kind) else {
        return;
    };
    let server = place.server();
    server.await_ready();
    let said =
        server.create(&json!({"name": "said", "command": "echo said", "schedule": "@manual"}));
    server.run(&said);
    server.create(&place.ticking());
    place.await_ticks(2);
    let file = place.file("backup").display().to_string();
    let url = format!("http://127.0.0.1:{}", server.port());
    let made = nimesha(&["backup", &file, "--url", &url]);
    if kind == Kind::Redis {
        assert_ne!(made.code, Some(0));
        assert!(made.stderr.contains("redis-cli --rdb"), "{}", made.stderr);
        return;
    }
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let checked = nimesha(&["check", &file]);
    assert!(checked.stdout.contains("problems   none"), "{checked:?}");
    let dir = TempDir::new();
    let restored = nimesha(&[
        "restore",
        &file,
        "--to",
        &format!("redb:{}", dir.path().display()),
    ]);
    assert_eq!(restored.code, Some(0), "{}", restored.stderr);
    let boltpath = dir.path().to_str().expect("a name of ours");
    let restored = Server::with(&["--boltpath", boltpath]);
    let run = restored.history(&said)[0]["id"].take();
    let output = format!(
        "/api/v1/job/{said}/runs/{}/output/",
        run.as_str().expect("an id")
    );
    assert_eq!(restored.get(&output).expect(200).text(), "said\n");
    assert!(fs::metadata(&file).expect("it was made").len() > 1_000);
    let metrics = || server.get("/metrics").expect(200).text();
    wait_until("the metrics say how big it is", || {
        metrics().contains("\nnimesha_store_size_bytes ")
    });
}
