//! Ini files that cannot be used. What each key takes is tested where keys are read; here is one
//! of each kind, to see that everybody who reads them agrees.

use std::fs;

use super::certificates::utf16;
use super::ground::{Case, Ground, SYSTEM};

const ROLE: &str = "SSL_SERVER_CLIENT";

/// Settings with a wrong value.
pub(super) const VALUES: &[Case] = &[
    Case {
        name: "another METHOD",
        spoil: |ground| ground.set_ssl("SSL", "METHOD", "3"),
        said: "METHOD has a value that is not understood",
    },
    Case {
        name: "no version left",
        spoil: |ground| {
            let mut ssl = ground.text_of("ssl.ini");
            ssl.set("SSL", "MIN_VERSION", "1.3")
                .set("SSL", "MAX_VERSION", "1.2");
            ground.put_ini("ssl.ini", ssl.to_string());
        },
        said: "MIN_VERSION is newer than MAX_VERSION",
    },
    Case {
        name: "no cipher suite left",
        spoil: |ground| ground.set_ssl("SSL", "CIPHERSUITES", "150:eNULL"),
        said: "CIPHERSUITES",
    },
    Case {
        name: "an unknown way to ask for certificates",
        spoil: |ground| ground.set_ssl(ROLE, "CLIENT_AUTH", "maybe"),
        said: "CLIENT_AUTH has a value that is not understood",
    },
    Case {
        name: "a session lifetime that is too short",
        spoil: |ground| ground.set_ssl(ROLE, "SESSION_LIFETIME", "5m"),
        said: "SESSION_LIFETIME is out of range",
    },
    Case {
        name: "no CA_FILE",
        spoil: |ground| ground.remove("ssl.ini", ROLE, "CA_FILE"),
        said: "CA_FILE is missing",
    },
    Case {
        name: "half a pair",
        spoil: |ground| ground.remove("ssl.ini", ROLE, "KEY_FILE"),
        said: "CRT_FILE is set but KEY_FILE is missing",
    },
    Case {
        name: "PEM_FILE beside a pair",
        spoil: |ground| ground.set_ssl(ROLE, "PEM_FILE", "./ssl/side-a.pem"),
        said: "stands beside PEM_FILE",
    },
    Case {
        name: "a misspelt key",
        spoil: |ground| ground.set_ssl(ROLE, "CAFILE", "./ssl/company-ca.pem"),
        said: "a key is not known",
    },
    Case {
        name: "a misspelt section",
        spoil: |ground| ground.set_ssl("SSL_SERVERCLIENT", "CLIENT_AUTH", "none"),
        said: "a section is not known",
    },
    Case {
        name: "no listener",
        spoil: |ground| ground.remove(SYSTEM, "Requests", "Listen"),
        said: "Listen",
    },
    Case {
        name: "a listener with a name",
        spoil: |ground| ground.set("Requests", "Listen", "gateway:8443"),
        said: "Listen is not an address",
    },
    Case {
        name: "a port beyond all ports",
        spoil: |ground| ground.set("Requests", "Listen", "127.0.0.1:65536"),
        said: "Listen is not an address",
    },
    Case {
        name: "a listener twice",
        spoil: |ground| {
            let listen = ground.listen();
            ground.set("Requests", "Listen", &format!("{listen},{listen}"));
        },
        said: "twice",
    },
    Case {
        name: "one listener for two flows",
        spoil: |ground| {
            let mut system = ground.text_of(SYSTEM);
            system.set("Events", "Listen", ground.listen()).set(
                "Events",
                "Crm",
                "https://crm.example:44300",
            );
            ground.put_ini(SYSTEM, system.to_string());
        },
        said: "collides with",
    },
    Case {
        name: "one listener for two systems",
        spoil: |ground| {
            let text = ground.text_of(SYSTEM).to_string();
            ground.put_ini("CRMConnectorSAP_SAP2.ini", text);
        },
        said: "collides with",
    },
    Case {
        name: "no side",
        spoil: |ground| ground.remove(SYSTEM, "Requests", "SideA"),
        said: "SideA",
    },
    Case {
        name: "a side without a scheme",
        spoil: |ground| ground.set("Requests", "SideA", "127.0.0.1:8080"),
        said: "it has to start with http:// or https://",
    },
    Case {
        name: "the same side twice",
        spoil: |ground| ground.set("Requests", "SideB", &ground.side()),
        said: "SideB is the same host and port as SideA",
    },
    Case {
        name: "the gateway as its own side",
        spoil: |ground| {
            let own = format!("http://{}", ground.listen());
            ground.set("Requests", "SideA", &own);
        },
        said: "the target is the gateway's own listener",
    },
    Case {
        name: "a side whose name no certificate can have",
        spoil: |ground| ground.set("Requests", "SideA", "https://s\u{ed}de.example:8443"),
        said: "side",
    },
    Case {
        name: "an unknown mode",
        spoil: |ground| ground.set("Requests", "Mode", "bridge"),
        said: "Mode has a value that is not understood",
    },
    Case {
        name: "an endless time-out",
        spoil: |ground| ground.set("Requests", "ResponseTimeout", "2h"),
        said: "ResponseTimeout is out of range",
    },
    Case {
        name: "a time-out without a unit that is known",
        spoil: |ground| ground.set("Requests", "ConnectTimeout", "3 blinks"),
        said: "ConnectTimeout has a value that is not understood",
    },
    Case {
        name: "no failure allowed",
        spoil: |ground| ground.set("Failover", "Fall", "0"),
        said: "Fall is out of range",
    },
    Case {
        name: "an unknown probe",
        spoil: |ground| ground.set("Probe", "Type", "ping"),
        said: "Type has a value that is not understood",
    },
    Case {
        name: "a probe without its body",
        spoil: |ground| {
            let mut system = ground.text_of(SYSTEM);
            system
                .set("Probe", "Type", "soap")
                .set("Probe", "SoapBodyFile", "./probe.xml");
            ground.put_ini(SYSTEM, system.to_string());
        },
        said: "SoapBodyFile names a file that does not exist",
    },
    Case {
        name: "a static route from no port",
        spoil: |ground| ground.set("StaticRoutes", "0", "crm.example"),
        said: "port",
    },
    Case {
        name: "PROXY without a port",
        spoil: |ground| ground.set("Config", "TpiDllParameter", "SSL PROXY=10.0.0.5"),
        said: "PROXY",
    },
    Case {
        name: "PROXY that is joined to SSL",
        spoil: |ground| ground.set("Config", "TpiDllParameter", "SSL,PROXY=10.0.0.5:44300"),
        said: "has PROXY in a word that is not PROXY=host:port",
    },
    Case {
        name: "SSL in other words",
        spoil: |ground| ground.set("Config", "TpiDllParameter", "SSL=yes"),
        said: "has a word that is near to SSL",
    },
    Case {
        name: "no threads",
        spoil: |ground| ground.set_gateway("Runtime", "Threads", "0"),
        said: "Threads is out of range",
    },
    Case {
        name: "neither yes nor no",
        spoil: |ground| ground.set_gateway("Log", "Access", "sometimes"),
        said: "Access has a value that is not understood",
    },
    Case {
        name: "an unknown level",
        spoil: |ground| ground.set_gateway("Log", "Level", "inof"),
        said: "Level has a value that is not understood",
    },
    Case {
        name: "a level for what cannot be a target",
        spoil: |ground| ground.set_gateway("Log", "Level", "crmgate=tls=debug"),
        said: "Level has a value that is not understood",
    },
    Case {
        name: "a log file in no folder",
        spoil: |ground| ground.set_gateway("Log", "File", "./nowhere/crmgate.log"),
        said: "File names a file in a folder that does not exist",
    },
    Case {
        name: "a log file that is a folder",
        spoil: |ground| ground.set_gateway("Log", "File", "./ssl"),
        said: "File names a folder",
    },
    #[cfg(target_os = "linux")]
    Case {
        name: "a log file where none can be made",
        spoil: |ground| ground.set_gateway("Log", "File", "/proc/crmgate.log"),
        said: "File names a file that cannot be written",
    },
    #[cfg(unix)]
    Case {
        name: "a log file that is a socket",
        spoil: |ground| {
            let socket = ground.world.path().join("log.sock");
            drop(std::os::unix::net::UnixListener::bind(&socket).expect("a socket"));
            ground.set_gateway("Log", "File", "./log.sock");
        },
        said: "File names something that is not a file",
    },
    Case {
        name: "a size with a unit of nothing",
        spoil: |ground| ground.set_gateway("Limits", "MaxBodySize", "64 boxes"),
        said: "MaxBodySize has a value that is not understood",
    },
    Case {
        name: "a limit below the least",
        spoil: |ground| ground.set_gateway("Limits", "MaxHeaderSize", "1"),
        said: "MaxHeaderSize is out of range",
    },
];

