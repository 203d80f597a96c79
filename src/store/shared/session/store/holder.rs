//! Who holds a lease, as 16 bytes: the world in which its process lives, its number there, and which of its stores.
//!
//! By that a server which is started again after a crash knows that the lease is its own predecessor's, who will not
//! come back, and does not wait for the lease's end. It knows it only where it is certain: in the same boot of the same
//! machine, in the same namespace of process numbers, with no process of that number left. A number that was given out
//! again, or a system that does not tell these things, means to wait as for anybody else.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use uuid::Uuid;

use crate::process;

/// The holder of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder([u8; 16]);

impl Holder {
    /// One that there has never been.
    pub(super) fn new() -> Holder {
        let mut bytes = *Uuid::new_v4().as_bytes();
        if let Some(world) = world() {
            bytes[..8].copy_from_slice(&world);
            bytes[8..12].copy_from_slice(&std::process::id().to_be_bytes());
        }
        Holder(bytes)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Whether that holder's process is known to have ended. Others that died are not known to have.
pub(super) fn has_died(holder: &[u8]) -> bool {
    let Some((theirs, rest)) = holder.split_first_chunk::<8>() else {
        return false;
    };
    let number = rest.first_chunk().map(|bytes| i32::from_be_bytes(*bytes));
    let is_gone = |pid| test_kill_process(pid) == Err(Errno::SRCH);
    world().is_some_and(|ours| ours == *theirs)
        && number
            .filter(|number| *number > 0)
            .and_then(Pid::from_raw)
            .is_some_and(is_gone)
}

/// What processes have in common that see each other by their numbers, until the machine is started anew.
fn world() -> Option<[u8; 8]> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let numbers = fs::read_link("/proc/self/ns/pid").ok()?;
    let mut hasher = DefaultHasher::new();
    (boot, numbers, process::host_name()).hash(&mut hasher);
    Some(hasher.finish().to_be_bytes())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// The holder that another process of this world would be.
    fn holder_of(number: u32) -> [u8; 16] {
        let mut bytes = Holder::new().0;
        bytes[8..12].copy_from_slice(&number.to_be_bytes());
        bytes
    }

    #[test]
    fn the_dead_are_known_in_their_own_world() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let holder = holder_of(child.id());
        assert!(!has_died(&holder));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(has_died(&holder));
        let mut elsewhere = holder;
        elsewhere[0] ^= 1;
        assert!(!has_died(&elsewhere));
    }

    #[test]
    fn nobody_else_is_taken_for_dead() {
        assert_ne!(Holder::new(), Holder::new());
        for holder in [
            Holder::new().as_bytes(),
            &holder_of(0),
            b"",
            b"short",
            &[0xff; 16],
        ] {
            assert!(!has_died(holder), "{holder:?}");
        }
    }
}
