//! [`Ground`]: the certificates, the lists and the clients of one trial.

use crmgate::certs::issue::{Authority, Issued, LeafSpec, ListSpec};
use crmgate::model::WallTime;
use crmgate::simulate::Party;

use crate::support::World;
use crate::support::host::private;
use crate::support::recorder::Recorder;
use crate::support::visitor::{Library, Version, Visitor};

/// A folder for one server, and a side for ours to stand in front of.
pub struct Ground {
    pub world: World,
    pub side: Recorder,
    /// Who is not to be believed any more.
    pub victim: Issued,
    /// Who goes on being believed, by the same authority.
    pub other: Issued,
    /// Who is believed by another authority of the same file.
    pub foreigner: Issued,
    second: Authority,
}

/// A client and what it is called in the table.
pub struct Client {
    pub library: Library,
    pub version: Version,
    pub visitor: Visitor,
}

/// The file of authorities, beside the others in `ssl/`.
pub const AUTHORITIES: &str = "company-ca.pem";

/// The revocation list.
pub const LIST: &str = "company-ca.crl";

/// The server's own certificate and key.
pub const OWN: &str = "gateway.pem";

impl Ground {
    pub async fn new() -> Self {
        let world = World::new();
        let now = world.clock.now();
        let second = Authority::new("Second CA", now).expect("an authority");
        let issue = |authority: &Authority, name: &str| {
            let issued = authority.issue(&LeafSpec::for_name(name, now));
            issued.expect("a certificate")
        };
        let company = world.pki.authority(Party::Gateway);
        let ground = Self {
            side: Recorder::fine(None).await,
            victim: issue(company, "victim"),
            other: issue(company, "other"),
            foreigner: issue(&second, "foreigner"),
            second,
            world,
        };
        ground.believe(&ground.company().pem());
        ground.put(LIST, &ground.lists(|_| ()));
        ground
    }

    /// The time now.
    pub fn now(&self) -> WallTime {
        self.world.clock.now()
    }

    /// Writes a file that all servers read.
    pub fn put(&self, name: &str, text: &str) {
        private(&self.world.pki.folder().join(name), text);
    }

    /// Where it lies.
    pub fn file(&self, name: &str) -> String {
        self.world.pki.folder().join(name).display().to_string()
    }

    fn company(&self) -> &Authority {
        self.world.pki.authority(Party::Gateway)
    }

    /// Has this authority believed, and the second one.
    pub fn believe(&self, company: &str) {
        self.put(AUTHORITIES, &format!("{company}{}", self.second.pem()));
    }

    /// The lists of both authorities, empty unless the company's is changed: with one list, others
    /// want one of each authority.
    pub fn lists(&self, change: impl FnOnce(&mut ListSpec)) -> String {
        let mut spec = ListSpec::empty(self.now());
        let of_second = self.second.revocation_list(&spec);
        change(&mut spec);
        let of_company = self.company().revocation_list(&spec);
        [of_company, of_second]
            .map(|list| list.expect("a list").pem)
            .concat()
    }

    /// The lists that name the victim.
    pub fn lists_with_victim(&self) -> String {
        self.lists(|list| {
            list.number = 2;
            list.revoked = vec![self.victim.der.clone()];
        })
    }

    /// Another authority of the same name.
    pub fn twin(&self) -> String {
        let twin = Authority::new("Company CA", self.now());
        twin.expect("an authority").pem()
    }

    /// What clients believe.
    pub fn trusted(&self) -> String {
        self.company().pem()
    }

    /// Clients of both libraries in both versions, with this certificate.
    pub fn clients(&self, own: Option<&Issued>) -> Vec<Client> {
        let mut clients = Vec::new();
        for library in [Library::Rustls, Library::OpenSsl] {
            for version in [Version::Tls12, Version::Tls13] {
                clients.push(Client {
                    library,
                    version,
                    visitor: Visitor::new(library, version, own, self.trusted()),
                });
            }
        }
        clients
    }
}
