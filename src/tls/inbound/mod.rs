//! [`Acceptor`]: TLS on our listeners.

mod parts;

use std::sync::Arc;
use std::time::Duration;

use rustls::server::danger::ClientCertVerifier as _;
use rustls::{CommonState, HandshakeKind};
use tokio_rustls::TlsAcceptor;

use crate::certs::path::Purpose;
use crate::certs::{CertificateFacts, Due, RevocationLists, TrustStore};
use crate::config::problem::{Problem, Problems};
use crate::config::settings::{ClientAuth, ClientRules, ServerTls, TlsFiles};
use crate::model::{Clock, Denial, WallTime};
use crate::net::Socket;
use crate::tls::attempt::{Attempt, Standing};
use crate::tls::authority_uses::{Arrival, Authority, Chain, RoleUses};
use crate::tls::face::Face;
use crate::tls::facts::{Accepted, Admitted, SessionFacts};
use crate::tls::failure::{Cause, Direction, HandshakeFailure};
use crate::tls::inbound::parts::Parts;
use crate::tls::judge::ClientJudge;
use crate::tls::nameless_uses::Lack;
use crate::tls::own;
use crate::tls::path::unix;
use crate::tls::policy::{Role, TlsPolicy};
use crate::tls::rules::Rules;
use crate::tls::sessions::{PolicyId, SessionVault, UniverseId};
use crate::tls::turns::Turns;
use crate::tls::verdicts::{Client, Span, Verdict};
use crate::tls::wire::{suite_of, version_of};

/// Terminates TLS for one listener, or for several of the same policy.
///
/// Shared by all threads; nothing in it changes, so a connection is judged by the acceptor that it
/// was accepted with, and a reload publishes another one. Which of two own certificates it shows is
/// settled by the clock when a handshake begins.
pub struct Acceptor {
    faces: Turns<Face<Door>>,
    judge: Arc<ClientJudge>,
    mode: ClientAuth,
    clock: Clock,
    policy_id: PolicyId,
    lifetime: Duration,
    policy: TlsPolicy,
    revocation: Option<Arc<RevocationLists>>,
    fingerprint: [u8; 32],
}

/// TLS under one own certificate with the sessions that were granted under it. Those of another key
/// are in another universe, so what was granted under the one is not taken up under the other.
struct Door {
    acceptor: TlsAcceptor,
    universe: UniverseId,
}

impl Acceptor {
    /// Reads the files and puts everything together.
    ///
    /// The rules are those of the listeners that the acceptor is for. The scope keeps listeners
    /// apart whose sessions must not be taken up at each other, such as those of two SAP systems.
    /// The uses are those of the role whose authorities these are. With an error among the problems
    /// there is no acceptor.
    pub fn build(
        settings: &ServerTls,
        rules: &ClientRules,
        scope: &str,
        clock: &Clock,
        vault: &SessionVault,
        uses: RoleUses,
    ) -> (Option<Self>, Problems) {
        let now = clock.now();
        let files = &settings.files;
        let (policy, mut problems) = TlsPolicy::build(&settings.parameters, Role::Server);
        let (own, found) = own::load(files, now);
        problems.extend(found);
        let (trust, found) = TrustStore::load(&files.ca, now);
        problems.extend(found);
        let (Some(policy), Some(own), Some(trust)) = (policy, own, trust) else {
            return (None, problems);
        };
        let (revocation, found) = own::revocation_lists(files, &trust, &own, now);
        problems.extend(found);
        own::judge(files, &own, Purpose::Server, &policy, &mut problems);
        if problems.has_errors() {
            return (None, problems);
        }
        let parts = Parts {
            policy,
            own,
            trust,
            revocation,
            rules: Rules::new(rules),
            uses,
        };
        let acceptor = parts.assemble(settings, scope, clock, vault);
        if acceptor.is_none() {
            let what = "the TLS library refuses the settings";
            let hint = "report this with the output of crmgate check";
            problems.push(Problem::error(files.ca.place.clone(), what, hint));
        }
        (acceptor, problems)
    }

