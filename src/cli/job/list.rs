//! `nimesha job list`: which jobs there are, and how they are.

use std::cmp::Reverse;
use std::str::FromStr;

use serde_json::Value;

use crate::cli::connect::asking;
use crate::cli::screen::{Cell, Screen, Table, Tone, distance, instant, printable};
use crate::cli::select::text;
use crate::cli::{CliError, print, print_json};
use crate::client::escape;
use crate::clock::{self, Timestamp};

/// Characters of an id that are shown; more where two of the jobs begin alike.
const ID_CHARS: usize = 8;

asking! {
    /// List jobs.
    #[argh(
        subcommand,
        name = "list",
        help_triggers("--help", "-h", "help"),
        example = "Those that failed, the last one first:\n  {command_name} --status failed --sort last",
        example = "Those that have to do with backups:\n  {command_name} --search backup"
    )]
    List {
        /// only those with this name
        #[argh(option, arg_name = "name")]
        name: Option<String>,

        /// only those with this tag
        #[argh(option, arg_name = "tag")]
        tag: Option<String>,

        /// only those that are disabled, running, scheduled, done or failed
        #[argh(option, arg_name = "status")]
        status: Option<String>,

        /// only those with this owner
        #[argh(option, arg_name = "owner")]
        owner: Option<String>,

        /// only those with this text in their name, command or owner, in whatever case
        #[argh(option, arg_name = "text")]
        search: Option<String>,

        /// at most so many
        #[argh(option, arg_name = "number")]
        limit: Option<usize>,

        /// by name, next, last, errors or created (default created)
        #[argh(option, default = "Order::Created", arg_name = "order")]
        sort: Order,

        /// print only their names, one a line
        #[argh(switch)]
        names: bool,

        /// print JSON: a list of jobs with all their keys
        #[argh(switch)]
        json: bool,
    }
}

/// What jobs are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Created,
    Name,
    Next,
    Last,
    Errors,
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Order, String> {
        Ok(match text {
            "created" => Order::Created,
            "name" => Order::Name,
            "next" => Order::Next,
            "last" => Order::Last,
            "errors" => Order::Errors,
            _ => return Err("expected name, next, last, errors or created".to_owned()),
        })
    }
}

impl Order {
    fn sort(self, jobs: &mut [Value]) {
        match self {
            Order::Created => {}
            Order::Name => jobs.sort_by_cached_key(|job| text(job, "name").to_owned()),
            Order::Next => jobs.sort_by_cached_key(|job| next(job).unwrap_or(Timestamp::MAX)),
            Order::Last => jobs.sort_by_cached_key(|job| Reverse(last(job))),
            Order::Errors => jobs.sort_by_cached_key(|job| Reverse(job["error_count"].as_u64())),
        }
    }
}

impl List {
    pub(super) fn run(&self) -> Result<(), CliError> {
        let client = self.connect()?;
        let limit = self.limit.unwrap_or(usize::MAX);
        // The first by another order may be the last in the server's.
        let wanted = match self.sort {
            Order::Created => limit,
            _ => usize::MAX,
        };
        let mut jobs = match self.owner.is_some() || self.search.is_some() {
            true => client.jobs_where(&self.query(), wanted, |job| self.wants(job))?,
            false => client.jobs(&self.query(), wanted)?,
        };
        self.sort.sort(&mut jobs);
        jobs.truncate(limit);
        if self.json {
            return print_json(&Value::Array(jobs));
        }
        if self.names {
            let names = jobs.iter().map(|job| printable(text(job, "name")) + "\n");
            return print(&names.collect::<String>());
        }
        print(&table(&jobs, clock::now()).text(Screen::of_stdout()))
    }

    /// What the server has no filter for.
    fn wants(&self, job: &Value) -> bool {
        let owner = self.owner.as_ref();
        let search = self.search.as_ref().map(|text| text.to_lowercase());
        let is_found = |words: String| {
            ["name", "command", "owner"]
                .iter()
                .any(|key| text(job, key).to_lowercase().contains(&words))
        };
        owner.is_none_or(|owner| text(job, "owner") == owner) && search.is_none_or(is_found)
    }

