//! [`Responder`]: asks whether clients have been withdrawn, and remembers what it was told.
//!
//! Asked is between the handshake and the first byte, for new and for resumed sessions alike; one
//! answer serves all connections of a client until it is too old. A responder that cannot be asked
//! costs one time-out and not one for each client: for a while nobody tries.

mod said;
mod subject;

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use crate::certs::RevocationLists;
use crate::certs::ocsp::{Answer, Delegate, OcspDefect, Standing, read_answer};
use crate::config::settings::{OcspSettings, Unanswered};
use crate::model::{Clock, Denial, WallTime};
use crate::net::dial;
pub(super) use crate::tls::ocsp::said::Said;
use crate::tls::ocsp::said::{Known, Word};
pub(super) use crate::tls::ocsp::subject::Subject;
use crate::tls::verdicts::Span;

impl From<Confirmation> for Result<Span, Denial> {
    fn from(confirmation: Confirmation) -> Self {
        match confirmation {
            Confirmation::Served { until } => Ok(Span {
                until,
                ..Span::ALWAYS
            }),
            Confirmation::Withdrawn { since } => Err(Denial::Withdrawn { since }),
            Confirmation::Unknown => Err(Denial::NotIssued),
            Confirmation::Unconfirmed => Err(Denial::Unconfirmed),
        }
    }
}

/// What is known of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Confirmation {
    /// It may be served; to be asked again after `until`.
    Served { until: WallTime },
    /// Its issuer has withdrawn it.
    Withdrawn { since: WallTime },
    /// Its issuer never issued it.
    Unknown,
    /// Nobody can say, and then nobody is served.
    Unconfirmed,
}

