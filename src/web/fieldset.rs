//! The fields of a job's form. Which ones show follows from the choices by the style sheet alone, so that the form is
//! the same with and without a script.

use maud::{Markup, html};

use super::choices::{DAYS, UNITS};
use super::form::Fields;

/// All of them, and `tryout` below the command.
pub(super) fn all(fields: &Fields, tryout: Option<&Markup>) -> Markup {
    html! {
        (what(fields, tryout))
        (when(fields))
        (failures(fields))
        (rest(fields))
    }
}

fn what(fields: &Fields, tryout: Option<&Markup>) -> Markup {
    html! {
        fieldset.card {
            legend { "What" }
            (line(fields, "name", "Name", "text", "Nightly backup", "", true))
            (choice(fields, "kind", "What it does", &[("local", "A command"), ("remote", "An HTTP request")]))
            div.if-local {
                (area(fields, "command", "Command", "/usr/local/bin/backup --all", 2, "Shell syntax works: pipes, quotes, $VARIABLES."))
                (line(fields, "cwd", "Working directory", "text", "the server\u{2019}s", "", false))
                (area(fields, "env", "Environment", "DIR=/srv", 2, "NAME=value, one a line, added to the server\u{2019}s."))
                @if let Some(tryout) = tryout { (tryout) }
            }
            div.if-remote {
                (line(fields, "url", "URL", "url", "https://example.com/hook", "", false))
                div.pair {
                    (line(fields, "method", "Method", "text", "GET", "", false))
                    (line(fields, "request_timeout", "Timeout in seconds", "number", "30", "", false))
                }
                (area(fields, "headers", "Headers", "X-Token: abc", 2, "Name: value, one a line."))
                (area(fields, "body", "Body", "", 3, ""))
                (line(fields, "codes", "Statuses that mean success", "text", "200", "", false))
            }
        }
    }
}

fn when(fields: &Fields) -> Markup {
    let kinds = [
        ("every", "Every \u{2026}"),
        ("days", "At a time of day"),
        ("at", "Once, at a time"),
        ("now", "Once, now"),
        ("parents", "After other jobs"),
        ("manual", "By hand"),
        ("text", "ISO 8601 or cron"),
    ];
    html! {
        fieldset.card {
            legend { "When" }
            (choice(fields, "when", "When it runs", &kinds))
            div.if-every {
                div.pair {
                    (line(fields, "every", "Every", "text", "15", "", false))
                    (select(fields, "unit", "Unit", &UNITS.map(|(word, label, ..)| (word, label))))
                }
                div.pair {
                    (line(fields, "from", "Beginning at", "datetime-local", "", "Empty: now.", false))
                    (line(fields, "runs", "How many runs", "number", "no end", "", false))
                }
            }
            div.if-days {
                (line(fields, "time", "Time", "time", "09:00", "", false))
                fieldset.choices {
                    legend { "On these days (none: every day)" }
                    @for (day, label) in DAYS {
                        label { input type="checkbox" name="day" value=(day) checked[fields.has("day", day)]; (label) }
                    }
                }
            }
            div.if-at { (line(fields, "at", "At", "datetime-local", "", "", false)) }
            div.if-text { (line(fields, "schedule", "Schedule", "text", "R/2027-01-04T09:00:00Z/PT10M or 0 9 * * MON-FRI", "", false)) }
            div.if-parents {
                (area(fields, "parents", "After the success of", "name or id, one a line", 2, "Names of jobs that only one job has, or ids, one a line."))
                (choice(fields, "run_after", "With several parents", &[("any", "After each success of any"), ("all", "Once all have succeeded")]))
            }
            div.if-timed {
                (line(fields, "timezone", "Time zone", "text", "the server\u{2019}s", "For example Europe/Berlin.", false))
                label.check { input type="checkbox" name="past_start" value="keep" checked[fields.has("past_start", "keep")]; "May begin in the past" }
            }
        }
    }
}

