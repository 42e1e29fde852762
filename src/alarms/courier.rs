//! [`Courier`]: carries alarms to a webhook, and tries again.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::alarms::{Alarm, Webhook};

/// How long is waited between one try and the next.
#[derive(Debug, Clone)]
pub struct Pace(Vec<Duration>);

impl Pace {
    /// These pauses; there is one try more than there are pauses.
    pub fn of(pauses: &[Duration]) -> Self {
        Self(pauses.to_vec())
    }
}

impl Default for Pace {
    /// Five tries in a quarter of an hour: a collector that is restarted is met, and one that has
    /// gone is named the same day.
    fn default() -> Self {
        Self::of(&[
            Duration::from_secs(5),
            Duration::from_secs(30),
            Duration::from_mins(3),
            Duration::from_mins(10),
        ])
    }
}

/// Carries alarms. Dropping it drops what is under way.
#[derive(Debug, Default)]
pub struct Courier {
    tasks: JoinSet<()>,
    pace: Pace,
}

/// More alarms at once than any configuration has certificates.
const MOST_UNDER_WAY: usize = 256;

impl Courier {
    /// One that keeps this pace.
    pub fn new(pace: Pace) -> Self {
        Self {
            tasks: JoinSet::new(),
            pace,
        }
    }

    /// Takes an alarm along and returns at once.
    pub fn send(&mut self, webhook: &Arc<Webhook>, alarm: Alarm) {
        while self.tasks.try_join_next().is_some() {}
        if self.tasks.len() >= MOST_UNDER_WAY {
            let hint = "see what stands at the address of Webhook, and whether it answers";
            warn!(
                code = alarm.code,
                webhook = webhook.shown(),
                hint,
                "so many alarms wait to be posted that this one is not"
            );
            return;
        }
        let (webhook, pace) = (Arc::clone(webhook), self.pace.clone());
        self.tasks.spawn(deliver(webhook, alarm, pace));
    }

    /// How many are under way.
    pub fn under_way(&mut self) -> usize {
        while self.tasks.try_join_next().is_some() {}
        self.tasks.len()
    }
}

async fn deliver(webhook: Arc<Webhook>, alarm: Alarm, pace: Pace) {
    let mut pauses = pace.0.into_iter();
    let mut tries = 0_u32;
    loop {
        tries = tries.saturating_add(1);
        let error = match webhook.post(&alarm.json).await {
            Ok(()) => {
                info!(
                    code = alarm.code,
                    webhook = webhook.shown(),
                    tries,
                    "the alarm was posted"
                );
                return;
            }
            Err(error) => error,
        };
        let pause = pauses.next().filter(|_| error.may_pass());
        let Some(pause) = pause else {
            let hint = error.hint();
            warn!(code = alarm.code, webhook = webhook.shown(), tries, %error, hint, "an alarm could not be posted, and is in this log only");
            return;
        };
        tokio::time::sleep(pause).await;
    }
}
