//! File systems of a test's own: small ones that fill up, and one that turns read-only as a failing disk does.
//!
//! To mount them takes root. Where that is not to be had, tests say so and are left out.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{TempDir, wait_until};

/// A small file system in memory.
pub(crate) struct SmallDisk(TempDir);

impl SmallDisk {
    /// None where the system lets the test mount none.
    pub(crate) fn mount(mebibytes: u32) -> Option<SmallDisk> {
        let dir = TempDir::new();
        let options = format!("size={mebibytes}m,mode=0755");
        let is_mounted = is_done(
            "mount",
            &["-t", "tmpfs", "-o", &options, "tmpfs", name(dir.path())],
        );
        if !is_mounted {
            println!("skipped: no file system can be mounted here, which takes root");
        }
        is_mounted.then_some(SmallDisk(dir))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn name(&self) -> &str {
        name(self.path())
    }

    /// Takes all space that is left.
    pub(crate) fn fill(&self) {
        let file = fs::File::create(self.path().join("fill")).expect("a new file");
        let mut file = BufWriter::with_capacity(4_096, file);
        while file.write_all(&[7; 4_096]).is_ok() {}
    }

    pub(crate) fn free(&self) {
        fs::remove_file(self.path().join("fill")).expect("it was made");
    }

    pub(crate) fn make_read_only(&self) {
        assert!(is_done("mount", &["-o", "remount,ro", self.name()]));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What a test leaves behind must not hide why it failed.
        is_done("umount", &["--lazy", self.name()]);
    }
}

/// A file system in a file, whose kernel part can be told that it has found an error. As on a disk that fails, it is
/// read-only from then on, under all that have it open, until it is mounted anew.
pub(crate) struct BrokenDisk {
    dir: TempDir,
    image: PathBuf,
    // Gone last.
    _around: TempDir,
}

impl BrokenDisk {
    /// None where the system lets the test mount none, or break it.
    pub(crate) fn mount() -> Option<BrokenDisk> {
        let around = TempDir::new();
        let image = around.path().join("image");
        let file = fs::File::create(&image).expect("a new file");
        file.set_len(16 * 1024 * 1024)
            .expect("it takes no space yet");
        let disk = BrokenDisk {
            dir: TempDir::new(),
            image,
            _around: around,
        };
        let is_made = is_done(
            "mkfs.ext4",
            &["-q", "-F", "-O", "^has_journal", name(&disk.image)],
        );
        let is_ready = is_made && disk.mount_it() && disk.fault().is_some();
        if !is_ready {
            println!(
                "skipped: no ext4 can be made, mounted and broken here, which takes root and loop devices"
            );
        }
        is_ready.then_some(disk)
    }

    pub(crate) fn name(&self) -> &str {
        name(self.dir.path())
    }

    pub(crate) fn turn_read_only(&self) {
        let fault = self.fault().expect("it was there");
        fs::write(fault, "1").expect("the kernel takes it");
    }

    /// Takes it from where it is mounted, and mounts it repaired when nobody has files open there any more.
    pub(crate) fn mount_anew(&self) {
        assert!(is_done("umount", &["--lazy", self.name()]));
        wait_until("nobody uses the disk", || !self.is_in_use());
        // What it repairs is what the kernel was told.
        let repaired = run("fsck.ext4", &["-p", "-f", name(&self.image)]);
        assert!(matches!(repaired, Some(0 | 1)) && self.mount_it());
    }

    fn is_in_use(&self) -> bool {
        let devices = Command::new("losetup")
            .arg("--associated")
            .arg(&self.image)
            .output();
        !devices.expect("it comes with mount").stdout.is_empty()
    }

    fn mount_it(&self) -> bool {
        let image = name(&self.image);
        is_done(
            "mount",
            &["-o", "loop,errors=remount-ro", image, self.name()],
        )
    }

    /// The file by which its part of the kernel is told of an error.
    fn fault(&self) -> Option<PathBuf> {
        let mounts = fs::read_to_string("/proc/mounts").ok()?;
        let mut mounts = mounts.lines().map(|line| line.split(' '));
        let device = mounts.find_map(|mut mount| {
            let device = mount.next()?;
            (mount.next()? == self.name()).then_some(device)
        })?;
        let device = device.strip_prefix("/dev/")?;
        let fault = Path::new("/sys/fs/ext4")
            .join(device)
            .join("trigger_fs_error");
        fault.exists().then_some(fault)
    }
}

impl Drop for BrokenDisk {
    fn drop(&mut self) {
        // As above.
        is_done("umount", &["--lazy", self.name()]);
    }
}

fn is_done(program: &str, words: &[&str]) -> bool {
    run(program, words) == Some(0)
}

/// The exit code; none where there is no such program.
fn run(program: &str, words: &[&str]) -> Option<i32> {
    let mut command = Command::new(program);
    let output = command.args(words).stdin(Stdio::null()).output().ok()?;
    output.status.code()
}

fn name(path: &Path) -> &str {
    path.to_str().expect("a name of ours")
}
