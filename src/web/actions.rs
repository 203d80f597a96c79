//! What buttons do: each posts a form, and the answer leads back to a page, so that a reload repeats nothing.

use std::collections::BTreeSet;

use maud::html;

use crate::http::Answer;
use crate::job::run::RunId;
use crate::job::{Job, JobId};
use crate::registry::JobView;
use crate::scheduler::command::{Command, Refusal};

use super::form::Fields;
use super::page::{self, Page, Place};
use super::runs::run_path;
use super::viewer::Viewer;
use super::{Fault, Reply, Web, answer, part, survey, text};

/// `POST /webui/jobs/do`: starts, enables or disables the chosen jobs, or asks about their deletion.
pub(super) fn chosen(web: &Web, viewer: &Viewer, fields: &Fields) -> Result<Reply, Fault> {
    let action = fields.get("action");
    let ids = ids(fields);
    let back = back(fields);
    if ids.is_empty() {
        return Ok(Reply::Now(answer::see_other(&back)));
    }
    let command: fn(JobId) -> Command = match action {
        "start" => |id| Command::Start { id, wait: false },
        "enable" => Command::Enable,
        "disable" => Command::Disable,
        "delete" => return Ok(Reply::Now(answer::see_other(&delete_path(&ids)))),
        _ => return Err(Fault::new(400, "There is no such action.")),
    };
    let commands = ids.iter().map(|id| command(*id)).collect();
    let to = done(&back, action, ids.len());
    Ok(ask(web, viewer, commands, to, |_| false))
}

/// `GET /webui/jobs/delete?id=`: what goes when these jobs are deleted.
pub(super) fn confirm(web: &Web, viewer: &Viewer, query: &Fields) -> Result<Answer, Fault> {
    let wanted: Vec<JobView> = ids(query)
        .into_iter()
        .filter_map(|id| web.registry().job(id))
        .collect();
    if wanted.is_empty() {
        return Err(Fault::new(404, "These jobs are gone already."));
    }
    let along = survey::goes_along(web.registry(), &wanted);
    let gone: BTreeSet<JobId> = wanted
        .iter()
        .chain(&along)
        .map(|view| view.job.id)
        .collect();
    let mut orphaned = Vec::new();
    survey::each(web.registry(), |view| {
        let failure = view.job.spec.on_failure_job;
        if failure.is_some_and(|id| gone.contains(&id)) && !gone.contains(&view.job.id) {
            orphaned.push(view);
        }
    });
    let title = format!("Delete {}?", text::counted(gone.len() as u64, "job"));
    let list = |views: &[JobView]| html! { ul.rows { @for view in views { li { (part::job_link(&view.job)) } } } };
    let content = html! {
        header.top { h1 { (title) } }
        section.card.fault {
            (list(&wanted))
            @if !along.is_empty() {
                h2 { "These go with them" }
                p.faint { "They run after jobs that are deleted, and after no others." }
                (list(&along))
            }
            @if !orphaned.is_empty() {
                h2 { "These lose their failure job" }
                (list(&orphaned))
            }
            p { "History and output go as well. Runs in progress are stopped." }
            form.actions method="post" action="/webui/jobs/delete" {
                @for view in &wanted { input type="hidden" name="id" value=(view.job.id); }
                button.danger.solid { "Delete" }
                " "
                a.button.ghost href="/webui/jobs" { "Cancel" }
            }
        }
    };
    Ok(Page::still(&title, Place::Jobs, content).answer(web, viewer, &Fields::default()))
}

/// `POST /webui/jobs/delete`.
pub(super) fn delete(web: &Web, viewer: &Viewer, fields: &Fields) -> Reply {
    let ids = ids(fields);
    let commands = ids
        .iter()
        .map(|id| Command::Delete {
            id: *id,
            expected_version: None,
        })
        .collect();
    let to = done("/webui/jobs", "delete", ids.len());
    // A child that is chosen beside its parent may be gone with it.
    ask(web, viewer, commands, to, |refusal| {
        matches!(refusal, Refusal::UnknownJob(_))
    })
}

/// `POST /webui/job/{id}/run/{run}/cancel`.
pub(super) fn cancel(web: &Web, viewer: &Viewer, job: &Job, run: RunId) -> Reply {
    let to = format!("{}?did=cancel", run_path(job.id, run));
    let command = Command::Cancel { job: job.id, run };
    // It may have ended by itself meanwhile.
    ask(web, viewer, vec![command], to, |refusal| {
        matches!(refusal, Refusal::UnknownRun(_))
    })
}

