//! [`reference`]: every family in words, for `monitoring/README.md`.

use std::fmt::Write;

use super::text::{Shape, unit_of};
use super::{details, is_detailed};
use crate::telemetry::figure::Kind;
use crate::telemetry::metrics::{Family, TABLE};

/// One family, as a reader of the exposition meets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The stable name.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Its labels, each with what it says.
    pub labels: Vec<(&'static str, String)>,
    /// One sentence for people.
    pub help: &'static str,
}

impl Described {
    fn fixed(family: &Family) -> Self {
        let mut labels: Vec<(&'static str, Vec<String>)> = Vec::new();
        for (name, value) in family.series.iter().flat_map(|series| series.labels) {
            let value = format!("`{value}`");
            match labels.iter_mut().find(|(own, _)| own == name) {
                Some((_, values)) if values.contains(&value) => {}
                Some((_, values)) => values.push(value),
                None => labels.push((name, vec![value])),
            }
        }
        let joined = labels
            .into_iter()
            .map(|(name, values)| (name, values.join(", ")));
        Self {
            name: family.name,
            kind: match family.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
            },
            labels: joined.collect(),
            help: family.help,
        }
    }

    /// What its values are measured in.
    pub fn unit(&self) -> &'static str {
        unit_of(self.name).unwrap_or("count")
    }

    /// The names of its samples.
    pub fn samples(&self) -> Vec<String> {
        let ends: &[&str] = match self.kind {
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        ends.iter()
            .map(|end| format!("{}{end}", self.name))
            .collect()
    }
}

/// Every family that an exposition may hold, in its order.
pub fn described() -> Vec<Described> {
    let fixed = TABLE.iter().filter(|family| !is_detailed(family));
    let detailed = details().map(|detail| Described {
        name: detail.name,
        kind: match detail.shape {
            Shape::Counter => "counter",
            Shape::Gauge | Shape::Info => "gauge",
            Shape::Histogram => "histogram",
        },
        labels: detail
            .labels
            .iter()
            .map(|(name, meaning)| (*name, (*meaning).to_owned()))
            .collect(),
        help: detail.help,
    });
    fixed.map(Described::fixed).chain(detailed).collect()
}

/// Every family in words, as Markdown.
pub fn reference() -> String {
    let mut out = String::new();
    for family in described() {
        // Writing to a string cannot fail.
        let _infallible = write!(
            out,
            "\n### `{}`\n\n{} ({}; {})\n",
            family.name,
            family.help,
            family.kind,
            family.unit()
        );
        if !family.labels.is_empty() {
            out.push_str("\n| label | values |\n|---|---|\n");
        }
        for (name, meaning) in &family.labels {
            let _infallible = writeln!(out, "| `{name}` | {meaning} |");
        }
    }
    out
}
