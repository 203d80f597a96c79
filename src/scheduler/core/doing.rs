//! What goes on with a job. Of a large table most jobs only wait: with them nothing goes on, and takes no memory.

use std::ops::{Deref, DerefMut};

use crate::clock::Timestamp;
use crate::job::run::RunId;

/// A job's runs, and the command that changes it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Doing {
    /// The run of an occurrence that was taken off the wheel ahead of its instant, which has not come yet.
    pub(super) upcoming: Option<RunId>,
    /// The run that waits for the end of the others (`overlap: queue`).
    pub(super) waiting: Option<RunId>,
    /// Runs in progress.
    pub(super) active: u32,
    /// Those, and runs that wait or whose instant has not come.
    pub(super) open_runs: u32,
    /// Commands not yet durable that rely on this job staying as it is.
    pub(super) relied_on: u32,
    /// A command not yet durable changes this job.
    pub(super) changing: bool,
    /// That command moves the cursor here, and forgets which occurrences were claimed.
    pub(super) next_cursor: Option<Timestamp>,
    /// Until that command is decided no occurrence of this job is taken off the wheel.
    pub(super) frozen: bool,
    /// That command deletes it: until it is decided nothing of this job starts, ends or is stored.
    pub(super) deleting: bool,
}

/// A [`Doing`] that is kept only while it differs from nothing. To change it makes it; [`rest`](Self::rest) lets it go.
#[derive(Debug, Default)]
pub(super) struct Doings(Option<Box<Doing>>);

impl Doings {
    /// Gives the memory back if nothing goes on.
    pub(super) fn rest(&mut self) {
        self.0.take_if(|doing| **doing == NOTHING);
    }
}

static NOTHING: Doing = Doing {
    upcoming: None,
    waiting: None,
    active: 0,
    open_runs: 0,
    relied_on: 0,
    changing: false,
    next_cursor: None,
    frozen: false,
    deleting: false,
};

impl Deref for Doings {
    type Target = Doing;

    fn deref(&self) -> &Doing {
        self.0.as_deref().unwrap_or(&NOTHING)
    }
}

impl DerefMut for Doings {
    fn deref_mut(&mut self) -> &mut Doing {
        self.0.get_or_insert_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_memory_only_while_something_goes_on() {
        let mut doings = Doings::default();
        doings.active += 1;
        doings.rest();
        assert_eq!(doings.active, 1);
        doings.active -= 1;
        assert!(doings.0.is_some());
        doings.rest();
        assert!(doings.0.is_none());
        assert_eq!(doings.active, 0);
    }
}
