//! Whole jobs: with their ids, counters and children, and where their schedules stood, by the route that takes these over.
//!
//! Of a request the server takes all or nothing, so one that it refuses goes again in halves, until it shows which job is
//! at fault. A dry run asks nothing of it: a later request may need what an earlier one would have brought.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Found, free_name};
use crate::cli::CliError;
use crate::cli::jobset::{SERVER_KEYS, Wanted};
use crate::cli::screen::{Screen, Tone, printable};
use crate::cli::select::text;
use crate::client::{Client, ClientError};
use crate::config;
use crate::job::JobId;

/// A job as a server shows it.
#[derive(Debug)]
pub(super) struct Whole {
    id: JobId,
    /// What defines it.
    job: Wanted,
    /// What the server says of it.
    seen: Map<String, Value>,
}

/// What becomes of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    New,
    Replaced,
    Skipped,
}

/// Jobs on their way, and those that have come.
#[derive(Debug)]
pub(super) struct Transfer {
    replace: bool,
    /// Each with what is to become of it, parents before children.
    jobs: Vec<(Whole, Fate)>,
}

impl Whole {
    /// Whether the object tells its id, and more of it than a file would want.
    pub(super) fn is_one(object: &Map<String, Value>) -> bool {
        id(object).is_some() && object.keys().any(|key| is_seen(key))
    }

    /// A job from an object of a file or of a running server.
    ///
    /// # Errors
    /// When it is not right in itself.
    pub(super) fn read(object: &Map<String, Value>, whence: &str) -> Result<Whole, String> {
        let job = Wanted::read(object, whence)?;
        let id = id(object).ok_or_else(|| format!("{}: its id is none", job.title()))?;
        let seen = object.iter().filter(|(key, _)| is_seen(key));
        let seen = seen
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        Ok(Whole { id, job, seen })
    }

    fn body(&self) -> Value {
        let mut keys = self.seen.clone();
        keys.extend(self.job.keys.clone());
        keys.insert("id".to_owned(), self.id.to_string().into());
        Value::Object(keys)
    }

    /// The jobs that it names; none for a word that is no id.
    fn references(&self) -> impl Iterator<Item = Option<JobId>> {
        self.job.references().map(|(_, word)| word.parse().ok())
    }

    /// Its children, in the order in which they run.
    fn children(&self) -> Vec<JobId> {
        let key = |(key, _): &(&String, &Value)| key.eq_ignore_ascii_case("dependent_jobs");
        let list = self
            .seen
            .iter()
            .find(key)
            .and_then(|(_, ids)| ids.as_array());
        let words = list.into_iter().flatten().filter_map(Value::as_str);
        words.filter_map(|word| word.parse().ok()).collect()
    }

    fn rename(&mut self, name: &str) {
        name.clone_into(&mut self.job.name);
        self.job.keys.insert("name".to_owned(), name.into());
    }
}

fn is_seen(key: &str) -> bool {
    SERVER_KEYS
        .iter()
        .any(|seen| seen.eq_ignore_ascii_case(key))
}

fn id(object: &Map<String, Value>) -> Option<JobId> {
    let id = object
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case("id"));
    id?.1.as_str()?.parse().ok()
}

impl Transfer {
    /// Looks at what has been found whole beside the jobs that are there: those are left as they are, unless they are to
    /// be replaced. What cannot come, and what will be different, is added to what is told.
    pub(super) fn make(found: &mut Found, there: &[Value], replace: bool) -> Transfer {
        let ids: BTreeSet<JobId> = ids(there.iter().map(|job| text(job, "id")));
        let mut known = ids.clone();
        let mut jobs = Vec::new();
        let mut once = BTreeSet::new();
        for job in std::mem::take(&mut found.whole) {
            match once.insert(job.id) {
                true => jobs.push(job),
                false => found
                    .lost
                    .push(format!("{}: its id stands there twice", job.job.title())),
            }
        }
        known.extend(jobs.iter().map(|job| job.id));
        leave_orphans(&mut jobs, known, &mut found.lost);
        let jobs = by_families(jobs).into_iter();
        let with_fate = |job: Whole| match (ids.contains(&job.id), replace) {
            (false, _) => (job, Fate::New),
            (true, true) => (job, Fate::Replaced),
            (true, false) => (job, Fate::Skipped),
        };
        let mut jobs: Vec<(Whole, Fate)> = jobs.map(with_fate).collect();
        let coming = jobs.iter_mut().filter(|(_, fate)| *fate != Fate::Skipped);
        rename(coming.map(|(job, _)| job), there, &mut found.notes);
        Transfer { replace, jobs }
    }

