//! [`Trial`]: TLS to one target as traffic has it, with a note of what the server showed and asked
//! for, for whoever tries a deployment before it serves.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

use crate::certs::path::{Purpose, Question, Refusal, Revocation};
use crate::certs::trust_store::Anchor;
use crate::certs::{CertificateFacts, Identity, RevocationLists, TrustStore, rfc4514_of};
use crate::config::settings::TlsFiles;
use crate::model::{HostPort, WallTime};
use crate::net::Socket;
use crate::tls::failure::HandshakeFailure;
use crate::tls::outbound::{Connected, Connector, UnfitHost, UpstreamTls};
use crate::tls::own;
use crate::tls::upstream_sessions::UpstreamSessions;

/// TLS to one target that remembers what it met there.
pub struct Trial {
    tls: UpstreamTls,
    shown: Arc<Mutex<Shown>>,
}

/// What a server showed and asked for, in its last full handshake.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    chain: Vec<CertificateDer<'static>>,
    asked: Option<Asked>,
}

/// A server's request for a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The authorities that it names; with none it takes any.
    pub authorities: Vec<String>,
    /// Whether one of them issued a certificate of ours, or it names none.
    pub names_ours: bool,
}

impl Connector {
    /// TLS to one target as traffic has it: the same certificate, trust and offer, and a store of
    /// sessions of its own.
    pub fn for_trial(&self, target: &HostPort) -> Result<Trial, UnfitHost> {
        let shown: Arc<Mutex<Shown>> = Arc::default();
        let sessions = || Some(Arc::new(UpstreamSessions::default()));
        let tls = self.upstream(target, sessions, |config, face| {
            config.client_auth_cert_resolver = Arc::new(Ear {
                inner: Arc::clone(&config.client_auth_cert_resolver),
                issuers: face.issuers(),
                shown: Arc::clone(&shown),
            });
            let eye = Eye {
                judge: self.judge(),
                shown: Arc::clone(&shown),
            };
            config.dangerous().set_certificate_verifier(Arc::new(eye));
        })?;
        Ok(Trial { tls, shown })
    }
}

impl Trial {
    /// Does the handshake, as [`UpstreamTls::connect`] does.
    pub async fn connect(&self, stream: Socket) -> Result<Connected, HandshakeFailure> {
        self.tls.connect(stream).await
    }

    /// What the server showed and asked for so far.
    pub fn shown(&self) -> Shown {
        let shown = self.shown.lock();
        shown.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Trial").field(&self.tls).finish()
    }
}

impl Shown {
    /// What its certificates say, its own first.
    pub fn certificates(&self) -> Vec<CertificateFacts> {
        let each = self.chain.iter();
        each.filter_map(|der| CertificateFacts::of(der).ok())
            .collect()
    }

    /// Its request for a certificate of ours; `None` where it made none.
    pub fn asked(&self) -> Option<&Asked> {
        self.asked.as_ref()
    }

    /// Whether the authorities of a role vouch for this server as a client, or say why not.
    pub fn as_client_of(&self, files: &TlsFiles, now: WallTime) -> Option<Result<(), Refusal>> {
        let (trust, _) = TrustStore::load(&files.ca, now);
        let trust = trust?;
        let (leaf, others) = self.chain.split_first()?;
        let question = Question {
            anchors: trust.authorities(),
            purpose: Purpose::Client,
            by_common_name: false,
            revocation: None,
            now,
        };
        Some(question.prove(leaf, others).map(drop))
    }
}

/// Hears for which certificate a server asks.
#[derive(Debug)]
struct Ear {
    inner: Arc<dyn ResolvesClientCert>,
    issuers: Vec<Vec<u8>>,
    shown: Arc<Mutex<Shown>>,
}

impl ResolvesClientCert for Ear {
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        sigschemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let is_ours = |name: &&[u8]| self.issuers.iter().any(|own| own == name);
        let asked = Asked {
            authorities: root_hint_subjects
                .iter()
                .map(|der| rfc4514_of(der))
                .collect(),
            names_ours: root_hint_subjects.is_empty() || root_hint_subjects.iter().any(is_ours),
        };
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.asked = Some(asked);
        drop(shown);
        self.inner.resolve(root_hint_subjects, sigschemes)
    }

    fn has_certs(&self) -> bool {
        self.inner.has_certs()
    }
}

/// Sees which certificates a server shows, and leaves the judgement to the judge.
#[derive(Debug)]
struct Eye {
    judge: Arc<dyn ServerCertVerifier>,
    shown: Arc<Mutex<Shown>>,
}

impl ServerCertVerifier for Eye {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let others = intermediates.iter().cloned();
        let all = std::iter::once(end_entity.clone()).chain(others);
        let chain = all.map(CertificateDer::into_owned).collect();
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        // Its request for a certificate of ours has come before, if it makes one.
        shown.chain = chain;
        drop(shown);
        let judge = &self.judge;
        judge.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}

/// Who we are in one role, and what our own files say of that.
#[derive(Debug)]
pub struct OwnStanding {
    /// The certificate that is shown now.
    pub leaf: CertificateFacts,
    /// What is sent with it.
    pub intermediates: Vec<CertificateFacts>,
    /// Whether the authorities of the role vouch for it, by the lists of the role. With separate
    /// authorities they do not, and need not.
    pub judged: Result<(), Refusal>,
    /// An intermediate of `CA_FILE` that leads on from what is sent, and is not sent itself.
    pub unsent: Option<String>,
}

impl OwnStanding {
    /// Looks into the files of a role; `None` where they cannot be used.
    pub fn of(files: &TlsFiles, now: WallTime) -> Option<Self> {
        let (own, _) = own::load(files, now);
        let (trust, _) = TrustStore::load(&files.ca, now);
        let (own, trust) = (own?, trust?);
        let (lists, _) = own::revocation_lists(files, &trust, &own, now);
        let identity = own.at(now);
        Some(Self {
            leaf: identity.leaf().clone(),
            intermediates: identity.intermediates().to_vec(),
            judged: judged(identity, &trust, lists.as_deref(), now),
            unsent: unsent(identity, &trust),
        })
    }
}

fn judged(
    identity: &Identity,
    trust: &TrustStore,
    lists: Option<&RevocationLists>,
    now: WallTime,
) -> Result<(), Refusal> {
    let Some((leaf, others)) = identity.chain().split_first() else {
        return Ok(());
    };
    let question = Question {
        anchors: trust.authorities(),
        purpose: Purpose::Client,
        by_common_name: false,
        revocation: lists.map(|lists| lists as &dyn Revocation),
        now,
    };
    question.prove(leaf, others).map(drop)
}

fn unsent(identity: &Identity, trust: &TrustStore) -> Option<String> {
    let sent = identity.intermediates().last();
    let last = sent.unwrap_or_else(|| identity.leaf());
    let issued_it = |facts: &&CertificateFacts| {
        facts.ca == Some(true)
            && !facts.is_root()
            && last.names_as_issuer(facts)
            && last.names_key_of(facts) != Some(false)
    };
    let mut anchors = trust.anchors().iter().map(Anchor::facts);
    Some(anchors.find(issued_it)?.subject.clone())
}