/// `POST /webui/pause` and `/webui/resume`.
pub(super) fn pause(web: &Web, viewer: &Viewer, paused: bool) -> Reply {
    let (command, word) = match paused {
        true => (Command::Pause, "pause"),
        false => (Command::Resume, "resume"),
    };
    ask(
        web,
        viewer,
        vec![command],
        format!("/webui/?did={word}"),
        |_| false,
    )
}

/// `POST /webui/theme`: remembers the choice in a cookie for a year.
pub(super) fn theme(fields: &Fields, referer: Option<&str>) -> Answer {
    let theme = match fields.get("theme") {
        theme @ ("light" | "dark") => theme,
        _ => "auto",
    };
    let path = referer
        .and_then(|url| url.split_once("//"))
        .and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
    let cookie = format!("nimesha_theme={theme}; Path=/webui; Max-Age=31536000; SameSite=Strict");
    answer::see_other(path.filter(|path| is_ours(path)).unwrap_or("/webui/"))
        .with_header("Set-Cookie", &cookie)
}

/// Asks for all commands, then leads to `to`, unless one is refused for a reason that `harmless` does not let pass.
fn ask(
    web: &Web,
    viewer: &Viewer,
    commands: Vec<Command>,
    to: String,
    harmless: fn(&Refusal) -> bool,
) -> Reply {
    let (web, viewer) = (web.clone(), *viewer);
    Reply::ask(commands, move |heard| {
        let refusals: Vec<Refusal> = heard
            .into_iter()
            .filter_map(Result::err)
            .filter(|refusal| !harmless(refusal))
            .collect();
        match refusals.first() {
            None => answer::see_other(&to),
            Some(first) => {
                let why: Vec<String> = refusals.iter().take(10).map(Refusal::to_string).collect();
                page::fault(
                    &web,
                    &viewer,
                    Fault::from(first.clone()).status,
                    &format!("{}.", why.join("; ")),
                )
            }
        }
    })
}

fn ids(fields: &Fields) -> Vec<JobId> {
    let mut seen = BTreeSet::new();
    fields
        .all("id")
        .filter_map(|id| id.parse().ok())
        .filter(|id| seen.insert(*id))
        .collect()
}

fn delete_path(ids: &[JobId]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("id={id}")).collect();
    format!("/webui/jobs/delete?{}", ids.join("&"))
}

/// Where a form says to go back to, if that is one of our pages.
fn back(fields: &Fields) -> String {
    match fields.get("back") {
        path if is_ours(path) => path.to_owned(),
        _ => "/webui/jobs".to_owned(),
    }
}

fn is_ours(path: &str) -> bool {
    path.starts_with("/webui/") && path.bytes().all(|byte| byte.is_ascii_graphic())
}

/// `back` with the word for what was done, in the place of an earlier one.
fn done(back: &str, word: &str, number: usize) -> String {
    let (path, query) = back.split_once('?').unwrap_or((back, ""));
    let query = Fields::parse(query.as_bytes())
        .with("did", word)
        .with("n", &number.to_string());
    format!("{path}?{}", query.to_query())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_lead_back_to_pages_of_ours_only() {
        for (given, expected) in [
            ("/webui/jobs?q=a%20b", "/webui/jobs?q=a%20b"),
            ("https://elsewhere.example/webui/", "/webui/jobs"),
            ("//elsewhere.example", "/webui/jobs"),
            ("/webui/\r\nSet-Cookie: a=b", "/webui/jobs"),
            ("", "/webui/jobs"),
        ] {
            assert_eq!(
                back(&Fields::from([("back", given)])),
                expected,
                "{given:?}"
            );
        }
        assert_eq!(
            done("/webui/jobs?q=a%20b&did=x", "start", 2),
            "/webui/jobs?q=a%20b&did=start&n=2"
        );
    }

    #[test]
    fn a_theme_is_a_known_word() {
        let set = |theme: &str, referer| {
            theme_cookie(&super::theme(&Fields::from([("theme", theme)]), referer))
        };
        fn theme_cookie(answer: &Answer) -> (String, String) {
            let header = |name| answer.header(name).unwrap().to_owned();
            (
                header("location"),
                header("set-cookie").split(';').next().unwrap().to_owned(),
            )
        }
        assert_eq!(
            set("dark", Some("http://h:1/webui/jobs?q=1")),
            ("/webui/jobs?q=1".into(), "nimesha_theme=dark".into())
        );
        assert_eq!(
            set("x;y", Some("http://h/evil")),
            ("/webui/".into(), "nimesha_theme=auto".into())
        );
    }
}
