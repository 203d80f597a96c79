//! The log: a line a message on standard error, as text or JSON.
//!
//! Rotation, shipping and colours are left to what reads the stream. A message is one line whatever is in it: names of
//! jobs come from outside, and must not be able to forge lines.

use std::fmt;
use std::io::{LineWriter, Stderr, Write, stderr};
use std::str::FromStr;

use log::kv::{self, Key, VisitSource};
use log::{Level, LevelFilter, Log, Metadata, Record};
use parking_lot::Mutex;
use serde_json::{Map, Value};
use simplelog::{ConfigBuilder, WriteLogger};

use crate::clock;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// An object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<LogFormat, String> {
        match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err("expected text or json".into()),
        }
    }
}

/// Starts to log, panics included. Debug messages are written if `verbose`. A second call changes nothing.
pub fn start(format: LogFormat, verbose: bool) {
    let level = if verbose {
        LevelFilter::Debug
    } else {
        LevelFilter::Info
    };
    let logger: Box<dyn Log> = match format {
        LogFormat::Json => Box::new(JsonLines(Mutex::new(LineWriter::new(stderr())))),
        LogFormat::Text if writes_to_journal() => Box::new(OneLine {
            inner: text(level, false),
            prefix: journal_prefix,
        }),
        LogFormat::Text => Box::new(OneLine {
            inner: text(level, true),
            prefix: |_| "",
        }),
    };
    if log::set_boxed_logger(logger).is_ok() {
        log::set_max_level(level);
        std::panic::set_hook(Box::new(|panic| log::error!("{panic}")));
    }
}

/// Whether standard error is the stream that systemd connected to the journal. The variable alone does not say so: a
/// shell that was started by a service hands it on.
fn writes_to_journal() -> bool {
    let stream = std::env::var("JOURNAL_STREAM");
    let stderr = rustix::fs::fstat(stderr()).map(|file| format!("{}:{}", file.st_dev, file.st_ino));
    stream.is_ok_and(|stream| stderr.is_ok_and(|stderr| stderr == stream))
}

/// simplelog's writer of text: time and level, or neither where the journal notes both itself.
fn text(level: LevelFilter, with_time: bool) -> Box<WriteLogger<LineWriter<Stderr>>> {
    let shown = if with_time {
        LevelFilter::Error
    } else {
        LevelFilter::Off
    };
    let config = ConfigBuilder::new()
        .set_time_format_rfc3339()
        .set_time_level(shown)
        .set_max_level(shown)
        .set_thread_level(LevelFilter::Off)
        .set_target_level(LevelFilter::Off)
        .set_location_level(LevelFilter::Off)
        .build();
    WriteLogger::new(level, config, LineWriter::new(stderr()))
}

/// The mark by which the journal of systemd knows how grave a line is.
fn journal_prefix(level: Level) -> &'static str {
    match level {
        Level::Error => "<3>",
        Level::Warn => "<4>",
        Level::Info => "<6>",
        Level::Debug | Level::Trace => "<7>",
    }
}

/// What libraries tell about their own work is left out, unless it is a warning.
fn is_wanted(metadata: &Metadata<'_>) -> bool {
    metadata.level() <= Level::Warn || metadata.target().starts_with("nimesha")
}

/// Makes one line of each message, and hands it on.
struct OneLine<L> {
    inner: Box<L>,
    prefix: fn(Level) -> &'static str,
}

impl<L: Log> Log for OneLine<L> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_wanted(metadata) && self.inner.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let prefix = (self.prefix)(record.level());
            let line = one_line(record.args());
            let mut marked = Record::builder();
            marked.metadata(record.metadata().clone());
            self.inner
                .log(&marked.args(format_args!("{prefix}{line}")).build());
        }
    }

    fn flush(&self) {
        self.inner.flush();
    }
}

/// The message with its control characters written as escapes; the ends of lines at its very end are dropped.
fn one_line(message: &fmt::Arguments<'_>) -> String {
    let message = message.to_string();
    let mut line = String::with_capacity(message.len());
    for c in message.trim_end().chars() {
        match c.is_control() {
            true => line.extend(c.escape_default()),
            false => line.push(c),
        }
    }
    line
}

/// Writes an object a line: `time`, `level`, `message`, and what the message is about, such as `job`, `run` and `outcome`.
struct JsonLines<W>(Mutex<W>);

impl<W: Write + Send> Log for JsonLines<W> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_wanted(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let mut fields = Fields::default();
            fields.put("time", format!("{:?}", clock::now()));
            fields.put("level", record.level().as_str().to_ascii_lowercase());
            fields.put("message", record.args().to_string());
            // It cannot fail: a map takes everything.
            let _ = record.key_values().visit(&mut fields);
            let line = Value::Object(fields.0);
            // Where the log cannot be written, there is nowhere to say so.
            let _ = writeln!(self.0.lock(), "{line}");
        }
    }

    fn flush(&self) {
        let _ = self.0.lock().flush();
    }
}

/// The fields of a line.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }
}

impl<'kvs> VisitSource<'kvs> for Fields {
    fn visit_pair(&mut self, key: Key<'kvs>, value: kv::Value<'kvs>) -> Result<(), kv::Error> {
        match value.to_u64() {
            Some(number) => self.put(key.as_str(), number),
            None => self.put(key.as_str(), value.to_string()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cannot_forge_a_line() {
        let line = one_line(&format_args!("job \"a\n<3>b\u{1b}[2J\" failed\n"));
        assert_eq!(line, "job \"a\\n<3>b\\u{1b}[2J\" failed");
    }

    #[test]
    fn json_lines_can_be_read_back() {
        let lines = JsonLines(Mutex::new(Vec::new()));
        let mut record = Record::builder();
        lines.log(
            &record
                .level(Level::Info)
                .target("nimesha")
                .key_values(&[("run", kv::Value::from("r")), ("count", kv::Value::from(3))])
                .args(format_args!("a \"b\"\nc"))
                .build(),
        );
        let mut debug = Record::builder();
        lines.log(
            &debug
                .level(Level::Debug)
                .target("rustls")
                .args(format_args!("noise"))
                .build(),
        );
        let written = lines.0.into_inner();
        let object: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(object["message"], "a \"b\"\nc");
        assert_eq!(object["level"], "info");
        assert_eq!((&object["run"], &object["count"]), (&"r".into(), &3.into()));
        assert!(object["time"].as_str().unwrap().ends_with('Z'));
        assert_eq!(written.iter().filter(|b| **b == b'\n').count(), 1);
    }
}
