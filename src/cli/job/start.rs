//! `nimesha job start`: a run now, and its end.

use serde_json::Value;

use super::output::{print_bytes, run_path};
use crate::cli::connect::asking;
use crate::cli::select::{find, text};
use crate::cli::{CliError, print};
use crate::client::{ClientError, escape};

asking! {
    /// Run a job now, beside its schedule; wait for its end, and end as it did.
    #[argh(
        subcommand,
        name = "start",
        help_triggers("--help", "-h", "help"),
        note = "What it wrote goes to the standard output once it is over. The exit code is that of\n  \
                its command; 128 and the signal's number if a signal ended it; 1 if it failed otherwise."
    )]
    Start {
        /// the job
        #[argh(positional)]
        job: String,

        /// wait for its end, which is the default
        #[argh(switch)]
        wait: bool,

        /// do not wait: print the run's id, and leave it to itself
        #[argh(switch)]
        no_wait: bool,
    }
}

impl Start {
    pub(super) fn run(&self) -> Result<(), CliError> {
        if self.wait && self.no_wait {
            return Err(CliError::Usage(
                "--wait and --no-wait contradict each other: leave one of them out".into(),
            ));
        }
        let client = self.connect()?;
        let job = find(&client, &self.job)?;
        let id = text(&job, "id");
        let path = format!("/job/start/{}/", escape(id));
        let started = match self.no_wait {
            true => client.post(&format!("{path}?wait=false"), None)?,
            false => client.post_and_wait(&path)?,
        };
        let location = started.location.unwrap_or_default();
        let run = location
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .unwrap_or_default();
        if self.no_wait {
            return print(&format!("{run}\n"));
        }
        let path = run_path(id, run);
        // It may have been pushed out of the history by then, which is no failure of its own.
        let ended = match client.get(&path) {
            Ok(mut ended) => ended["run"].take(),
            Err(ClientError::NotFound(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        print_bytes(&client.get_bytes(&format!("{path}output/"))?)?;
        outcome(text(&job, "name"), &ended)
    }
}

/// Success, or the code that the program ends with and why.
fn outcome(name: &str, run: &Value) -> Result<(), CliError> {
    let outcome = text(run, "outcome");
    if outcome == "succeeded" {
        return Ok(());
    }
    let why = match text(run, "error") {
        "" => String::new(),
        error => format!(": {error}"),
    };
    Err(CliError::Run {
        code: code(run),
        why: format!("{name} {}{why}", outcome.replace('_', " ")),
    })
}

/// As a shell has it: the command's own, or 128 and the number of the signal.
fn code(run: &Value) -> u8 {
    let number = |key| run[key].as_u64();
    let code = number("exit_code").or_else(|| Some(128 + number("signal")?));
    let code = code.and_then(|code| u8::try_from(code).ok());
    code.filter(|code| *code != 0).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_code_is_the_runs() {
        for (run, expected) in [
            (json!({"exit_code": 3}), 3),
            (json!({"exit_code": 256}), 1),
            (json!({"signal": 9}), 137),
            (json!({"exit_code": null, "signal": null, "status": 500}), 1),
            (json!({"exit_code": 0, "outcome": "failed"}), 1),
        ] {
            assert_eq!(code(&run), expected, "{run}");
        }
        let run = json!({"outcome": "timed_out", "error": "took longer than its timeout"});
        let error = outcome("x", &run).unwrap_err();
        assert_eq!(
            error.to_string(),
            "x timed out: took longer than its timeout"
        );
        assert_eq!(outcome("x", &json!({"outcome": "succeeded"})), Ok(()));
    }
}
