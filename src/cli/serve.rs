//! `nimesha serve`: the server, with its log.

use super::CliError;
use crate::settings::Settings;
use crate::{daemon, logging};

/// Runs the server until a signal ends it.
pub(super) fn run(settings: &Settings) -> Result<(), CliError> {
    settings
        .check()
        .map_err(|error| CliError::Usage(error.to_string()))?;
    logging::start(settings.log_format, settings.verbose);
    daemon::run(settings).map_err(|error| CliError::Failed(error.to_string()))
}
