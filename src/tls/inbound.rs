//! [`Acceptor`]: TLS on our listeners.

use std::sync::Arc;
use std::time::Duration;

use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls::{CommonState, HandshakeKind, ServerConfig};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::certs::{CertificateFacts, Digest, Identity, RevocationLists, TrustStore};
use crate::config::problem::{Problem, Problems};
use crate::config::settings::{
    ClientAuth, FileRef, IdentityFiles, ServerTls, TlsFiles, TlsVersion,
};
use crate::model::{Clock, Principal, WallTime};
use crate::net::Socket;
use crate::tls::admission::Admission;
use crate::tls::attempt::{Attempt, Standing};
use crate::tls::clock::ClockTime;
use crate::tls::failure::{Cause, Direction, HandshakeFailure};
use crate::tls::judge::ClientJudge;
use crate::tls::policy::{Role, TlsPolicy};
use crate::tls::provider;
use crate::tls::sessions::{PolicyId, SessionVault, UniverseId, mode_word};
use crate::tls::verdicts::{Client, Span};
use crate::tls::wire::{suite_of, version_of};

/// Terminates TLS for one listener, or for several of the same policy.
///
/// Shared by all threads; nothing in it changes, so a connection is judged by the acceptor that it
/// was accepted with, and a reload publishes another one.
pub struct Acceptor {
    tls: TlsAcceptor,
    judge: Arc<ClientJudge>,
    mode: ClientAuth,
    clock: Clock,
    universe: UniverseId,
    policy_id: PolicyId,
    lifetime: Duration,
    leaf: CertificateFacts,
    policy: TlsPolicy,
    revocation: Option<Arc<RevocationLists>>,
    fingerprint: [u8; 32],
}

/// A connection that is through its handshake.
#[derive(Debug)]
pub struct Accepted {
    /// The connection.
    pub stream: TlsStream<Socket>,
    /// What the handshake showed.
    pub facts: SessionFacts,
}

/// What a handshake showed; the same for a full and for a resumed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFacts {
    /// Who the client is. Always there where a certificate is required.
    pub client: Option<Arc<Client>>,
    /// How long that is certain without judging it again; for good where there is no certificate.
    pub certain: Span,
    /// When the client last proved itself with a full handshake.
    pub authenticated_at: WallTime,
    /// The protocol version.
    pub version: TlsVersion,
    /// The cipher suite by IANA's name.
    pub suite: &'static str,
    /// Whether a session was taken up again.
    pub resumed: bool,
    /// The host name that the client asked for; SAP often sends none.
    pub server_name: Option<Box<str>>,
}

impl SessionFacts {
    /// Who the client is.
    pub fn principal(&self) -> Option<&Arc<Principal>> {
        self.client.as_ref().map(|client| client.principal())
    }
}

impl Acceptor {
    /// Reads the files and puts everything together.
    ///
    /// The scope keeps listeners apart whose sessions must not be taken up at each other, such as
    /// those of two SAP systems. With an error among the problems there is no acceptor.
    pub fn build(
        settings: &ServerTls,
        scope: &str,
        clock: &Clock,
        vault: &SessionVault,
    ) -> (Option<Self>, Problems) {
        let now = clock.now();
        let files = &settings.files;
        let (policy, mut problems) = TlsPolicy::build(&settings.parameters, Role::Server);
        let keys = provider::key_provider();
        let (identity, found) =
            Identity::load(&files.identity, files.passphrase.as_ref(), keys, now);
        problems.extend(found);
        let (trust, found) = TrustStore::load(&files.ca, now);
        problems.extend(found);
        let (Some(policy), Some(identity), Some(trust)) = (policy, identity, trust) else {
            return (None, problems);
        };
        let (revocation, found) = revocation_lists(files, &trust, &identity, now);
        problems.extend(found);
        judge_identity(
            &identity,
            &policy,
            certificate_file(&files.identity),
            &mut problems,
        );
        if problems.has_errors() {
            return (None, problems);
        }
        let parts = Parts {
            policy,
            identity,
            trust,
            revocation,
        };
        match parts.assemble(settings, scope, clock, vault) {
            Ok(acceptor) => (Some(acceptor), problems),
            Err(what) => {
                let hint = "report this with the output of crmgate check";
                problems.push(Problem::error(files.ca.place.clone(), what, hint));
                (None, problems)
            }
        }
    }

