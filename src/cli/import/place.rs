//! What cron knows of the machine that a crontab is from.

use crate::cli::sources::environment;
use crate::schedule::Zone;

/// The name of this machine's time zone: cron's fields are local times. UTC where it does not say.
pub(super) fn timezone() -> String {
    let named = || environment("TZ").map(|zone| zone.trim_start_matches(':').to_owned());
    let linked = || {
        let path = std::fs::read_link("/etc/localtime").ok()?;
        let (_, zone) = path.to_str()?.split_once("/zoneinfo/")?;
        Some(zone.to_owned())
    };
    let written = || {
        Some(
            std::fs::read_to_string("/etc/timezone")
                .ok()?
                .trim()
                .to_owned(),
        )
    };
    let is_zone = |zone: &String| Zone::parse(zone).is_ok();
    let zone = named().filter(is_zone).or_else(|| linked().filter(is_zone));
    zone.or_else(|| written().filter(is_zone))
        .unwrap_or_else(|| "UTC".to_owned())
}

/// The user's home, where cron starts commands.
pub(super) fn home() -> Option<String> {
    environment("HOME")
}