/// Files that cannot be read as ini files, and folders without the right ones.
pub(super) const FILES: &[Case] = &[
    Case {
        name: "no file of a SAP system",
        spoil: |ground| fs::remove_file(ground.world.path().join(SYSTEM)).expect("removed"),
        said: "no file CRMConnectorSAP_<name>.ini is in the configuration directory",
    },
    Case {
        name: "no ssl.ini",
        spoil: |ground| fs::remove_file(ground.world.path().join("ssl.ini")).expect("removed"),
        said: "ssl.ini is missing",
    },
    Case {
        name: "an empty ssl.ini",
        spoil: |ground| ground.put_ini("ssl.ini", ""),
        said: "ssl.ini has no section for the listening role",
    },
    Case {
        name: "a file of a SAP system with nothing but a byte-order mark",
        spoil: |ground| ground.put_ini(SYSTEM, "\u{feff}"),
        said: "Requests",
    },
    Case {
        name: "a file in UTF-16 without a byte-order mark",
        spoil: |ground| ground.put_ini("ssl.ini", utf16(&ground.text_of("ssl.ini").to_string())),
        said: "holds a zero byte in line 1",
    },
    Case {
        name: "a file with a zero byte",
        spoil: |ground| {
            let text = ground.text_of(SYSTEM).to_string();
            ground.put_ini(SYSTEM, text.replacen('=', "=\0", 1));
        },
        said: "holds a zero byte",
    },
    Case {
        name: "a file of two megabytes",
        spoil: |ground| ground.put_ini("crmgate.ini", "; \n".repeat(700_000)),
        said: "an ini file is greater than 1 MiB",
    },
    Case {
        name: "a line that is cut short",
        spoil: |ground| ground.put_ini("ssl.ini", "[SSL]\nMETHOD=0\n[SSL_SERVER_CLIENT]\nCA_FI"),
        said: "a line is no section, no key=value and no comment",
    },
    Case {
        name: "a section that is not closed",
        spoil: |ground| {
            let text = ground.text_of(SYSTEM).to_string();
            ground.put_ini(SYSTEM, text.replace("[Requests]", "[Requests"));
        },
        said: "a section has no closing bracket",
    },
    Case {
        name: "a key before all sections",
        spoil: |ground| {
            let text = ground.text_of("ssl.ini").to_string();
            ground.put_ini("ssl.ini", format!("CA_FILE=./ssl/company-ca.pem\n{text}"));
        },
        said: "a key stands before the first section",
    },
    Case {
        name: "a key twice with different values",
        spoil: |ground| {
            let text = ground.text_of(SYSTEM).to_string();
            let other = "\nSideA=http://127.0.0.1:1\nSideA=";
            ground.put_ini(SYSTEM, text.replace("\nSideA=", other));
        },
        said: "a key is written twice with different values",
    },
    Case {
        name: "two files of one SAP system",
        spoil: |ground| {
            let text = ground.text_of(SYSTEM).to_string();
            ground.put_ini("CRMConnectorSAP_sap1.ini", text);
        },
        said: "a file is there twice, its name differing in capitals only",
    },
    Case {
        name: "a copy with a name of its own",
        spoil: |ground| {
            let text = ground.text_of(SYSTEM).to_string();
            ground.put_ini("CRMConnectorSAP_SAP1 - Copy.ini", text);
        },
        said: "the file's name does not name a SAP system",
    },
    Case {
        name: "a file that the service may not read",
        spoil: forbid,
        said: "cannot be read",
    },
];

/// Takes the right to read away. Nothing can be taken from the superuser, for whom a link into
/// nowhere is as unreadable.
#[cfg(unix)]
fn forbid(ground: &Ground) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = ground.world.path().join("ssl.ini");
    let nobody = fs::Permissions::from_mode(0o000);
    fs::set_permissions(&path, nobody).expect("ours");
    if fs::read(&path).is_ok() {
        fs::remove_file(&path).expect("removed");
        std::os::unix::fs::symlink("nowhere", &path).expect("a link");
    }
}

/// A link into nowhere.
#[cfg(not(unix))]
fn forbid(ground: &Ground) {
    let path = ground.world.path().join("ssl.ini");
    fs::remove_file(&path).expect("removed");
    std::os::windows::fs::symlink_file("nowhere", &path).expect("a link");
}
