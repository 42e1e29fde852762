//! The collector of traces: whether it takes a post, by the functions that post spans.

use tokio::time::{Instant, timeout_at};

use crate::config::settings::TraceSettings;
use crate::model::Clock;
use crate::preflight::verdict::{Finding, Judged};
use crate::telemetry::trace::Batch;
use crate::traces::Collector;

/// The one check of here.
pub(super) const CHECK: &str = "trace-collector";

/// Posts nothing, once: what a collector takes of that it takes of everything. What `HeadersFile`
/// holds goes along, since without it there may be nothing to be found out.
pub(super) async fn run(settings: &TraceSettings, clock: &Clock, deadline: Instant) -> Vec<Judged> {
    // Why there is none stands with the configuration.
    let (Some(collector), _) = Collector::build(settings, clock) else {
        return vec![Judged::unknown(CHECK)];
    };
    let shown = collector.shown();
    let (mut kept, nothing) = (None, Batch::default());
    let posted = timeout_at(deadline, collector.post(&mut kept, &nothing)).await;
    let finding = match posted {
        Ok(Ok(_taken)) => return vec![Judged::good(CHECK, shown)],
        Ok(Err(error)) => Finding::warning(format!("{shown}: {error}")).here(error.hint()),
        Err(_elapsed) => Finding::warning(format!("{shown}: it did not answer in time")),
    };
    vec![Judged::found(CHECK, finding)]
}
