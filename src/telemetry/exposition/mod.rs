//! All figures as Prometheus reads them, and what each of them means.
//!
//! ```text
//!   Counters of all threads ─┐
//!   how the gateway stands ──┼─► Scrape (plain data) ──► write ──► text 0.0.4 or OpenMetrics
//!   the process ─────────────┘
//! ```
//!
//! The writer is ours: the library of the Prometheus project writes `OpenMetrics` only, in which the
//! family of a counter has another name than in the older form, and it wants every figure wrapped
//! into types of its own. The two forms differ in a handful of places, all of them in `text.rs`.
//!
//! What comes out is settled by two tables: the fixed figures of [`TABLE`], and the
//! detailed ones in `families`. Where both have a family of the same name, the detailed one stands,
//! which adds up to the other. `monitoring/README.md` is written from the same tables.

mod families;
mod form;
mod reference;
mod scrape;
mod states;
mod text;

pub use form::Form;
pub use reference::{Described, described, reference};
pub use scrape::{
    Authentic, LastReload, PreflightFigures, ResponderFigures, Scrape, SessionFigures, SideFigures,
};

use std::fmt::Display;

use families::{Detail, TRAFFIC};
use states::STATES;
use text::Writer;

use super::metrics::{Family, TABLE};

/// Everything that is known, as text that is ready to be sent.
pub fn write(scrape: &Scrape, form: Form) -> String {
    let mut writer = Writer::new(form);
    for family in TABLE.iter().filter(|family| !is_detailed(family)) {
        writer.family(family.name, family.kind.into(), family.help);
        for series in family.series {
            let labels = series.labels.iter();
            let labels = labels.map(|(name, value)| (*name, value as &dyn Display));
            writer.sample("", labels, (series.read)(&scrape.figures).into());
        }
    }
    for detail in details() {
        writer.family(detail.name, detail.shape, detail.help);
        (detail.read)(scrape, &mut writer.samples(detail.labels));
    }
    writer.end()
}

/// All detailed families, in the order in which they are written.
fn details() -> impl Iterator<Item = &'static Detail> {
    TRAFFIC.iter().chain(STATES)
}

/// Whether a detailed family of the same name stands in its place.
fn is_detailed(family: &Family) -> bool {
    details().any(|detail| detail.name == family.name)
}

#[cfg(test)]
mod tests;