    /// Does the handshake. There is no deadline in here: the caller has one for all of the
    /// connection's beginning.
    ///
    /// A connection that comes back has its client verified by what is in force now, whether the
    /// session is new or resumed.
    pub async fn accept(&self, stream: Socket) -> Result<Accepted, HandshakeFailure> {
        let (result, attempt) = Attempt::run(self.tls.accept(stream)).await;
        let stream = result.map_err(|error| {
            HandshakeFailure::from_io(&error, Direction::Inbound)
                .over(attempt.shown.as_ref())
                .because(attempt.refusal)
        })?;
        let (_, connection) = stream.get_ref();
        let server_name = connection.server_name().map(Box::from);
        let facts = self.facts(connection, server_name, attempt.standing)?;
        Ok(Accepted { stream, facts })
    }

    /// Reads off the connection what the handshake showed, and makes sure of what matters: the
    /// chain the connection claims is one that this acceptor's judge accepts now.
    fn facts(
        &self,
        connection: &CommonState,
        server_name: Option<Box<str>>,
        standing: Option<Standing>,
    ) -> Result<SessionFacts, HandshakeFailure> {
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
            (Some(_), Some(standing)) => standing.verdict.clone(),
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
        Ok(SessionFacts {
            client: verdict.map(|verdict| verdict.client),
            certain,
            authenticated_at: standing.map_or(now, |standing| standing.since),
            version: version_of(connection),
            suite: suite_of(connection),
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            server_name,
        })
    }

    /// Judges the client of an open connection by what is in force here and now, whoever let it in;
    /// `None` is one without a certificate.
    pub fn admits(&self, client: Option<&Client>) -> Result<Span, HandshakeFailure> {
        let refuse = |cause| HandshakeFailure::new(Direction::Inbound, cause);
        match client.and_then(|client| client.chain.split_first()) {
            None if self.mode == ClientAuth::Require => Err(refuse(Cause::NoClientCertificate)),
            None => Ok(Span::ALWAYS),
            Some((leaf, others)) => {
                let judged = self.judge.judge(leaf, others, self.clock.now());
                let verdict = judged.map_err(|error| {
                    HandshakeFailure::of_judgement(&error, Direction::Inbound).over(Some(leaf))
                })?;
                Ok(verdict.span)
            }
        }
    }

    /// A digest of all it was built from, file contents included: of two acceptors with the same
    /// fingerprint a reload keeps the older.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// Whom it lets in: the authorities and whether a certificate is required. Of two acceptors
    /// with the same policy, connections of the one may stay under the other.
    pub fn policy_id(&self) -> PolicyId {
        self.policy_id
    }

    /// The sessions it uses, for [`SessionVault::publish`].
    pub fn universe(&self) -> UniverseId {
        self.universe
    }

    /// How long its sessions live.
    pub fn session_lifetime(&self) -> Duration {
        self.lifetime
    }

    /// The certificate it shows.
    pub fn leaf(&self) -> &CertificateFacts {
        &self.leaf
    }

    /// The lists by which it judges clients.
    pub fn revocation(&self) -> Option<&RevocationLists> {
        self.revocation.as_deref()
    }

    /// What it accepts.
    pub fn policy(&self) -> &TlsPolicy {
        &self.policy
    }
}

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acceptor")
            .field("leaf", &self.leaf.subject)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// What an acceptor is made of, all of it proven.
struct Parts {
    policy: TlsPolicy,
    identity: Identity,
    trust: TrustStore,
    revocation: Option<Arc<RevocationLists>>,
}

