//! The local command: its process, started, watched and ended.

use std::borrow::Cow;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::environment::Environment;
use super::executor::{Attempt, Executor, Limit, Start, is_past};
use super::reaper;
use super::shortage::{Shortage, is_shortage};
use super::stop::StopSignal;
use super::supervise::{Process, supervise};
use crate::clock::Timestamp;
use crate::config;
use crate::job::command::{self, Filled};
use crate::job::output::OutputBuffer;
use crate::job::run::AttemptEnd;
use crate::job::template::Subject;

/// What the workers of a pool share for their commands.
#[derive(Debug)]
pub(super) struct Shared {
    environment: Environment,
    shortage: Arc<Shortage>,
    kill_after: Duration,
}

/// Runs local commands.
pub(super) struct LocalExecutor {
    shared: Arc<Shared>,
    /// What was read last; kept for the next run.
    buffer: Vec<u8>,
}

/// A command to run.
pub(super) struct Task<'a> {
    pub(super) command: Filled,
    /// Added to the server's environment, in this order.
    pub(super) env: Vec<(&'a str, Cow<'a, str>)>,
    pub(super) cwd: &'a str,
    pub(super) limit: Option<Limit>,
    /// It is not started after this instant.
    pub(super) not_after: Option<Timestamp>,
    pub(super) output: &'a OutputBuffer,
}

impl Shared {
    pub(super) fn new(kill_after: Duration, shortage: Arc<Shortage>) -> Shared {
        Shared {
            environment: Environment::of_this_process(),
            shortage,
            kill_after,
        }
    }

    /// A descriptor of process `pid`, which nobody has waited for yet: so its number is still its own, however long
    /// there is no room for one more descriptor.
    fn descriptor(&self, pid: Pid) -> io::Result<OwnedFd> {
        let mut wait = config::SHORTAGE_WAIT_MIN;
        loop {
            match pidfd_open(pid, PidfdFlags::empty()).map_err(io::Error::from) {
                Err(e) if is_shortage(&e) => self.shortage.wait(&e, None, &mut wait),
                result => return result,
            }
        }
    }
}

impl Executor for LocalExecutor {
    fn execute(&mut self, attempt: &mut Attempt<'_>) -> AttemptEnd {
        match Task::of(attempt) {
            Ok(task) => self.run(&task, attempt.stop, &mut attempt.start),
            Err(why) => AttemptEnd::Error(why),
        }
    }
}

impl<'a> Task<'a> {
    fn of(attempt: &Attempt<'a>) -> Result<Task<'a>, String> {
        let order = attempt.order;
        let job = &*order.job;
        let extras = job.extras();
        let subject = Subject {
            job,
            figures: &order.figures,
        };
        let form = command::parse(job.spec.command(), &extras.template_delimiters)?;
        let scheduled_at = order.scheduled_at.map(|at| job.schedule.zone().format(at));
        let mut env: Vec<(&str, Cow<'_, str>)> = Vec::with_capacity(extras.env.len() + 6);
        env.extend(extras.env.iter().map(|(k, v)| (k.as_str(), v.into())));
        env.push(("NIMESHA_JOB_ID", job.id.to_string().into()));
        env.push(("NIMESHA_JOB_NAME", job.spec.name().into()));
        env.push(("NIMESHA_RUN_ID", order.run.to_string().into()));
        // Empty where there is no occurrence: a script that refuses unset variables works there too.
        env.push((
            "NIMESHA_SCHEDULED_AT",
            scheduled_at.unwrap_or_default().into(),
        ));
        env.push(("NIMESHA_ATTEMPT", order.attempt.to_string().into()));
        env.push(("NIMESHA_TRIGGER", order.trigger.as_str().into()));
        Ok(Task {
            command: form.fill(|field| subject.value(field)),
            env,
            cwd: &extras.cwd,
            limit: attempt.limit(),
            not_after: order.not_after,
            output: &order.output,
        })
    }

    /// What the user calls the program.
    fn program(&self) -> &str {
        match &self.command {
            Filled::Direct(words) => &words[0],
            Filled::Shell(..) => "/bin/sh",
        }
    }

    /// The variable `name` as the task sets it.
    fn var(&self, name: &str) -> Option<&str> {
        let found = self.env.iter().rev().find(|(n, _)| *n == name);
        found.map(|(_, value)| value.as_ref())
    }

    /// The command for the system, in the form that std starts by posix_spawn: a fork would cost milliseconds in a
    /// server of some hundred MiB. So: no user, no hook before exec, and no bare program name beside a PATH.
    fn command(&self, environment: &Environment) -> Result<Command, String> {
        let mut command = match &self.command {
            Filled::Direct(words) => {
                let mut command = Command::new(self.file(environment, &words[0])?);
                command.arg0(&words[0]).args(&words[1..]);
                command
            }
            Filled::Shell(text, variables) => {
                let mut command = Command::new("/bin/sh");
                command.arg("-c").arg(text).envs(variables.iter().cloned());
                command
            }
        };
        environment.hide(&mut command);
        for (name, value) in &self.env {
            command.env(name, value.as_ref());
        }
        if !self.cwd.is_empty() {
            command.current_dir(self.cwd);
        }
        command.process_group(0);
        Ok(command)
    }

    fn file(&self, environment: &Environment, program: &str) -> Result<std::path::PathBuf, String> {
        if program.contains('/') {
            return Ok(program.into());
        }
        environment
            .find(program, self.var("PATH"), self.cwd)
            .ok_or_else(|| format!("exec {program}: not found in PATH"))
    }

    /// Why the command did not start, in words that name what is wrong.
    fn explain(&self, error: &io::Error) -> String {
        if !self.cwd.is_empty() {
            match std::fs::metadata(self.cwd) {
                Err(e) => return format!("cwd {}: {}", self.cwd, plain(&e)),
                Ok(meta) if !meta.is_dir() => return format!("cwd {}: not a directory", self.cwd),
                Ok(_) => {}
            }
        }
        let program = self.program();
        let hint = match Errno::from_io_error(error) {
            Some(Errno::NOEXEC) => " (a script needs a first line such as #!/bin/sh)",
            Some(Errno::NOENT) if std::path::Path::new(self.cwd).join(program).exists() => {
                " (the interpreter that it names)"
            }
            _ => "",
        };
        format!("exec {program}: {}{hint}", plain(error))
    }
}

/// An error of the system without its number, as `exec /no/such: no such file or directory` has it.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_lowercase().chain(chars).collect())
        .unwrap_or_default()
}

impl LocalExecutor {
    pub(super) fn new(shared: Arc<Shared>) -> LocalExecutor {
        LocalExecutor {
            shared,
            buffer: Vec::new(),
        }
    }

