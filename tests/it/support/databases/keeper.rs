//! Ends a server when the process that started it ends, however that comes about.
//!
//! What tests share is never dropped, and a test that is killed drops nothing. So a shell waits at a pipe that the system
//! closes in any case, then ends the server and removes its directory.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use parking_lot::Mutex;
use rustix::process::Signal;

/// `$0` is the directory, `$1` the signal; the last line read is the process, or empty.
const SCRIPT: &str = r#"
while read -r line; do pid=$line; done
if [ -n "$pid" ]; then
    kill -"$1" "$pid"
    kill -CONT "$pid"
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        kill -0 "$pid" || break
        sleep 0.3
    done
    kill -KILL "$pid"
fi
rm -rf "$0"
"#;

/// The shell.
pub(super) struct Keeper {
    shell: Child,
    /// None only while it is dropped.
    pipe: Mutex<Option<ChildStdin>>,
}

impl Keeper {
    /// Sees to it that the directory goes.
    pub(super) fn new(dir: &Path, signal: Signal) -> Keeper {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT])
            .arg(dir)
            .arg(signal.as_raw().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0) // an interrupt in the terminal must not end it before its work is done
            .spawn()
            .expect("there is a shell");
        let pipe = shell.stdin.take();
        Keeper {
            shell,
            pipe: Mutex::new(pipe),
        }
    }

    /// From now on this is the process to end, or none is.
    pub(super) fn watch(&self, pid: Option<u32>) {
        let line = pid.map_or(String::new(), |pid| pid.to_string());
        if let Some(pipe) = &mut *self.pipe.lock() {
            writeln!(pipe, "{line}").expect("the shell waits for it");
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        *self.pipe.lock() = None;
        let _ = self.shell.wait(); // all that it did is to clean up
    }
}