impl Parts {
    fn assemble(
        self,
        settings: &ServerTls,
        scope: &str,
        clock: &Clock,
        vault: &SessionVault,
    ) -> Result<Acceptor, String> {
        let Self {
            policy,
            identity,
            trust,
            revocation,
        } = self;
        let now = clock.now();
        let mode = settings.client_auth;
        let fingerprint = fingerprint(
            settings,
            scope,
            &policy,
            &identity,
            &trust,
            revocation.as_deref(),
        );
        let policy_id = PolicyId::of(&trust, mode);
        let id = UniverseId::of(mode, identity.leaf(), scope);
        let universe = vault.universe(id);
        let judge = Arc::new(ClientJudge::new(
            trust,
            revocation.clone(),
            mode,
            &policy.provider(),
            now,
        ));
        let admission = Arc::new(Admission {
            universe,
            judge: Arc::clone(&judge),
            mode,
            policy: policy_id,
            settings: settings.session.clone(),
            clock: clock.clone(),
        });
        let time = Arc::new(ClockTime(clock.clone()));
        let verifier: Arc<ClientJudge> = Arc::clone(&judge);
        let mut config = ServerConfig::builder_with_details(policy.provider(), time)
            .with_protocol_versions(&policy.versions())
            .map_err(|error| format!("the TLS library refuses the settings: {error}"))?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified_key())));
        // No ALPN protocol is set, so whatever a client offers, or nothing, is accepted.
        config.ignore_client_order = policy.order_matters();
        // A stateless ticket may be used again and again; a stateful one is spent at once, and a
        // client that opens two connections needs two.
        config.send_tls13_tickets = if settings.session.tickets { 1 } else { 2 };
        config.ticketer = Arc::<Admission>::clone(&admission);
        config.session_storage = admission;
        if settings.session.cache_size == 0 && !settings.session.tickets {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Acceptor {
            tls: TlsAcceptor::from(Arc::new(config)),
            judge,
            mode,
            clock: clock.clone(),
            universe: id,
            policy_id,
            lifetime: settings.session.lifetime,
            leaf: identity.leaf().clone(),
            policy,
            revocation,
            fingerprint,
        })
    }
}

fn fingerprint(
    settings: &ServerTls,
    scope: &str,
    policy: &TlsPolicy,
    identity: &Identity,
    trust: &TrustStore,
    revocation: Option<&RevocationLists>,
) -> [u8; 32] {
    let session = &settings.session;
    let cache_size = u64::try_from(session.cache_size).unwrap_or(u64::MAX);
    Digest::new("acceptor")
        .part(scope.as_bytes())
        .part(mode_word(settings.client_auth))
        .part(&policy.digest())
        .part(&identity.digest())
        .part(&trust.digest())
        .part(&session.lifetime.as_secs().to_be_bytes())
        .part(&cache_size.to_be_bytes())
        .part(&[u8::from(session.tickets)])
        .digests(revocation.map(RevocationLists::digest).as_slice())
        .finish()
}

/// What clients would refuse about our certificate, or cannot use with it.
fn judge_identity(
    identity: &Identity,
    policy: &TlsPolicy,
    file: &FileRef,
    problems: &mut Problems,
) {
    let leaf = identity.leaf();
    if !leaf.allows_server() {
        let what = format!(
            "the certificate of \"{}\" is not allowed to be a server's: its extended key usage \
             lacks serverAuth",
            leaf.subject
        );
        let hint = "have it issued with serverAuth and clientAuth; most clients refuse it";
        problems.push(Problem::warning(file.place.clone(), what, hint).value(&file.written));
    }
    if !leaf.has_alternative_names {
        let what = format!(
            "the certificate of \"{}\" has no subject alternative name",
            leaf.subject
        );
        let hint = "SAP compares the common name and connects; other clients refuse it, so have \
                    the host added as an alternative name at the next renewal";
        problems.push(Problem::warning(file.place.clone(), what, hint).value(&file.written));
    }
    if let Some(problem) = policy.judge_key(&leaf.key, &file.place) {
        problems.push(problem);
    }
}

/// The revocation lists of a role, if it has any; `None` also with an error among the problems.
pub(super) fn revocation_lists(
    files: &TlsFiles,
    trust: &TrustStore,
    identity: &Identity,
    now: WallTime,
) -> (Option<Arc<RevocationLists>>, Problems) {
    let Some(settings) = &files.revocation else {
        return (None, Problems::new());
    };
    let (lists, problems) = RevocationLists::load(settings, trust, identity.chain(), now);
    (lists.map(Arc::new), problems)
}

/// The file that holds the certificate.
pub(super) fn certificate_file(files: &IdentityFiles) -> &FileRef {
    match files {
        IdentityFiles::Combined(file) => file,
        IdentityFiles::Pair { certificate, .. } => certificate,
    }
}
