//! Clients that change jobs at random, and remember what must be so afterwards.

use std::collections::{HashMap, HashSet};
use std::io;

use serde_json::{Value, json};

use super::TELL;
use crate::support::{Client, Response, Server};

/// Jobs of one client: enough that creates, updates and deletes meet runs of others.
const JOBS_MAX: usize = 40;

/// A small generator (splitmix64): the same seed gives the same numbers everywhere.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// A job as its author knows it.
struct Known {
    id: String,
    keys: Value,
}

/// What was asked for when the connection broke: it may have come about, or not.
enum Pending {
    Create(Value),
    Update {
        id: String,
        keys: Value,
    },
    Delete(String),
    /// Changes nothing that the author checks.
    Start,
}

/// A client with jobs of its own.
pub(super) struct Author {
    prefix: String,
    random: Random,
    jobs: Vec<Known>,
    deleted: HashSet<String>,
    pending: Option<Pending>,
    /// Starts that were acknowledged since the last look at them, by job and run.
    starts: Vec<(String, String)>,
    count: u64,
}

impl Author {
    pub(super) fn new(number: u64, random: &mut Random) -> Author {
        Author {
            prefix: format!("author {number} "),
            random: Random(random.next()),
            jobs: Vec::new(),
            deleted: HashSet::new(),
            pending: None,
            starts: Vec::new(),
            count: 0,
        }
    }

    /// Whether a job is there and its author's.
    pub(super) fn keeps(&self, id: &str) -> bool {
        self.jobs.iter().any(|job| job.id == id)
    }

    /// The starts that were acknowledged, job and run, once each.
    pub(super) fn take_starts(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.starts)
    }

    /// Changes jobs until the server is gone.
    pub(super) fn work_until_cut_off(&mut self, port: u16) {
        // Refused: the server is gone already.
        let Ok(mut client) = Client::connect(port) else {
            return;
        };
        while self.act(&mut client).is_ok() {}
    }

    fn act(&mut self, client: &mut Client) -> io::Result<()> {
        self.count += 1;
        let dice = self.random.below(10);
        if self.jobs.is_empty() || (dice < 4 && self.jobs.len() < JOBS_MAX) {
            return self.create(client);
        }
        let index = self.random.below(self.jobs.len() as u64) as usize;
        match dice {
            0..6 => self.update(client, index),
            6..8 => self.start(client, index),
            _ => self.delete(client, index),
        }
    }

    fn create(&mut self, client: &mut Client) -> io::Result<()> {
        let schedules = [
            "",
            "@manual",
            "R2//PT0.05S",
            "R//PT0.2S",
            "R/2037-06-04T19:25:16Z/PT1H",
        ];
        let schedule = schedules[self.random.below(5) as usize];
        let name = format!("{}{}", self.prefix, self.count);
        let ending = ["", "; exit 3"][usize::from(self.random.below(4) == 0)];
        let command = format!("{TELL}{ending}");
        let keys = json!({"name": name, "command": command, "schedule": schedule, "tags": [name], "retries": 0});
        self.pending = Some(Pending::Create(keys.clone()));
        let created = client
            .request("POST", "/api/v1/job/", Some(&keys.to_string()))?
            .expect(201);
        self.pending = None;
        let id = created.json()["id"].as_str().expect("an id").to_owned();
        self.jobs.push(Known { id, keys });
        Ok(())
    }

    fn update(&mut self, client: &mut Client, index: usize) -> io::Result<()> {
        let mut keys = self.jobs[index].keys.clone();
        keys["description"] = json!(format!("version {}", self.count));
        keys["disabled"] = json!(self.random.below(4) == 0);
        let id = self.jobs[index].id.clone();
        let path = format!("/api/v1/job/{id}/");
        self.pending = Some(Pending::Update {
            id,
            keys: keys.clone(),
        });
        client
            .request("PUT", &path, Some(&keys.to_string()))?
            .expect(200);
        self.pending = None;
        self.jobs[index].keys = keys;
        Ok(())
    }

    fn start(&mut self, client: &mut Client, index: usize) -> io::Result<()> {
        let path = format!("/api/v1/job/start/{}/?wait=false", self.jobs[index].id);
        let disabled = self.jobs[index].keys["disabled"] == true;
        self.pending = Some(Pending::Start);
        let started: Response = client.request("POST", &path, Some("{}"))?;
        self.pending = None;
        let started = started.expect(if disabled { 409 } else { 204 });
        if let Some(place) = started.header("Location") {
            let run = place.trim_end_matches('/').rsplit('/').next();
            let run = run.expect("a path").to_owned();
            self.starts.push((self.jobs[index].id.clone(), run));
        }
        Ok(())
    }

    fn delete(&mut self, client: &mut Client, index: usize) -> io::Result<()> {
        let id = self.jobs[index].id.clone();
        let path = format!("/api/v1/job/{id}/");
        self.pending = Some(Pending::Delete(id.clone()));
        client.request("DELETE", &path, None)?.expect(204);
        self.pending = None;
        self.jobs.swap_remove(index);
        self.deleted.insert(id);
        Ok(())
    }

    /// Asserts that the server agrees with the log. What was pending is settled by what the server says.
    pub(super) fn check(&mut self, server: &Server, round: u64) {
        let list = server.get("/api/v1/job/").expect(200).json();
        let there: HashMap<&String, &Value> = list["jobs"]
            .as_object()
            .expect("jobs")
            .iter()
            .filter(|(_, job)| {
                job["name"]
                    .as_str()
                    .expect("a name")
                    .starts_with(&self.prefix)
            })
            .collect();
        self.settle(&there);
        for known in &self.jobs {
            let job = there.get(&known.id);
            let job =
                job.unwrap_or_else(|| panic!("round {round}: lost: {} {}", known.id, known.keys));
            assert!(
                is_as_described(job, &known.keys),
                "round {round}: {} became {job}",
                known.keys
            );
        }
        for id in there.keys() {
            assert!(!self.deleted.contains(*id), "round {round}: {id} is back");
            assert!(self.keeps(id), "round {round}: nobody made {id}");
        }
    }

    fn settle(&mut self, there: &HashMap<&String, &Value>) {
        match self.pending.take() {
            Some(Pending::Create(keys)) => {
                let created = there.iter().find(|(_, job)| job["name"] == keys["name"]);
                if let Some((id, _)) = created {
                    let id = (*id).clone();
                    self.jobs.push(Known { id, keys });
                }
            }
            Some(Pending::Update { id, keys }) => {
                let now = there.get(&id).copied();
                let known = self.jobs.iter_mut().find(|known| known.id == id);
                if let (Some(job), Some(known)) = (now, known)
                    && is_as_described(job, &keys)
                {
                    known.keys = keys;
                }
            }
            Some(Pending::Delete(id)) if !there.contains_key(&id) => {
                self.jobs.retain(|known| known.id != id);
                self.deleted.insert(id);
            }
            Some(Pending::Delete(_) | Pending::Start) | None => {}
        }
    }
}

/// Whether a job has these keys just so.
fn is_as_described(job: &Value, keys: &Value) -> bool {
    let keys = keys.as_object().expect("keys");
    keys.iter().all(|(key, value)| job[key] == *value)
}
