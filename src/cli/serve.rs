//! `nimesha serve`: the server, with its log.

use super::CliError;
use super::argv::{Given, Value};
use crate::job::secret::Secrets;
use crate::settings::Settings;
use crate::{daemon, logging};

/// Runs the server until a signal ends it. `given` says where the settings come from.
pub(super) fn run(settings: &Settings, given: &[Given]) -> Result<(), CliError> {
    settings
        .check()
        .map_err(|error| CliError::Usage(error.to_string()))?;
    logging::start(settings.log_format, settings.verbose);
    for flag in exposed(given) {
        let variable = super::sources::variable(flag);
        log::warn!(
            "{flag} on the command line tells a password to everybody who may list processes: give {variable}, or a \
             file by --config"
        );
    }
    daemon::run(settings).map_err(|error| CliError::Failed(error.to_string()))
}

/// Flags by which the command line itself tells a secret. It stays where it is: other programs may have read it by the
/// time that we could write over it.
fn exposed(given: &[Given]) -> impl Iterator<Item = &str> {
    let typed = given.iter().filter(|given| given.whence.is_none());
    typed.filter_map(|Given { flag, value, .. }| match value {
        Value::Text(Some(text)) => {
            let is_secret = flag == "--jobdb-password" || Secrets::Hidden.url(text) != *text;
            is_secret.then_some(flag.as_str())
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_exposed_where_it_was_typed() {
        let given = |flag: &str, text: &str, whence: Option<&str>| Given {
            flag: flag.to_owned(),
            value: Value::Text(Some(text.to_owned())),
            whence: whence.map(str::to_owned),
        };
        let all = [
            given("--jobdb-password", "x", None),
            given("--jobdb-password", "x", Some("NIMESHA_JOBDB_PASSWORD")),
            given("--jobdb-address", "postgres://me:x@db/jobs", None),
            given("--jobdb-address", "db:5432", None),
            given("--token-file", "/srv/tokens", None),
        ];
        let exposed: Vec<&str> = exposed(&all).collect();
        assert_eq!(exposed, ["--jobdb-password", "--jobdb-address"]);
    }
}
