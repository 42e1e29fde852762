//! Real handshakes over loopback.

mod changes;
mod inbound;
mod outbound;
mod rehearsal;
mod resumption;
mod revocation;
mod rules;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::{ClientSessionMemoryCache, ResolvesClientCert, Resumption, Tls12Resumption};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, NamedGroup, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use super::*;
use crate::certs::issue::{Authority, Issued, LeafSpec};
use crate::certs::testdata::{authority, file, leaf, now};
use crate::config::problem::{Place, Problems};
use crate::config::settings::{
    ClientAuth, ClientRules, ClientTls, DropGuard, IdentityFiles, ServerTls, SessionSettings,
    TlsFiles, TlsParameters, TlsVersion,
};
use crate::model::{Clock, TlsRole, WallTime};
use crate::net::Socket;
use crate::tls::cipher_suites::SUITES;

const DAY: i64 = 86_400;

const A_MONTH: Duration = Duration::from_hours(30 * 24);

/// A gateway's surroundings: its folder of files, its clock, its vault.
struct World {
    dir: tempfile::TempDir,
    clock: Clock,
    vault: SessionVault,
    uses: Arc<AuthorityUses>,
}

impl World {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().expect("a folder"),
            clock: Clock::system(),
            vault: SessionVault::new(),
            uses: Arc::default(),
        }
    }

    fn files(&self, ca_pem: &str, own: &Issued) -> TlsFiles {
        TlsFiles {
            ca: file(self.dir.path(), "ca.pem", ca_pem),
            identity: IdentityFiles::Combined(file(self.dir.path(), "own.pem", own.combined_pem())),
            passphrase: None,
            next: None,
            revocation: None,
        }
    }

    fn server(&self, ca_pem: &str, own: &Issued) -> ServerTls {
        ServerTls {
            ocsp: None,
            files: self.files(ca_pem, own),
            parameters: parameters(None),
            client_auth: ClientAuth::Require,
            session: SessionSettings {
                lifetime: Duration::from_hours(1),
                cache_size: 8_000,
                tickets: true,
            },
            guard: DropGuard {
                within: Duration::from_hours(24),
                retired: None,
            },
        }
    }

    fn client(&self, ca_pem: &str, own: &Issued) -> ClientTls {
        ClientTls {
            files: self.files(ca_pem, own),
            parameters: parameters(None),
            legacy_cn_match: false,
        }
    }

    fn try_acceptor(&self, settings: &ServerTls) -> (Option<Acceptor>, Problems) {
        self.acceptor_in(settings, "SAP1")
    }

    fn acceptor_in(&self, settings: &ServerTls, scope: &str) -> (Option<Acceptor>, Problems) {
        self.build(settings, &ClientRules::default(), scope)
    }

    fn build(
        &self,
        settings: &ServerTls,
        rules: &ClientRules,
        scope: &str,
    ) -> (Option<Acceptor>, Problems) {
        let uses = self.uses.of_role(scope);
        Acceptor::build(settings, rules, scope, &self.clock, &self.vault, uses)
    }

    /// An acceptor with rules.
    fn acceptor_with(&self, settings: &ServerTls, rules: &ClientRules) -> Acceptor {
        let (acceptor, problems) = self.build(settings, rules, "SAP1");
        acceptor.unwrap_or_else(|| panic!("{problems}"))
    }

    fn acceptor(&self, settings: &ServerTls) -> Acceptor {
        let (acceptor, problems) = self.try_acceptor(settings);
        acceptor.unwrap_or_else(|| panic!("{problems}"))
    }

    /// Puts an acceptor in force, as a reload does.
    fn publish(&self, acceptor: &Acceptor) {
        let universes = acceptor.universes();
        let used = universes.map(|universe| (universe, acceptor.policy_id(), A_MONTH));
        self.vault
            .publish(used, &TicketSource::default(), self.clock.now());
    }

    /// Puts a generation without any acceptor in force.
    fn publish_none(&self) {
        self.vault
            .publish([], &TicketSource::default(), self.clock.now());
    }

    fn connector(&self, settings: &ClientTls) -> Connector {
        let (connector, problems) = Connector::build(settings, &self.clock);
        connector.unwrap_or_else(|| panic!("{problems}"))
    }
}

fn parameters(cipher_suites: Option<&str>) -> TlsParameters {
    let place = Place::file(Path::new("ssl.ini"))
        .section("SSL")
        .key("CIPHERSUITES");
    TlsParameters {
        min: TlsVersion::V1_2,
        max: TlsVersion::V1_3,
        cipher_suites: cipher_suites.map(|text| (text.to_owned(), place)),
    }
}

/// A leaf with some of its specification changed.
fn special(ca: &Authority, name: &str, change: impl FnOnce(&mut LeafSpec)) -> Issued {
    let mut spec = LeafSpec::for_name(name, now());
    change(&mut spec);
    ca.issue(&spec).expect("issued")
}

/// A certificate that says something for which there is no specification.
fn issued(certificate: &rcgen::Certificate, key: &rcgen::KeyPair) -> Issued {
    Issued {
        certificate_pem: certificate.pem(),
        chain_pem: String::new(),
        key_pem: key.serialize_pem(),
        der: certificate.der().clone(),
        key_der: key.serialize_der(),
    }
}

/// The parameters of one for a name.
fn params(name: &str) -> rcgen::CertificateParams {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    params
}

/// How a client resumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mechanism {
    SessionId12,
    Ticket12,
    Stateful13,
    Ticket13,
}

impl Mechanism {
    const ALL: [Self; 4] = [
        Self::SessionId12,
        Self::Ticket12,
        Self::Stateful13,
        Self::Ticket13,
    ];

    fn tickets(self) -> bool {
        matches!(self, Self::Ticket12 | Self::Ticket13)
    }
}

