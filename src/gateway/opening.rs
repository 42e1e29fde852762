//! Opens the addresses of a generation: sockets that were handed over, and otherwise ones of our own.

use super::run::Gateway;
use super::snapshot::Snapshot;
use crate::model::ListenAddr;
use crate::net::{BindError, BoundListener, reserve};

impl Gateway {
    /// Opens addresses that are not open yet. If one cannot be had, none is opened: a caller who
    /// was let in meanwhile would be thrown out again.
    pub(super) fn bind_new(
        &self,
        next: &Snapshot,
    ) -> Result<Vec<(ListenAddr, BoundListener)>, BindError> {
        let mut fresh: Vec<(ListenAddr, BoundListener)> = Vec::new();
        for plan in &next.listeners {
            if self.bound.contains_key(&plan.listen) {
                continue;
            }
            let threads = self.workers.len();
            let handed = self.handed.open(plan.listen, threads)?;
            let bound = if let Some(bound) = handed {
                bound
            } else {
                let over_own = self.bound.keys().any(|own| own.collides_with(plan.listen));
                reserve(plan.listen, threads, over_own)?
            };
            fresh.push((plan.listen, bound));
        }
        for (_, taken) in &fresh {
            taken.listen()?;
        }
        Ok(fresh)
    }
}
