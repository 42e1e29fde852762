//! What the steps are tried on: settings out of written ini files, with certificates made now.

use std::net::SocketAddr;
use std::sync::Arc;

use crmgate::certs::issue::ListSpec;
use crmgate::config::load;
use crmgate::config::settings::Settings;
use crmgate::model::{Clock, Endpoint, HostPort, Scheme};
use crmgate::net::Socket;
use crmgate::simulate::{CaModel, Deployment, FileLayout, Party, Pki};
use crmgate::tls::{Acceptor, AuthorityUses, Client, SessionVault};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

/// A folder with the files of one gateway. Keys are P-256.
pub(crate) struct Ground {
    pub(crate) settings: Settings,
    pki: Pki,
    clock: Clock,
    _dir: TempDir,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let (dir, clock) = (tempfile::tempdir().expect("a folder"), Clock::system());
        let pki = Pki::create(dir.path(), CaModel::Separate, FileLayout::Pair, clock.now());
        let pki = pki.expect("certificates");
        let list = pki
            .authority(Party::Crm)
            .revocation_list(&ListSpec::empty(clock.now()));
        pki.write("lists.pem", &list.expect("a list").pem)
            .expect("a file");
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let side = |port| Endpoint {
            scheme: Scheme::Http,
            target: HostPort::from_addr(address(port)),
        };
        let mut deployment = Deployment::new("SAP1").tls(&pki);
        deployment = deployment.requests(address(8443), &side(8080), Some(&side(8081)));
        let ssl = deployment.ssl.as_mut().expect("TLS");
        ssl.set("SSL_SERVER", "CRL_FILE", "./ssl/lists.pem");
        deployment.write(dir.path()).expect("files");
        let loaded = load(dir.path());
        let settings = loaded.settings;
        let settings = settings.unwrap_or_else(|| panic!("{}", loaded.problems));
        Self {
            settings,
            pki,
            clock,
            _dir: dir,
        }
    }

    /// What judges the clients of the listener; it knows none of them yet.
    pub(crate) fn acceptor(&self) -> Acceptor {
        let system = self.settings.systems.first().expect("a system");
        let (tls, requests) = (system.server_tls.as_ref(), system.requests.as_ref());
        let (acceptor, problems) = Acceptor::build(
            tls.expect("TLS"),
            &requests.expect("requests").clients,
            "SAP1",
            &self.clock,
            &SessionVault::new(),
            Arc::<AuthorityUses>::default().of_role("SAP1"),
        );
        acceptor.unwrap_or_else(|| panic!("{problems}"))
    }

    /// SAP CRM, as it has shown itself in a handshake.
    pub(crate) fn client(&self) -> Arc<Client> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let at = listener.local_addr().expect("an address");
            let config = self.pki.peer(Party::Crm).client().expect("a client");
            let calling = async {
                let tcp = TcpStream::connect(at).await.expect("connected");
                let name = at.ip().into();
                TlsConnector::from(Arc::new(config))
                    .connect(name, tcp)
                    .await
            };
            let answering = async {
                let (tcp, peer) = listener.accept().await.expect("a call");
                self.acceptor().accept(Socket::new(tcp, peer)).await
            };
            let (_line, accepted) = tokio::join!(calling, answering);
            let client = accepted.expect("let in").facts.client;
            client.expect("a certificate")
        })
    }
}
