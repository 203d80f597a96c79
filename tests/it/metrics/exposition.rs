//! A strict reader of Prometheus' text form, version 0.0.4: what it takes, Prometheus takes. It knows what this server
//! may write and nothing more; timestamps, for instance, it refuses.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

#[derive(Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

#[derive(Debug)]
struct Family {
    name: String,
    kind: Kind,
    samples: Vec<Sample>,
}

/// All families, in their order.
#[derive(Debug)]
pub(super) struct Exposition(Vec<Family>);

impl Exposition {
    /// Reads a whole text.
    #[track_caller]
    pub(super) fn parse(text: &str) -> Exposition {
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut families: Vec<Family> = Vec::new();
        let mut names = BTreeSet::new();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let help = line.strip_prefix("# HELP ").expect(line);
            let (name, help) = help.split_once(' ').expect(line);
            assert!(is_name(name), "{line}");
            assert!(help.ends_with('.') && !help.contains('\\'), "{line}");
            assert!(names.insert(name.to_owned()), "{name} comes twice");
            let kind = lines.next().and_then(|line| line.strip_prefix("# TYPE "));
            let kind = kind.and_then(|kind| kind.strip_prefix(name)).expect(line);
            let kind = match kind {
                " counter" => Kind::Counter,
                " gauge" => Kind::Gauge,
                " histogram" => Kind::Histogram,
                _ => panic!("{name} has the type {kind}"),
            };
            let mut samples = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                samples.push(sample(line));
            }
            let family = Family {
                name: name.to_owned(),
                kind,
                samples,
            };
            family.check();
            families.push(family);
        }
        Exposition(families)
    }

    /// Names and types.
    pub(super) fn families(&self) -> impl Iterator<Item = (&str, Kind)> {
        self.0.iter().map(|family| (&*family.name, family.kind))
    }

    /// The value of the one sample of that name that has these labels, perhaps among others.
    pub(super) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let samples = self.0.iter().flat_map(|family| &family.samples);
        let mut fitting = samples.filter(|sample| {
            let has = |(label, value): &(&str, &str)| {
                sample.labels.get(*label).is_some_and(|v| v == value)
            };
            sample.name == name && labels.iter().all(has)
        });
        let found = fitting.next().map(|sample| sample.value);
        assert!(fitting.next().is_none(), "{name}{labels:?} is not one");
        found
    }

    /// How many samples a family has.
    pub(super) fn samples_of(&self, name: &str) -> usize {
        let family = self.0.iter().find(|family| family.name == name);
        family.map_or(0, |family| family.samples.len())
    }

    /// Whether a name is that of a family, or of a part of a histogram.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.0.iter().any(|family| match family.kind {
            Kind::Histogram => family.part(name).is_some(),
            _ => family.name == name,
        })
    }
}

impl Family {
    /// What follows the family's name in that of a sample, if that is right for its type.
    fn part<'n>(&self, name: &'n str) -> Option<&'n str> {
        let part = name.strip_prefix(&*self.name)?;
        let parts: &[&str] = match self.kind {
            Kind::Histogram => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        parts.contains(&part).then_some(part)
    }

    fn check(&self) {
        let mut seen = BTreeSet::new();
        for sample in &self.samples {
            assert!(
                self.part(&sample.name).is_some(),
                "{sample:?} in {}",
                self.name
            );
            let key = (&sample.name, &sample.labels);
            assert!(seen.insert(key), "{sample:?} comes twice");
            let grows = self.kind != Kind::Gauge;
            assert!(!grows || sample.value >= 0.0, "{sample:?}");
        }
        if self.kind == Kind::Histogram {
            self.check_histogram();
        }
    }

    /// Buckets rise to the one without a bound, which has the count.
    fn check_histogram(&self) {
        let of = |part: &'static str| {
            let samples = self.samples.iter();
            samples.filter(move |sample| self.part(&sample.name) == Some(part))
        };
        let mut last = (f64::NEG_INFINITY, 0.0);
        for bucket in of("_bucket") {
            let bound = match &*bucket.labels["le"] {
                "+Inf" => f64::INFINITY,
                bound => bound.parse().expect("a bound"),
            };
            assert!(bound > last.0 && bucket.value >= last.1, "{bucket:?}");
            last = (bound, bucket.value);
        }
        assert_eq!(last.0, f64::INFINITY, "{}", self.name);
        let counts: Vec<f64> = of("_count").map(|sample| sample.value).collect();
        assert_eq!(counts, [last.1], "{}", self.name);
        assert_eq!(of("_sum").count(), 1, "{}", self.name);
    }
}

fn is_name(name: &str) -> bool {
    let first = |c: char| c.is_ascii_lowercase() || c == '_';
    name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit())
}

/// `name{label="value",...} number`.
fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).expect(line);
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, after) = rest.split_once("=\"").expect(line);
            assert!(is_name(label) && !label.starts_with("__"), "{line}");
            let (value, after) = quoted(after).expect(line);
            assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
            match after.strip_prefix(',') {
                Some(more) => rest = more,
                None => {
                    rest = after.strip_prefix('}').expect(line);
                    break;
                }
            }
        }
    }
    let number = rest.strip_prefix(' ').expect(line);
    assert!(!number.contains(' '), "a timestamp: {line}");
    let value: f64 = number.parse().expect(line);
    assert!(value.is_finite(), "{line}");
    Sample {
        name: name.to_owned(),
        labels,
        value,
    }
}

/// The value up to the closing quote, its escapes undone, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        value.push(match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => match chars.next()? {
                'n' => '\n',
                c @ ('"' | '\\') => c,
                _ => return None,
            },
            c => c,
        });
    }
}

#[test]
fn err_texts() {
    let head = "# HELP x_total Help.\n# TYPE x_total counter\n";
    for text in [
        "x_total 1\n".to_owned(),
        format!("{head}x_total 1"),
        format!("{head}x_total -1\n"),
        format!("{head}y 1\n"),
        format!("{head}x_total 1\nx_total 1\n"),
        format!("{head}x_total{{a=\"b}} 1\n"),
        format!("{head}x_total{{a=\"b\",a=\"c\"}} 1\n"),
        format!("{head}x_total{{a=\"\\t\"}} 1\n"),
        format!("{head}x_total 1 1700000000\n"),
        format!("{head}{head}"),
        "# HELP h Help.\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n".to_owned(),
        "# HELP h Help.\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n".to_owned(),
    ] {
        let read = std::panic::catch_unwind(|| Exposition::parse(&text));
        assert!(read.is_err(), "{text}");
    }
    Exposition::parse(&format!("{head}x_total{{a=\"\\n\\\"\\\\\"}} 1.5\n"));
}
