//! What becomes of an alarm: a line in the log, and a post to the webhook if there is one.

use tracing::{error, warn};

use super::run::Gateway;
use crate::alarms::Alarm;
use crate::certs::Due;
use crate::config::problem::Severity;

impl Gateway {
    /// Raises what is due now and has not been said, by this process or the one before. Returns it.
    pub(super) fn raise(&mut self) -> Vec<Due> {
        let now = self.workshop.clock.now();
        let due = self.announcements.news(self.snapshot.due(now));
        for one in &due {
            let Alarm { code, .. } = &self.tell(one);
            let (what, hint) = (&one.problem.what, &one.problem.hint);
            let (at, ends) = (&one.problem.place, one.ends);
            let days_left = now.days_until(ends);
            match one.problem.severity {
                Severity::Error => {
                    error!(code, %at, %ends, days_left, hint, "alarm: {what}");
                }
                Severity::Warning | Severity::Notice => {
                    warn!(code, %at, %ends, days_left, hint, "alarm: {what}");
                }
            }
        }
        due
    }

    /// Posts an alarm, if somebody wants it.
    fn tell(&mut self, due: &Due) -> Alarm {
        let alarm = Alarm::of(due, self.workshop.clock.now());
        if let Some(webhook) = &self.snapshot.webhook {
            self.courier.send(webhook, alarm.clone());
        }
        alarm
    }

    /// Says of how many alarms the collector will not hear, since the process ends.
    pub(super) fn drop_alarms(&mut self) {
        let left = self.courier.under_way();
        if left > 0 {
            let hint = "look for the lines with \"alarm:\" above";
            warn!(
                alarms = left,
                hint, "the stop came before these alarms were posted; they are in this log only"
            );
        }
    }
}
