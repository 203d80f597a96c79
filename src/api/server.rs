//! The server as a whole: its figures, and pausing.

use crate::clock;
use crate::scheduler::command::Command;

use super::answer;
use super::error::ApiError;
use super::{Api, Call, Reply, wire};

/// `GET /stats/`.
pub(super) fn stats(api: &Api, _: &Call<'_>) -> Result<Reply, ApiError> {
    let totals = api.registry.totals();
    let body = wire::stats(&totals, clock::now(), api.settings.zone);
    Ok(Reply::Now(answer::json(200, body)))
}

/// `POST /pause/`.
pub(super) fn pause(_: &Api, _: &Call<'_>) -> Result<Reply, ApiError> {
    Ok(Reply::done(Command::Pause))
}

/// `POST /resume/`.
pub(super) fn resume(_: &Api, _: &Call<'_>) -> Result<Reply, ApiError> {
    Ok(Reply::done(Command::Resume))
}