    /// The jobs that will be there.
    pub(super) fn coming(&self) -> impl Iterator<Item = Value> {
        let new = self.jobs.iter().filter(|(_, fate)| *fate == Fate::New);
        new.map(|(job, _)| job.body())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// What becomes of each job for people, and the numbers.
    pub(super) fn describe(&self, screen: Screen) -> String {
        let mut lines = String::new();
        let (mut new, mut replaced, mut skipped) = (0, 0, 0);
        for (job, fate) in &self.jobs {
            let (count, sign, more, tone) = match fate {
                Fate::New => (&mut new, '+', "", Tone::Good),
                Fate::Replaced => (&mut replaced, '~', "  (replaced)", Tone::Busy),
                Fate::Skipped => (&mut skipped, '=', "  (is there: skipped)", Tone::Faint),
            };
            *count += 1;
            let line = format!("{sign} {}{more}", printable(&job.job.name));
            lines.push_str(&(screen.paint(&line, tone) + "\n"));
        }
        lines + &format!("{new} new, {replaced} replaced, {skipped} skipped\n")
    }

    /// Takes the jobs over; those that the server refuses are left out, and added to what is lost.
    ///
    /// # Errors
    /// When the server is away or refuses all. What came before it is done; to import again goes on there.
    pub(super) fn carry_out(
        &mut self,
        client: &Client,
        lost: &mut Vec<String>,
    ) -> Result<(), CliError> {
        let mut refused = BTreeSet::new();
        let path = match self.replace {
            true => "/import/?existing=replace",
            false => "/import/?existing=skip",
        };
        let sending = Sending { client, path };
        let coming = self.jobs.iter().filter(|(_, fate)| *fate != Fate::Skipped);
        let coming: Vec<&Whole> = coming.map(|(job, _)| job).collect();
        for request in requests(&coming) {
            sending.send(request, &mut |job, why| {
                lost.push(format!("{}: {why}", job.job.title()));
                refused.insert(job.id);
            })?;
        }
        self.jobs.retain(|(job, _)| !refused.contains(&job.id));
        Ok(())
    }
}

/// What it takes to send jobs.
struct Sending<'a> {
    client: &'a Client,
    path: &'static str,
}

impl Sending<'_> {
    /// Sends jobs at once, or what the server does not refuse of them.
    fn send(
        &self,
        jobs: &[&Whole],
        refused: &mut dyn FnMut(&Whole, String),
    ) -> Result<(), ClientError> {
        let body = jobs.iter().map(|job| job.body()).collect();
        match (self.client.post(self.path, Some(&body)), jobs) {
            (Ok(_), _) => Ok(()),
            // Not asked for again: without the right token each would be refused.
            (Err(ClientError::Refused { status, why }), _)
                if ![400, 409, 413].contains(&status) =>
            {
                Err(ClientError::Refused { status, why })
            }
            (Err(ClientError::Refused { why, .. }), [job]) => {
                refused(job, why);
                Ok(())
            }
            (Err(ClientError::Refused { .. }), _) => {
                let (first, second) = jobs.split_at(jobs.len() / 2);
                self.send(first, refused)?;
                self.send(second, refused)
            }
            (Err(error), _) => Err(error),
        }
    }
}

/// Jobs in requests that a server takes in; one that is too large by itself is left for the server to refuse.
fn requests<'a, 'b>(jobs: &'a [&'b Whole]) -> Vec<&'a [&'b Whole]> {
    let mut requests = Vec::new();
    let (mut begin, mut bytes) = (0, 2);
    for (ix, job) in jobs.iter().enumerate() {
        let size = job.body().to_string().len() + 1;
        if bytes + size > config::BODY_BYTES_MAX && begin < ix {
            requests.push(&jobs[begin..ix]);
            (begin, bytes) = (ix, 2);
        }
        bytes += size;
    }
    if begin < jobs.len() {
        requests.push(&jobs[begin..]);
    }
    requests
}

fn ids<'a>(words: impl Iterator<Item = &'a str>) -> BTreeSet<JobId> {
    words.filter_map(|word| word.parse().ok()).collect()
}

/// Jobs that name one that neither comes nor is there cannot come, either.
fn leave_orphans(jobs: &mut Vec<Whole>, mut known: BTreeSet<JobId>, lost: &mut Vec<String>) {
    loop {
        let is_known = |id: Option<JobId>| id.is_some_and(|id| known.contains(&id));
        let (kept, orphans): (Vec<Whole>, Vec<Whole>) = jobs
            .drain(..)
            .partition(|job| job.references().all(is_known));
        *jobs = kept;
        if orphans.is_empty() {
            return;
        }
        for job in orphans {
            known.remove(&job.id);
            let title = job.job.title();
            lost.push(format!("{title}: a job that it names is lost or gone"));
        }
    }
}