fn failures(fields: &Fields) -> Markup {
    html! {
        fieldset.card {
            legend { "When it goes wrong" }
            div.pair {
                (line(fields, "retries", "Further attempts", "number", "0", "", false))
                (line(fields, "retry_delay", "Wait before each", "text", "none", "30s, 5m or PT5M.", false))
            }
            div.pair {
                (line(fields, "timeout", "Give up an attempt after", "text", "never", "30s, 5m or PT5M.", false))
                (line(fields, "epsilon", "Start at most so late", "text", "no limit", "Later occurrences are missed.", false))
            }
            div.pair {
                (line(fields, "on_failure_job", "Job to run after a failure", "text", "none", "Its name or id.", false))
                (line(fields, "alert_after", "Alert after failures in a row", "number", "1", "", false))
            }
            label.check { input type="checkbox" name="alert_on_missed" value="on" checked[fields.has("alert_on_missed", "on")]; "Missed occurrences run that job too" }
        }
    }
}

fn rest(fields: &Fields) -> Markup {
    let overlaps = [
        ("queue", "waits for its end"),
        ("skip", "is skipped"),
        ("allow", "runs beside it"),
    ];
    html! {
        details.card.more {
            summary { "More" }
            (select(fields, "overlap", "An occurrence while a run is in progress", &overlaps))
            (select(fields, "children_run", "Its children run", &[("in_order", "one after the other"), ("together", "all at once")]))
            (select(fields, "on_interrupted", "A run that the server died under", &[("leave", "is left as it is"), ("retry", "is run once more")]))
            label.check { input type="checkbox" name="resume" value="on" checked[fields.has("resume", "on")]; "Do not catch up what was missed while the server was down" }
            label.check { input type="checkbox" name="disabled" value="on" checked[fields.has("disabled", "on")]; "Disabled" }
            div.pair {
                (line(fields, "owner", "Owner", "text", "", "", false))
                (line(fields, "tags", "Tags", "text", "nightly, db", "Commas between them.", false))
            }
            (area(fields, "description", "Description", "", 2, ""))
            (line(fields, "delimiters", "Template delimiters", "text", "none", "Two words such as {{ }}.", false))
        }
    }
}

fn line(
    fields: &Fields,
    name: &str,
    label: &str,
    kind: &str,
    hint: &str,
    help: &str,
    required: bool,
) -> Markup {
    let step = (kind == "datetime-local").then_some("1");
    html! {
        div.field {
            label for={ "f-" (name) } { (label) }
            input #{ "f-" (name) } type=(kind) name=(name) value=(fields.get(name)) placeholder=(hint) step=[step]
                min=[(kind == "number").then_some("0")] required[required] autocomplete="off" spellcheck="false"
                aria-describedby=[(!help.is_empty()).then(|| format!("h-{name}"))];
            (helping(name, help))
        }
    }
}

fn area(fields: &Fields, name: &str, label: &str, hint: &str, rows: u32, help: &str) -> Markup {
    html! {
        div.field {
            label for={ "f-" (name) } { (label) }
            // A line break at the beginning is dropped by browsers, so there is one to drop.
            textarea #{ "f-" (name) } name=(name) rows=(rows) placeholder=(hint) spellcheck="false"
                aria-describedby=[(!help.is_empty()).then(|| format!("h-{name}"))] { "\n" (fields.get(name)) }
            (helping(name, help))
        }
    }
}

fn helping(name: &str, help: &str) -> Markup {
    html! { @if !help.is_empty() { p.help #{ "h-" (name) } { (help) } } }
}

fn select(fields: &Fields, name: &str, label: &str, options: &[(&str, &str)]) -> Markup {
    html! {
        div.field {
            label for={ "f-" (name) } { (label) }
            select #{ "f-" (name) } name=(name) {
                @for (word, label) in options { option value=(word) selected[fields.get(name) == *word] { (label) } }
            }
        }
    }
}

/// One of several; the first one where none is chosen yet.
fn choice(fields: &Fields, name: &str, label: &str, options: &[(&str, &str)]) -> Markup {
    let chosen = match fields.get(name) {
        "" => options.first().map_or("", |(word, _)| word),
        word => word,
    };
    html! {
        fieldset.choices {
            legend { (label) }
            @for (word, label) in options {
                label { input type="radio" name=(name) value=(word) checked[chosen == *word]; (label) }
            }
        }
    }
}
