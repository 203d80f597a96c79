//! The routes: which handler a method and a path belong to.

use tiny_http::Method::{self, Delete, Get, Head, Patch, Post, Put};

use super::error::ApiError;
use super::{
    Api, Call, Reply, backup, events, forecast, health, import, jobs, list, openapi, runs,
    schedule, server, start, trial, update,
};

type Handler = fn(&Api, &Call<'_>) -> Result<Reply, ApiError>;

/// A handler with the ids that the path names.
#[derive(Clone, Copy)]
pub(super) struct Route<'p> {
    pub(super) handler: Handler,
    pub(super) job: &'p str,
    pub(super) run: &'p str,
}

const PREFIX: &str = "/api/v1";

/// Every route's path, as the description of the API writes it; where two fit, the first one counts.
const TEMPLATES: [&str; 25] = [
    "/healthz",
    "/readyz",
    "/metrics",
    "/api/v1/job/",
    "/api/v1/job/all/",
    "/api/v1/job/stats/{id}/",
    "/api/v1/job/start/{id}/",
    "/api/v1/job/disable/{id}/",
    "/api/v1/job/enable/{id}/",
    "/api/v1/job/{id}/",
    "/api/v1/job/{id}/backfill/",
    "/api/v1/job/{id}/runs/",
    "/api/v1/job/{id}/runs/{run}/",
    "/api/v1/job/{id}/runs/{run}/output/",
    "/api/v1/job/{id}/runs/{run}/cancel/",
    "/api/v1/stats/",
    "/api/v1/backup/",
    "/api/v1/events/",
    "/api/v1/forecast/",
    "/api/v1/import/",
    "/api/v1/openapi.json",
    "/api/v1/pause/",
    "/api/v1/resume/",
    "/api/v1/run/",
    "/api/v1/schedule/preview/",
];

/// The route that a path belongs to, by whatever method; none for a path that no route has.
pub(super) fn template(path: &str) -> Option<&'static str> {
    let path = path.strip_suffix('/').unwrap_or(path);
    TEMPLATES.into_iter().find(|template| {
        let template = template.strip_suffix('/').unwrap_or(template);
        let mut segments = path.split('/');
        template.split('/').all(|wanted| {
            let segment = segments.next();
            segment == Some(wanted) || (wanted.starts_with('{') && segment.is_some())
        }) && segments.next().is_none()
    })
}

/// The handler for a request, by method and path. The last slash may be left out.
pub(super) fn route<'p>(method: &Method, path: &'p str) -> Result<Route<'p>, ApiError> {
    match (method, path.strip_suffix('/').unwrap_or(path)) {
        (Get | Head, "/healthz") => return Ok(to(health::healthz)),
        (Get | Head, "/readyz") => return Ok(to(health::readyz)),
        (Get | Head, "/metrics") => return Ok(to(health::metrics)),
        (_, "/healthz" | "/readyz" | "/metrics") => {
            return Err(ApiError::method_not_allowed(method.as_str(), "GET, HEAD"));
        }
        _ => {}
    }
    let inside = path
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.strip_prefix('/'))
        .unwrap_or_default();
    let segments: Vec<&str> = inside
        .strip_suffix('/')
        .unwrap_or(inside)
        .split('/')
        .collect();
    let wanted = if *method == Head { &Get } else { method };
    find(wanted, &segments).ok_or_else(|| refusal(method, path, &segments))
}

fn find<'p>(method: &Method, path: &[&'p str]) -> Option<Route<'p>> {
    Some(match (method, path) {
        (Get, ["job"]) => to(list::list),
        (Post, ["job"]) => to(jobs::create),
        (Delete, ["job", "all"]) => to(jobs::delete_all),
        (_, ["job", "all"]) => return None,
        (Get, ["job", "stats", id]) => of_job(id, jobs::stats),
        (Post, ["job", "start", id]) => of_job(id, start::start),
        (Post, ["job", "disable", id]) => of_job(id, jobs::disable),
        (Post, ["job", "enable", id]) => of_job(id, jobs::enable),
        (Get, ["job", id]) => of_job(id, jobs::show),
        (Put, ["job", id]) => of_job(id, update::replace),
        (Patch, ["job", id]) => of_job(id, update::change),
        (Delete, ["job", id]) => of_job(id, jobs::delete),
        (Post, ["job", id, "backfill"]) => of_job(id, start::backfill),
        (Get, ["job", id, "runs"]) => of_job(id, runs::list),
        (Get, ["job", id, "runs", run]) => of_run(id, run, runs::show),
        (Get, ["job", id, "runs", run, "output"]) => of_run(id, run, runs::output),
        (Post, ["job", id, "runs", run, "cancel"]) => of_run(id, run, runs::cancel),
        (Get, ["stats"]) => to(server::stats),
        (Get, ["backup"]) => to(backup::make),
        (Get, ["events"]) => to(events::listen),
        (Get, ["forecast"]) => to(forecast::show),
        (Get, ["openapi.json"]) => to(openapi::show),
        (Post, ["import"]) => to(import::import),
        (Post, ["pause"]) => to(server::pause),
        (Post, ["resume"]) => to(server::resume),
        (Post, ["run"]) => to(trial::run),
        (Post, ["schedule", "preview"]) => to(schedule::preview),
        _ => return None,
    })
}

fn to<'p>(handler: Handler) -> Route<'p> {
    of_run("", "", handler)
}

fn of_job(job: &str, handler: Handler) -> Route<'_> {
    of_run(job, "", handler)
}

