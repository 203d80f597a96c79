//! How the fields are written that all records have: instants, ids, lengths of time. Modules for serde's `with`.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::job::JobId;
use crate::job::run::RunId;

/// For `skip_serializing_if`: a key that has its default is left out.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// An instant: seconds since the Unix epoch and nanoseconds, as a list.
struct Instant(Timestamp);

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        (self.0.unix_secs(), self.0.subsec_nanos()).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Instant, D::Error> {
        let (secs, nanos) = <(i64, u32)>::deserialize(from)?;
        let years = Timestamp::MIN.unix_secs()..=Timestamp::MAX.unix_secs();
        if nanos < 1_000_000_000 && years.contains(&secs) {
            Ok(Instant(Timestamp::from_unix(secs, nanos)))
        } else {
            Err(D::Error::custom(format_args!(
                "[{secs},{nanos}] is no instant of the years 1 to 9999"
            )))
        }
    }
}

/// An id, as 32 hexadecimal digits.
struct Id(Uuid);

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.simple().encode_lower(&mut Uuid::encode_buffer()))
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Id, D::Error> {
        struct Digits;
        impl serde::de::Visitor<'_> for Digits {
            type Value = Uuid;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an id of 32 hexadecimal digits")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Uuid, E> {
                Uuid::try_parse(text).map_err(E::custom)
            }
        }
        from.deserialize_str(Digits).map(Id)
    }
}

/// Defines a module for `with`: a field of `$Domain` is written as `$Row`, which is made by `$to` and taken apart by
/// `$back`.
macro_rules! written_as {
    ($name:ident, $Domain:ty, $Row:ty, $to:expr, $back:expr) => {
        pub(super) mod $name {
            use super::*;

            #[allow(clippy::ptr_arg, clippy::ref_option)] // serde passes the field as it is declared
            pub(in super::super) fn serialize<S: Serializer>(
                value: &$Domain,
                to: S,
            ) -> Result<S::Ok, S::Error> {
                let row: $Row = $to(value);
                row.serialize(to)
            }

            pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
                from: D,
            ) -> Result<$Domain, D::Error> {
                <$Row>::deserialize(from).map($back)
            }
        }
    };
}

written_as!(
    instant,
    Timestamp,
    Instant,
    |at: &Timestamp| Instant(*at),
    |row: Instant| row.0
);
written_as!(
    maybe_instant,
    Option<Timestamp>,
    Option<Instant>,
    |at: &Option<Timestamp>| at.map(Instant),
    |row: Option<Instant>| row.map(|at| at.0)
);
written_as!(
    stretches,
    Vec<(Timestamp, Timestamp)>,
    Vec<(Instant, Instant)>,
    |all: &Vec<(Timestamp, Timestamp)>| all
        .iter()
        .map(|(begin, end)| (Instant(*begin), Instant(*end)))
        .collect(),
    |rows: Vec<(Instant, Instant)>| rows.into_iter().map(|(b, e)| (b.0, e.0)).collect()
);
written_as!(run_id, RunId, Id, |id: &RunId| Id(id.0), |row: Id| RunId(
    row.0
));
written_as!(
    maybe_run_id,
    Option<RunId>,
    Option<Id>,
    |id: &Option<RunId>| id.map(|id| Id(id.0)),
    |row: Option<Id>| row.map(|id| RunId(id.0))
);
written_as!(
    maybe_job_id,
    Option<JobId>,
    Option<Id>,
    |id: &Option<JobId>| id.map(|id| Id(id.0)),
    |row: Option<Id>| row.map(|id| JobId(id.0))
);
written_as!(
    job_ids,
    Vec<JobId>,
    Vec<Id>,
    |ids: &Vec<JobId>| ids.iter().map(|id| Id(id.0)).collect(),
    |rows: Vec<Id>| rows.into_iter().map(|id| JobId(id.0)).collect()
);
written_as!(
    nanos,
    Duration,
    u64,
    |length: &Duration| u64::try_from(length.as_nanos()).unwrap_or(u64::MAX),
    Duration::from_nanos
);

/// Defines a module for `with`: an optional value of which `$Row` is the mirror, left out when there is none.
macro_rules! optional {
    ($name:ident, $Domain:ty, $Row:ty, $wrap:expr) => {
        mod $name {
            use super::*;

            #[allow(clippy::ref_option)] // serde passes the field as it is declared
            pub(super) fn serialize<S: Serializer>(
                value: &Option<$Domain>,
                to: S,
            ) -> Result<S::Ok, S::Error> {
                match value {
                    Some(value) => <$Row>::serialize(value, to),
                    None => to.serialize_none(),
                }
            }

            pub(super) fn deserialize<'de, D: Deserializer<'de>>(
                from: D,
            ) -> Result<Option<$Domain>, D::Error> {
                <$Row>::deserialize(from).map(|value| Some($wrap(value)))
            }
        }
    };
}

/// Defines a module for `with`: a boxed value of which `$Row` is the mirror.
macro_rules! boxed {
    ($name:ident, $Domain:ty, $Row:ty) => {
        mod $name {
            use super::*;

            #[allow(clippy::borrowed_box)] // serde passes the field as it is declared
            pub(super) fn serialize<S: Serializer>(
                value: &Box<$Domain>,
                to: S,
            ) -> Result<S::Ok, S::Error> {
                <$Row>::serialize(value, to)
            }

            pub(super) fn deserialize<'de, D: Deserializer<'de>>(
                from: D,
            ) -> Result<Box<$Domain>, D::Error> {
                <$Row>::deserialize(from).map(Box::new)
            }
        }
    };
}

pub(super) use {boxed, optional};
