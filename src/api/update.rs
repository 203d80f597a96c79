//! Changing a job's definition: whole by PUT, only some keys by PATCH.
//!
//! Both read the job, make the new definition and ask for it on condition that the job is still the one that was read:
//! what a PATCH leaves alone must not bring back what somebody else has just changed. A client that gave `If-Match` hears
//! of such a race; for others it is run again. `?past_start=keep` takes a new schedule whose start has passed, and goes on
//! with its next occurrence.

use crate::clock;
use crate::config;
use crate::job::secret::{self, Secrets};
use crate::job::validate::{self, Draft};
use crate::job::{Job, JobId};
use crate::registry::JobView;
use crate::scheduler::command::{Answer, Command, NewJob, Refusal};

use super::error::ApiError;
use super::etag;
use super::jobs::job_answer;
use super::wire::JobKeys;
use super::{Api, Call, Reply, checked};

/// `PUT /job/{id}/`: keys that are not given get their default.
pub(super) fn replace(api: &Api, call: &Call<'_>) -> Result<Reply, ApiError> {
    Update::of(api, call, true)?.ask()
}

/// `PATCH /job/{id}/`: keys that are not given stay as they are.
pub(super) fn change(api: &Api, call: &Call<'_>) -> Result<Reply, ApiError> {
    Update::of(api, call, false)?.ask()
}

struct Update {
    api: Api,
    id: JobId,
    keys: JobKeys,
    whole: bool,
    secrets: Secrets,
    keep_past_start: bool,
    if_match: Option<String>,
    tries_left: u32,
}

impl Update {
    fn of(api: &Api, call: &Call<'_>, whole: bool) -> Result<Update, ApiError> {
        Ok(Update {
            api: api.clone(),
            id: call.job_id()?,
            keys: JobKeys::parse(&call.request.body)?,
            whole,
            secrets: call.secrets(),
            keep_past_start: call.query.is("past_start", "keep")?,
            if_match: call.request.header("if-match").map(str::to_owned),
            tries_left: config::UPDATE_TRIES,
        })
    }

    fn ask(mut self) -> Result<Reply, ApiError> {
        self.tries_left = self.tries_left.checked_sub(1).ok_or_else(|| {
            ApiError::new(409, "too many others are changing this job: try again")
        })?;
        let old = self.api.job(self.id)?.job;
        // What makes no sense makes none whichever version it is meant for (RFC 9110, section 13.2.1).
        let job = Box::new(self.changed(&old)?);
        etag::check(self.if_match.as_deref(), old.version)?;
        let command = Command::Update {
            job,
            expected_version: Some(old.version),
        };
        Ok(Reply::Ask(command, Box::new(|heard| self.hear(heard))))
    }

