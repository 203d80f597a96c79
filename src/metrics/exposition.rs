//! The text form in which Prometheus reads metrics, version 0.0.4:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::fmt::{Display, Write};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Histogram;

/// Text in the form that Prometheus reads.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
}

impl Exposition {
    /// The text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }

    /// Begins a family of samples: name, type and what it is.
    pub fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.put(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// Adds a sample of the family that was begun last.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.text.push_str(name);
        for (n, (label, text)) in labels.iter().enumerate() {
            self.put(format_args!("{}{label}=\"", if n == 0 { '{' } else { ',' }));
            self.push_escaped(text);
            self.text.push('"');
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        self.put(format_args!(" {value}\n"));
    }

    /// A family of one sample that may rise and fall.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }

    /// A family that is a distribution.
    pub fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.family(name, "histogram", help);
        let mut below = 0;
        for (n, count) in histogram.buckets.iter().enumerate() {
            below += count.load(Ordering::Relaxed);
            let bound = histogram
                .bounds
                .get(n)
                .map_or("+Inf".to_owned(), f64::to_string);
            self.sample(&format!("{name}_bucket"), &[("le", &bound)], below);
        }
        let sum = Duration::from_micros(histogram.sum_micros.load(Ordering::Relaxed)).as_secs_f64();
        self.sample(&format!("{name}_sum"), &[], sum);
        self.sample(&format!("{name}_count"), &[], below);
    }

    /// Names of jobs come from outside: a quote in one must not end its label.
    fn push_escaped(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '\\' => self.text.push_str("\\\\"),
                '"' => self.text.push_str("\\\""),
                '\n' => self.text.push_str("\\n"),
                c => self.text.push(c),
            }
        }
    }

    fn put(&mut self, args: std::fmt::Arguments<'_>) {
        self.text
            .write_fmt(args)
            .expect("a string takes all that is written to it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_what_is_at_or_below_each_bound() {
        let histogram = Histogram::new(&[0.1, 1.0]);
        for millis in [100, 101, 5_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        let mut to = Exposition::default();
        to.histogram("x", "Help.", &histogram);
        assert_eq!(
            to.into_text(),
            "# HELP x Help.\n# TYPE x histogram\nx_bucket{le=\"0.1\"} 1\nx_bucket{le=\"1\"} 2\nx_bucket{le=\"+Inf\"} 3\n\
             x_sum 5.201\nx_count 3\n"
        );
    }

    #[test]
    fn labels_cannot_be_broken_out_of() {
        let mut to = Exposition::default();
        to.sample("x", &[("name", "a\"b\\c\nd"), ("id", "1")], 2.5);
        assert_eq!(to.into_text(), "x{name=\"a\\\"b\\\\c\\nd\",id=\"1\"} 2.5\n");
    }
}
