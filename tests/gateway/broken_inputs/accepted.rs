//! What looks odd and is in order.

use crmgate::certs::issue::{Authority, LeafSpec};
use crmgate::model::WallTime;

use super::certificates::encrypted;
use super::ground::{Case, SYSTEM};

const CA: &str = "company-ca.pem";

pub(super) const ODD: &[Case] = &[
    Case {
        name: "a key among the authorities",
        spoil: |ground| {
            let authority = std::fs::read_to_string(ground.ssl(CA)).expect("a file");
            ground.put(CA, format!("{authority}{}", ground.own().key_pem));
        },
        said: "warning: the file",
    },
    Case {
        name: "an encrypted key with its passphrase",
        spoil: |ground| encrypted(ground, "open-sesame\r\n"),
        said: "usable: 0 errors",
    },
    Case {
        name: "a certificate of Windows: byte-order mark and its line ends",
        spoil: |ground| {
            let text = ground.own().certificate_pem.replace('\n', "\r\n");
            ground.put("gateway.crt", format!("\u{feff}{text}"));
        },
        said: "usable: 0 errors",
    },
    Case {
        name: "a certificate with text around it",
        spoil: |ground| {
            let text = &ground.own().certificate_pem;
            ground.put(
                "gateway.crt",
                format!("Bag Attributes\nsubject=gw\n{text}\nend\n"),
            );
        },
        said: "usable: 0 errors",
    },
    Case {
        name: "an expired root behind the certificate",
        spoil: |ground| {
            let now = ground.now();
            let (from, to) = (WallTime(now.0 - 10 * 86_400), WallTime(now.0 - 86_400));
            let old = Authority::with_validity("Old CA", from, to).expect("an authority");
            let issued = old.issue(&LeafSpec::for_name("gateway", now));
            let issued = issued.expect("a certificate");
            ground.put(
                "gateway.crt",
                format!("{}{}", issued.certificate_pem, old.pem()),
            );
            ground.put("gateway.key", issued.key_pem);
        },
        said: "it is not sent",
    },
    Case {
        name: "an authority twice",
        spoil: |ground| {
            let authority = std::fs::read_to_string(ground.ssl(CA)).expect("a file");
            ground.put(CA, authority.repeat(2));
        },
        said: "usable: 0 errors",
    },
    #[cfg(unix)]
    Case {
        name: "a key that everybody may read",
        spoil: |ground| {
            use std::os::unix::fs::PermissionsExt as _;
            let open = std::fs::Permissions::from_mode(0o644);
            std::fs::set_permissions(ground.ssl("gateway.key"), open).expect("ours");
        },
        said: "a file with a secret has mode 0644",
    },
    Case {
        name: "ini files of Windows: byte-order mark, line ends and backslashes",
        spoil: |ground| {
            let text = ground.text_of("ssl.ini").to_string();
            let text = text.replace("./ssl/", ".\\ssl\\").replace('\n', "\r\n");
            ground.put_ini("ssl.ini", format!("\u{feff}{text}"));
        },
        said: "usable: 0 errors",
    },
    Case {
        name: "settings of the vendor",
        spoil: |ground| {
            let mut system = ground.text_of(SYSTEM);
            system
                .set("Config", "TraceLevel", 5)
                .set("CTI", "Server", "pg1");
            ground.put_ini(SYSTEM, system.to_string());
        },
        said: "holds vendor settings that crmgate does not use",
    },
    Case {
        name: "limits that cannot all be reached",
        spoil: |ground| ground.set_gateway("Limits", "MaxConnections", "10"),
        said: "MaxConnectionsPerAddress is greater than MaxConnections",
    },
    Case {
        name: "a log in a filter's own words",
        spoil: |ground| ground.set_gateway("Log", "Level", "info,crmgate::requests=debug"),
        said: "usable: 0 errors",
    },
    Case {
        name: "a log in a filter's own words, with blanks",
        spoil: |ground| ground.set_gateway("Log", "Level", "crmgate::requests = debug, info"),
        said: "usable: 0 errors",
    },
    Case {
        name: "a file of another program",
        spoil: |ground| ground.put_ini("odbc.ini", "whatever"),
        said: "usable: 0 errors",
    },
];
