//! The program: words in, an exit code out. An error is printed here, once.

use std::process::ExitCode;

use nimesha::cli;

fn main() -> ExitCode {
    match cli::main(std::env::args_os()) {
        Ok(()) => cli::ExitCode::Success.into(),
        Err(error) => {
            eprintln!("{error}");
            error.exit_code().into()
        }
    }
}
