//! What a thread does about a side that went down: exchanges that it has are told, each after its time.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::worker::Worker;
use crate::model::Side;
use crate::requests::Sides;
use crate::requests::failover::Health;

impl Worker {
    /// Tells exchanges that a side had when it went down, each after `HangLimit`, as long as the
    /// side stays down.
    pub(super) fn abandon(self: &Rc<Self>, system: u32, side: Side) {
        let worker = Rc::clone(self);
        let declared = Instant::now();
        tokio::task::spawn_local(async move {
            loop {
                let Some((sides, limit)) = worker.hang_limit(system) else {
                    return;
                };
                if sides.health(side) != Health::Down {
                    return;
                }
                match worker.roster.abandon(system, side, declared, limit) {
                    None => return,
                    Some(next) => tokio::time::sleep_until(next).await,
                }
            }
        });
    }

    /// A system's sides and its `HangLimit`. None with one side: a caller who is told early has no
    /// other one to turn to, and the only one may answer yet.
    fn hang_limit(&self, system: u32) -> Option<(Arc<Sides>, Duration)> {
        let snapshot = self.snapshot.borrow().clone()?;
        let (name, parts) = snapshot
            .systems
            .iter()
            .find(|(_, parts)| parts.id == system)?;
        let settings = snapshot
            .settings
            .systems
            .iter()
            .find(|settings| settings.name == *name)?;
        let requests = settings.requests.as_ref()?;
        requests.side_b.as_ref()?;
        Some((parts.sides.clone()?, requests.failover.hang_limit))
    }
}