/// A peer of our listener, as plain as the TLS library makes it.
#[derive(Clone)]
struct Peer(ClientConfig);

impl Peer {
    fn new(ca: &Authority, own: Option<&Issued>) -> Self {
        Self::with_groups(ca, own, &[NamedGroup::X25519, NamedGroup::secp256r1])
    }

    fn with_groups(ca: &Authority, own: Option<&Issued>, groups: &[NamedGroup]) -> Self {
        let suites: Vec<_> = SUITES.iter().map(|suite| suite.id).collect();
        let provider = Arc::new(provider::with(&suites, groups));
        let mut roots = RootCertStore::empty();
        roots.add(ca.der().clone()).expect("a root");
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS12, &TLS13])
            .expect("both versions")
            .with_root_certificates(roots);
        let mut config = match own {
            Some(own) => {
                let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.key_der.clone()));
                config
                    .with_client_auth_cert(chain_of(own), key)
                    .expect("a key")
            }
            None => config.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        Self(config)
    }

    fn versions(mut self, versions: &[&'static rustls::SupportedProtocolVersion]) -> Self {
        let fresh = ClientConfig::builder_with_provider(Arc::clone(self.0.crypto_provider()))
            .with_protocol_versions(versions)
            .expect("a version")
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        // The verifier and the key stay; only the versions change.
        let resolver = Arc::clone(&self.0.client_auth_cert_resolver);
        let verifier = self.verifier();
        self.0 = fresh;
        self.0.client_auth_cert_resolver = resolver;
        self.0.dangerous().set_certificate_verifier(verifier);
        self.0.resumption = Resumption::disabled();
        self
    }

    /// Believes any server: what the server thinks of the client is what these tests are about.
    fn verifier(&self) -> Arc<dyn rustls::client::danger::ServerCertVerifier> {
        Arc::new(Gullible(Arc::clone(self.0.crypto_provider())))
    }

    fn resuming(self, mechanism: Mechanism) -> Self {
        let (version, tls12) = match mechanism {
            Mechanism::SessionId12 => (&TLS12, Tls12Resumption::SessionIdOnly),
            Mechanism::Ticket12 => (&TLS12, Tls12Resumption::SessionIdOrTickets),
            Mechanism::Stateful13 | Mechanism::Ticket13 => (&TLS13, Tls12Resumption::Disabled),
        };
        let mut peer = self.versions(&[version]);
        let store = Arc::new(ClientSessionMemoryCache::new(8));
        peer.0.resumption = Resumption::store(store).tls12_resumption(tls12);
        peer
    }

    fn with_resolver(mut self, resolver: Arc<dyn ResolvesClientCert>) -> Self {
        self.0.client_auth_cert_resolver = resolver;
        self
    }
}

#[derive(Debug)]
struct Gullible(Arc<rustls::crypto::CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for Gullible {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn chain_of(own: &Issued) -> Vec<CertificateDer<'static>> {
    use rustls::pki_types::pem::PemObject as _;
    let pem = format!("{}{}", own.certificate_pem, own.chain_pem);
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .expect("PEM")
}

/// Two ends of a TCP connection.
async fn sockets() -> (Socket, Socket) {
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    let listener = TcpListener::bind(any).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (dialled, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (accepted, peer) = accepted.expect("accepted");
    (
        Socket::new(dialled.expect("dialled"), address),
        Socket::new(accepted, peer),
    )
}

/// One connection of a peer: handshake, one byte to the client (with which tickets arrive).
async fn knock(acceptor: &Acceptor, peer: &Peer) -> Result<SessionFacts, HandshakeFailure> {
    knock_as(acceptor, peer, "gw.example").await.0
}

/// As [`knock`], under a name, with what the client saw.
async fn knock_as(
    acceptor: &Acceptor,
    peer: &Peer,
    name: &str,
) -> (
    Result<SessionFacts, HandshakeFailure>,
    Result<(), HandshakeFailure>,
) {
    let (dialled, accepted) = sockets().await;
    let server = async {
        let mut accepted = acceptor.accept(accepted).await?;
        let arrival = accepted.arrival.as_ref();
        let _here = arrival.map(|arrival| arrival.serve(TlsRole::Requests));
        accepted.stream.write_all(b"x").await.expect("written");
        accepted.stream.flush().await.expect("flushed");
        Ok(accepted.facts)
    };
    let client = async {
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let outcome = async {
            let mut stream = TlsConnector::from(Arc::new(peer.0.clone()))
                .connect(name, dialled)
                .await?;
            stream.read_u8().await
        };
        match outcome.await {
            Ok(_) => Ok(()),
            Err(error) => Err(HandshakeFailure::from_io(&error, Direction::Outbound)),
        }
    };
    tokio::join!(server, client)
}

/// A client's key that is exchanged while its sessions stay.
#[derive(Debug)]
struct Switchable(std::sync::Mutex<Arc<rustls::sign::CertifiedKey>>);

impl Switchable {
    fn new(own: &Issued) -> Self {
        Self(std::sync::Mutex::new(certified(own)))
    }

    fn switch_to(&self, own: &Issued) {
        *self.0.lock().expect("not poisoned") = certified(own);
    }
}

fn certified(own: &Issued) -> Arc<rustls::sign::CertifiedKey> {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.key_der.clone()));
    let key = provider::key_provider()
        .load_private_key(key)
        .expect("a key");
    Arc::new(rustls::sign::CertifiedKey::new(chain_of(own), key))
}

impl ResolvesClientCert for Switchable {
    fn resolve(
        &self,
        _hints: &[&[u8]],
        _schemes: &[rustls::SignatureScheme],
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        Some(Arc::clone(&self.0.lock().expect("not poisoned")))
    }

    fn has_certs(&self) -> bool {
        true
    }
}
