//! [`Checklist`]: the preflight of the running gateway, gone through at an operator's word.
//!
//! It calls peers and reads files, so it has a thread of its own: the listener goes on to answer, and
//! is itself among what is tried. One at a time, since two would call every peer twice and tell the
//! same.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::access::Guest;
use super::bodies::{Answer, Fault, json};
use super::orders::audit;
use super::server::Desk;
use crate::model::{Phase, WallTime};
use crate::preflight::{self, Options, Report, Status, Weight};
use crate::telemetry::exposition::PreflightFigures;

/// `POST /preflight`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PreflightBody {
    pub(super) reason: String,
    /// How long the peers are waited for, in all.
    pub(super) wait_seconds: u64,
}

impl Default for PreflightBody {
    fn default() -> Self {
        Self {
            reason: String::new(),
            wait_seconds: Options::default().wait.as_secs(),
        }
    }
}

/// The one that is gone through, and what came of the last one.
#[derive(Debug, Clone, Default)]
pub(super) struct Checklist(Arc<Mutex<Stand>>);

#[derive(Debug, Default)]
struct Stand {
    under_way: Option<UnderWay>,
    last: Option<Arc<Ended>>,
}

/// Who has begun one, and when.
#[derive(Debug, Clone, Serialize)]
struct UnderWay {
    by: String,
    since: String,
}

/// One that was gone through.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Ended {
    by: String,
    began: String,
    took_seconds: f64,
    /// The generation that was in force.
    generation: u64,
    passed: usize,
    failed: usize,
    warnings: usize,
    skipped: usize,
    report: Report,
    #[serde(skip)]
    figures: PreflightFigures,
}

/// `GET /preflight`.
#[derive(Debug, Serialize)]
struct Told<'a> {
    under_way: Option<&'a UnderWay>,
    last: Option<&'a Ended>,
}

impl Checklist {
    /// Goes through the list, and answers with what came of it. Whoever leaves meanwhile finds it
    /// with [`Checklist::told`].
    pub(super) async fn run(
        &self,
        desk: &Desk,
        guest: &Guest,
        body: PreflightBody,
    ) -> Result<Answer, Fault> {
        let phase = desk.viewer.status().phase;
        if matches!(phase, Phase::Draining | Phase::Stopped) {
            return Err(Fault::draining());
        }
        let wait = Duration::from_secs(body.wait_seconds);
        if wait.is_zero() || wait > LONGEST {
            return Err(Fault::bad_request(format!(
                "wait_seconds is \"{}\", and has to be from 1 to {}",
                body.wait_seconds,
                LONGEST.as_secs()
            )));
        }
        let turn = self.begin(guest, desk.viewer.clock().now())?;
        audit(guest, "preflight", &body.reason, &self.outcome(), UNDER_WAY);
        let (reply, ended) = oneshot::channel();
        let (desk, guest) = (desk.clone(), guest.clone());
        let thread = std::thread::Builder::new().name("crmgate-preflight".into());
        let begun = thread.spawn(move || {
            let ended = turn.go_through(&desk, &guest, wait);
            if let Some(ended) = &ended {
                audit(&guest, "preflight", &body.reason, UNDER_WAY, &words(ended));
            }
            let _nobody_waits = reply.send(ended);
        });
        begun.map_err(|error| no_result(&format!("no thread can be started: {error}")))?;
        match timeout(wait.saturating_add(FOR_FILES), ended).await {
            Ok(Ok(Some(ended))) => Ok(json(StatusCode::OK, &*ended)),
            Ok(Ok(None) | Err(_)) => Err(no_result("it broke off")),
            Err(_late) => Err(Fault::new(
                504,
                "preflight-late",
                "the preflight has not ended in time".to_owned(),
                "see that no file of the configuration lies on a share that hangs; GET \
                 /api/v1/preflight tells what comes of it",
            )),
        }
    }

    /// The one that is under way, and the last one.
    pub(super) fn told(&self) -> Answer {
        let stand = self.lock();
        let told = Told {
            under_way: stand.under_way.as_ref(),
            last: stand.last.as_deref(),
        };
        json(StatusCode::OK, &told)
    }

    /// What the last one found, as figures.
    pub(super) fn figures(&self) -> Option<PreflightFigures> {
        self.lock().last.as_ref().map(|last| last.figures)
    }

    fn begin(&self, guest: &Guest, now: WallTime) -> Result<Turn, Fault> {
        let mut stand = self.lock();
        if let Some(UnderWay { by, since }) = &stand.under_way {
            return Err(Fault::new(
                409,
                "preflight-under-way",
                format!("a preflight is under way, begun by {by} at {since}"),
                "wait for it: GET /api/v1/preflight tells what comes of it",
            ));
        }
        stand.under_way = Some(UnderWay {
            by: guest.name.to_string(),
            since: now.to_string(),
        });
        Ok(Turn(self.clone()))
    }

    /// How the last one ended, for the audit.
    fn outcome(&self) -> String {
        let last = self.lock().last.clone();
        last.map_or_else(|| "none so far".to_owned(), |last| words(&last))
    }

    fn lock(&self) -> MutexGuard<'_, Stand> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to go through the list, given back in whatever way that ends.
struct Turn(Checklist);

impl Turn {
    fn go_through(self, desk: &Desk, guest: &Guest, wait: Duration) -> Option<Arc<Ended>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .ok()?;
        let generation = desk.viewer.status().generation.0;
        let (began, at) = (Instant::now(), desk.viewer.clock().now());
        let options = Options {
            phase: preflight::Phase::Daily,
            wait,
            ..Options::default()
        };
        let ran = runtime.block_on(preflight::run_in_force(&desk.dir, &desk.viewer, &options));
        // Threads may be left that wait for the system's resolver, of use to nobody any more.
        runtime.shutdown_background();
        let report = ran.ok()?;
        let ended = Arc::new(Ended {
            by: guest.name.to_string(),
            began: at.to_string(),
            took_seconds: began.elapsed().as_secs_f64(),
            generation,
            passed: report.count(Status::Passed),
            failed: report.count(Status::Failed),
            warnings: report.count(Status::Warning),
            skipped: report.count(Status::Skipped),
            figures: PreflightFigures {
                errors: report.found(Weight::Error) as u64,
                warnings: report.found(Weight::Warning) as u64,
                at,
            },
            report,
        });
        self.0.lock().last = Some(Arc::clone(&ended));
        Some(ended)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.lock().under_way = None;
    }
}

/// How one ended.
fn words(ended: &Ended) -> String {
    let Ended {
        passed,
        failed,
        warnings,
        skipped,
        ..
    } = ended;
    format!("{passed} passed, {failed} failed, {warnings} with a warning, {skipped} skipped")
}

fn no_result(why: &str) -> Fault {
    Fault::new(
        500,
        "preflight-lost",
        format!("the preflight came to no result: {why}"),
        "see what the log says of it, and use crmgate preflight on the machine meanwhile",
    )
}

/// How one stands that has begun, for the audit.
const UNDER_WAY: &str = "under way";

/// A script or a person waits for the answer.
const LONGEST: Duration = Duration::from_mins(2);

/// Reading files is not waiting for peers, and takes its own time on a slow disk.
const FOR_FILES: Duration = Duration::from_secs(15);
