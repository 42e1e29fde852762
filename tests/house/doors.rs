//! One door for each dependency: a crate is named in its own files and nowhere else.

use crate::assert_none;
use crate::source::{Source, part, read, sources};

/// A dependency, as it is called in the code, and where it may be named.
struct Door {
    crate_name: &'static str,
    /// Files, or beginnings of paths that end in `/`, from `src/`.
    files: &'static [&'static str],
}

const fn door(crate_name: &'static str, files: &'static [&'static str]) -> Door {
    Door { crate_name, files }
}

/// The doors. Tests go in and out as they like.
const DOORS: &[Door] = &[
    // The provider of cryptography is one decision; hashing and sealing use the same library.
    door(
        "aws_lc_rs",
        &[
            "tls/provider.rs",
            "tls/tickets/",
            "certs/digest.rs",
            "admin/token.rs",
        ],
    ),
    door("base64", &["tls/succession.rs"]),
    // The surface that an operator types at.
    door("clap", &["cli/"]),
    door("clap_complete", &["cli/manual/"]),
    door("clap_mangen", &["cli/manual/"]),
    // A raw terminal and its keys, also on Windows. The picture is lines of ours.
    door("crossterm", &["cli/ops/top/screen.rs"]),
    door("encoding_rs", &["config/decode.rs"]),
    // The wire is judged in one place.
    door("httparse", &["http/head.rs"]),
    // Off the data path only: http keeps bytes as they came and counts them.
    door(
        "http_body_util",
        &[
            "admin/",
            "alarms/",
            "requests/probe.rs",
            "tls/ocsp/",
            "traces/",
            "simulate/",
        ],
    ),
    door(
        "hyper",
        &[
            "admin/",
            "alarms/",
            "requests/probe.rs",
            "tls/ocsp/",
            "traces/",
            "simulate/",
        ],
    ),
    door(
        "hyper_util",
        &[
            "admin/",
            "alarms/",
            "requests/probe.rs",
            "tls/ocsp/",
            "traces/",
            "simulate/",
        ],
    ),
    // Its default parsing eats backslashes; document.rs keeps it in step with our own scan.
    door("ini", &["config/document.rs"]),
    door("jiff", &["model/clock.rs", "requests/sides.rs"]),
    // Descriptors from the service manager, as sockets without `unsafe` of ours.
    door("listenfd", &["service/sockets.rs"]),
    door("notify", &["gateway/watch.rs"]),
    // What pins a task in place without holding it twice, and without `unsafe` of ours.
    door("pin_project_lite", &["gateway/contain.rs"]),
    // Old and new encryptions of PFX, in Rust alone; what is in the file is judged by us.
    door("p12_keystore", &["certs/container/pkcs12.rs"]),
    door("pkcs8", &["certs/key.rs", "certs/container/armour.rs"]),
    // Makes certificates; the product itself only ever reads them.
    door("rcgen", &["certs/issue/"]),
    // A passphrase that is typed is not shown, on any system.
    door("rpassword", &["cli/certs/passphrase.rs"]),
    door(
        "rustix",
        &[
            "net/dial.rs",
            "net/listener.rs",
            "net/passing.rs",
            "service/",
            "telemetry/process.rs",
        ],
    ),
    // simulate plays the peers, which must not share the code they try.
    door("rustls", &["tls/", "certs/", "simulate/"]),
    // Where each system keeps whom it believes; asked for the webhook's host alone.
    door("rustls_native_certs", &["tls/anonymous.rs"]),
    // Archived (RUSTSEC-2025-0134): replaceable in one file.
    door("rustls_pemfile", &["certs/pem/"]),
    // Words to systemd, and how long it waits for a sign of life.
    door("sd_notify", &["service/herald/linux.rs"]),
    // The admin listener speaks JSON, and its reports are made where the parts are known; what other
    // programs read of a checklist or of an entry. No setting and no message is JSON.
    door(
        "serde",
        &[
            "gateway/report/",
            // What one process leaves to the next, which may be another version.
            "gateway/succession.rs",
            "tls/succession.rs",
            "service/succession/",
            "admin/",
            "telemetry/log/",
            "explain/entry.rs",
            "preflight/report/",
            "preflight/verdict.rs",
            // Answers of the admin listener, read back into types.
            "cli/ops/answers.rs",
            "cli/ops/reach.rs",
        ],
    ),
    door(
        "serde_json",
        &[
            "admin/",
            "alarms/",
            "cli/",
            "simulate/",
            "preflight/report/",
            "service/succession/",
        ],
    ),
    door(
        "socket2",
        &[
            "net/callers.rs",
            "net/listener.rs",
            "net/socket.rs",
            "simulate/",
        ],
    ),
    door(
        "tempfile",
        &[
            "admin/token.rs",
            "simulate/",
            "cli/",
            "config/files.rs",
            // What the system's program for access lists writes, until it is read.
            "config/access_list.rs",
        ],
    ),
    door("tokio_rustls", &["tls/", "simulate/"]),
    door("tracing_subscriber", &["telemetry/log/"]),
    // Two writings of one name must not be two names where a rule denies it; the tables of Unicode
    // that this needs are nobody's to copy.
    door(
        "unicode_normalization",
        &["model/distinguished_name/fold.rs"],
    ),
    // Its algorithms check signatures; the path building is ours (certs/path).
    door(
        "webpki",
        &["tls/handshake_signature.rs", "certs/signature.rs"],
    ),
    // What the service control manager calls has a form that only `unsafe` can write; the second
    // place is where it comes in, above the room that speaks with it.
    door("windows_service", &["service/windows/", "cli/service/"]),
    // The event log with numbers of our own, and the registry for its source.
    door("winsafe", &["service/windows/event_log.rs"]),
    // For display only; what is believed is read by certs/der.rs.
    door("x509_parser", &["certs/inspect/", "certs/name.rs"]),
];

/// Crates that are part of the language we write in.
const EVERYWHERE: [&str; 5] = ["bytes", "memchr", "thiserror", "tokio", "tracing"];

fn breaches(sources: &[Source]) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in sources {
        let Some(inside) = source.path.strip_prefix("src/") else {
            continue;
        };
        for (at, token) in source.product.iter().enumerate() {
            let Some(door) = DOORS
                .iter()
                .find(|door| token.word() == Some(door.crate_name))
            else {
                continue;
            };
            if !is_path_root(source, at) && door.crate_name != PROVIDER {
                continue;
            }
            let is_open =
                |file: &&str| inside == *file || (file.ends_with('/') && inside.starts_with(*file));
            if !door.files.iter().any(is_open) {
                let files = door.files.join(", ");
                breaches.push(format!(
                    "{}:{}: {} is for {files}",
                    source.path, token.line, door.crate_name
                ));
            }
        }
    }
    breaches
}

