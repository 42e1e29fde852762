//! [`Attempt`]: what one handshake has shown so far, while it is in progress.
//!
//! The TLS library calls verifiers, session stores and ticketers without telling them for which
//! connection, and forgets the peer's certificate when it refuses it. All these calls happen
//! inside a poll of that connection's handshake future; so the future carries its own notes, and
//! a task-local makes them the current ones for exactly as long as a poll of it lasts. Two
//! handshakes never see each other's notes, on whatever thread they run.

use std::cell::RefCell;
use std::future::Future;

use rustls::pki_types::CertificateDer;

use crate::certs::path::Refusal;
use crate::model::WallTime;
use crate::tls::verdicts::Verdict;

tokio::task_local! {
    static ATTEMPT: RefCell<Attempt>;
}

/// What a handshake has shown.
#[derive(Debug, Default)]
pub(super) struct Attempt {
    /// The leaf the peer showed last, accepted or not.
    pub(super) shown: Option<CertificateDer<'static>>,
    /// Why its chain was refused, if it was.
    pub(super) refusal: Option<Refusal>,
    /// What a session rests on: set by a verified chain, or by a session that is taken up again.
    pub(super) standing: Option<Standing>,
}

/// Who the peer is, how that was proven, and since when.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    /// When the peer last proved itself with a full handshake.
    pub(super) since: WallTime,
    /// Who it is and what the rules say of it; `None` where it showed no certificate and none is required.
    pub(super) verdict: Option<Verdict>,
}

impl Standing {
    /// The peer's chain; empty where it showed none.
    pub(super) fn chain(&self) -> &[CertificateDer<'static>] {
        let verdict = self.verdict.as_ref();
        verdict.map_or(&[], |verdict| &verdict.client.chain)
    }
}

impl Attempt {
    /// Runs a handshake and hands back what it showed.
    pub(super) async fn run<F: Future>(handshake: F) -> (F::Output, Self) {
        ATTEMPT
            .scope(RefCell::default(), async {
                let output = handshake.await;
                (output, ATTEMPT.with(RefCell::take))
            })
            .await
    }

    /// Judges a peer as in a handshake, without one, and hands back what was noted.
    pub(super) fn rehearse<T>(judge: impl FnOnce() -> T) -> (T, Self) {
        ATTEMPT.sync_scope(RefCell::default(), || {
            let output = judge();
            (output, ATTEMPT.with(RefCell::take))
        })
    }

    /// Notes the leaf that a peer shows.
    pub(super) fn note_shown(leaf: &CertificateDer<'_>) {
        let leaf = leaf.clone().into_owned();
        Self::update(|attempt| {
            attempt.shown = Some(leaf);
            attempt.refusal = None;
        });
    }

    /// Notes why the chain of the leaf that was shown is refused. That of a session which the peer
    /// would have taken up is no reason for what follows: it may show another one.
    pub(super) fn note_refusal(refusal: Refusal) {
        Self::update(|attempt| attempt.refusal = attempt.shown.is_some().then_some(refusal));
    }

    /// Notes what the session will rest on.
    pub(super) fn note_standing(standing: Standing) {
        Self::update(|attempt| attempt.standing = Some(standing));
    }

    /// Whether a handshake of ours is in progress; if not, nothing may be stored or taken up.
    pub(super) fn is_in_progress() -> bool {
        ATTEMPT.try_with(|_| ()).is_ok()
    }

    /// What the session of the current handshake rests on so far.
    pub(super) fn current_standing() -> Option<Standing> {
        let standing = ATTEMPT.try_with(|attempt| attempt.borrow().standing.clone());
        standing.ok().flatten()
    }

    fn update(change: impl FnOnce(&mut Self)) {
        // Outside a handshake of ours there is nobody to tell.
        let _told = ATTEMPT.try_with(|attempt| change(&mut attempt.borrow_mut()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certs::path::Reason;

    #[tokio::test]
    async fn two_handshakes_on_one_thread_keep_their_notes_apart() {
        let one = Attempt::run(async {
            Attempt::note_shown(&CertificateDer::from(vec![1]));
            tokio::task::yield_now().await;
        });
        let two = Attempt::run(async {
            tokio::task::yield_now().await;
            Attempt::note_shown(&CertificateDer::from(vec![2]));
        });
        let ((), one, (), two) = {
            let (one, two) = tokio::join!(one, two);
            (one.0, one.1, two.0, two.1)
        };
        assert_eq!(one.shown, Some(CertificateDer::from(vec![1])));
        assert_eq!(two.shown, Some(CertificateDer::from(vec![2])));
    }

    #[tokio::test]
    async fn a_refusal_is_that_of_the_certificate_shown_last() {
        let refusal = || Refusal {
            subject: "CN=sap.example".to_owned(),
            reason: Reason::UnknownIssuer,
        };
        let leaf = CertificateDer::from(vec![1]);
        let ((), attempt) = Attempt::run(async { Attempt::note_refusal(refusal()) }).await;
        assert_eq!(attempt.refusal, None);
        let ((), attempt) = Attempt::run(async {
            Attempt::note_shown(&leaf);
            Attempt::note_refusal(refusal());
        })
        .await;
        assert_eq!(attempt.refusal, Some(refusal()));
        let ((), attempt) = Attempt::run(async {
            Attempt::note_shown(&leaf);
            Attempt::note_refusal(refusal());
            Attempt::note_shown(&leaf);
        })
        .await;
        assert_eq!(attempt.refusal, None);
    }

    #[test]
    fn outside_a_handshake_there_is_no_standing() {
        Attempt::note_shown(&CertificateDer::from(vec![1]));
        assert!(!Attempt::is_in_progress());
        assert!(Attempt::current_standing().is_none());
    }
}