    fn query(&self) -> String {
        let filters = [
            ("name", &self.name),
            ("tag", &self.tag),
            ("status", &self.status),
        ];
        let given = filters
            .iter()
            .filter_map(|(key, value)| Some(format!("{key}={}", escape(value.as_deref()?))));
        given.collect::<Vec<_>>().join("&")
    }
}

fn table(jobs: &[Value], now: Timestamp) -> Table {
    let mut table = Table::new(&[
        "ID", "NAME", "STATUS", "NEXT", "LAST", "OK", "ERRORS", "SCHEDULE",
    ]);
    let chars = id_chars(jobs);
    let when = |at: Option<Timestamp>| at.map_or("-".to_owned(), |at| distance(at, now));
    for job in jobs {
        let id = text(job, "id");
        let (status, tone) = status(job);
        table.row([
            Cell::new(id.get(..chars).unwrap_or(id), Tone::Faint),
            text(job, "name").into(),
            Cell::new(status, tone),
            when(next(job)).into(),
            when(last(job)).into(),
            job["success_count"].to_string().into(),
            job["error_count"].to_string().into(),
            text(job, "schedule").into(),
        ]);
    }
    table
}

/// So many characters of their ids tell these jobs apart.
fn id_chars(jobs: &[Value]) -> usize {
    let mut ids: Vec<&str> = jobs.iter().map(|job| text(job, "id")).collect();
    ids.sort_unstable();
    let alike = |pair: &[&str]| {
        let both = pair[0].bytes().zip(pair[1].bytes());
        both.take_while(|(a, b)| a == b).count()
    };
    let most = ids.windows(2).map(alike).max().unwrap_or(0);
    ID_CHARS.max(most + 1)
}

fn next(job: &Value) -> Option<Timestamp> {
    instant(text(job, "next_run_at"))
}

fn last(job: &Value) -> Option<Timestamp> {
    instant(text(job, "last_attempted_run"))
}

/// What a job is up to, in one word.
pub(super) fn status(job: &Value) -> (&'static str, Tone) {
    let at = |key| instant(text(job, key));
    if job["running"].as_u64().unwrap_or(0) > 0 {
        ("running", Tone::Busy)
    } else if job["disabled"] == true {
        ("disabled", Tone::Faint)
    } else if at("last_error") > at("last_success") {
        ("failed", Tone::Bad)
    } else if job["is_done"] == true {
        ("done", Tone::Good)
    } else if next(job).is_some() {
        ("scheduled", Tone::Good)
    } else {
        ("waiting", Tone::Plain)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_status_is_what_matters_most() {
        let (early, late) = ("2030-01-01T00:00:00Z", "2030-01-02T00:00:00Z");
        for (job, word) in [
            (json!({"running": 1, "disabled": true}), "running"),
            (json!({"disabled": true, "last_error": late}), "disabled"),
            (
                json!({"last_error": late, "last_success": early, "is_done": true}),
                "failed",
            ),
            (
                json!({"last_error": early, "last_success": late, "is_done": true}),
                "done",
            ),
            (json!({"next_run_at": late}), "scheduled"),
            (json!({}), "waiting"),
        ] {
            assert_eq!(status(&job).0, word, "{job}");
        }
    }

    #[test]
    fn ids_are_as_long_as_they_must_be() {
        let jobs =
            |ids: &[&str]| -> Vec<Value> { ids.iter().map(|id| json!({"id": id})).collect() };
        assert_eq!(id_chars(&jobs(&[])), 8);
        assert_eq!(id_chars(&jobs(&["0123456789", "1123456789"])), 8);
        assert_eq!(id_chars(&jobs(&["0123456789", "5", "0123456780"])), 10);
    }
}