/// A responder as one acceptor asks it.
pub(super) struct Responder {
    settings: OcspSettings,
    clock: Clock,
    said: Arc<Said>,
    /// Who of those that the issuers have named to answer has been withdrawn.
    lists: Option<Arc<RevocationLists>>,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error(transparent)]
    Dial(#[from] crate::net::DialError),
    #[error("it did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("it does not speak HTTP: {0}")]
    Http(#[from] hyper::Error),
    #[error("it answered with HTTP status {0}")]
    Status(u16),
    #[error("its answer is longer than {MOST_BYTES} bytes or broke off")]
    Body,
    #[error("its answer cannot be believed: {0}")]
    Defect(#[from] OcspDefect),
    #[error("the request could not be written")]
    Request,
}

impl NoAnswer {
    /// Whether the next question, about another certificate, would fare no better.
    fn is_about_the_responder(&self) -> bool {
        match self {
            Self::Defect(defect) => defect.is_about_the_responder(),
            // Of this certificate it knows nothing.
            Self::Status(400..500) => false,
            Self::Dial(_)
            | Self::TimedOut(_)
            | Self::Http(_)
            | Self::Status(_)
            | Self::Body
            | Self::Request => true,
        }
    }

    /// What to do.
    const fn hint(&self) -> &'static str {
        match self {
            Self::Defect(OcspDefect::NotNamed) => {
                "see that OCSP_RESPONDER names the responder of the clients' CA, and that it sends \
                 along a certificate which that very CA has issued to it for OCSP signing"
            }
            Self::Defect(OcspDefect::Delegate { .. }) => {
                "have the clients' CA issue the responder another certificate for OCSP signing; \
                 where a list of CRL_FILE is named, see that it is the newest one"
            }
            Self::Dial(_)
            | Self::TimedOut(_)
            | Self::Http(_)
            | Self::Status(_)
            | Self::Body
            | Self::Defect(_)
            | Self::Request => {
                "see that the responder of OCSP_RESPONDER runs and can be reached from here"
            }
        }
    }
}

impl Responder {
    /// A responder that has said this so far. Lists may name who answers in the issuer's name.
    pub(super) fn new(
        settings: OcspSettings,
        clock: Clock,
        said: Arc<Said>,
        lists: Option<Arc<RevocationLists>>,
    ) -> Self {
        Self {
            settings,
            clock,
            said,
            lists,
        }
    }

    /// What is known without asking, if it is enough.
    pub(super) fn known(&self, subject: &Subject) -> Option<Confirmation> {
        let now = self.clock.now();
        let (word, silent) = {
            let mut known = self.lock();
            let word = self.find(&mut known, subject, now);
            (word, known.silent.get(&subject.id).copied())
        };
        let fresh =
            word.filter(|word| word.at <= now && now <= word.stands_until(self.settings.max_age));
        if let Some(word) = fresh {
            return Some(self.confirm(&word));
        }
        let silent = silent.filter(|until| now <= *until && until.0 <= now.0 + SILENCE);
        silent.map(|until| self.without_answer(subject, now, until))
    }

    /// What was said, if who said it is still believed: by other lists, or by another time, he may
    /// have been withdrawn since.
    fn find(&self, known: &mut Known, subject: &Subject, now: WallTime) -> Option<Word> {
        let word = known.find(&subject.id)?;
        let by = match &word.by {
            Some(delegate) => subject.judge(delegate, self.lists.as_deref(), now),
            None => Ok(()),
        };
        by.is_ok().then_some(word)
    }

    /// Says whether a client may be served, and asks if it has to.
    pub(super) async fn ask(&self, subject: &Subject) -> Confirmation {
        if let Some(known) = self.known(subject) {
            return known;
        }
        let turn = {
            let mut known = self.lock();
            Arc::clone(known.asking.entry(subject.id.clone()).or_default())
        };
        let asked = async {
            let _turn = turn.lock().await;
            // Whoever was before us may have been told.
            match self.known(subject) {
                Some(known) => known,
                None => self.ask_now(subject).await,
            }
        };
        let confirmation = asked.await;
        let mut known = self.lock();
        if Arc::strong_count(&turn) <= 2 {
            known.asking.remove(&subject.id);
        }
        drop(known);
        confirmation
    }

    async fn ask_now(&self, subject: &Subject) -> Confirmation {
        if let Some(rested) = self.at_rest(subject) {
            return rested;
        }
        // Never closed, so there is always a line in the end; to wait for one says nothing against
        // the responder, and meanwhile it may have been found to be away.
        let _line = self.said.lines.acquire().await.ok();
        if let Some(rested) = self.at_rest(subject) {
            return rested;
        }
        let now = self.clock.now();
        let deadline = Instant::now() + self.settings.timeout;
        let asked = timeout_at(deadline, self.fetch(subject, deadline)).await;
        let asked = asked.unwrap_or(Err(NoAnswer::TimedOut(self.settings.timeout)));
        match asked {
            Ok((answer, delegate)) => {
                match answer.standing {
                    Standing::Good => &self.said.good,
                    Standing::Revoked { .. } => &self.said.withdrawn,
                    Standing::Unknown => &self.said.unknown,
                }
                .inc();
                let mut known = self.lock();
                let by = delegate.map(|delegate| known.one_of(delegate));
                let word = Word {
                    answer,
                    at: now,
                    by,
                };
                let believed = self.find(&mut known, subject, now);
                // Somebody on the way may bring an answer from before the one that is known.
                let newer = believed.filter(|known| answer.from < known.answer.from);
                if newer.is_none() {
                    known.keep(subject.id.clone(), word.clone());
                }
                drop(known);
                self.confirm(newer.as_ref().unwrap_or(&word))
            }
            Err(error) => {
                self.said.failed.inc();
                self.tell(&error, now);
                if error.is_about_the_responder() {
                    let rest = now.0.saturating_add(REST);
                    self.said.rests_until.store(rest, Ordering::Relaxed);
                    return self.without_answer(subject, now, WallTime(rest));
                }
                let until = WallTime(now.0.saturating_add(SILENCE));
                self.lock().note_silence(subject.id.clone(), until);
                self.without_answer(subject, now, until)
            }
        }
    }

    /// What holds while nobody is asked.
    fn at_rest(&self, subject: &Subject) -> Option<Confirmation> {
        let now = self.clock.now();
        let until = self.said.rests_until.load(Ordering::Relaxed);
        let rests = now.0 < until && until <= now.0.saturating_add(REST);
        rests.then(|| self.without_answer(subject, now, WallTime(until)))
    }

    async fn fetch(
        &self,
        subject: &Subject,
        deadline: Instant,
    ) -> Result<(Answer, Option<Delegate>), NoAnswer> {
        let url = &self.settings.responder;
        let request = hyper::Request::post(url.path.as_str())
            .header("Host", url.target.to_string())
            .header("Content-Type", "application/ocsp-request")
            .header("Accept", "application/ocsp-response")
            .header("User-Agent", "crmgate")
            .header("Connection", "close")
            .body(Full::new(Bytes::from(subject.id.request())))
            .map_err(|_unfit| NoAnswer::Request)?;
        let socket = dial(&url.target, deadline).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
        let answer = async {
            let answer = sender.send_request(request).await?;
            let status = answer.status().as_u16();
            if status != 200 {
                return Err(NoAnswer::Status(status));
            }
            let body = Limited::new(answer.into_body(), MOST_BYTES).collect().await;
            body.map_err(|_too_long| NoAnswer::Body)
        };
        tokio::pin!(answer);
        let body = tokio::select! {
            biased;
            answer = &mut answer => answer,
            _ended = connection => answer.await,
        }?;
        let (body, now) = (body.to_bytes(), self.clock.now());
        let read = subject.with_issuer(self.lists.as_deref(), |by| {
            read_answer(&body, &subject.id, by, now)
        });
        Ok(read?)
    }

    /// What an answer means for its client.
    fn confirm(&self, word: &Word) -> Confirmation {
        match word.answer.standing {
            Standing::Good => Confirmation::Served {
                until: word.stands_until(self.settings.max_age),
            },
            Standing::Revoked { since } => Confirmation::Withdrawn { since },
            Standing::Unknown => Confirmation::Unknown,
        }
    }

    /// What holds without a new answer: that a client was withdrawn, for good; any other answer until
    /// the end that it names itself, although `OCSP_MAX_AGE` has passed long ago; and else what was
    /// configured. An answer that names no end has none beyond `OCSP_MAX_AGE`.
    fn without_answer(&self, subject: &Subject, now: WallTime, soon: WallTime) -> Confirmation {
        let last = self.find(&mut self.lock(), subject, now);
        let last = last.filter(|word| {
            let is_for_good = matches!(word.answer.standing, Standing::Revoked { .. });
            is_for_good || word.answer.until.is_some_and(|until| now <= until)
        });
        match last.map(|word| self.confirm(&word)) {
            Some(Confirmation::Served { .. }) => Confirmation::Served { until: soon },
            Some(otherwise) => otherwise,
            None if self.settings.unanswered == Unanswered::Serve => {
                Confirmation::Served { until: soon }
            }
            None => Confirmation::Unconfirmed,
        }
    }

    /// Says so in the log, every few seconds at most: how many ask, strangers decide.
    fn tell(&self, error: &NoAnswer, now: WallTime) {
        let told_at = self.said.told_at.swap(now.0, Ordering::Relaxed);
        if (told_at..told_at.saturating_add(REST)).contains(&now.0) {
            self.said.told_at.store(told_at, Ordering::Relaxed);
            return;
        }
        let responder = &self.settings.responder;
        let meanwhile = match self.settings.unanswered {
            Unanswered::Refuse => {
                "clients of whom nothing is known are refused, since OCSP_UNANSWERED=refuse"
            }
            Unanswered::Serve => "clients are served unasked, since OCSP_UNANSWERED=serve",
        };
        let hint = error.hint();
        warn!(%responder, %error, meanwhile, hint, "the OCSP responder gives no answer");
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        let known = &self.said.known;
        known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Responder({})", self.settings.responder)
    }
}

/// So long, in seconds, nobody asks again about a certificate of which the responder has nothing to
/// say that can be believed.
const SILENCE: i64 = 60;

/// More questions at once would be an attack on the responder.
const LINES: usize = 32;

/// So long, in seconds, nobody asks after a failure.
const REST: i64 = 5;

/// An answer about one certificate with a responder's chain is a tenth of that.
const MOST_BYTES: usize = 64 * 1024;

/// Answers that are remembered: as many as verdicts on chains.
const CAPACITY: usize = 65_536;

/// Who was withdrawn and is remembered for good: half of that, since nothing makes room there.
const MOST_WITHDRAWN: usize = 32_768;

#[cfg(test)]
#[path = "../tests/ocsp.rs"]
mod tests;
