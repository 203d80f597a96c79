//! The lease as a row that whoever commits locks first.

use std::time::Duration;

use super::SharedStore;
use super::holder::{self, Holder};
use crate::store::StoreError;
use crate::store::lease::{Held, Lease};
use crate::store::shared::session::{Failure, LeaseRow, Session, Step};

impl<S: Session> Lease for SharedStore<S> {
    fn take(&self, owner: &str, ttl: Duration) -> Result<Held, StoreError> {
        let mut writing = self.writer.lock();
        let writer = &mut *writing;
        writer.settle(self.id)?;
        let held = writer.link.run(|session| {
            let row = session.begin()?;
            let is_ours = row.holder == self.id.as_bytes();
            if !is_ours && row.ends_us > row.now_us && !holder::has_died(&row.holder) {
                session.rollback()?;
                return Ok(Held::Theirs {
                    owner: row.owner,
                    ends_in: Duration::from_micros(row.ends_us.abs_diff(row.now_us)),
                });
            }
            let term = if is_ours { row.term } else { row.term + 1 };
            let micros = i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX);
            session.apply(&[Step::Hold(&LeaseRow {
                term,
                holder: self.id.as_bytes().to_vec(),
                owner: owner.to_owned(),
                ends_us: row.now_us.saturating_add(micros),
                ..row
            })])?;
            session.commit()?;
            Ok(Held::Ours { term })
        })?;
        writer.term = match held {
            Held::Ours { term } => Some(term),
            Held::Theirs { .. } => None,
        };
        drop(writing);
        self.measure();
        Ok(held)
    }

    fn give_back(&self) -> Result<(), StoreError> {
        let mut writer = self.writer.lock();
        let writer = &mut *writer;
        let settled = writer.settle(self.id);
        let Some(term) = writer.term.take() else {
            return Ok(());
        };
        settled?;
        Ok(writer.link.run(|session| {
            let row = session.begin()?;
            if check(&row, self.id, Some(term)).is_err() {
                return session.rollback();
            }
            session.apply(&[Step::Hold(&LeaseRow {
                holder: Vec::new(),
                ends_us: row.now_us,
                ..row
            })])?;
            session.commit()
        })?)
    }
}

/// Fails unless the row still has the term that the store took.
pub(super) fn check(row: &LeaseRow, store: Holder, term: Option<u64>) -> Result<(), Failure> {
    if row.holder == store.as_bytes() && Some(row.term) == term {
        return Ok(());
    }
    let why = match term {
        Some(_) if !row.owner.is_empty() => {
            format!("the lease has gone to {}: this server stands by", row.owner)
        }
        _ => "this server does not hold the lease".to_owned(),
    };
    Err(Failure::Said(StoreError::Lost(why)))
}
