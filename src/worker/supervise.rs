//! From a command's start to its end: output, exit, timeout and stop, all in one wait of one thread.
//!
//! The process is waited for by its descriptor, in the same `poll` as the pipe, the worker's bell and the deadline. So
//! there is no handler for SIGCHLD, no helper thread and no polling, and a process number is never used after it may
//! have become another one's. Most commands are short, and the end of their pipe says that they are over: the
//! descriptor is opened for those only that run longer. That spares three system calls a run, and each new process the
//! closing of a descriptor for every other command that runs.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, Signal, kill_process_group};

use super::poll::{passed, poll_until};
use super::stop::{Stop, StopSignal};
use crate::clock;
use crate::config;
use crate::job::run::AttemptEnd;

/// A command's process, its group's leader, with the pipe that it writes to.
pub(super) struct Process {
    child: Child,
    /// None until it is needed.
    pidfd: Option<OwnedFd>,
    /// None once its end has been read.
    pipe: Option<io::PipeReader>,
}

/// How far a command has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It runs. The deadline is its timeout.
    Running,
    /// SIGTERM was sent to its group. The deadline is that of SIGKILL. When the leader has gone, it is not waited for
    /// yet, so that the group's number stays taken until the last signal has been sent.
    Ending,
    /// SIGKILL was sent to its group. There is no deadline: nothing more can be done.
    Killed,
    /// It has ended and its status is known. The deadline is the last moment for what still writes to its pipe.
    Ended,
}

struct Watch<'a> {
    process: Process,
    stop: &'a StopSignal,
    kill_after: Duration,
    phase: Phase,
    deadline: Option<Instant>,
    /// The leader has exited.
    left: bool,
    status: Option<io::Result<ExitStatus>>,
    /// Why it was ended from here.
    cause: Option<AttemptEnd>,
}

/// Sees `process` to its end. `open` gets its descriptor; `read` takes from the pipe, and says false at its end.
pub(super) fn supervise(
    process: Process,
    deadline: Option<Instant>,
    kill_after: Duration,
    stop: &StopSignal,
    open: impl FnOnce(Pid) -> io::Result<OwnedFd>,
    mut read: impl FnMut(&io::PipeReader) -> bool,
) -> AttemptEnd {
    let mut watch = Watch {
        process,
        stop,
        kill_after,
        phase: Phase::Running,
        deadline,
        left: false,
        status: None,
        cause: None,
    };
    if let Err(error) = watch.sprint(&mut read).and_then(|()| watch.open(open)) {
        watch.give_up(&error);
    }
    while watch.phase != Phase::Ended || watch.process.pipe.is_some() {
        watch.turn(&mut read);
    }
    watch.end()
}

impl Process {
    pub(super) fn new(child: Child, pipe: io::PipeReader) -> Process {
        Process {
            child,
            pidfd: None,
            pipe: Some(pipe),
        }
    }

    pub(super) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

/// Sends `signal` to the group that `child`, not waited for yet, leads.
fn signal(child: &Child, signal: Signal) {
    // It fails only when the whole group has gone, which is what was wanted.
    let _ = kill_process_group(Pid::from_child(child), signal);
}

impl Watch<'_> {
    /// Waits a moment for the end of the pipe, and takes the status if the command is over then.
    fn sprint(&mut self, read: &mut impl FnMut(&io::PipeReader) -> bool) -> io::Result<()> {
        let moment = clock::monotonic() + config::SPRINT;
        let until = Some(self.deadline.map_or(moment, |at| at.min(moment)));
        while let Some(pipe) = &self.process.pipe {
            let mut fds = [pipe.as_fd(), self.stop.as_fd()]
                .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
            poll_until(&mut fds, until)?;
            let [output, stop] = fds.map(|fd| fd.revents());
            if output.contains(PollFlags::IN) && read(pipe) {
                // There may be more.
            } else if !output.is_empty() {
                self.process.pipe = None;
            }
            if !stop.is_empty() || passed(until) {
                return Ok(());
            }
        }
        // It may have closed its pipe and run on.
        if let Some(status) = self.process.child.try_wait()? {
            self.status = Some(Ok(status));
            self.left = true;
            self.phase = Phase::Ended;
        }
        Ok(())
    }

    /// Opens the descriptor of a process that is not over.
    fn open(&mut self, open: impl FnOnce(Pid) -> io::Result<OwnedFd>) -> io::Result<()> {
        if !self.left {
            self.process.pidfd = Some(open(self.process.pid())?);
        }
        Ok(())
    }