    fn hear(self, heard: Result<Answer, Refusal>) -> Result<Reply, ApiError> {
        match heard {
            Ok(Answer::Job(job, live)) => {
                let view = JobView { job, live };
                Ok(Reply::Now(job_answer(&view, self.secrets, |json| {
                    json.raw("null");
                })))
            }
            Ok(_) => Err(ApiError::new(500, "the scheduler gave no job back")),
            Err(Refusal::VersionChanged(_)) if self.if_match.is_none() => self.ask(),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// The job as it shall be. Where its occurrences stay as they are, the schedule still counts from where it did.
    fn changed(&self, old: &Job) -> Result<NewJob, ApiError> {
        let mut draft = if self.whole {
            self.api.whole(&self.keys)?
        } else {
            self.keys.apply(Draft::of(&old.spec))?
        };
        secret::restore(&mut draft, &old.spec);
        let spec = checked(draft)?;
        let (schedule, anchor) = if validate::keeps_schedule(old, &spec) {
            (old.schedule.clone(), old.anchor)
        } else {
            let now = clock::now();
            let schedule = validate::schedule(&spec, self.api.settings.zone, now)?;
            if !self.keep_past_start {
                schedule.check_start(now)?;
            }
            (schedule, now)
        };
        Ok(NewJob {
            id: self.id,
            spec,
            schedule,
            anchor,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tiny_http::Method::{Patch, Put};

    use super::super::answer::text;
    use super::super::testing::{api, asked, id, now, put, settled};
    use super::super::{Reply, Then};
    use super::*;
    use crate::http::{Request, Role};
    use crate::registry::Live;

    const BODY: &str = r#"{"name":"x","command":"true","schedule":"R/2037-06-04T19:25:16Z/PT10S","retries":2,"owner":"me"}"#;

    fn api_with_job() -> (Api, Arc<Job>, String) {
        let api = api();
        let job = put(&api, 1, BODY, Live::default());
        (api, job, format!("/job/{}/", id(1)))
    }

    fn update(command: Command) -> (NewJob, Option<u64>) {
        match command {
            Command::Update {
                job,
                expected_version,
            } => (*job, expected_version),
            other => panic!("{other:?}"),
        }
    }

    fn asks_again(then: Then, refusal: Refusal) -> (Command, Then) {
        match then(Err(refusal)) {
            Ok(Reply::Ask(command, then)) => (command, then),
            Ok(Reply::Now(answer)) => panic!("{}", text(answer)),
            Ok(Reply::Later(_)) => panic!("is answered later"),
            Err(error) => panic!("{error:?}"),
        }
    }

    #[test]
    fn a_patch_changes_what_it_names() {
        let (api, job, target) = api_with_job();
        let (command, then) = asked(&api, Patch, &target, r#"{"command":"date"}"#);
        let (new, version) = update(command);
        assert_eq!(
            (new.spec.command(), new.spec.retries, version),
            ("date", 2, Some(1))
        );
        assert_eq!(
            (new.schedule, new.anchor),
            (job.schedule.clone(), job.anchor)
        );
        let changed = Job {
            version: 2,
            ..(*job).clone()
        };
        let answer = settled(then(Ok(Answer::Job(Arc::new(changed), Live::default()))));
        assert_eq!(
            (answer.status.0, answer.header("etag")),
            (200, Some("\"2\""))
        );
        assert!(text(answer).starts_with("{\"job\":{\"name\":\"x\""));
    }

    #[test]
    fn a_put_sets_the_rest_to_its_default() {
        let (api, _, target) = api_with_job();
        let (command, _) = asked(&api, Put, &target, r#"{"name":"y","command":"true"}"#);
        let (new, _) = update(command);
        assert_eq!(
            (new.spec.name(), new.spec.retries, new.spec.schedule()),
            ("y", 0, "")
        );
    }

    #[test]
    fn what_was_shown_is_taken_back() {
        let (api, job, target) = api_with_job();
        let shown = text(now(&api, tiny_http::Method::Get, &target, ""));
        let (new, _) = update(asked(&api, Put, &target, &shown).0);
        assert_eq!(new.spec, job.spec);
    }

    #[test]
    fn what_was_hidden_is_taken_back_for_what_is_stored() {
        let api = api();
        let body = r#"{"name":"x","owner":"me","type":1,"schedule":"@manual","env":{"TOKEN":"t","DIR":"/d"},
            "remote_properties":{"url":"http://u:p@h/","headers":{"Authorization":["Basic x"],"Accept":["y"]}}}"#;
        let job = put(&api, 1, body, Live::default());
        let mut request = Request::new(tiny_http::Method::Get, &format!("/api/v1/job/{}/", id(1)));
        request.role = Role::Read;
        let shown = text(settled(api.decide(&request)));
        for (hidden, open) in [
            (r#""TOKEN":"***""#, r#""DIR":"/d""#),
            (r#""Authorization":["***"]"#, r#""Accept":["y"]"#),
            (r#""url":"http://***@h/""#, ""),
        ] {
            assert!(shown.contains(hidden) && shown.contains(open), "{shown}");
        }
        request.path = "/api/v1/job/".to_owned();
        assert!(text(settled(api.decide(&request))).contains(r#""TOKEN":"***""#));
        let target = format!("/job/{}/", id(1));
        let (new, _) = update(asked(&api, Put, &target, &shown).0);
        assert_eq!(new.spec, job.spec);
        let (new, _) = update(
            asked(
                &api,
                Patch,
                &target,
                r#"{"env":{"TOKEN":"***","DIR":"/e"}}"#,
            )
            .0,
        );
        assert_eq!(new.spec.extras().env["TOKEN"], "t");
        let create = now(&api, tiny_http::Method::Post, "/job/", &shown);
        assert_eq!(create.status.0, 400);
    }

    #[test]
    fn a_race_is_run_again_on_the_newer_job() {
        let (api, job, target) = api_with_job();
        let (_, then) = asked(&api, Patch, &target, r#"{"command":"date"}"#);
        let mut newer = Job {
            version: 2,
            ..(*job).clone()
        };
        newer.spec.retries = 5;
        api.registry
            .write(|inner| inner.put_job(Arc::new(newer), Live::default()));
        let (command, mut then) = asks_again(then, Refusal::VersionChanged(2));
        let (new, version) = update(command);
        assert_eq!(
            (new.spec.command(), new.spec.retries, version),
            ("date", 5, Some(2))
        );
        for _ in 2..config::UPDATE_TRIES {
            then = asks_again(then, Refusal::VersionChanged(2)).1;
        }
        assert_eq!(settled(then(Err(Refusal::VersionChanged(2)))).status.0, 409);
    }

    #[test]
    fn a_condition_must_hold() {
        let (api, _, target) = api_with_job();
        let ask = |condition: &str| {
            let mut request = Request::new(Patch, &format!("/api/v1{target}"));
            request.headers.push("If-Match", condition.as_bytes());
            request.body = br#"{"retries":1}"#.to_vec();
            api.decide(&request)
        };
        for condition in ["\"1\"", "*", "\"7\", \"1\""] {
            let Ok(Reply::Ask(command, then)) = ask(condition) else {
                panic!("{condition}")
            };
            assert_eq!(update(command).1, Some(1));
            // Whoever names a version wants to hear of a race.
            assert_eq!(settled(then(Err(Refusal::VersionChanged(2)))).status.0, 412);
        }
        for condition in ["\"2\"", "W/\"1\"", "1", ""] {
            assert_eq!(settled(ask(condition)).status.0, 412, "{condition}");
        }
    }

    #[test]
    fn a_start_that_has_passed_may_be_meant() {
        let (api, _, target) = api_with_job();
        let body = r#"{"schedule":"R/2001-01-01T00:00:00Z/PT1H"}"#;
        let (command, _) = asked(&api, Patch, &format!("{target}?past_start=keep"), body);
        assert_eq!(
            update(command).0.spec.schedule(),
            "R/2001-01-01T00:00:00Z/PT1H"
        );
        let wrong = now(&api, Patch, &format!("{target}?past_start=yes"), body);
        assert_eq!(wrong.status.0, 400);
    }

    #[test]
    fn err_updates() {
        let (api, _, target) = api_with_job();
        for (body, status) in [
            (r#"{"comand":"date"}"#, 400),
            (r#"{"name":""}"#, 400),
            (r#"{"schedule":"R/2001-01-01T00:00:00Z/PT1H"}"#, 400),
            (r#"{"type":1}"#, 400),
        ] {
            assert_eq!(now(&api, Patch, &target, body).status.0, status, "{body}");
        }
        assert_eq!(
            now(&api, Put, &format!("/job/{}/", id(9)), BODY).status.0,
            404
        );
    }
}
