//! Files and folders of revocation lists that cannot be used.

use std::fs;

use crmgate::certs::issue::{Authority, ListSpec};
use crmgate::simulate::Party;

use super::certificates::{block, half};
use super::ground::{Case, Ground, LIST};

const ROLE: &str = "SSL_SERVER_CLIENT";

/// `CRL_FILE`, where a good one is in force.
pub(super) const LISTS: &[Case] = &[
    Case {
        name: "no list where one is named",
        spoil: |ground| fs::remove_file(ground.ssl(LIST)).expect("removed"),
        said: "CRL_FILE names a file that does not exist",
    },
    Case {
        name: "a key without the name of a list",
        spoil: |ground| ground.set_ssl(ROLE, "CRL_FILE", ""),
        said: "CRL_FILE has no value",
    },
    Case {
        name: "an empty list file",
        spoil: |ground| ground.put(LIST, ""),
        said: "CRL_FILE names an empty file",
    },
    Case {
        name: "a list file of blanks",
        spoil: |ground| ground.put(LIST, " \r\n\n"),
        said: "is empty",
    },
    // Whoever runs the tests may read any mode; what leads to itself nobody can read.
    #[cfg(unix)]
    Case {
        name: "a list that cannot be read",
        spoil: |ground| {
            fs::remove_file(ground.ssl(LIST)).expect("removed");
            std::os::unix::fs::symlink(LIST, ground.ssl(LIST)).expect("a link");
        },
        said: "CRL_FILE names a file that cannot be read",
    },
    Case {
        name: "the page of a proxy in place of a list",
        spoil: |ground| ground.put(LIST, "<html>502</html>"),
        said: "is text that holds no PEM block",
    },
    Case {
        name: "bytes of nothing in place of a list",
        spoil: |ground| ground.put(LIST, (0..=255).collect::<Vec<u8>>().repeat(4)),
        said: "is neither PEM nor a certificate container",
    },
    Case {
        name: "the authority in place of its list",
        spoil: |ground| ground.put(LIST, company(ground).pem()),
        said: "holds no revocation list",
    },
    Case {
        name: "a block of a list that holds none",
        spoil: |ground| ground.put(LIST, block("X509 CRL", "AAECAwQFBgcICQ==")),
        said: "a revocation list that is damaged",
    },
    Case {
        name: "a list that is cut short",
        spoil: |ground| ground.put(LIST, half(&ground.list().pem)),
        said: "has no END for the \"X509 CRL\"",
    },
    Case {
        name: "a list in DER that is cut short",
        spoil: |ground| {
            let list = ground.list().der;
            ground.put(LIST, &list[..list.len() - 9]);
        },
        said: "a revocation list that is damaged",
    },
    Case {
        name: "a list that another one has signed in the name of the authority",
        spoil: |ground| {
            let twin = Authority::new("Company CA", ground.now()).expect("an authority");
            let forged = twin.revocation_list(&ListSpec::empty(ground.now()));
            ground.put(LIST, forged.expect("a list").pem);
        },
        said: "that the authority of this name in CA_FILE did not sign",
    },
    Case {
        name: "a list that was changed after it had been signed",
        spoil: |ground| {
            let mut list = ground.list().der.to_vec();
            let serial = ground.revoked_serial();
            let at = list.windows(serial.len()).position(|part| part == serial);
            // Another client than the one that was revoked.
            list[at.expect("the entry") + serial.len() - 1] ^= 1;
            ground.put(LIST, list);
        },
        said: "that the authority of this name in CA_FILE did not sign",
    },
    Case {
        name: "a good list and half of one behind it",
        spoil: |ground| {
            let whole = ground.list().pem;
            ground.put(LIST, format!("{whole}{}", half(&whole)));
        },
        said: "has no END for the \"X509 CRL\"",
    },
    Case {
        name: "a good list and a file that is not there",
        spoil: |ground| ground.set_ssl(ROLE, "CRL_FILE", "./ssl/company-ca.crl;./ssl/other.crl"),
        said: "CRL_FILE names a file that does not exist",
    },
    Case {
        name: "an empty folder in place of lists",
        spoil: |ground| folder(ground, &[]),
        said: "is a folder without a file in it",
    },
    Case {
        name: "a folder with nothing but what is being written",
        spoil: |ground| folder(ground, &[(".company-ca.crl.part", &ground.list().pem)]),
        said: "is a folder without a file in it",
    },
    Case {
        name: "a folder with a good list and something else",
        spoil: |ground| {
            let list = ground.list().pem;
            folder(ground, &[(LIST, &list), ("README", "fetched every night")]);
        },
        said: "README\" is text that holds no PEM block",
    },
];

fn company(ground: &Ground) -> &Authority {
    ground.world.pki.authority(Party::Gateway)
}

/// A folder in the place of the file, with these files in it.
fn folder(ground: &Ground, files: &[(&str, &str)]) {
    let folder = ground.ssl(LIST);
    fs::remove_file(&folder).expect("removed");
    fs::create_dir(&folder).expect("a folder");
    for (name, content) in files {
        fs::write(folder.join(name), content).expect("written");
    }
}
