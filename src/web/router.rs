//! The routes of the pages: what a method and a path lead to, and who may go there.

use std::sync::Arc;

use tiny_http::Method::{Get, Head, Post};

use crate::http::{Answer, Request};
use crate::job::{Job, JobId};
use crate::registry::JobView;

use super::editor::{self, Purpose};
use super::form::Fields;
use super::viewer::{Role, Viewer};
use super::{Fault, Reply, Web, actions, answer, assets, job, jobs, overview, run, signin};

/// What the request is answered with.
pub(super) fn answer(web: &Web, viewer: &Viewer, request: &Request) -> Result<Reply, Fault> {
    let inside = request.path.strip_prefix("/webui/");
    let Some(inside) = inside else {
        return Ok(Reply::Now(answer::see_other("/webui/")));
    };
    let segments: Vec<&str> = inside
        .strip_suffix('/')
        .unwrap_or(inside)
        .split('/')
        .collect();
    match request.method {
        Get | Head => look(web, viewer, request, &segments).map(Reply::Now),
        Post => act(web, viewer, request, &segments),
        _ => Err(Fault::new(
            405,
            "Pages are read with GET, and their forms are sent with POST.",
        )),
    }
}

fn look(web: &Web, viewer: &Viewer, request: &Request, path: &[&str]) -> Result<Answer, Fault> {
    let query = Fields::parse(request.query.as_bytes());
    let host = request.header("host").unwrap_or("localhost");
    Ok(match path {
        [""] => overview::show(web, viewer, &query),
        ["jobs"] => jobs::show(web, viewer, &query),
        ["jobs", "delete"] => {
            allow(viewer, Role::Admin)?;
            actions::confirm(web, viewer, &query)?
        }
        ["new"] => {
            allow(viewer, Role::Admin)?;
            editor::new(web, viewer, &query, host)
        }
        ["job", id] => job::show(web, viewer, &query, &view(web, id)?, host)?,
        ["job", id, "edit"] => {
            allow(viewer, Role::Admin)?;
            editor::edit(web, viewer, &view(web, id)?.job, host)
        }
        ["job", id, "run", run] => {
            run::show(web, viewer, &query, &view(web, id)?.job, run_id(run)?)?
        }
        ["job", id, "run", run, "output"] => run::download(web, &view(web, id)?.job, run_id(run)?)?,
        ["job", id, "run", run, "tail"] => {
            run::tail(web, &query, &view(web, id)?.job, run_id(run)?)?
        }
        ["assets", _] => assets::answer(request),
        ["sign-in"] => signin::show(viewer, &query),
        _ => return Err(nothing_here()),
    })
}

fn act(web: &Web, viewer: &Viewer, request: &Request, path: &[&str]) -> Result<Reply, Fault> {
    let fields = Fields::parse(&request.body);
    let host = request.header("host").unwrap_or("localhost");
    let needed = match path {
        ["theme"] | ["preview"] => Role::Read,
        ["pause"] | ["resume"] | ["jobs", "do"] | ["job", _, "run", _, "cancel"] => Role::Operate,
        _ => Role::Admin,
    };
    allow(viewer, needed)?;
    Ok(match path {
        ["theme"] => Reply::Now(actions::theme(&fields, request.header("referer"))),
        ["preview"] => Reply::Now(editor::preview(web, viewer, &fields, host)),
        ["pause"] => actions::pause(web, viewer, true),
        ["resume"] => actions::pause(web, viewer, false),
        ["new"] => editor::store(web, viewer, Purpose::New, fields, host),
        ["jobs", "do"] => actions::chosen(web, viewer, &fields)?,
        ["jobs", "delete"] => actions::delete(web, viewer, &fields),
        ["job", id, "edit"] => {
            let job: Arc<Job> = view(web, id)?.job;
            // Without the version that the form was made from, a change of somebody else could be lost unseen.
            let version = fields
                .get("version")
                .parse()
                .map_err(|_| Fault::new(400, "The form is not whole: load it again."))?;
            editor::store(web, viewer, Purpose::Edit(job, version), fields, host)
        }
        ["job", id, "run", run, "cancel"] => {
            actions::cancel(web, viewer, &view(web, id)?.job, run_id(run)?)
        }
        _ => return Err(nothing_here()),
    })
}

