//! `GET /backup/`: all that the server has stored, as of one instant, while it goes on.

use std::io::{self, Read};
use std::time::Instant;

use crate::http::{Answer, Body};
use crate::store::backup::Backup;
use crate::store::snapshot::Snapshot;
use crate::{clock, config};

use super::error::ApiError;
use super::{Api, Call, Reply};

/// `GET /backup/`, written a page at a time as the client takes it.
pub(super) fn make(api: &Api, _: &Call<'_>) -> Result<Reply, ApiError> {
    let snapshot = api.store.snapshot()?;
    let snapshot = snapshot.ok_or_else(|| {
        ApiError::new(
            409,
            "this job database has tools of its own for that, such as redis-cli --rdb; or stop the server and use \
             \"nimesha backup FILE --from ADDRESS\"",
        )
    })?;
    let reader = InTime {
        backup: Backup::of(snapshot),
        until: clock::monotonic() + config::BACKUP_TIME_MAX,
    };
    let body = Body::Reader {
        reader: Box::new(reader),
        length: None,
    };
    let answer = Answer::new(200, body).with_header("Content-Type", "application/jsonl");
    Ok(Reply::Now(answer))
}

/// A backup that is cut off when it takes too long: the database keeps for it what is deleted meanwhile.
struct InTime {
    backup: Backup<Box<dyn Snapshot + Send>>,
    until: Instant,
}

impl Read for InTime {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if clock::monotonic() > self.until {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.backup.read(buffer)
    }
}