    /// Waits for the next thing to happen and acts on it. The exit comes before the stop: a command that ended by
    /// itself first keeps its true end.
    fn turn(&mut self, read: &mut impl FnMut(&io::PipeReader) -> bool) {
        let (output, exit, stop) = match self.wait() {
            Ok(ready) => ready,
            Err(error) => return self.give_up(&error),
        };
        if output.contains(PollFlags::IN) {
            let more = self.process.pipe.as_ref().is_some_and(read);
            self.on_output(more);
        } else if !output.is_empty() {
            self.on_output(false);
        }
        if exit {
            self.on_exit();
        }
        if stop {
            self.on_stop();
        }
        if passed(self.deadline) {
            self.on_deadline();
        }
    }

    /// What is ready: the pipe (and how), the exit, the stop.
    fn wait(&self) -> io::Result<(PollFlags, bool, bool)> {
        const IN: PollFlags = PollFlags::IN;
        let stop = PollFd::new(self.stop, IN);
        // Twice the bell where there is nothing else to wait for: `poll` takes no empty places.
        let pidfd = match &self.process.pidfd {
            Some(pidfd) if !self.left => PollFd::new(pidfd, IN),
            _ => stop.clone(),
        };
        let pipe = match &self.process.pipe {
            Some(pipe) => PollFd::new(pipe, IN),
            None => stop.clone(),
        };
        let mut fds = [stop, pidfd, pipe];
        poll_until(&mut fds, self.deadline)?;
        let [stop, pidfd, pipe] = fds.map(|fd| fd.revents());
        let output = match self.process.pipe {
            Some(_) => pipe,
            None => PollFlags::empty(),
        };
        Ok((output, !self.left && !pidfd.is_empty(), !stop.is_empty()))
    }

    fn on_output(&mut self, more: bool) {
        if more {
            return;
        }
        self.process.pipe = None;
        if self.phase == Phase::Ending && self.left {
            self.kill();
        }
    }

    fn on_exit(&mut self) {
        self.left = true;
        match self.phase {
            // Its group may still be tidying up; it has until the deadline, or until no one holds the pipe.
            Phase::Ending if self.process.pipe.is_some() => {}
            Phase::Ending => self.kill(),
            Phase::Running | Phase::Killed | Phase::Ended => self.reap(),
        }
    }

    fn on_stop(&mut self) {
        self.stop.acknowledge();
        match (self.phase, self.stop.wanted()) {
            (Phase::Ended, Some(_)) => self.process.pipe = None,
            (Phase::Running, Some(how)) => {
                self.terminate(AttemptEnd::Stopped);
                if how == Stop::Kill {
                    self.kill();
                }
            }
            (Phase::Ending, Some(Stop::Kill)) => self.kill(),
            _ => {}
        }
    }

    fn on_deadline(&mut self) {
        match self.phase {
            Phase::Running => self.terminate(AttemptEnd::TimedOut),
            Phase::Ending => self.kill(),
            Phase::Killed => self.deadline = None,
            Phase::Ended => self.process.pipe = None,
        }
    }

    fn terminate(&mut self, cause: AttemptEnd) {
        signal(&self.process.child, Signal::TERM);
        self.cause = Some(cause);
        self.phase = Phase::Ending;
        self.deadline = clock::monotonic().checked_add(self.kill_after);
    }

    fn kill(&mut self) {
        signal(&self.process.child, Signal::KILL);
        self.phase = Phase::Killed;
        self.deadline = None;
        if self.left {
            self.reap();
        }
    }

    /// Takes the status of the leader, which has exited; its group cannot be signalled from here on.
    fn reap(&mut self) {
        self.status = Some(self.process.child.wait());
        self.phase = Phase::Ended;
        self.deadline = Some(clock::monotonic() + config::PIPE_LINGER);
    }

    fn give_up(&mut self, error: &io::Error) {
        self.cause = Some(AttemptEnd::Error(format!(
            "the command could not be watched and was killed: {error}"
        )));
        signal(&self.process.child, Signal::KILL);
        self.reap();
        self.process.pipe = None;
    }

    fn end(self) -> AttemptEnd {
        if let Some(cause) = self.cause {
            return cause;
        }
        match self.status {
            Some(Ok(status)) => match (status.code(), status.signal()) {
                (Some(code), _) => AttemptEnd::Exited(code),
                (None, Some(signal)) => AttemptEnd::Signalled(signal),
                (None, None) => AttemptEnd::Error(format!("ended with {status}")),
            },
            Some(Err(e)) => AttemptEnd::Error(format!("its exit status is lost: {e}")),
            None => AttemptEnd::Error("its exit status is lost".to_owned()),
        }
    }
}
