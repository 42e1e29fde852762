//! [`Connector`]: TLS on our connections to the CRM and to the sides.

use std::fmt;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, IpAddr, ServerName};
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, HandshakeKind};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::certs::path::Purpose;
use crate::certs::{CertificateFacts, Digest, Due, Identity, RevocationLists, TrustStore};
use crate::config::problem::{Problem, Problems};
use crate::config::settings::{ClientTls, TlsFiles, TlsVersion};
use crate::model::{Clock, HostPort, WallTime};
use crate::net::Socket;
use crate::tls::attempt::Attempt;
use crate::tls::authority_uses::Chain;
use crate::tls::clock::ClockTime;
use crate::tls::face::Face;
use crate::tls::failure::{Cause, Direction, HandshakeFailure};
use crate::tls::judge::ServerJudge;
use crate::tls::own;
use crate::tls::path::unix;
use crate::tls::policy::{Role, TlsPolicy};
use crate::tls::server_uses::{ServerPresence, ServerUse};
use crate::tls::turns::Turns;
use crate::tls::upstream_sessions::UpstreamSessions;
use crate::tls::wire::{suite_of, version_of};

/// Originates TLS under one identity and one trust; makes an [`UpstreamTls`] for each target.
///
/// Which of two own certificates it shows is settled by the clock when a handshake begins.
pub struct Connector {
    faces: Turns<Face<ClientConfig>>,
    judge: Arc<ServerJudge>,
    clock: Clock,
    policy: TlsPolicy,
    revocation: Option<Arc<RevocationLists>>,
    fingerprint: [u8; 32],
}

/// The host cannot stand in a certificate, so no certificate could ever be its.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is neither a host name nor an address that a certificate can hold")]
pub struct UnfitHost(String);

impl Connector {
    /// Reads the files and puts everything together; with an error among the problems there is no
    /// connector.
    pub fn build(settings: &ClientTls, clock: &Clock) -> (Option<Self>, Problems) {
        let now = clock.now();
        let files = &settings.files;
        let (policy, mut problems) = TlsPolicy::build(&settings.parameters, Role::Client);
        let (own, found) = own::load(files, now);
        problems.extend(found);
        let (trust, found) = TrustStore::load(&files.ca, now);
        problems.extend(found);
        let (Some(policy), Some(own), Some(trust)) = (policy, own, trust) else {
            return (None, problems);
        };
        let (revocation, found) = own::revocation_lists(files, &trust, &own, now);
        problems.extend(found);
        own::judge(files, &own, Purpose::Client, &policy, &mut problems);
        report(settings, &mut problems);
        if problems.has_errors() {
            return (None, problems);
        }
        let fingerprint = Digest::new("connector")
            .part(&policy.digest())
            .part(&own::digest(&own))
            .part(&trust.digest())
            .part(&[u8::from(settings.legacy_cn_match)])
            .digests(
                revocation
                    .as_deref()
                    .map(RevocationLists::digest)
                    .as_slice(),
            )
            .finish();
        let judge = Arc::new(ServerJudge::new(
            trust,
            revocation.clone(),
            settings.legacy_cn_match,
            &policy.provider(),
        ));
        let faces = own.try_map(|identity| {
            let config = client_config(&policy, identity, &judge, clock)?;
            Some(Face::new(identity, config))
        });
        let Some(faces) = faces else {
            let what = "the TLS library refuses the settings";
            let hint = "report this with the output of crmgate check";
            problems.push(Problem::error(files.ca.place.clone(), what, hint));
            return (None, problems);
        };
        let connector = Self {
            faces,
            judge,
            clock: clock.clone(),
            policy,
            revocation,
            fingerprint,
        };
        (Some(connector), problems)
    }

    /// TLS to one target, with a store of sessions of its own for each own certificate. Keep it as
    /// long as the target.
    ///
    /// The target is who the certificate has to be for; the TCP connection may go through
    /// somebody else.
    pub fn for_upstream(&self, target: &HostPort) -> Result<UpstreamTls, UnfitHost> {
        self.upstream(
            target,
            || Some(Arc::new(UpstreamSessions::default())),
            |_, _| (),
        )
    }

    /// TLS to one target for health probes: every handshake is a full one, so that a probe sees
    /// what a new client would see, and takes no session away from the traffic.
    pub fn for_probe(&self, target: &HostPort) -> Result<UpstreamTls, UnfitHost> {
        self.upstream(target, || None, |_, _| ())
    }