/// The jobs in an order in which each comes after those that it names, and children come as their parent has them: its
/// own stack, since families may be as deep as there are jobs.
fn by_families(jobs: Vec<Whole>) -> Vec<Whole> {
    enum Visit {
        Arrive(JobId),
        Leave(JobId),
    }
    let order: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
    let mut waiting: BTreeMap<JobId, Whole> = jobs.into_iter().map(|job| (job.id, job)).collect();
    let mut seen = BTreeSet::new();
    let mut sorted = Vec::with_capacity(order.len());
    let mut visits: Vec<Visit> = order.into_iter().rev().map(Visit::Arrive).collect();
    while let Some(visit) = visits.pop() {
        match visit {
            Visit::Arrive(id) => {
                if let Some(job) = waiting.get(&id)
                    && seen.insert(id)
                {
                    visits.push(Visit::Leave(id));
                    visits.extend(job.references().flatten().map(Visit::Arrive));
                }
            }
            Visit::Leave(id) => {
                let Some(job) = waiting.remove(&id) else {
                    continue;
                };
                visits.extend(job.children().into_iter().rev().map(Visit::Arrive));
                sorted.push(job);
            }
        }
    }
    sorted
}

/// Servers know jobs by their ids, and people by their names: of several with one name the later ones get a number.
fn rename<'a>(jobs: impl Iterator<Item = &'a mut Whole>, there: &[Value], notes: &mut Vec<String>) {
    let named = there.iter().map(|job| {
        let id: Option<JobId> = text(job, "id").parse().ok();
        (text(job, "name").to_owned(), id)
    });
    let mut names: BTreeMap<String, Option<JobId>> = named.collect();
    for job in jobs {
        let name = job.job.name.clone();
        let taken = |name: &str| names.get(name).is_some_and(|id| *id != Some(job.id));
        let free = free_name(&name, taken);
        if free != name {
            notes.push(format!("another job {name:?} becomes {free:?}"));
            job.rename(&free);
        }
        names.insert(free, Some(job.id));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn number(number: u64) -> String {
        format!("00000000-0000-0000-0000-{number:012}")
    }

    fn whole(id: u64, parents: &[u64], children: &[u64]) -> Whole {
        let numbers = |ids: &[u64]| ids.iter().copied().map(number).collect::<Vec<_>>();
        let job = json!({
            "id": number(id), "name": format!("job {id}"), "command": "true", "success_count": 1,
            "parent_jobs": numbers(parents), "dependent_jobs": numbers(children),
        });
        Whole::read(job.as_object().unwrap(), "file").unwrap()
    }

    fn names(jobs: &[Whole]) -> Vec<&str> {
        jobs.iter().map(|job| &job.job.name[4..]).collect()
    }

    #[test]
    fn families_come_together_and_in_their_order() {
        let jobs = vec![
            whole(1, &[3], &[]),
            whole(2, &[3, 5], &[]),
            whole(3, &[], &[2, 1]),
            whole(4, &[], &[]),
            whole(5, &[], &[2]),
        ];
        assert_eq!(names(&by_families(jobs)), ["3", "5", "2", "1", "4"]);
    }

    #[test]
    fn what_names_a_lost_job_is_lost() {
        let mut jobs = vec![
            whole(1, &[2], &[]),
            whole(2, &[9], &[]),
            whole(3, &[8], &[]),
        ];
        let mut lost = Vec::new();
        let known = [1, 2, 3, 8].map(number);
        leave_orphans(&mut jobs, ids(known.iter().map(String::as_str)), &mut lost);
        assert_eq!((names(&jobs), lost.len()), (vec!["3"], 2));
    }

    #[test]
    fn requests_are_as_large_as_a_server_takes_them() {
        let large = |id| {
            let mut job = whole(id, &[], &[]);
            job.seen
                .insert("runs".to_owned(), " ".repeat(400_000).into());
            job
        };
        let jobs = [large(1), large(2), large(3), whole(4, &[], &[])];
        let jobs: Vec<&Whole> = jobs.iter().collect();
        let sizes: Vec<usize> = requests(&jobs)
            .iter()
            .map(|request| request.len())
            .collect();
        assert_eq!(sizes, [2, 2]);
        assert!(requests(&[]).is_empty());
    }

    #[test]
    fn jobs_that_are_there_are_skipped_or_replaced_and_names_stay_apart() {
        for (replace, fates) in [
            (false, [Fate::Skipped, Fate::New]),
            (true, [Fate::Replaced, Fate::New]),
        ] {
            let mut found = Found {
                whole: vec![whole(1, &[], &[]), whole(2, &[], &[]), whole(2, &[], &[])],
                ..Found::default()
            };
            let there = [
                json!({"id": number(1), "name": "job 1"}),
                json!({"id": number(7), "name": "job 2"}),
            ];
            let transfer = Transfer::make(&mut found, &there, replace);
            let seen: Vec<Fate> = transfer.jobs.iter().map(|(_, fate)| *fate).collect();
            assert_eq!(seen, fates);
            assert_eq!(found.notes, ["another job \"job 2\" becomes \"job 2 (2)\""]);
            assert!(
                found.lost[0].ends_with("stands there twice"),
                "{:?}",
                found.lost
            );
        }
    }
}
