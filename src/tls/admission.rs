//! [`Admission`]: which sessions a listener grants, and which it takes up again.
//!
//! The TLS library resumes whatever its store or ticketer gives back. So what is given back is
//! decided here, at the moment it is asked for: the stored chain is judged again by the verifier
//! and the rules in force now and by the clock, and counts from the full handshake it was proven in, however
//! often the session was renewed since. A session that does not pass is not found, and the client
//! gets a full handshake, in which it may show another certificate or is told why it is refused.

use std::sync::Arc;

use memchr::memmem;
use rustls::pki_types::CertificateDer;
use rustls::server::{ProducesTickets, StoresServerSessions};

use crate::config::settings::{ClientAuth, SessionSettings};
use crate::model::{Clock, WallTime};
use crate::tls::attempt::{Attempt, Standing};
use crate::tls::judge::ClientJudge;
use crate::tls::sessions::{PolicyId, Universe};
use crate::tls::tickets::MAX_CLOCK_SKEW;
use crate::tls::verdicts::Verdict;

/// The session store and the ticketer of one listener.
#[derive(Debug)]
pub(super) struct Admission {
    pub(super) universe: Arc<Universe>,
    pub(super) judge: Arc<ClientJudge>,
    pub(super) mode: ClientAuth,
    pub(super) policy: PolicyId,
    pub(super) settings: SessionSettings,
    pub(super) clock: Clock,
}

impl Admission {
    /// Puts a session of the handshake in progress into an envelope. `None`: it is not resumable.
    fn seal(&self, session: &[u8]) -> Option<Vec<u8>> {
        let now = self.clock.now();
        if !Attempt::is_in_progress() {
            return None;
        }
        let standing = Attempt::current_standing();
        let verdict = standing.as_ref().map(|standing| standing.verdict.as_ref());
        // Whoever is not admitted has nothing that is worth taking up again.
        if self.denies(verdict.flatten()) {
            return None;
        }
        match standing {
            Some(standing) if self.seconds_left(standing.since, now) > 0 => {
                Envelope::around(session, self.policy, standing.since, standing.chain())
            }
            None if self.mode != ClientAuth::Require => {
                Envelope::around(session, self.policy, now, &[])
            }
            Some(_) | None => None,
        }
    }

    /// Whether the rules deny a client, or one that shows no certificate, or its issuer is known to
    /// have withdrawn it.
    fn denies(&self, verdict: Option<&Verdict>) -> bool {
        match verdict {
            Some(verdict) => {
                verdict.denial.is_some() || self.judge.is_known_withdrawn(&verdict.client)
            }
            None => self.judge.judge_nobody().is_some(),
        }
    }

    /// Opens what was found under the name that a client gave, if anything was, and counts it.
    fn look_up(&self, envelope: Option<Vec<u8>>) -> Option<Vec<u8>> {
        let Some(envelope) = envelope else {
            self.universe.count(|lookups| &lookups.unknown);
            return None;
        };
        let admitted = self.admit(&envelope);
        if admitted.is_some() {
            self.universe.count(|lookups| &lookups.found);
        } else {
            self.universe.count(|lookups| &lookups.refused);
        }
        admitted
    }

    /// Opens an envelope if the session in it may be taken up now.
    fn admit(&self, envelope: &[u8]) -> Option<Vec<u8>> {
        // Outside a handshake of ours nobody would look at the standing.
        if !Attempt::is_in_progress() {
            return None;
        }
        let now = self.clock.now();
        let Envelope {
            policy,
            since,
            chain,
            session,
        } = Envelope::open(envelope)?;
        let is_ours = policy == self.policy || self.universe.has_been_under(policy);
        if !is_ours || self.seconds_left(since, now) == 0 {
            return None;
        }
        let verdict = match (chain.split_first(), self.mode) {
            (None, ClientAuth::Require) => return None,
            (None, ClientAuth::Request | ClientAuth::None) => None,
            (Some((leaf, others)), _) => Some(self.judge.judge(leaf, others, now).ok()?),
        };
        // In a full handshake the client may show another certificate.
        if self.denies(verdict.as_ref()) {
            return None;
        }
        let session = session.to_vec();
        Attempt::note_standing(Standing { since, verdict });
        Some(session)
    }

