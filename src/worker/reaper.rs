//! Taking in orphans where this process is the first of its container.
//!
//! Process 1 inherits every process whose parent has gone, and each stays as a zombie until it is waited for. Waiting
//! for just any child would also take the exit status of a worker's command from under it. So the children that a
//! worker waits for are written down, and only others are waited for here, by number; the system lists those that it
//! gave to process 1 under its main thread. Anywhere but in process 1 nothing is written down and nothing is done.

use std::collections::HashSet;
use std::io;
use std::process::{Child, Command};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Condvar, Mutex, RwLock};
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::config;

/// The children of this process. There is one table because there is one process.
static CHILDREN: LazyLock<Children> = LazyLock::new(Children::default);
/// Whether [`CHILDREN`] is kept.
static ACTIVE: AtomicBool = AtomicBool::new(false);

#[derive(Default)]
struct Children {
    /// Held for reading from before a child exists until it is in the table, so that the reaper, which writes, never
    /// sees one that is missing there.
    spawning: RwLock<()>,
    table: Mutex<Table>,
    changed: Condvar,
}

#[derive(Default)]
struct Table {
    awaited: HashSet<Pid>,
    /// Counts the changes of `awaited`.
    changes: u64,
}

/// Starts the reaper if this is process 1.
///
/// # Errors
/// When its thread cannot be started.
pub fn start_if_init() -> io::Result<()> {
    if std::process::id() == 1 {
        start()?;
    }
    Ok(())
}

/// Starts the reaper, once and before the first command.
pub(super) fn start() -> io::Result<()> {
    ACTIVE.store(true, Ordering::Release);
    std::thread::Builder::new()
        .name("reaper".to_owned())
        .stack_size(config::WORKER_STACK_BYTES)
        .spawn(|| CHILDREN.reap())
        .map(drop)
}

/// Starts `command` as a child whose status only its starter takes; [`forget`] it then.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    if !ACTIVE.load(Ordering::Acquire) {
        return command.spawn();
    }
    let _spawning = CHILDREN.spawning.read();
    let child = command.spawn()?;
    CHILDREN.change(|awaited| awaited.insert(Pid::from_child(&child)));
    Ok(child)
}

/// Says that the status of child `pid` has been taken.
pub(crate) fn forget(pid: Pid) {
    if ACTIVE.load(Ordering::Acquire) {
        CHILDREN.change(|awaited| awaited.remove(&pid));
    }
}

impl Children {
    fn change(&self, change: impl FnOnce(&mut HashSet<Pid>) -> bool) {
        let mut table = self.table.lock();
        change(&mut table.awaited);
        table.changes += 1;
        self.changed.notify_all();
    }

    /// Waits for orphans for ever.
    fn reap(&self) {
        loop {
            let changes = self.table.lock().changes;
            let reaped = match waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                Ok(_) => self.reap_orphans(),
                Err(Errno::INTR) => true,
                // No child at all: there is nothing to wait for before the next one.
                Err(_) => false,
            };
            if !reaped {
                // It is a worker's command that has ended: it says so when it has taken the status.
                let mut table = self.table.lock();
                while table.changes == changes {
                    self.changed.wait(&mut table);
                }
            }
        }
    }

    /// Takes the orphans that have ended; false when there are none.
    fn reap_orphans(&self) -> bool {
        let _no_spawning = self.spawning.write();
        let table = self.table.lock();
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        let mut reaped = false;
        for pid in inherited()
            .into_iter()
            .filter(|pid| !table.awaited.contains(pid))
        {
            // Nothing yet, or an error, means that this one still runs.
            reaped |= matches!(waitid(WaitId::Pid(pid), ended), Ok(Some(_)));
        }
        reaped
    }
}

/// The children of the main thread.
fn inherited() -> Vec<Pid> {
    let pid = std::process::id();
    let list = std::fs::read_to_string(format!("/proc/self/task/{pid}/children"));
    let list = list.unwrap_or_default();
    list.split_whitespace()
        .filter_map(|pid| Pid::from_raw(pid.parse().ok()?))
        .collect()
}
