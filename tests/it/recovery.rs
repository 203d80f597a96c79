//! Crashes at random moments under load, and a thousand jobs at one instant.
//!
//! The clients keep a log of what they asked for and what was acknowledged; the commands keep one of what was started.
//! After each crash the server has to agree with both: what was acknowledged is there as it was acknowledged, what was
//! deleted is gone, nothing was started twice, what had begun has ended or stands as interrupted, no end that was known
//! has changed, and the counters are what the histories add up to. A failing seed replays the same requests, though not the same
//! interleaving: `NIMESHA_CRASH_SEED` and `NIMESHA_CRASH_ROUNDS` set another seed and more rounds.

mod clients;
mod witness;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Client, Server, await_time, start_in, time, wait_until};
use clients::{Author, Random};
use witness::{Witness, check_counters};

/// Clients that work side by side, each on jobs of its own.
const AUTHORS: u64 = 4;

/// Rounds between two looks at all counters.
const COUNT_EVERY: u64 = 5;

/// What each command of these tests writes: one line for one start, in one write.
const TELL: &str = "echo $NIMESHA_JOB_ID $NIMESHA_RUN_ID at=$NIMESHA_SCHEDULED_AT >> started";

fn setting(name: &str, otherwise: u64) -> u64 {
    let value = std::env::var(name).ok();
    value.map_or(otherwise, |value| value.parse().expect("a number"))
}

#[test]
fn what_was_acknowledged_outlives_every_crash() {
    let server = Server::with(&["--workers", "8"]);
    outlives_crashes(server, setting("NIMESHA_CRASH_ROUNDS", 50));
}

/// Kills the server so many times under load, and holds it to its word each time.
pub(crate) fn outlives_crashes(mut server: Server, rounds: u64) {
    let seed = setting("NIMESHA_CRASH_SEED", u64::from(std::process::id()));
    println!("NIMESHA_CRASH_SEED={seed}");
    let mut random = Random(seed);
    let mut authors: Vec<Author> = (0..AUTHORS)
        .map(|number| Author::new(number, &mut random))
        .collect();
    let mut witness = Witness::default();
    for round in 0..rounds {
        let patience = Duration::from_millis(10 + random.below(240));
        thread::scope(|scope| {
            for author in &mut authors {
                let port = server.port();
                scope.spawn(move || author.work_until_cut_off(port));
            }
            thread::sleep(patience);
            rustix::process::kill_process(server.pid(), rustix::process::Signal::KILL)
                .expect("it runs");
        });
        server.exit();
        // What a command writes after this was begun before, too.
        let before = server.lines("started");
        server.start_again();
        server.await_ready();
        for author in &mut authors {
            author.check(&server, round);
        }
        witness.check(&server, &mut authors, &before);
        if round % COUNT_EVERY == COUNT_EVERY - 1 || round + 1 == rounds {
            check_counters(&server);
        }
    }
    witness.conclude();
    server.kill9();
    wait_until("what the killed server left running has ended", || {
        !runs_in(server.dir())
    });
    assert_sound(&server);
    server.start_again();
    server.await_ready();
    server.delete("/api/v1/job/all/").expect(204);
    assert_eq!(server.get("/api/v1/job/").text(), "{\"jobs\":{}}\n");
}

/// Whether a process works in that directory.
fn runs_in(dir: &Path) -> bool {
    let processes = fs::read_dir("/proc").expect("it can be read").flatten();
    let mut places = processes.filter_map(|process| fs::read_link(process.path().join("cwd")).ok());
    places.any(|place| place == dir)
}

/// The database of a server that has ended holds nothing that is wrong.
fn assert_sound(server: &Server) {
    let checked = server.check_database();
    assert!(
        checked.stdout.contains("problems   none"),
        "{}",
        checked.stderr
    );
}

/// Creates jobs that are due at one instant, over a few connections.
fn create_due_together(server: &Server, count: usize, schedule: &str) -> Vec<String> {
    let body = json!({"name": "due", "command": TELL, "schedule": schedule}).to_string();
    let create = |count: usize| {
        let mut client: Client = server.client();
        let ids = (0..count).map(|_| {
            let created = client
                .request("POST", "/api/v1/job/", Some(&body))
                .unwrap()
                .expect(201);
            created.json()["id"].as_str().unwrap().to_owned()
        });
        ids.collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| create(count / 8))).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    })
}

/// Ids of the jobs that were started, one for each start.
fn started(server: &Server) -> Vec<String> {
    let lines = server.lines("started");
    lines
        .iter()
        .map(|line| line.split(' ').next().unwrap_or_default().to_owned())
        .collect()
}

/// How many jobs are done, asked over a connection that is there already: while all descriptors are at work, the server
/// turns new ones away.
fn done(client: &mut Client) -> usize {
    let jobs = get(client, "/api/v1/job/?status=done");
    jobs["jobs"].as_object().expect("jobs").len()
}

fn get(client: &mut Client, path: &str) -> Value {
    let answer = client.request("GET", path, None).expect("it is kept");
    answer.expect(200).json()
}

#[test]
fn a_thousand_jobs_of_one_instant_run_once_each_with_few_descriptors() {
    let server = Server::with_files(256);
    let mut ids = create_due_together(&server, 1_000, &start_in(12_000));
    let mut client = server.client();
    wait_until("all have run", || done(&mut client) == 1_000);
    let stats = get(&mut client, "/api/v1/stats/");
    assert_eq!(
        (
            &stats["Stats"]["success_count"],
            &stats["Stats"]["error_count"]
        ),
        (&json!(1_000), &json!(0))
    );
    let mut started = started(&server);
    started.sort_unstable();
    ids.sort_unstable();
    assert_eq!(started, ids);
}

#[test]
fn a_crash_amid_many_jobs_of_one_instant_repeats_none_and_forgets_none() {
    let mut server = Server::with(&["--workers", "4"]);
    let at = start_in(8_000);
    let ids = create_due_together(&server, 400, &at);
    await_time(time(&json!(at)));
    server.await_lines("started", 40);
    server.kill9();
    server.start_again();
    let mut client = server.client();
    wait_until("all are done", || done(&mut client) == 400);
    let mut wrong = String::new();
    let mut starts: HashMap<String, usize> = HashMap::new();
    for id in started(&server) {
        *starts.entry(id).or_default() += 1;
    }
    let mut interrupted = 0;
    for id in &ids {
        let outcomes = server.outcomes(id);
        let starts = starts.get(id).copied().unwrap_or(0);
        match (outcomes.join(" ").as_str(), starts) {
            ("succeeded", 1) => {}
            // Its command may or may not have come to write its line.
            ("interrupted", 0 | 1) => interrupted += 1,
            (outcomes, starts) => {
                writeln!(wrong, "{id}: {outcomes}, {starts} starts").expect("to a string");
            }
        }
    }
    assert_eq!(wrong, "");
    // The claimed ones only: those at work, and as many as stand ready for the workers.
    assert!(interrupted <= 4 + 4 * 4, "{interrupted} were interrupted");
}