    /// How long a session that was proven at a time may still be taken up; 0 for one from the
    /// future.
    fn seconds_left(&self, since: WallTime, now: WallTime) -> u32 {
        let age = now.0.saturating_sub(since.0);
        if age < -MAX_CLOCK_SKEW {
            return 0;
        }
        let lifetime = i64::try_from(self.settings.lifetime.as_secs()).unwrap_or(i64::MAX);
        let left = lifetime.saturating_sub(age.max(0));
        u32::try_from(left.clamp(0, MAX_TICKET_SECONDS)).unwrap_or_default()
    }
}

/// Seven days: TLS 1.3 allows no more.
const MAX_TICKET_SECONDS: i64 = 7 * 86_400;

impl StoresServerSessions for Admission {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.seal(&value).is_some_and(|envelope| {
            let now = self.clock.now();
            let (lifetime, room) = (self.settings.lifetime, self.settings.cache_size);
            self.universe.store.put(key, envelope, now, lifetime, room)
        })
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.look_up(self.universe.store.get(key))
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.look_up(self.universe.store.take(key))
    }

    fn can_cache(&self) -> bool {
        self.settings.cache_size > 0
    }
}

impl ProducesTickets for Admission {
    fn enabled(&self) -> bool {
        self.settings.tickets
    }

    fn lifetime(&self) -> u32 {
        let now = self.clock.now();
        let standing = Attempt::current_standing();
        self.seconds_left(standing.map_or(now, |standing| standing.since), now)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let envelope = self.seal(plain)?;
        let tickets = &self.universe.tickets;
        tickets.seal(&envelope, self.clock.now(), self.settings.lifetime)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let tickets = &self.universe.tickets;
        self.look_up(tickets.open(cipher, self.clock.now(), self.settings.lifetime))
    }
}

/// A session as the TLS library writes it, with what has to be known before it is taken up.
///
/// ```text
/// 1       format
/// 16      the policy it was granted under
/// 8       seconds since 1970 of the full handshake, big-endian
/// 1       number of certificates in the client's chain
/// n * 8   where each of them stands in the session: offset and length, four bytes each
/// ...     the session
/// ```
///
/// The session holds the chain already, in a form that is the library's own affair. So its place
/// is kept and not a second copy, which would double the size of every ticket.
#[derive(Debug, PartialEq, Eq)]
struct Envelope<'a> {
    policy: PolicyId,
    since: WallTime,
    chain: Vec<CertificateDer<'static>>,
    session: &'a [u8],
}

/// Raised when the layout changes, so that tickets of another release are not misread.
const FORMAT: u8 = 2;

