//! What becomes of an alarm: a line in the log, and a post to the webhook if there is one.

use std::sync::Arc;

use tracing::{error, warn};

use super::build::Build;
use super::run::Gateway;
use crate::alarms::{Alarm, Webhook};
use crate::certs::Due;
use crate::config::problem::Severity;
use crate::config::settings::AlarmSettings;

impl Build<'_> {
    /// Who is told of alarms.
    pub(super) fn webhook(&mut self, settings: &AlarmSettings) -> Option<Arc<Webhook>> {
        let (webhook, problems) = Webhook::build(settings.webhook.as_ref()?, &self.workshop.clock);
        self.problems.extend(problems);
        webhook.map(Arc::new)
    }
}

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
