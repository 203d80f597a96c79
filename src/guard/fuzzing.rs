//! The checks of the guard, for the fuzzer alone.

use super::Gate;
use super::audit::Change;
use super::refusal::Refusal;
use super::tokens::Tokens;
use crate::http::{self, Role};

/// Reads a token file.
pub fn tokens(text: &str) {
    if let Ok(tokens) = Tokens::parse(text) {
        assert!(tokens.len() > 0);
        assert!(tokens.find("").is_none());
    }
}

/// Asks to be let in by a request of which the bytes are the head. The gate has to have one token, which no fuzzer
/// guesses.
pub fn come_in(gate: &Gate, bytes: &[u8]) {
    let Some(request) = http::fuzzing::request(bytes) else {
        return;
    };
    match gate.admit(&request, Some(Role::Read)) {
        Ok(caller) => panic!("{} was let in by {request:?}", caller.name),
        Err(refusal @ Refusal::Foreign(_)) => drop(refusal.answer(&request)),
        Err(refusal) => {
            let origin = request.header("origin");
            assert!(
                origin != Some("null") || matches!(refusal, Refusal::Misdirected(_)),
                "{request:?} is of a page that is nobody's"
            );
            drop(refusal.answer(&request));
        }
    }
    let _ = gate.sign_in(&request);
    let _ = gate.sign_out(&request);
    let _ = Change::of(&request, "-");
}