    /// Runs `task` to its end. `start` is set to the instant just before the process came to be.
    pub(super) fn run(
        &mut self,
        task: &Task<'_>,
        stop: &StopSignal,
        start: &mut Start,
    ) -> AttemptEnd {
        let process = match self.start(task, stop, start) {
            Ok(process) => process,
            Err(end) => return end,
        };
        let pid = process.pid();
        let end = supervise(
            process,
            start.deadline(task.limit),
            self.shared.kill_after,
            stop,
            |pid| self.shared.descriptor(pid),
            |pipe| read(pipe, &mut self.buffer, task.output),
        );
        reaper::forget(pid);
        self.shared.shortage.relieve();
        end
    }

    /// Starts the process, however long there is no room for it.
    fn start(
        &self,
        task: &Task<'_>,
        stop: &StopSignal,
        start: &mut Start,
    ) -> Result<Process, AttemptEnd> {
        let mut wait = config::SHORTAGE_WAIT_MIN;
        loop {
            let command = task
                .command(&self.shared.environment)
                .map_err(AttemptEnd::Error)?;
            *start = Start::now();
            match spawn(command) {
                Ok(process) => return Ok(process),
                Err(e) if is_shortage(&e) => self.shared.shortage.wait(&e, Some(stop), &mut wait),
                Err(e) => return Err(AttemptEnd::Error(task.explain(&e))),
            }
            if stop.wanted().is_some() {
                return Err(AttemptEnd::Stopped);
            }
            if is_past(task.not_after) {
                return Err(AttemptEnd::TooLate);
            }
        }
    }
}

/// Starts the process once. `command` is consumed, because it holds the writing end of the pipe.
fn spawn(mut command: Command) -> io::Result<Process> {
    let (reader, writer) = io::pipe()?;
    command.stderr(writer.try_clone()?).stdout(writer);
    let child = reaper::spawn(&mut command)?;
    Ok(Process::new(child, reader))
}

/// Takes what `pipe` has into `output`; false at its end.
fn read(pipe: &io::PipeReader, buffer: &mut Vec<u8>, output: &OutputBuffer) -> bool {
    buffer.clear();
    buffer.reserve(config::READ_BYTES);
    match rustix::io::read(pipe, rustix::buffer::spare_capacity(buffer)) {
        Ok(0) => false,
        Ok(_) => {
            output.append(buffer);
            true
        }
        Err(error) => error == Errno::INTR,
    }
}