fn allow(viewer: &Viewer, needed: Role) -> Result<(), Fault> {
    match viewer.role >= needed {
        true => Ok(()),
        false => Err(Fault::new(403, "Your role does not allow that.")),
    }
}

fn view(web: &Web, id: &str) -> Result<JobView, Fault> {
    let found = id.parse().ok().and_then(|id: JobId| web.registry().job(id));
    found.ok_or_else(|| Fault::new(404, "There is no such job. It may have been deleted."))
}

fn run_id(run: &str) -> Result<crate::job::run::RunId, Fault> {
    run.parse()
        .map_err(|_| Fault::new(404, "There is no such run."))
}

fn nothing_here() -> Fault {
    Fault::new(404, "There is nothing at this address.")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{asked, get, post, put, viewer, web};
    use super::*;
    use crate::scheduler::command::Command;

    #[test]
    fn the_root_leads_to_the_pages() {
        assert!(
            ["/", "/webui", "/webui/", "/webui/x"]
                .iter()
                .all(|path| Web::wants(path))
        );
        assert!(
            !["/api/v1/", "/webuix", "", "*", "/healthz"]
                .iter()
                .any(|path| Web::wants(path))
        );
        let web = web();
        assert_eq!(get(&web, "/").0, 303);
        assert_eq!(get(&web, "/webui/").0, 200);
        assert_eq!(get(&web, "/webui/nothing").0, 404);
    }

    #[test]
    fn forms_become_commands() {
        let web = web();
        let job = put(&web, 1, |_| ());
        let id = job.id;
        let rows = [
            (
                "/webui/jobs/do",
                format!("action=start&id={id}"),
                format!("{:?}", [Command::Start { id, wait: false }]),
            ),
            (
                "/webui/jobs/do",
                format!("action=enable&id={id}&id={id}&id=x"),
                format!("{:?}", [Command::Enable(id)]),
            ),
            (
                "/webui/jobs/do",
                format!("action=disable&id={id}"),
                format!("{:?}", [Command::Disable(id)]),
            ),
            (
                "/webui/jobs/delete",
                format!("id={id}"),
                format!(
                    "{:?}",
                    [Command::Delete {
                        id,
                        expected_version: None
                    }]
                ),
            ),
            (
                "/webui/pause",
                String::new(),
                format!("{:?}", [Command::Pause]),
            ),
            (
                "/webui/resume",
                String::new(),
                format!("{:?}", [Command::Resume]),
            ),
        ];
        for (path, body, expected) in rows {
            let (commands, _) = asked(&web, path, &body);
            assert_eq!(format!("{commands:?}"), expected, "{path} {body}");
        }
        assert_eq!(post(&web, "/webui/jobs/do", "action=explode&id=").0, 303);
        assert_eq!(
            post(&web, "/webui/jobs/do", &format!("action=explode&id={id}")).0,
            400
        );
        let (status, to) = post(&web, "/webui/jobs/do", &format!("action=delete&id={id}"));
        assert_eq!((status, to), (303, format!("/webui/jobs/delete?id={id}")));
    }

    #[test]
    fn roles_bound_what_may_be_done() {
        let web = web();
        let rows = [
            (Post, "/webui/pause", Role::Operate),
            (Post, "/webui/jobs/delete", Role::Admin),
            (Post, "/webui/new", Role::Admin),
            (Get, "/webui/new", Role::Admin),
            (Get, "/webui/jobs", Role::Read),
        ];
        for (method, path, needed) in rows {
            for role in [Role::Read, Role::Operate, Role::Admin] {
                let viewer = Viewer { role, ..viewer() };
                let fault = answer(&web, &viewer, &Request::new(method.clone(), path)).err();
                let refused = fault.is_some_and(|fault| fault.status == 403);
                assert_eq!(refused, role < needed, "{method} {path} {role:?}");
            }
        }
    }
}
