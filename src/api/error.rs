//! Why a request was refused, and the status that says so.
//!
//! Lower floors know no statuses: here each of their refusals is given one.

use crate::http::Answer;
use crate::job::JobId;
use crate::job::validate::Invalid;
use crate::schedule::ScheduleError;
use crate::scheduler::command::Refusal;
use crate::store::StoreError;

use super::answer;
use super::wire::{BadBody, Json};

/// A refusal: `{"error": "..."}` with what was wrong and how to put it right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    status: u16,
    message: String,
    /// The job that stands in the way, where one does.
    id: Option<JobId>,
    /// Methods that the path has.
    allow: Option<String>,
}

impl ApiError {
    pub(super) fn new(status: u16, message: impl Into<String>) -> ApiError {
        ApiError {
            status,
            message: message.into(),
            id: None,
            allow: None,
        }
    }

    /// The path exists, but not with this method.
    pub(super) fn method_not_allowed(method: &str, allow: &str) -> ApiError {
        ApiError {
            allow: Some(allow.to_owned()),
            ..ApiError::new(
                405,
                format!("this path has no {method}: use one of {allow}"),
            )
        }
    }

    /// The same, but for whom it is.
    pub(super) fn about(self, whom: &str) -> ApiError {
        ApiError {
            message: format!("{whom}: {}", self.message),
            ..self
        }
    }

    pub(super) fn unknown_job(id: JobId) -> ApiError {
        Refusal::UnknownJob(id).into()
    }

    #[cfg(test)]
    pub(super) fn message(&self) -> &str {
        &self.message
    }
}

impl From<BadBody> for ApiError {
    fn from(why: BadBody) -> ApiError {
        ApiError::new(400, why.0)
    }
}

impl From<Invalid> for ApiError {
    fn from(why: Invalid) -> ApiError {
        ApiError::new(400, why.0)
    }
}

impl From<ScheduleError> for ApiError {
    fn from(why: ScheduleError) -> ApiError {
        ApiError::new(400, why.0)
    }
}

impl From<StoreError> for ApiError {
    fn from(why: StoreError) -> ApiError {
        ApiError::new(
            503,
            format!("the job database cannot be read now ({why}); try again"),
        )
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> ApiError {
        let status = match &refusal {
            Refusal::UnknownJob(_) | Refusal::UnknownRun(_) => 404,
            Refusal::UnknownParent(_)
            | Refusal::UnknownFailureJob(_)
            | Refusal::Cycle(_)
            | Refusal::NothingToBackfill => 400,
            Refusal::NameTaken(_)
            | Refusal::IdTaken(_)
            | Refusal::InProgress(_)
            | Refusal::Disabled(_)
            | Refusal::Withdrawn(_) => 409,
            Refusal::LocalJobsDenied | Refusal::DeleteAllDenied => 403,
            Refusal::VersionChanged(_) => 412,
            Refusal::Store(_) | Refusal::Stopping | Refusal::StandingBy(_) => 503,
        };
        let id = match &refusal {
            Refusal::NameTaken(id) | Refusal::IdTaken(id) | Refusal::InProgress(id) => Some(*id),
            _ => None,
        };
        ApiError {
            id,
            ..ApiError::new(status, refusal.to_string())
        }
    }
}

impl From<ApiError> for Answer {
    fn from(error: ApiError) -> Answer {
        let mut json = Json::with_capacity(error.message.len() + 64);
        json.open('{').key("error").string(&error.message);
        if let Some(id) = error.id {
            json.key("id").id(id.0);
        }
        json.close('}');
        let answer = answer::json(error.status, json.finish());
        match error.allow {
            Some(allow) => answer.with_header("Allow", &allow),
            None => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_name_comes_with_its_job() {
        let id = "93b65499-b211-49ce-57e0-19e735cc5abd".parse().unwrap();
        let answer = Answer::from(ApiError::from(Refusal::NameTaken(id)));
        assert_eq!(answer.status.0, 409);
        assert_eq!(
            answer::text(answer),
            "{\"error\":\"the job 93b65499-b211-49ce-57e0-19e735cc5abd has this name\",\"id\":\"93b65499-b211-49ce-57e0-19e735cc5abd\"}\n"
        );
    }

    #[test]
    fn a_wrong_method_names_the_right_ones() {
        let answer = Answer::from(ApiError::method_not_allowed("PUT", "GET, HEAD"));
        assert_eq!(answer.status.0, 405);
        assert_eq!(answer.header("allow"), Some("GET, HEAD"));
        assert_eq!(
            answer::text(answer),
            "{\"error\":\"this path has no PUT: use one of GET, HEAD\"}\n"
        );
    }
}
