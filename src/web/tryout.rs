//! The command of a form on trial: run once as the job would run it, and stored nowhere.

use maud::{Markup, html};

use crate::clock::Timestamp;
use crate::config;
use crate::job::run::AttemptEnd;
use crate::job::validate::{Draft, Invalid};
use crate::worker::{Trial, Tried, Untried};

use super::ansi::{self, Style};
use super::form::Fields;
use super::mark::Mark;
use super::{choices, drafts, runs};

/// The trial that the fields describe. What is still missing elsewhere in the form does not matter.
pub(super) fn trial(fields: &Fields, now: Timestamp) -> Result<Trial, Invalid> {
    let mut draft = Draft {
        name: "trial".to_owned(),
        schedule: "@manual".to_owned(),
        command: fields.get("command").to_owned(),
        timeout: choices::duration(fields.get("timeout")),
        ..Draft::default()
    };
    draft.extras.env = drafts::environment(fields.get("env"))?;
    fields.get("cwd").trim().clone_into(&mut draft.extras.cwd);
    Trial::of(draft.check()?, now).map_err(|why| Invalid(why.to_string()))
}

/// The button that asks for it, and below it what became of it.
pub(super) fn button(tried: Option<&Markup>) -> Markup {
    html! {
        div.tryout {
            button.small name="do" value="try" formnovalidate data-swap="tried" { "Try it now" }
            span.help { "Runs the command once, as it stands here. Nothing is stored." }
            div #tried aria-live="polite" { @if let Some(tried) = tried { (tried) } }
        }
    }
}

/// How it ended, and the end of what it wrote.
pub(super) fn outcome(tried: &Result<Tried, Untried>) -> Markup {
    let (end, output) = match tried {
        Ok(tried) => tried,
        Err(why) => return wrong(&why.to_string()),
    };
    let mark = match end {
        AttemptEnd::Exited(0) => Mark::Succeeded,
        AttemptEnd::TimedOut => Mark::TimedOut,
        AttemptEnd::Stopped => Mark::Cancelled,
        _ => Mark::Failed,
    };
    let shown = &output[output.len().saturating_sub(config::WEB_OUTPUT_BYTES)..];
    let (output, ..) = ansi::render(shown, Style::default(), "");
    html! {
        p { (mark.badge()) " " span.faint { (runs::attempt_words(end)) } }
        @if shown.is_empty() { p.faint { "It wrote nothing." } }
        @else { pre.terminal tabindex="0" aria-label="Output of the trial" { (output) } }
    }
}

/// Why there was no trial.
pub(super) fn wrong(why: &str) -> Markup {
    html! { p.wrong { (why) } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::run_trial;

    fn tried(form: &str) -> String {
        let now = Timestamp::from_unix_nanos(0);
        match trial(&Fields::parse(form.as_bytes()), now) {
            Ok(trial) => outcome(&Ok(run_trial(&trial))).into_string(),
            Err(why) => wrong(&why.0).into_string(),
        }
    }

    #[test]
    fn a_form_is_tried_before_it_is_whole() {
        for (form, expected) in [
            ("command=echo+%241&env=", "exit code 0"),
            ("command=echo+%24A&env=A%3Dhello", ">hello"),
            ("command=pwd&cwd=%2Ftmp", ">/tmp"),
            ("command=exit+3", "exit code 3"),
            (
                "command=sleep+60&timeout=1s",
                "took longer than its timeout",
            ),
            ("command=true", "It wrote nothing."),
            ("command=", "command"),
            ("command=true&env=A", "An environment variable is"),
            ("command=true&timeout=11m", "at most 10 minutes"),
        ] {
            let shown = tried(form);
            assert!(shown.contains(expected), "{form}: {shown}");
        }
    }
}
