//! The environment of a command, and where its program lies.
//!
//! A command inherits the server's environment: handing a copy of each variable to each command instead would cost more
//! than all that the worker does beside the start. What belongs to the server alone is taken out.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{OFlags, fcntl_getfl, fstat, stat};

/// Where programs are looked for when there is no PATH at all, as the C library does.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// What of the server's environment concerns its commands.
#[derive(Debug)]
pub(super) struct Environment {
    /// The server's own settings, secrets among them, and what its service manager told it alone.
    hidden: Vec<OsString>,
    path: OsString,
    /// This process has no input either, as under most service managers: commands can have the same nothing.
    no_input: bool,
}

impl Environment {
    pub(super) fn of_this_process() -> Environment {
        Environment {
            hidden: std::env::vars_os()
                .map(|(name, _)| name)
                .filter(|name| is_hidden(name))
                .collect(),
            path: std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into()),
            no_input: has_no_input().unwrap_or(false),
        }
    }

    /// Takes from `command` what it must not see: the server's own variables, and its input.
    pub(super) fn hide(&self, command: &mut Command) {
        for name in &self.hidden {
            command.env_remove(name);
        }
        if !self.no_input {
            command.stdin(Stdio::null());
        }
    }

    /// The file of program `name`, which has no slash, in `path` or else the server's PATH.
    ///
    /// Looked for at each start, because a program may be put in place, or before another one, at any time. It is done
    /// here and not by the system because a changed PATH would cost the quick way of starting a process.
    pub(super) fn find(&self, name: &str, path: Option<&str>, cwd: &str) -> Option<PathBuf> {
        let path = path.map_or(self.path.as_os_str(), OsStr::new);
        std::env::split_paths(path)
            .map(|dir| Path::new(cwd).join(dir).join(name))
            .find(|file| is_program(file))
    }
}

fn is_hidden(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.starts_with(b"NIMESHA_") || name.starts_with(b"LISTEN_") || name == b"NOTIFY_SOCKET"
}

/// Whether standard input is /dev/null, open for reading.
fn has_no_input() -> rustix::io::Result<bool> {
    let stdin = rustix::stdio::stdin();
    let (ours, null) = (fstat(stdin)?, stat("/dev/null")?);
    let writes_only = fcntl_getfl(stdin)?.contains(OFlags::WRONLY);
    Ok((ours.st_dev, ours.st_ino) == (null.st_dev, null.st_ino) && !writes_only)
}

fn is_program(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_variables_are_hidden() {
        for (name, hidden) in [
            ("NIMESHA_TOKEN_FILE", true),
            ("NIMESHA_", true),
            ("NOTIFY_SOCKET", true),
            ("LISTEN_FDS", true),
            ("LISTEN_PID", true),
            ("NIMESHA", false),
            ("NOTIFY_SOCKETS", false),
            ("PATH", false),
        ] {
            assert_eq!(is_hidden(OsStr::new(name)), hidden, "{name}");
        }
    }

    #[test]
    fn programs_are_found_in_the_path_given() {
        let server = Environment {
            hidden: Vec::new(),
            path: "/no/such:/bin".into(),
            no_input: false,
        };
        assert_eq!(server.find("sh", None, ""), Some("/bin/sh".into()));
        assert_eq!(server.find("sh", Some("bin"), "/"), Some("/bin/sh".into()));
        assert_eq!(server.find("sh", Some("/etc"), ""), None);
        // Neither a directory nor a file that is no program counts.
        assert_eq!(server.find("bin", Some("/usr"), ""), None);
        assert_eq!(server.find("passwd", Some("/etc"), ""), None);
    }
}
