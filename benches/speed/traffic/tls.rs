//! Certificate and session of a client, and what both ends of a measured connection speak.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use rustls::client::{
    ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, NamedGroup, RootCertStore, SupportedProtocolVersion};

use super::{Habit, Secured, Version};
use crate::suites;

/// What one client uses for all its connections.
pub type Own = Arc<ClientConfig>;

/// What each of so many clients uses. They differ in nothing but their sessions.
pub fn clients(secured: &Secured, habit: Habit, count: usize) -> Vec<Own> {
    let mut config = config(secured);
    match habit {
        // They ask for sessions, as others do, and lose them.
        Habit::Full | Habit::Kept => {
            config.resumption = Resumption::store(Arc::new(Forgotten));
            let one = Arc::new(config);
            (0..count).map(|_| Arc::clone(&one)).collect()
        }
        Habit::Resumed => {
            let own = |_| {
                let mut own = config.clone();
                own.resumption = Resumption::store(Arc::new(Sessions::default()));
                Arc::new(own)
            };
            (0..count).map(own).collect()
        }
    }
}

fn config(secured: &Secured) -> ClientConfig {
    let file = |name: &str, kind: &str| secured.folder.join(format!("{name}.{kind}"));
    let mut roots = RootCertStore::empty();
    for authority in certificates(&file(&secured.authority, "pem")) {
        roots.add(authority).expect("an authority");
    }
    let builder = ClientConfig::builder_with_provider(suites::provider())
        .with_protocol_versions(secured.version.only())
        .expect("a version")
        .with_root_certificates(roots);
    if secured.client.is_empty() {
        return builder.with_no_client_auth();
    }
    let chain = certificates(&file(&secured.client, "pem"));
    let key = PrivateKeyDer::from_pem_file(file(&secured.client, "key"));
    let config = builder.with_client_auth_cert(chain, key.expect("a key"));
    config.expect("a certificate and its key")
}

/// The certificates of a file.
pub fn certificates(file: &Path) -> Vec<CertificateDer<'static>> {
    let all = CertificateDer::pem_file_iter(file).expect("a file");
    all.map(|one| one.expect("a certificate")).collect()
}

impl Version {
    const fn only(self) -> &'static [&'static SupportedProtocolVersion] {
        static ONLY_12: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS12];
        static ONLY_13: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
        match self {
            Self::Tls12 => &ONLY_12,
            Self::Tls13 => &ONLY_13,
        }
    }
}

/// No session is ever found in it.
#[derive(Debug)]
struct Forgotten;

impl ClientSessionStore for Forgotten {
    fn set_kx_hint(&self, _server: ServerName<'static>, _group: NamedGroup) {}

    fn kx_hint(&self, _server: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _server: ServerName<'static>, _session: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _server: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _server: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _server: ServerName<'static>, _ticket: Tls13ClientSessionValue) {}

    fn take_tls13_ticket(&self, _server: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}

/// One client's newest sessions. A ticket of TLS 1.3 is offered once; a server that lets its clients
/// resume hands out another with each connection.
#[derive(Debug, Default)]
struct Sessions(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    tls12: Option<Tls12ClientSessionValue>,
    tls13: VecDeque<Tls13ClientSessionValue>,
}

impl Sessions {
    fn hold(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().expect("one thread")
    }
}

impl ClientSessionStore for Sessions {
    fn set_kx_hint(&self, _server: ServerName<'static>, _group: NamedGroup) {}

    fn kx_hint(&self, _server: &ServerName<'_>) -> Option<NamedGroup> {
        Some(NamedGroup::X25519)
    }

    fn set_tls12_session(&self, _server: ServerName<'static>, session: Tls12ClientSessionValue) {
        self.hold().tls12 = Some(session);
    }

    fn tls12_session(&self, _server: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.hold().tls12.clone()
    }

    fn remove_tls12_session(&self, _server: &ServerName<'static>) {
        self.hold().tls12 = None;
    }

    fn insert_tls13_ticket(&self, _server: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        let tickets = &mut self.hold().tls13;
        tickets.truncate(TICKETS - 1);
        tickets.push_front(ticket);
    }

    fn take_tls13_ticket(&self, _server: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.hold().tls13.pop_front()
    }
}

/// Servers hand out two at once.
const TICKETS: usize = 2;