fn of_run<'p>(job: &'p str, run: &'p str, handler: Handler) -> Route<'p> {
    Route { handler, job, run }
}

/// 405 where the path has other methods, else 404.
fn refusal(method: &Method, path: &str, segments: &[&str]) -> ApiError {
    let allow: Vec<&str> = [Get, Post, Put, Patch, Delete]
        .iter()
        .filter(|other| find(other, segments).is_some())
        .map(|other| {
            if *other == Get {
                "GET, HEAD"
            } else {
                other.as_str()
            }
        })
        .collect();
    if allow.is_empty() {
        return ApiError::new(
            404,
            format!("nothing is at {path:?}: jobs are at /api/v1/job/, figures at /api/v1/stats/"),
        );
    }
    ApiError::method_not_allowed(method.as_str(), &allow.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = "93b65499-b211-49ce-57e0-19e735cc5abd";

    #[test]
    fn ok_routes() {
        let rows: &[(&[Method], &str, &str, &str)] = &[
            (&[Get, Head, Post], "/api/v1/job", "", ""),
            (&[Delete], "/api/v1/job/all", "", ""),
            (&[Get, Head, Put, Patch, Delete], "/api/v1/job/J", "J", ""),
            (&[Get, Head], "/api/v1/job/stats/J", "J", ""),
            (&[Post], "/api/v1/job/start/J", "J", ""),
            (&[Post], "/api/v1/job/disable/J", "J", ""),
            (&[Post], "/api/v1/job/enable/J", "J", ""),
            (&[Post], "/api/v1/job/J/backfill", "J", ""),
            (&[Get, Head], "/api/v1/job/J/runs", "J", ""),
            (&[Get, Head], "/api/v1/job/J/runs/R", "J", "R"),
            (&[Get, Head], "/api/v1/job/J/runs/R/output", "J", "R"),
            (&[Post], "/api/v1/job/J/runs/R/cancel", "J", "R"),
            (&[Get, Head], "/api/v1/stats", "", ""),
            (&[Get, Head], "/api/v1/backup", "", ""),
            (&[Get, Head], "/api/v1/events", "", ""),
            (&[Get, Head], "/api/v1/forecast", "", ""),
            (&[Get, Head], "/api/v1/openapi.json", "", ""),
            (&[Post], "/api/v1/import", "", ""),
            (&[Post], "/api/v1/pause", "", ""),
            (&[Post], "/api/v1/run", "", ""),
            (&[Post], "/api/v1/resume", "", ""),
            (&[Post], "/api/v1/schedule/preview", "", ""),
        ];
        for (methods, path, job, run) in rows {
            for method in *methods {
                for path in [(*path).to_owned(), format!("{path}/")] {
                    let found = route(method, &path).unwrap();
                    assert_eq!((found.job, found.run), (*job, *run), "{method} {path}");
                }
            }
        }
    }

    #[test]
    fn a_path_belongs_to_the_first_template_that_fits() {
        for (path, expected) in [
            ("/healthz", Some("/healthz")),
            ("/api/v1/job", Some("/api/v1/job/")),
            ("/api/v1/job/all/", Some("/api/v1/job/all/")),
            ("/api/v1/job/J/", Some("/api/v1/job/{id}/")),
            ("/api/v1/job/stats/J", Some("/api/v1/job/stats/{id}/")),
            (
                "/api/v1/job/J/runs/R/output/",
                Some("/api/v1/job/{id}/runs/{run}/output/"),
            ),
            ("/api/v1/job/J/runs/R/nothing/", None),
            ("/api/v1/jobs/", None),
            ("/", None),
            ("*", None),
        ] {
            assert_eq!(template(path), expected, "{path}");
        }
    }

    #[test]
    fn err_paths() {
        for path in [
            "/",
            "",
            "*",
            "/api/v1",
            "/api/v1/",
            "/api/v1//job/",
            "/api/v1/job//",
            "/api/v1/jobs/",
            "/api/v2/job/",
            "/api/v1job/",
            "/api/v1/job/start/",
            "/api/v1/job/J/runs/R/nothing",
            "/webui/",
        ] {
            let answer = crate::http::Answer::from(route(&Post, path).err().unwrap());
            assert!([404, 405].contains(&answer.status.0), "{path}");
        }
        let why = route(&Get, "/nope").err().unwrap();
        assert_eq!(
            why.message(),
            "nothing is at \"/nope\": jobs are at /api/v1/job/, figures at /api/v1/stats/"
        );
    }

    #[test]
    fn err_methods() {
        let rows = [
            (Put, "/api/v1/job/", "GET, HEAD, POST"),
            (Method::Options, "/api/v1/job/", "GET, HEAD, POST"),
            (Post, "/api/v1/job/J/", "GET, HEAD, PUT, PATCH, DELETE"),
            (Get, "/api/v1/job/start/J/", "POST"),
            (Post, "/api/v1/stats", "GET, HEAD"),
            (Get, "/api/v1/job/all/", "DELETE"),
            (Get, "/api/v1/schedule/preview/", "POST"),
        ];
        for (method, path, allow) in rows {
            let why = route(&method, path).err().unwrap();
            let answer = crate::http::Answer::from(why);
            assert_eq!(answer.status.0, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
        }
        // Ids of jobs, whatever they look like.
        assert_eq!(route(&Get, &format!("/api/v1/job/{JOB}")).unwrap().job, JOB);
    }
}
