//! What all commands have in common that ask a server: where it is, who asks, and how they end when it refuses.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::CliError;
use crate::client::{Client, ClientError, Url};
use crate::config;

/// A command that asks a server. argh cannot put one struct's flags into another, so this does.
macro_rules! asking {
    ($(#[$meta:meta])* $name:ident { $($fields:tt)* }) => {
        #[derive(argh::FromArgs, argh::ArgsInfo)]
        $(#[$meta])*
        pub(in crate::cli) struct $name {
            $($fields)*
            /// the server: http://host:port, or unix:PATH (default http://127.0.0.1:8000)
            #[argh(option, default = "crate::client::Url::default()", arg_name = "url")]
            url: crate::client::Url,

            /// file of the authority that signed the server's certificate, for https (default: those that browsers know)
            #[argh(option, arg_name = "file")]
            cacert: Option<std::path::PathBuf>,
        }

        impl $name {
            /// A client of the server that is meant.
            fn connect(&self) -> Result<crate::client::Client, crate::cli::CliError> {
                crate::cli::connect::connect(&self.url, self.cacert.as_deref())
            }
        }
    };
}
pub(super) use asking;

/// A client of the server at `url`, with the token of NIMESHA_TOKEN.
pub(super) fn connect(url: &Url, cacert: Option<&Path>) -> Result<Client, CliError> {
    let token = match super::sources::environment("NIMESHA_TOKEN") {
        None => None,
        Some(text) => Some(token(&text)?),
    };
    let client = Client::new(url, token.as_deref());
    match cacert {
        None => Ok(client),
        Some(path) => authority(path)
            .and_then(|pem| client.trusting(&pem))
            .map_err(|why| CliError::Usage(format!("--cacert {}: {why}", path.display()))),
    }
}

/// The bytes of a file of certificates.
fn authority(path: &Path) -> Result<Vec<u8>, String> {
    let mut pem = Vec::new();
    let file = File::open(path).map(|file| file.take(config::TLS_FILE_BYTES_MAX));
    match file.and_then(|mut file| file.read_to_end(&mut pem)) {
        Ok(_) => Ok(pem),
        Err(why) => Err(why.to_string()),
    }
}

/// The secret itself, or with an `@` before it the file that holds it.
fn token(text: &str) -> Result<String, CliError> {
    let secret = match text.strip_prefix('@') {
        None => text.to_owned(),
        Some(path) => {
            let mut secret = String::new();
            let file = File::open(path).map(|file| file.take(config::SETTINGS_FILE_BYTES_MAX));
            let read = file.and_then(|mut file| file.read_to_string(&mut secret));
            read.map_err(|why| {
                CliError::Failed(format!(
                    "cannot read the token of NIMESHA_TOKEN from {path}: {why}"
                ))
            })?;
            secret
        }
    };
    let secret = secret.trim();
    if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(CliError::Usage(
            "NIMESHA_TOKEN must hold a token, or @FILE with one alone in it".into(),
        ));
    }
    Ok(secret.to_owned())
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> CliError {
        match error {
            ClientError::Away(why) => CliError::Away(why),
            ClientError::NotFound(why) => CliError::NotFound(why),
            ClientError::Refused { why, .. } | ClientError::Foreign(why) => CliError::Failed(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stands_in_the_variable_or_in_a_file() {
        assert_eq!(token(" s3cret\n"), Ok("s3cret".to_owned()));
        let path = std::env::temp_dir().join(format!("nimesha-token-{}", std::process::id()));
        std::fs::write(&path, "s3cret\n").unwrap();
        assert_eq!(
            token(&format!("@{}", path.display())),
            Ok("s3cret".to_owned())
        );
        std::fs::write(&path, "admin s3cret\n").unwrap();
        assert!(token(&format!("@{}", path.display())).is_err());
        std::fs::remove_file(&path).unwrap();
        for text in ["@", "@/nowhere", "a b", "a\nb: c", "ä"] {
            assert!(token(text).is_err(), "{text}");
        }
    }
}
