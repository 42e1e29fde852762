//! What was made, until when, and where each file goes.

use serde_json::json;

use super::{FOR_SAP, PASSPHRASE, Pki, Planned, Who, shown};
use crate::cli::certs::args::{InitArgs, Layout};
use crate::cli::certs::files::Access;
use crate::cli::output::say;

/// Tells it in the form that was asked for.
pub(super) fn tell(args: &InitArgs, pki: &Pki, planned: &[Planned]) {
    if args.json {
        say(as_json(args, pki, planned));
        return;
    }
    let dir = args.dir.display();
    say(format_args!("made in {dir}, for a trial only:"));
    for file in planned {
        let secret = match file.access {
            Access::Secret => " (secret)",
            Access::Open => "",
        };
        let name = file.name.display().to_string();
        say(format_args!("  {name:<24} {}{secret}", file.what));
    }
    say(format_args!(
        "\nThe certificates end on {}, the CAs after ten years.",
        pki.until
    ));
    for (who, _) in &pki.identities {
        let names = who.names(args);
        say(format_args!("  {:<8} {}", who.stem(), names.join(", ")));
    }
    say("\nSTRUST, in each client of SAP CRM that calls or is called:");
    for (file, place) in imports(args, pki) {
        say(format_args!("  {file}\n      {place}"));
    }
    say("\nssl.ini of the gateway, either of these:");
    for lines in ini(args, pki) {
        say(format_args!("  [SSL_SERVER_CLIENT]"));
        for line in lines {
            say(format_args!("  {line}"));
        }
        say("");
    }
    let company = shown(&args.dir, "company-ca".as_ref());
    say(format_args!(
        "A request of this trial (crmgate certs csr, renew) is signed with:\n  openssl x509 -req -in \
         REQUEST -CA {company}.pem -CAkey {company}.key -copy_extensions copy -days {} -out ANSWER",
        args.days
    ));
}

/// What goes into which PSE.
fn imports(args: &InitArgs, pki: &Pki) -> Vec<(String, String)> {
    let file = |name: &str| shown(&args.dir, format!("{FOR_SAP}/{name}").as_ref());
    let believed = "SSL client SSL Client (Standard): certificate list, so that SAP CRM believes the \
                    gateway; and SSL server Standard: certificate list, so that it lets the gateway's \
                    events in";
    let own = format!(
        "own certificate of SAP CRM (passphrase \"{PASSPHRASE}\"): sapgenpse import_p12 -p FILE.pse \
         sap-crm.pfx, then STRUST, PSE, Import, and save it as SSL server Standard and as SSL client SSL \
         Client (Standard); restart ICM (SMICM)"
    );
    let mut all = vec![
        (file("company-ca.cer"), believed.to_owned()),
        (file("sap-crm.pfx"), own),
    ];
    if pki.crm.is_some() {
        let root = "the root of SAP CRM's own certificate; it belongs into the same two PSEs";
        all.insert(1, (file("crm-ca.cer"), root.to_owned()));
    }
    all
}

/// The lines of `ssl.ini`, for each layout that was made.
fn ini(args: &InitArgs, pki: &Pki) -> Vec<Vec<String>> {
    // A relative path would start at the folder of the ini file, wherever that will be.
    let dir = std::path::absolute(&args.dir).unwrap_or_else(|_unknown| args.dir.clone());
    let file = |name: &str| shown(&dir, name.as_ref());
    let ca = format!("CA_FILE={}", file(pki.ca_file()));
    let stem = Who::Gateway.stem();
    let pem = vec![
        ca.clone(),
        format!("PEM_FILE={}", file(&format!("{stem}.pem"))),
    ];
    let pair = vec![
        ca,
        format!("CRT_FILE={}", file(&format!("{stem}.crt"))),
        format!("KEY_FILE={}", file(&format!("{stem}.key"))),
    ];
    match args.layout {
        Layout::Pem => vec![pem],
        Layout::Pair => vec![pair],
        Layout::Both => vec![pem, pair],
    }
}

fn as_json(args: &InitArgs, pki: &Pki, planned: &[Planned]) -> serde_json::Value {
    let files = planned.iter().map(|file| {
        json!({
            "file": shown(&args.dir, &file.name),
            "what": file.what,
            "secret": file.access == Access::Secret,
        })
    });
    let identities = pki.identities.iter().map(|(who, _)| {
        json!({
            "name": who.stem(),
            "for": who.purpose(),
            "names": who.names(args),
            "ends": pki.until.to_string(),
        })
    });
    let imports = imports(args, pki);
    let imports = imports
        .iter()
        .map(|(file, place)| json!({"file": file, "strust": place}));
    json!({
        "files": files.collect::<Vec<_>>(),
        "identities": identities.collect::<Vec<_>>(),
        "imports": imports.collect::<Vec<_>>(),
        "pfx_passphrase": PASSPHRASE,
        "ini": ini(args, pki),
    })
}