    /// Does the handshake. There is no deadline in here: the caller has one for all of the
    /// connection's beginning.
    ///
    /// A connection that comes back has its client verified by what is in force now, whether the
    /// session is new or resumed.
    pub async fn accept(&self, stream: Socket) -> Result<Accepted, HandshakeFailure> {
        let door = &self.faces.at(self.clock.now()).tls;
        let (result, attempt) = Attempt::run(door.acceptor.accept(stream)).await;
        let stream = result.map_err(|error| {
            HandshakeFailure::from_io(&error, Direction::Inbound)
                .over(attempt.shown.as_ref())
                .because(attempt.refusal)
        })?;
        let (_, connection) = stream.get_ref();
        let server_name = connection.server_name().map(Box::from);
        let (facts, arrival) = self.facts(connection, server_name, attempt.standing)?;
        // Only now has the client shown that the certificate is its own.
        Ok(Accepted {
            stream,
            facts,
            arrival,
        })
    }

    fn arrival(&self, verdict: &Verdict) -> Option<Arrival> {
        let uses = verdict.uses.as_ref().map(Arc::clone)?;
        let chain = Arc::clone(&verdict.client.chain);
        Some(Arrival::new(uses, chain.into(), &self.clock))
    }

    /// Reads off the connection what the handshake showed, and makes sure of what matters: the
    /// chain the connection claims is one that this acceptor's judge accepts now. With it comes
    /// who notes the client's use of its authority.
    fn facts(
        &self,
        connection: &CommonState,
        server_name: Option<Box<str>>,
        standing: Option<Standing>,
    ) -> Result<(SessionFacts, Option<Arrival>), HandshakeFailure> {
        let now = self.clock.now();
        let chain = connection.peer_certificates().unwrap_or_default();
        let standing = standing.filter(|standing| standing.chain() == chain);
        let verdict = match (chain.split_first(), &standing) {
            (None, _) if self.mode == ClientAuth::Require => {
                let cause = Cause::NoClientCertificate;
                return Err(HandshakeFailure::new(Direction::Inbound, cause));
            }
            (None, _) => None,
            // What the judge has accepted in this very handshake.
            (Some(_), Some(standing)) => standing.verdict.clone().inspect(|verdict| {
                if connection.handshake_kind() != Some(HandshakeKind::Resumed) {
                    self.judge.remember(verdict);
                }
            }),
            (Some((leaf, others)), None) => {
                let judged = self.judge.judge(leaf, others, now).map_err(|_refused| {
                    HandshakeFailure::new(Direction::Inbound, Cause::StaleSession).over(Some(leaf))
                })?;
                Some(judged)
            }
        };
        let certain = verdict
            .as_ref()
            .map_or(Span::ALWAYS, |verdict| verdict.span);
        let denial = match &verdict {
            Some(verdict) => verdict.denial.clone(),
            None => self.judge.judge_nobody(),
        };
        let arrival = verdict.as_ref().and_then(|verdict| self.arrival(verdict));
        let facts = SessionFacts {
            client: verdict.map(|verdict| verdict.client),
            certain,
            denial,
            authenticated_at: standing.map_or(now, |standing| standing.since),
            version: version_of(connection),
            suite: suite_of(connection),
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            server_name,
        };
        Ok((facts, arrival))
    }

    /// Judges the client of an open connection by what is in force here and now, exactly as a full
    /// handshake would, whoever let it in; `None` is one without a certificate.
    pub fn admits(&self, client: Option<&Client>) -> Result<Admitted, HandshakeFailure> {
        let refuse = |cause| HandshakeFailure::new(Direction::Inbound, cause);
        match client.and_then(|client| client.chain.split_first()) {
            None if self.mode == ClientAuth::Require => Err(refuse(Cause::NoClientCertificate)),
            None => Ok(Admitted {
                certain: Span::ALWAYS,
                denial: self.judge.judge_nobody(),
                arrival: None,
            }),
            Some((leaf, others)) => {
                let judged = self.judge.judge(leaf, others, self.clock.now());
                let verdict = judged.map_err(|error| {
                    HandshakeFailure::of_judgement(&error, Direction::Inbound).over(Some(leaf))
                })?;
                Ok(Admitted {
                    certain: verdict.span,
                    arrival: self.arrival(&verdict),
                    denial: verdict.denial,
                })
            }
        }
    }

