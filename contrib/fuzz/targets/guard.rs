//! Who may come in: token files of any kind, and requests with any header fields, none of which has the right token.
#![no_main]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use nimesha::guard::{Gate, Settings, fuzzing};

static GATE: LazyLock<Gate> = LazyLock::new(|| {
    let path = std::env::temp_dir().join(format!("nimesha-fuzz-{}", std::process::id()));
    fs::write(&path, "own admin own-0123456789abcdef0123456789abcdef\n").expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its mode");
    let settings = Settings {
        token_file: Some(path.clone()),
        allow_hosts: vec!["jobs.example.com".to_owned()],
    };
    let gate = Gate::open(&settings).expect("a gate");
    fs::remove_file(path).expect("the file");
    gate
});

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = str::from_utf8(bytes) {
        fuzzing::tokens(text);
    }
    fuzzing::come_in(&GATE, bytes);
});