    /// TLS to one target, after the last touch of whoever asks for it.
    pub(super) fn upstream(
        &self,
        target: &HostPort,
        sessions: impl Fn() -> Option<Arc<UpstreamSessions>>,
        touch: impl Fn(&mut ClientConfig, &Face<ClientConfig>),
    ) -> Result<UpstreamTls, UnfitHost> {
        let name = server_name(target)?;
        let ways = self.faces.map(|face| {
            let mut config = face.tls.clone();
            let sessions = sessions();
            config.resumption = match &sessions {
                Some(own) => Resumption::store(Arc::<UpstreamSessions>::clone(own)),
                None => Resumption::disabled(),
            };
            touch(&mut config, face);
            Way {
                tls: TlsConnector::from(Arc::new(config)),
                sessions,
            }
        });
        Ok(UpstreamTls {
            ways,
            name,
            judge: Arc::clone(&self.judge),
            clock: self.clock.clone(),
            noted: None,
        })
    }

    /// Who judges the servers.
    pub(super) fn judge(&self) -> Arc<ServerJudge> {
        Arc::clone(&self.judge)
    }

    /// A digest of all it was built from, file contents included: of two connectors with the same
    /// fingerprint a reload keeps the older, and with it the sessions of its upstreams.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// The certificate that it shows now.
    pub fn leaf(&self) -> &CertificateFacts {
        self.faces.leaf_at(self.clock.now())
    }

    /// The certificates that it shows, the later one with the time from which it does.
    pub fn leaves(&self) -> impl Iterator<Item = (Option<WallTime>, &CertificateFacts)> {
        self.faces.leaves()
    }

    /// Whom it believes.
    pub fn trust(&self) -> &TrustStore {
        self.judge.trust()
    }

    /// The lists by which it judges servers.
    pub fn revocation(&self) -> Option<&RevocationLists> {
        self.revocation.as_deref()
    }

    /// What of it has reached a step towards its end: own certificates, authorities and lists, read
    /// from these files.
    pub fn due(&self, files: &TlsFiles, now: WallTime) -> Vec<Due> {
        let (trust, revocation) = (self.judge.trust(), self.revocation());
        own::due(files, &self.faces, trust, revocation, now)
    }

    /// What it offers.
    pub fn policy(&self) -> &TlsPolicy {
        &self.policy
    }
}

/// A target as certificates name it.
pub(super) fn server_name(target: &HostPort) -> Result<ServerName<'static>, UnfitHost> {
    match target.ip() {
        Some(address) => Ok(ServerName::IpAddress(IpAddr::from(address))),
        None => ServerName::try_from(target.host().to_owned())
            .map_err(|_invalid| UnfitHost(target.host().to_owned())),
    }
}

/// TLS under one own certificate.
fn client_config(
    policy: &TlsPolicy,
    identity: &Identity,
    judge: &Arc<ServerJudge>,
    clock: &Clock,
) -> Option<ClientConfig> {
    let time = Arc::new(ClockTime(clock.clone()));
    let verifier: Arc<ServerJudge> = Arc::clone(judge);
    let versioned = ClientConfig::builder_with_details(policy.provider(), time)
        .with_protocol_versions(&policy.versions());
    let config = versioned
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        // Shown whenever a certificate is asked for, whoever the server says it trusts.
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified_key())));
    Some(config)
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("leaf", &self.leaf().subject)
            .finish_non_exhaustive()
    }
}

/// TLS to one target.
#[derive(Clone)]
pub struct UpstreamTls {
    ways: Turns<Way>,
    name: ServerName<'static>,
    judge: Arc<ServerJudge>,
    clock: Clock,
    /// Where it is noted what the server shows.
    noted: Option<Arc<ServerUse>>,
}

/// TLS under one own certificate, with the sessions that were granted for it: a server has bound
/// them to who we were.
#[derive(Clone)]
struct Way {
    tls: TlsConnector,
    sessions: Option<Arc<UpstreamSessions>>,
}

