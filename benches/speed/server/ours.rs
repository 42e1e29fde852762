//! crmgate's files: everything on that its users have on.
//!
//! Two sides with probes, a revocation list in force in both directions, rules about clients,
//! tickets, files that are watched. The access log is off, as it is with the others, except where it
//! is what is measured.

use std::path::Path;

use crmgate::simulate::Ini;

use super::{Door, Setup, put};
use crate::certificates::{AUTHORITY, CLIENT, Keys};

/// Writes them, and says how it is started.
pub(super) fn command(program: &Path, access_log: bool, setup: &Setup<'_>) -> Vec<String> {
    put(setup, "ssl.ini", &tls(setup));
    for keys in Keys::ALL {
        let (name, door) = match keys {
            Keys::Rsa2048 => ("RSA", Door::Rsa),
            Keys::P256 => ("P256", Door::P256),
        };
        let mut system = system(setup, name, Some(door));
        rules(&mut system, keys);
        if keys == Keys::Rsa2048 {
            events(&mut system, setup, Door::Events);
        }
        put(setup, &file_of(name), &system);
    }
    let mut plain = system(setup, "PLAIN", Some(Door::Plain));
    plain.remove("Config", "TpiDllParameter");
    put(setup, &file_of("PLAIN"), &plain);
    let mut anew = system(setup, "ANEW", None);
    events(&mut anew, setup, Door::EventsAnew);
    anew.set("Events", "PoolIdle", 0);
    put(setup, &file_of("ANEW"), &anew);
    put(setup, "crmgate.ini", &gateway(setup, access_log));
    let [program, dir] = [program, &setup.dir].map(|path| path.display().to_string());
    let words = [&program, "run", "--config", &dir];
    words.map(str::to_owned).to_vec()
}

fn file_of(name: &str) -> String {
    format!("CRMConnectorSAP_{name}.ini")
}

fn tls(setup: &Setup<'_>) -> Ini {
    let mut ssl = Ini::new("Certificates of a bench.");
    ssl.set("SSL", "METHOD", 0);
    for (section, keys) in [
        ("SSL_SERVER_CLIENT", Keys::Rsa2048),
        ("SSL_SERVER_CLIENT P256", Keys::P256),
    ] {
        let file = |name: &str| setup.cert(&format!("{}-{name}", keys.name()));
        ssl.set(section, "CA_FILE", file("ca.pem"));
        ssl.set(section, "PEM_FILE", file("server.both"));
        ssl.set(section, "CRL_FILE", file("ca.crl"));
    }
    ssl
}

/// A SAP system whose requests, if it has any, go to two sides.
fn system(setup: &Setup<'_>, name: &str, requests: Option<Door>) -> Ini {
    let mut system = Ini::new(&format!("SAP system {name} of a bench."));
    system.set("Config", "TpiDllParameter", "SSL");
    if let Some(door) = requests {
        system.set("Requests", "Listen", setup.door(door));
        system.set("Requests", "SideA", format!("http://{}", setup.backend.a));
        system.set("Requests", "SideB", format!("http://{}", setup.backend.b));
    }
    system
}

fn rules(system: &mut Ini, keys: Keys) {
    let issuer = format!("issuer=CN={} {AUTHORITY}", keys.name());
    let allowed = format!("cn={CLIENT} & {issuer}");
    system.set("Requests", "AllowClient1", allowed);
    let denied = format!("serial=0a:1b:2c & {issuer}");
    system.set("Requests", "DenyClient1", denied);
}

fn events(system: &mut Ini, setup: &Setup<'_>, door: Door) {
    system.set("Events", "Listen", setup.door(door));
    system.set("Events", "Crm", format!("https://{}", setup.backend.crm));
}

fn gateway(setup: &Setup<'_>, access_log: bool) -> Ini {
    let mut gateway = Ini::new("The gateway of a bench.");
    gateway.set("Runtime", "Threads", setup.threads);
    gateway.set("Runtime", "StateFile", "./crmgate.state");
    gateway.set("Limits", "IdleTimeout", "15m");
    gateway.set("Log", "Access", if access_log { "yes" } else { "no" });
    if access_log {
        gateway.set("Log", "File", "./crmgate.log");
    }
    gateway
}
