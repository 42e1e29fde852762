//! The example deployments of `config/`, and the generated example files, load as they are.

use std::fs;
use std::path::Path;

use crmgate::config::{IniFile, Loaded, Severity, load, reference};

use crate::root;

/// The files that the four deployments name.
const CERTIFICATES: [&str; 6] = [
    "(Company CA Certificate).pem",
    "(CRM Side CA Certificate).pem",
    "(Connects for SAP Certificate).pem",
    "(Connects for SAP Certificate Proxy).pem",
    "(Connects for SAP Certificate – cert file).pem",
    "(Connects for SAP Certificate – key file).pem",
];

fn put(path: &Path, text: &str) {
    fs::write(path, text).expect("file");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("mode");
    }
}

fn with_certificates(dir: &Path) {
    fs::create_dir(dir.join("ssl")).expect("folder");
    for name in CERTIFICATES {
        put(&dir.join("ssl").join(name), "a certificate\n");
    }
}

fn deployment(name: &str) -> Loaded {
    let dir = tempfile::tempdir().expect("directory");
    for entry in fs::read_dir(root().join("config").join(name)).expect("deployment") {
        let entry = entry.expect("entry");
        fs::copy(entry.path(), dir.path().join(entry.file_name())).expect("copy");
    }
    with_certificates(dir.path());
    load(dir.path())
}

#[test]
fn every_deployment_loads_without_a_word() {
    for name in ["direct", "failover", "static-route", "separate-ca"] {
        let loaded = deployment(name);
        assert!(loaded.problems.is_empty(), "{name}:\n{}", loaded.problems);
        let settings = loaded.settings.expect(name);
        assert_eq!(settings.systems[0].name.as_str(), "SAP1");
        assert!(settings.systems[0].server_tls.is_some(), "{name}");
        assert_eq!(settings.sources.len(), 3, "{name}");
    }
}

#[test]
fn each_deployment_is_the_one_that_its_folder_says() {
    let settings = |name: &str| deployment(name).settings.expect("loads");
    let requests = |name: &str| {
        settings(name).systems[0]
            .requests
            .clone()
            .expect("requests")
    };
    assert!(requests("direct").side_b.is_none());
    assert!(requests("failover").side_b.is_some());
    assert!(settings("failover").systems[0].events.is_none());
    assert_eq!(settings("static-route").systems[0].static_routes.len(), 1);
    let separate = settings("separate-ca").systems[0]
        .client_tls
        .clone()
        .expect("dials");
    assert!(separate.files.ca.written.contains("CRM Side CA"));
}

#[test]
fn the_generated_example_files_load_together() {
    let dir = tempfile::tempdir().expect("directory");
    with_certificates(dir.path());
    for (ini, name) in [
        (IniFile::Ssl, "ssl.ini"),
        (IniFile::System, "CRMConnectorSAP_SAP1.ini"),
        (IniFile::Gateway, "crmgate.ini"),
    ] {
        put(&dir.path().join(name), &reference::example(ini));
    }
    let loaded = load(dir.path());
    assert!(
        loaded.problems.count(Severity::Error) == 0,
        "{}",
        loaded.problems
    );
    assert!(loaded.settings.is_some());
}

#[test]
fn a_line_that_an_example_shows_as_a_comment_is_the_default_indeed() {
    let dir = tempfile::tempdir().expect("directory");
    with_certificates(dir.path());
    let write = |uncomment: bool| {
        let text = reference::example(IniFile::Gateway);
        let text = if uncomment {
            // The keys without a value of their own stay comments: they have no default.
            let keep = [
                "Listen",
                "File",
                "RotateSize",
                "RotateAge",
                "TicketSecretFile",
                "Webhook",
                "Endpoint",
                "CaFile",
                "HeadersFile",
                "Threads",
                "StateFile",
            ];
            text.lines()
                .map(|line| match line.strip_prefix(';') {
                    Some(pair)
                        if pair.contains('=')
                            && !pair.starts_with(' ')
                            && !keep.iter().any(|key| pair.starts_with(key)) =>
                    {
                        format!("{pair}\n")
                    }
                    _ => format!("{line}\n"),
                })
                .collect()
        } else {
            text
        };
        put(&dir.path().join("crmgate.ini"), &text);
        load(dir.path()).settings.expect("loads")
    };
    put(
        &dir.path().join("CRMConnectorSAP_SAP1.ini"),
        "[StaticRoutes]\n44300=crm.example.com\n",
    );
    assert_eq!(write(true), write(false));
}