/// Named by a module of rustls too, and meant there as well.
const PROVIDER: &str = "aws_lc_rs";

/// Whether the word at that place begins a path or is imported by itself.
fn is_path_root(source: &Source, at: usize) -> bool {
    let sign = |at: Option<usize>, sign: char| {
        at.and_then(|at| source.product.get(at))
            .is_some_and(|t| t.is(sign))
    };
    let word = |at: Option<usize>| {
        at.and_then(|at| source.product.get(at))
            .and_then(|token| token.word())
    };
    let before = at.checked_sub(1);
    let is_inside_path =
        sign(before, ':') && sign(at.checked_sub(2), ':') && word(at.checked_sub(3)).is_some();
    let goes_on = sign(Some(at + 1), ':') && sign(Some(at + 2), ':');
    let is_imported = word(before) == Some("use")
        && (sign(Some(at + 1), ';') || word(Some(at + 1)) == Some("as"));
    !is_inside_path && !sign(before, '.') && (goes_on || is_imported)
}

#[test]
fn a_crate_is_named_only_in_its_own_files() {
    assert_none(
        &breaches(sources()),
        "use the room's own type, or change the table of doors with a reason",
    );
}

#[test]
fn every_dependency_has_a_door_or_is_used_everywhere() {
    let manifest = read("Cargo.toml");
    let mut section = "";
    let mut missing = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section.ends_with("dependencies]")
            && !section.contains("dev-")
            && let Some((name, _)) = line.split_once(" =")
        {
            let name = library_of(name);
            let known = EVERYWHERE.contains(&name.as_str())
                || DOORS.iter().any(|door| door.crate_name == name);
            if !known {
                missing.push(name);
            }
        }
    }
    assert_none(
        &missing,
        "give the dependency a door in tests/house/doors.rs, with the reason it has one",
    );
}

/// What a package is called in the code.
fn library_of(package: &str) -> String {
    match package {
        "rust-ini" => "ini".to_owned(),
        "rustls-webpki" => "webpki".to_owned(),
        _ => package.replace('-', "_"),
    }
}

fn planted(path: &str, text: &str) -> usize {
    breaches(&part(vec![(path.to_owned(), text.to_owned())])).len()
}

#[test]
fn a_planted_use_of_a_crate_beside_its_door_is_found() {
    for text in [
        "use ini::Ini;",
        "use {rustls::ServerConfig, std::fmt};",
        "fn f() { hyper::Request::new(()); }",
        "use httparse as parser;",
        "fn f(_: ::rcgen::Error) {}",
        "#[derive(clap::Parser)] struct S;",
        "use other::aws_lc_rs;",
    ] {
        assert_eq!(planted("src/gateway/run.rs", text), 1, "{text}");
    }
}

#[test]
fn a_module_or_a_field_of_the_same_name_is_no_door() {
    for text in [
        "use crate::config::ini::Line;",
        "let x = self.notify.clone();",
        "fn notify() { notify(); }",
    ] {
        assert_eq!(planted("src/gateway/run.rs", text), 0, "{text}");
    }
    assert_eq!(planted("src/config/document.rs", "use ini::Ini;"), 0);
}
