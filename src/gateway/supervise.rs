//! Tasks beside the traffic: health probes and the failover machines' appointments.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};
use tracing::error;

use super::contain::{Panicked, contained};
use super::snapshot::{ProbePlan, Snapshot};
use crate::model::{Side, SystemName};
use crate::requests::{Sides, watch_side};
use crate::telemetry::Counters;

/// The tasks of the generation in force. Dropping it ends them all.
#[derive(Debug, Default)]
pub(super) struct Supervisor {
    tasks: JoinSet<()>,
    probes: HashMap<(SystemName, Side), (ProbePlan, AbortHandle)>,
    timers: HashMap<SystemName, (Arc<Sides>, AbortHandle)>,
}

impl Supervisor {
    /// Starts what a generation needs, ends what it does not, and leaves alone what is the same.
    pub(super) fn follow(&mut self, snapshot: &Snapshot, counters: &Arc<Counters>) {
        while self.tasks.try_join_next().is_some() {}
        let mut probes = HashMap::new();
        let mut timers = HashMap::new();
        for (name, parts) in &snapshot.systems {
            let Some(sides) = &parts.sides else { continue };
            let timer = match self.timers.remove(name) {
                Some(kept) if Arc::ptr_eq(&kept.0, sides) => kept,
                _ => {
                    let own = Arc::clone(sides);
                    let handle = self.keep_time(own, counters);
                    (Arc::clone(sides), handle)
                }
            };
            timers.insert(name.clone(), timer);
            for plan in &parts.probes {
                let key = (name.clone(), plan.side);
                let probe = match self.probes.remove(&key) {
                    Some(kept) if is_same(&kept.0, plan) => kept,
                    other => {
                        if let Some((_, handle)) = other {
                            handle.abort();
                        }
                        (plan.clone(), self.probe(sides, plan.clone(), counters))
                    }
                };
                probes.insert(key, probe);
            }
        }
        for (_, handle) in self.probes.values() {
            handle.abort();
        }
        for (_, handle) in self.timers.values() {
            handle.abort();
        }
        self.probes = probes;
        self.timers = timers;
    }

    /// Ends all of them.
    pub(super) fn stop(&mut self) {
        self.tasks.abort_all();
        self.probes.clear();
        self.timers.clear();
    }

    fn keep_time(&mut self, sides: Arc<Sides>, counters: &Arc<Counters>) -> AbortHandle {
        let counters = Arc::clone(counters);
        self.tasks.spawn(async move {
            while contained(sides.keep_time()).await == Err(Panicked) {
                begin_again("fail-back timer", &counters).await;
            }
        })
    }

    fn probe(
        &mut self,
        sides: &Arc<Sides>,
        plan: ProbePlan,
        counters: &Arc<Counters>,
    ) -> AbortHandle {
        let (sides, counters) = (Arc::clone(sides), Arc::clone(counters));
        self.tasks.spawn(async move {
            loop {
                let probes = watch_side(
                    Arc::clone(&sides),
                    plan.side,
                    Arc::clone(&plan.upstream),
                    plan.settings.clone(),
                    plan.body.clone(),
                    Arc::clone(&counters),
                );
                match contained(probes).await {
                    Ok(never) => match never {},
                    Err(Panicked) => begin_again("health probes", &counters).await,
                }
            }
        })
    }
}

/// Tells of a defect in a task that must not stop, and lets a moment pass, so that one which meets
/// it at once does not spin.
async fn begin_again(task: &'static str, counters: &Counters) {
    counters.panics.inc();
    error!(
        task,
        "a defect ended this task; it begins again; please report it"
    );
    tokio::time::sleep(A_MOMENT).await;
}

const A_MOMENT: Duration = Duration::from_secs(1);

fn is_same(one: &ProbePlan, other: &ProbePlan) -> bool {
    Arc::ptr_eq(&one.upstream, &other.upstream)
        && one.settings == other.settings
        && one.body == other.body
}
