//! [`Recent`]: the latest warnings and errors, for those who look at a page and not at the log.

use std::collections::VecDeque;
use std::fmt;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::model::Clock;
use crate::telemetry::stamp;

/// Something that was said in the log and that somebody may have to act on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// Counts up; a page asks for what is newer.
    pub number: u64,
    /// When.
    pub at: String,
    /// ERROR, WARN or INFO.
    pub level: &'static str,
    /// Which part of the gateway says it.
    pub target: String,
    /// What.
    pub message: String,
    /// The fields of the line, such as `code`, `hint`, `system` and `seen_in_sap`.
    pub fields: Vec<(&'static str, String)>,
}

/// The latest of them. Clones see the same.
#[derive(Debug, Clone, Default)]
pub struct Recent(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    said: VecDeque<Said>,
    number: u64,
    /// Whoever wants each of them as it comes.
    follower: Option<SyncSender<Said>>,
}

impl Recent {
    /// What came after the one with this number, the oldest first.
    pub fn since(&self, number: u64) -> Vec<Said> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newer = kept.said.iter().filter(|said| said.number > number);
        newer.cloned().collect()
    }

    /// From now on gives each of them to `follower` as well. Whoever takes them too slowly misses some,
    /// and nobody waits for him.
    pub fn hand_to(&self, follower: SyncSender<Said>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.follower = Some(follower);
    }

    fn keep(&self, mut said: Said) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.number = kept.number.saturating_add(1);
        said.number = kept.number;
        if let Some(follower) = &kept.follower {
            let _too_slow = follower.try_send(said.clone());
        }
        if kept.said.len() == KEPT {
            kept.said.pop_front();
        }
        kept.said.push_back(said);
    }
}

/// The layer that notes them.
pub(super) struct Noting {
    pub(super) recent: Recent,
    pub(super) clock: Clock,
}

impl<S: Subscriber> Layer<S> for Noting {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let level = *event.metadata().level();
        // What a stranger causes is no warning, and yet the reason why SAP does not get through.
        let has_code = || event.fields().any(|field| field.name() == "code");
        if level > Level::INFO || (level == Level::INFO && !has_code()) {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.recent.keep(Said {
            number: 0,
            at: stamp::with(self.clock.since_epoch(), str::to_owned),
            level: level.as_str(),
            target: event.metadata().target().to_owned(),
            message: fields.message,
            fields: fields.rest,
        });
    }
}

#[derive(Debug, Default)]
struct Fields {
    message: String,
    rest: Vec<(&'static str, String)>,
}

impl Fields {
    fn add(&mut self, field: &Field, mut text: String) {
        text.truncate(text.floor_char_boundary(LONGEST));
        if field.name() == "message" {
            self.message = text;
        } else {
            self.rest.push((field.name(), text));
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }
}

/// A page is looked at for the last hour or so; throttled kinds say ten a second at the most.
const KEPT: usize = 200;

/// Of one field.
const LONGEST: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    fn heard(say: impl FnOnce()) -> Recent {
        let recent = Recent::default();
        let noting = Noting {
            recent: recent.clone(),
            clock: Clock::system(),
        };
        let subscriber = tracing_subscriber::registry().with(noting);
        tracing::subscriber::with_default(subscriber, say);
        recent
    }

    #[test]
    fn warnings_and_refusals_are_kept_with_their_fields_and_all_else_is_not() {
        let recent = heard(|| {
            tracing::info!("serving");
            tracing::debug!(code = "a", "detail");
            tracing::info!(code = "unknown-ca", system = %"SAP1", "TLS handshake failed");
            tracing::warn!(hint = "look", "side is down");
        });
        let said = recent.since(0);
        let messages: Vec<_> = said.iter().map(|said| said.message.as_str()).collect();
        assert_eq!(messages, ["TLS handshake failed", "side is down"]);
        let fields = [
            ("code", "unknown-ca".to_owned()),
            ("system", "SAP1".to_owned()),
        ];
        assert_eq!(said[0].fields, fields);
        assert_eq!((said[0].level, said[1].level), ("INFO", "WARN"));
        assert_eq!(recent.since(said[0].number), said[1..]);
    }

    #[test]
    fn only_the_latest_are_kept_and_none_grows_without_bound() {
        let recent = heard(|| {
            for number in 0..KEPT + 5 {
                tracing::warn!(number, long = "ü".repeat(LONGEST), "again");
            }
        });
        let said = recent.since(0);
        assert_eq!((said.len(), said[0].number), (KEPT, 6));
        assert!(said.iter().all(|said| said.fields[1].1.len() <= LONGEST));
    }

    #[test]
    fn a_follower_gets_each_as_it_comes_and_one_that_takes_none_holds_nobody_up() {
        let (give, taken) = std::sync::mpsc::sync_channel(2);
        let recent = Recent::default();
        recent.hand_to(give);
        let noting = Noting {
            recent: recent.clone(),
            clock: Clock::system(),
        };
        let subscriber = tracing_subscriber::registry().with(noting);
        tracing::subscriber::with_default(subscriber, || {
            (0..5).for_each(|number| tracing::warn!(number, "again"));
        });
        let numbers: Vec<u64> = taken.try_iter().map(|said| said.number).collect();
        assert_eq!(numbers, [1, 2]);
        assert_eq!(recent.since(0).len(), 5);
    }
}
