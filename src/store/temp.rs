//! A directory for a test, gone with it.

use std::path::{Path, PathBuf};

/// A directory of its own.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    /// Makes one.
    pub(crate) fn new() -> TempDir {
        let path = std::env::temp_dir().join(format!("nimesha-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&path).unwrap();
        TempDir(path)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // a directory left behind fails no test
    }
}