impl<'a> Envelope<'a> {
    /// `None` if the session does not hold the chain, which then is not the session's.
    fn around(
        session: &[u8],
        policy: PolicyId,
        since: WallTime,
        chain: &[CertificateDer<'_>],
    ) -> Option<Vec<u8>> {
        let mut bytes = vec![FORMAT];
        bytes.extend(policy.bytes());
        bytes.extend(since.0.to_be_bytes());
        bytes.push(u8::try_from(chain.len()).ok()?);
        for certificate in chain {
            let offset = place_of(certificate, session)?;
            bytes.extend(u32::try_from(offset).ok()?.to_be_bytes());
            bytes.extend(u32::try_from(certificate.len()).ok()?.to_be_bytes());
        }
        bytes.extend(session);
        Some(bytes)
    }

    fn open(bytes: &'a [u8]) -> Option<Self> {
        let (&[FORMAT], rest) = bytes.split_first_chunk::<1>()? else {
            return None;
        };
        let (policy, rest) = rest.split_first_chunk::<{ PolicyId::LEN }>()?;
        let (since, rest) = rest.split_first_chunk::<8>()?;
        let (&count, mut rest) = rest.split_first()?;
        let mut places = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            let (offset, after) = rest.split_first_chunk::<4>()?;
            let (length, after) = after.split_first_chunk::<4>()?;
            places.push([offset, length].map(|bytes| usize::try_from(u32::from_be_bytes(*bytes))));
            rest = after;
        }
        let certificate = |[offset, length]: [Result<usize, _>; 2]| {
            let (offset, length) = (offset.ok()?, length.ok()?);
            let der = rest.get(offset..offset.checked_add(length)?)?;
            Some(CertificateDer::from(der.to_vec()))
        };
        Some(Self {
            policy: PolicyId::from_bytes(*policy),
            since: WallTime(i64::from_be_bytes(*since)),
            chain: places.into_iter().map(certificate).collect::<Option<_>>()?,
            session: rest,
        })
    }
}

/// Where a certificate stands in a session. It is looked for by its beginning: to prepare a search
/// for all of it would cost more than the search, a thousand bytes in little more than that.
fn place_of(certificate: &[u8], session: &[u8]) -> Option<usize> {
    let beginning = certificate.get(..BEGINNING).unwrap_or(certificate);
    let stands_at = |place: &usize| {
        let rest = session.get(*place..);
        rest.is_some_and(|rest| rest.starts_with(certificate))
    };
    memmem::find_iter(session, beginning).find(stands_at)
}

/// Two headers, the version and most of a serial number.
const BEGINNING: usize = 24;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: PolicyId = PolicyId::from_bytes([7; PolicyId::LEN]);

    fn chain(parts: &[Vec<u8>]) -> Vec<CertificateDer<'static>> {
        parts.iter().cloned().map(CertificateDer::from).collect()
    }

    #[test]
    fn a_chain_that_the_session_does_not_hold_makes_it_not_resumable() {
        let stranger = chain(&[vec![1, 2, 3]]);
        assert!(Envelope::around(b"session", POLICY, WallTime(0), &stranger).is_none());
    }

    #[test]
    fn of_two_certificates_that_begin_alike_each_is_found_in_its_own_place() {
        let [one, other] = [
            [7; 40],
            [&[7; 39][..], &[8]].concat().try_into().expect("40"),
        ];
        let parts = chain(&[other.to_vec(), one.to_vec()]);
        let session = [&one[..], &[1], &other[..]].concat();
        let bytes = Envelope::around(&session, POLICY, WallTime(7), &parts);
        let bytes = bytes.expect("an envelope");
        assert_eq!(Envelope::open(&bytes).expect("ours").chain, parts);
    }

    #[test]
    fn an_envelope_of_another_format_is_not_opened() {
        let mut bytes =
            Envelope::around(b"session", POLICY, WallTime(7), &[]).expect("an envelope");
        assert!(Envelope::open(&bytes).is_some());
        bytes[0] = FORMAT + 1;
        assert!(Envelope::open(&bytes).is_none());
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(
            since in any::<i64>(),
            parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..50), 0..5),
            before in any::<Vec<u8>>(),
            after in any::<Vec<u8>>(),
        ) {
            let session = [before, parts.concat(), after].concat();
            let chain = chain(&parts);
            let bytes = Envelope::around(&session, POLICY, WallTime(since), &chain).expect("it holds them");
            let opened = Envelope::open(&bytes).expect("ours");
            prop_assert_eq!(opened, Envelope { policy: POLICY, since: WallTime(since), chain, session: &session });
        }

        #[test]
        fn no_bytes_make_opening_panic(bytes in any::<Vec<u8>>()) {
            let bytes = [vec![FORMAT], bytes].concat();
            let _either = Envelope::open(&bytes).is_some();
        }
    }
}