    /// Asks whether a client that was found good has been withdrawn, where a responder is to be
    /// asked. Says how long it may be served without asking again, or why it may not.
    pub async fn confirm(&self, client: &Client) -> Result<Span, Denial> {
        if !self.asks_a_responder() {
            return Ok(Span::ALWAYS);
        }
        // Judged by another acceptor, it may not be known as what to ask about it.
        let chain = client.chain.split_first();
        let judged = chain.map(|(leaf, others)| self.judge.judge(leaf, others, self.clock.now()));
        match judged {
            Some(Ok(verdict)) => self.judge.confirm(&verdict.client).await,
            Some(Err(_)) | None => Err(Denial::Unconfirmed),
        }
    }

    /// The authority that vouches now for whoever shows a chain, whatever the rules say of him.
    pub fn vouching(&self, chain: &Chain) -> Option<Authority> {
        let (leaf, others) = chain.split()?;
        self.judge.vouching(leaf, others, self.clock.now())
    }

    /// Says of whoever shows a chain how a handshake with it would end now: in the denial that the
    /// rules speak, or in nothing, or in the failure. Walks the verifier that handshakes walk, and
    /// asks no responder.
    pub fn would_admit(&self, chain: &Chain) -> Result<Option<Denial>, HandshakeFailure> {
        let shown = chain.split().filter(|_| self.mode != ClientAuth::None);
        let Some((leaf, others)) = shown else {
            return self.admits(None).map(|admitted| admitted.denial);
        };
        let now = unix(self.clock.now());
        let judge = || self.judge.verify_client_cert(leaf, others, now);
        let (judged, attempt) = Attempt::rehearse(judge);
        judged.map_err(|error| {
            HandshakeFailure::from_tls(&error, Direction::Inbound)
                .over(Some(leaf))
                .because(attempt.refusal)
        })?;
        let verdict = attempt.standing.and_then(|standing| standing.verdict);
        Ok(verdict.and_then(|verdict| {
            // Whoever is asked about has shown before that the chain is his.
            self.judge.remember(&verdict);
            verdict.denial
        }))
    }

    /// What a client lacks here that shows no certificate.
    pub fn lack(&self) -> Lack {
        match self.mode {
            ClientAuth::None => Lack::Question,
            ClientAuth::Request | ClientAuth::Require => Lack::Certificate,
        }
    }

    /// Whether anybody is asked about clients at all.
    pub fn asks_a_responder(&self) -> bool {
        self.judge.has_responder()
    }

    /// A digest of all it was built from, file contents included: of two acceptors with the same
    /// fingerprint a reload keeps the older.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// Whether rules say which clients it is for.
    pub fn has_rules(&self) -> bool {
        self.judge.has_rules()
    }

    /// Whom it lets in: the authorities, the rules and whether a certificate is required. Of two
    /// acceptors with the same policy, connections of the one may stay under the other.
    pub fn policy_id(&self) -> PolicyId {
        self.policy_id
    }

    /// The sessions it uses, for [`SessionVault::publish`]: those of the certificate that it
    /// shows, and those of the one that follows.
    pub fn universes(&self) -> impl Iterator<Item = UniverseId> {
        self.faces.each().map(|(_, face)| face.tls.universe)
    }

    /// Whom it believes.
    pub fn trust(&self) -> &TrustStore {
        self.judge.trust()
    }

    /// How long its sessions live.
    pub fn session_lifetime(&self) -> Duration {
        self.lifetime
    }

    /// The certificate that it shows now.
    pub fn leaf(&self) -> &CertificateFacts {
        self.faces.leaf_at(self.clock.now())
    }

    /// The certificates that it shows, the later one with the time from which it does.
    pub fn leaves(&self) -> impl Iterator<Item = (Option<WallTime>, &CertificateFacts)> {
        self.faces.leaves()
    }

    /// The lists by which it judges clients.
    pub fn revocation(&self) -> Option<&RevocationLists> {
        self.revocation.as_deref()
    }

    /// What of it has reached a step towards its end: own certificates, authorities and lists, read
    /// from these files.
    pub fn due(&self, files: &TlsFiles, now: WallTime) -> Vec<Due> {
        let (trust, revocation) = (self.judge.trust(), self.revocation());
        own::due(files, &self.faces, trust, revocation, now)
    }

    /// What it accepts.
    pub fn policy(&self) -> &TlsPolicy {
        &self.policy
    }
}

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acceptor")
            .field("leaf", &self.leaf().subject)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}
