//! [`Home`]: the directory of the demo, with its files and what to type about them.

use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::model::{Endpoint, HostPort, Scheme, Side};
use crate::simulate::{Deployment, Pki, Port};

/// The gateway's ports, held against everybody else.
#[derive(Debug)]
pub(super) struct Doors {
    pub(super) requests: Port,
    pub(super) events: Port,
    pub(super) route: Port,
    pub(super) admin: Port,
}

impl Doors {
    /// Takes four free ports.
    pub(super) fn reserve() -> io::Result<Self> {
        Ok(Self {
            requests: Port::reserve()?,
            events: Port::reserve()?,
            route: Port::reserve()?,
            admin: Port::reserve()?,
        })
    }
}

/// The directory of the demo. Dropping it removes the files.
#[derive(Debug)]
pub(super) struct Home(TempDir);

impl Home {
    /// A new directory where the system keeps such things.
    pub(super) fn new() -> io::Result<Self> {
        let prefix = "crmgate-demo-";
        Ok(Self(tempfile::Builder::new().prefix(prefix).tempdir()?))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Leaves the files where they are.
    pub(super) fn keep(self) -> PathBuf {
        self.0.keep()
    }

    /// Writes the ini files, and two messages to play with. `crm` are SAP CRM's port for events
    /// and the one behind the static route.
    pub(super) fn write(
        &self,
        pki: &Pki,
        doors: &Doors,
        sides: [&Endpoint; 2],
        crm: [&Port; 2],
    ) -> io::Result<()> {
        let [direct, routed] = crm.map(Port::addr);
        let [a, b] = sides;
        let crm = Endpoint {
            scheme: Scheme::Https,
            target: HostPort::from_addr(direct),
        };
        let mut deployment = Deployment::new(SYSTEM)
            .tls(pki)
            .requests(doors.requests.addr(), a, Some(b))
            .events(doors.events.addr(), &crm)
            .static_route(doors.route.addr(), routed);
        deployment.system.set("Failover", "Preferred", Side::A);
        deployment
            .gateway
            .set("Admin", "Listen", doors.admin.addr())
            .set("Admin", "TokenFile", format_args!("./{LOG_FOLDER}/{TOKEN}"))
            .set("Log", "File", format_args!("./{LOG_FOLDER}/{LOG}"))
            .set("Runtime", "Threads", 2)
            .set("Runtime", "DrainTimeout", "5s");
        deployment.write(self.path())?;
        std::fs::create_dir_all(self.path().join(LOG_FOLDER))?;
        for (name, element) in [("request.xml", "getStatus"), ("event.xml", "callChanged")] {
            std::fs::write(self.path().join(name), message(element))?;
        }
        Ok(())
    }

    /// What somebody types who wants to try it by hand.
    pub(super) fn lines_to_type(&self, doors: &Doors) -> Vec<String> {
        let (requests, events) = (doors.requests.addr(), doors.events.addr());
        let program = std::env::current_exe().unwrap_or_else(|_unknown| PathBuf::from("crmgate"));
        let (ca, own) = ("$D/ssl/company-ca.pem", "$D/ssl/sap-crm.pem");
        let post = "-H 'Content-Type: text/xml' --data-binary";
        vec![
            format!("D={}", self.path().display()),
            format!(
                "curl --cacert {ca} --cert {own} {post} @$D/request.xml https://{requests}/ici"
            ),
            format!("curl {post} @$D/event.xml http://{events}/sap/bc/soap/ici"),
            format!(
                "openssl s_client -connect {requests} -CAfile {ca} -cert {own} -key {own} \
                 -tls1_2 -reconnect </dev/null"
            ),
            format!("{} check --config $D", program.display()),
            format!("tail -f $D/{LOG_FOLDER}/{LOG}"),
            format!("kill -HUP {}", std::process::id()),
        ]
    }
}

/// The SAP system of the demo.
pub(super) const SYSTEM: &str = "SAP1";

const LOG: &str = "gateway.log";

const TOKEN: &str = "admin.token";

/// Not beside the ini files, where every change wakes the file watch.
const LOG_FOLDER: &str = "log";

fn message(element: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\n\
         <c:{element} xmlns:c=\"urn:crmgate:simulate\"><user>you</user></c:{element}>\n\
         </s:Body></s:Envelope>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Clock;
    use crate::simulate::{CaModel, FileLayout};

    #[test]
    fn the_files_of_the_demo_are_a_configuration_without_mistakes() {
        let (home, clock) = (Home::new().expect("a directory"), Clock::system());
        let layout = FileLayout::CertificateFirst;
        let pki = Pki::create(home.path(), CaModel::One, layout, clock.now()).expect("a PKI");
        let doors = Doors::reserve().expect("ports");
        let ports = [(); 4].map(|()| Port::reserve().expect("a port"));
        let [a, b, direct, routed] = &ports;
        let [a, b] = [a, b].map(|port| Endpoint {
            scheme: Scheme::Https,
            target: HostPort::from_addr(port.addr()),
        });
        let written = home.write(&pki, &doors, [&a, &b], [direct, routed]);
        written.expect("written");
        let check = crate::gateway::check(home.path(), &clock);
        assert_eq!(check.problems.to_string(), "");
    }
}