/// A connection that is through its handshake.
#[derive(Debug)]
pub struct Connected {
    /// The connection.
    pub stream: TlsStream<Socket>,
    /// Whether a session was taken up again.
    pub resumed: bool,
    /// The protocol version.
    pub version: TlsVersion,
    /// The cipher suite by IANA's name.
    pub suite: &'static str,
    /// To be kept as long as the connection: the server is in use.
    pub presence: Option<ServerPresence>,
}

impl UpstreamTls {
    /// The same, with what the server shows noted.
    #[must_use]
    pub fn noted_in(self, uses: Arc<ServerUse>) -> Self {
        Self {
            noted: Some(uses),
            ..self
        }
    }

    /// Says why a handshake with whoever shows a chain would fail now, if it would. Walks the
    /// verifier that handshakes walk.
    pub fn would_accept(&self, chain: &Chain) -> Result<(), HandshakeFailure> {
        let Some((leaf, others)) = chain.split() else {
            let cause = Cause::MalformedCertificate;
            return Err(HandshakeFailure::new(Direction::Outbound, cause));
        };
        let now = unix(self.clock.now());
        let judge = || (self.judge).verify_server_cert(leaf, others, &self.name, &[], now);
        let (judged, attempt) = Attempt::rehearse(judge);
        judged.map(|_verified| ()).map_err(|error| {
            HandshakeFailure::from_tls(&error, Direction::Outbound)
                .over(Some(leaf))
                .because(attempt.refusal)
        })
    }

    /// Does the handshake. There is no deadline in here: the caller has one for dial and handshake.
    ///
    /// In TLS 1.3 the server looks at our certificate after this has returned: a refusal arrives
    /// with the first read, and [`HandshakeFailure::from_io`] reads it there.
    pub async fn connect(&self, stream: Socket) -> Result<Connected, HandshakeFailure> {
        let way = self.ways.at(self.clock.now());
        let handshake = way.tls.connect(self.name.clone(), stream);
        let (result, attempt) = Attempt::run(handshake).await;
        let stream = result.map_err(|error| {
            HandshakeFailure::from_io(&error, Direction::Outbound)
                .over(attempt.shown.as_ref())
                .because(attempt.refusal)
        })?;
        let (_, connection) = stream.get_ref();
        let resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
        let chain = connection.peer_certificates().unwrap_or_default();
        if resumed {
            self.judge_again(chain, way)?;
        }
        let noted = self.noted.as_ref();
        let presence = noted.map(|uses| uses.serve(chain, &self.clock));
        Ok(Connected {
            resumed,
            version: version_of(connection),
            suite: suite_of(connection),
            presence,
            stream,
        })
    }

    /// How many sessions are held for the next connections.
    pub fn sessions_held(&self) -> usize {
        let sessions = &self.ways.at(self.clock.now()).sessions;
        sessions.as_ref().map_or(0, |sessions| sessions.len())
    }

    /// What the server's certificate says that was shown last, where that is noted.
    pub fn server(&self) -> Option<CertificateFacts> {
        self.noted.as_ref()?.leaf()
    }

    /// A session must not outlive the server's certificate, nor the trust in who issued it.
    fn judge_again(&self, chain: &[CertificateDer<'_>], way: &Way) -> Result<(), HandshakeFailure> {
        let judged = chain
            .split_first()
            .map(|(leaf, others)| self.judge.judge(leaf, others, &self.name, self.clock.now()));
        if let Some(Ok(())) = judged {
            return Ok(());
        }
        // The next attempt is a full handshake, which succeeds if the server has a new
        // certificate by now, and tells the true reason if not.
        if let Some(sessions) = &way.sessions {
            sessions.clear();
        }
        let failure = HandshakeFailure::new(Direction::Outbound, Cause::StaleSession);
        Err(failure.over(chain.first()))
    }
}

impl fmt::Debug for UpstreamTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamTls")
            .field("name", &self.name)
            .field("sessions", &self.ways.at(self.clock.now()).sessions)
            .finish_non_exhaustive()
    }
}

/// What is weaker than it should be.
fn report(settings: &ClientTls, problems: &mut Problems) {
    if settings.legacy_cn_match {
        let file = own::certificate_file(&settings.files.identity);
        let what = "LEGACY_CN_MATCH is on: a server certificate without any subject alternative \
                    name is accepted if its common name is the host's";
        let hint = "have the certificates of the CRM and of the sides issued with alternative \
                    names, then switch it off";
        problems.push(Problem::warning(file.place.clone(), what, hint));
    }
}
