//! [`Writer`]: the lines of both forms.

use std::fmt::{self, Display, Write};

use super::form::Form;
use crate::model::WallTime;
use crate::telemetry::figure::Kind;
use crate::telemetry::histogram::Histogram;

/// What a family is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Shape {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Durations by buckets.
    Histogram,
    /// Always 1; its labels are what it says.
    Info,
}

impl Shape {
    /// As both forms call it; an older reader knows no `info`.
    pub(super) const fn word(self, form: Form) -> &'static str {
        match (self, form) {
            (Self::Counter, _) => "counter",
            (Self::Gauge, _) | (Self::Info, Form::Text) => "gauge",
            (Self::Histogram, _) => "histogram",
            (Self::Info, Form::OpenMetrics) => "info",
        }
    }

    /// What the names of its samples end in beyond the name of the family in `OpenMetrics`.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Counter => "_total",
            Self::Info => "_info",
            Self::Gauge | Self::Histogram => "",
        }
    }
}

impl From<Kind> for Shape {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Counter => Self::Counter,
            Kind::Gauge => Self::Gauge,
        }
    }
}

/// The unit that a name ends in, if it is a measure of something.
pub(super) fn unit_of(name: &str) -> Option<&'static str> {
    let name = name.strip_suffix("_total").unwrap_or(name);
    ["seconds", "bytes"].into_iter().find(|unit| {
        let rest = name.strip_suffix(unit);
        rest.is_some_and(|rest| rest.ends_with('_'))
    })
}

/// A value of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    Count(u64),
    Signed(i64),
    Real(f64),
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<bool> for Value {
    fn from(holds: bool) -> Self {
        Self::Count(holds.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<WallTime> for Value {
    fn from(time: WallTime) -> Self {
        Self::Signed(time.0)
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => count.fmt(f),
            Self::Signed(count) => count.fmt(f),
            Self::Real(value) => value.fmt(f),
        }
    }
}

/// Writes families with their samples.
#[derive(Debug)]
pub(super) struct Writer {
    out: String,
    form: Form,
    /// Of the family that is being written.
    name: &'static str,
}

impl Writer {
    pub(super) fn new(form: Form) -> Self {
        Self {
            out: String::with_capacity(FIRST_ROOM),
            form,
            name: "",
        }
    }

    /// Begins a family.
    pub(super) fn family(&mut self, name: &'static str, shape: Shape, help: &str) {
        self.name = name;
        let family = match self.form {
            Form::Text => name,
            Form::OpenMetrics => name.strip_suffix(shape.suffix()).unwrap_or(name),
        };
        let word = shape.word(self.form);
        self.line(format_args!("# HELP {family} {help}"));
        self.line(format_args!("# TYPE {family} {word}"));
        if self.form == Form::OpenMetrics
            && let Some(unit) = unit_of(name)
        {
            self.line(format_args!("# UNIT {family} {unit}"));
        }
    }

    /// The samples of the family, whose labels are called so.
    pub(super) fn samples(&mut self, labels: Labels) -> Samples<'_> {
        Samples {
            writer: self,
            labels,
        }
    }

    /// One sample.
    pub(super) fn sample<'v>(
        &mut self,
        suffix: &str,
        labels: impl IntoIterator<Item = (&'v str, &'v dyn Display)>,
        value: Value,
    ) {
        let name = self.name;
        self.put(format_args!("{name}{suffix}"));
        let mut sign = '{';
        for (name, text) in labels {
            self.put(format_args!("{sign}{name}=\""));
            // Writing to a string cannot fail.
            let _infallible = write!(Escaped(&mut self.out), "{text}");
            self.out.push('"');
            sign = ',';
        }
        if sign == ',' {
            self.out.push('}');
        }
        self.line(format_args!(" {value}"));
    }

    /// The whole text.
    pub(super) fn end(mut self) -> String {
        if self.form == Form::OpenMetrics {
            self.line(format_args!("# EOF"));
        }
        self.out
    }

    fn put(&mut self, text: fmt::Arguments<'_>) {
        let _infallible = self.out.write_fmt(text);
    }

    fn line(&mut self, text: fmt::Arguments<'_>) {
        self.put(text);
        self.out.push('\n');
    }
}

/// The labels of a family, each with what it says.
pub(super) type Labels = &'static [(&'static str, &'static str)];

/// The samples of one family.
pub(super) struct Samples<'a> {
    writer: &'a mut Writer,
    labels: Labels,
}

impl Samples<'_> {
    /// One sample; a value for each label of the family, in their order.
    pub(super) fn push(&mut self, values: &[&dyn Display], value: impl Into<Value>) {
        let labels = named(self.labels, values);
        self.writer.sample("", labels, value.into());
    }

    /// All samples of a histogram.
    pub(super) fn histogram(&mut self, values: &[&dyn Display], histogram: &Histogram) {
        for (bound, count) in histogram.up_to() {
            let bound: (&str, &dyn Display) = ("le", &bound);
            let labels = named(self.labels, values).chain(std::iter::once(bound));
            self.writer.sample("_bucket", labels, count.into());
        }
        let labels = || named(self.labels, values);
        let sum = histogram.sum().as_secs_f64();
        self.writer.sample("_sum", labels(), sum.into());
        let count = histogram.count();
        self.writer.sample("_count", labels(), count.into());
    }
}

/// Labels with their values.
fn named<'v>(
    labels: Labels,
    values: &'v [&'v dyn Display],
) -> impl Iterator<Item = (&'v str, &'v dyn Display)> {
    let names = labels.iter().map(|(name, _)| *name);
    names.zip(values.iter().copied())
}

/// Writes the value of a label.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '\\' => self.0.push_str("\\\\"),
                '"' => self.0.push_str("\\\""),
                '\n' => self.0.push_str("\\n"),
                c => self.0.push(c),
            }
        }
        Ok(())
    }
}

/// What a gateway with one SAP system has to say in its first hour.
const FIRST_ROOM: usize = 64 * 1024;
