use std::path::Path;

use proptest::prelude::*;

use super::*;

const ROUTE: &str = "[StaticRoutes]\n44300=crm.example.com\n";

fn directory(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("directory");
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).expect("file");
    }
    dir
}

#[test]
fn a_directory_that_is_not_there_is_one_problem() {
    let loaded = load(Path::new("no-such-directory"));
    assert_eq!(loaded.settings, None);
    assert_eq!(loaded.problems.iter().count(), 1);
}

#[test]
fn a_file_given_as_the_directory_is_told_so() {
    let dir = directory(&[("ssl.ini", b"")]);
    let loaded = load(&dir.path().join("ssl.ini"));
    assert!(loaded.problems.to_string().contains("not a file"));
    assert_eq!(loaded.settings, None);
}

#[test]
fn every_file_that_was_read_is_a_source() {
    let dir = directory(&[
        ("crmgate.ini", b""),
        ("CRMConnectorSAP_B.ini", ROUTE.as_bytes()),
        (
            "CRMConnectorSAP_A.ini",
            b"[StaticRoutes]\n44301=crm.example.com\n",
        ),
        ("ssl.ini", b""),
        ("other.ini", b"[x]\n"),
    ]);
    let settings = load(dir.path()).settings.expect("loads");
    let names: Vec<_> = settings
        .sources
        .iter()
        .map(|path| path.file_name().expect("name").to_str().expect("text"))
        .collect();
    let expected = [
        "ssl.ini",
        "CRMConnectorSAP_A.ini",
        "CRMConnectorSAP_B.ini",
        "crmgate.ini",
    ];
    assert_eq!(names, expected);
}

#[test]
fn the_name_of_a_system_is_what_stands_between_start_and_end() {
    for (file, system) in [
        ("CRMConnectorSAP_SAP1.ini", Some("SAP1")),
        ("crmconnectorsap_x_y.INI", Some("x_y")),
        ("CRMConnectorSAP_.ini", Some("")),
        ("CRMConnectorSAP.ini", None),
        ("CRMConnectorSAP_SAP1.ini.bak", None),
        ("xCRMConnectorSAP_SAP1.ini", None),
        ("ÄRMConnectorSAP_ü.ini", None),
        ("CRMConnectorSAP_ü", None),
    ] {
        assert_eq!(system_part(file), system, "{file}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_nowhere_is_an_error_and_not_an_absent_file() {
    let dir = directory(&[("CRMConnectorSAP_A.ini", ROUTE.as_bytes())]);
    std::os::unix::fs::symlink("nowhere", dir.path().join("crmgate.ini")).expect("link");
    let loaded = load(dir.path());
    assert_eq!(loaded.settings, None);
    assert!(loaded.problems.to_string().contains("crmgate.ini"));
}

#[test]
fn the_same_directory_gives_the_same_answer_every_time() {
    let broken = b"[Requests]\nListen=x\nSideA=y\nFoo=1\n[Requests]\nA=1\n";
    let dir = directory(&[
        ("CRMConnectorSAP_A.ini", broken),
        ("crmgate.ini", b"[Lgo]\n"),
    ]);
    let first = load(dir.path());
    assert_eq!(load(dir.path()), first);
    assert!(first.problems.has_errors());
}

/// Lines of an ini file, right and wrong, that fit together by accident only.
fn lines() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("[Config]".to_owned()),
        Just("[Requests]".to_owned()),
        Just("[Failover]".to_owned()),
        Just("[Probe]".to_owned()),
        Just("[Events]".to_owned()),
        Just("[StaticRoutes]".to_owned()),
        Just("[Limits]".to_owned()),
        Just("[SSL_SERVER A]".to_owned()),
        Just("TpiDllParameter=SSL PROXY=a:1".to_owned()),
        Just("Listen=8443".to_owned()),
        Just("SideA=https://a:1".to_owned()),
        Just("SideB=http://b:1".to_owned()),
        Just("Crm=https://crm:1".to_owned()),
        Just("44300=crm".to_owned()),
        Just("CA_FILE=x".to_owned()),
        (0..crate::config::KEYS.len(), "\\PC{0,6}")
            .prop_map(|(index, value)| format!("{}={value}", crate::config::KEYS[index].name)),
        "\\PC{0,12}",
    ];
    proptest::collection::vec(line, 0..25).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_make_a_load_panic(bytes: Vec<u8>) {
        let dir = directory(&[("CRMConnectorSAP_A.ini", &bytes), ("ssl.ini", &bytes), ("crmgate.ini", &bytes)]);
        let loaded = load(dir.path());
        prop_assert_eq!(loaded.settings.is_some(), !loaded.problems.has_errors());
    }

    #[test]
    fn settings_are_there_if_and_only_if_no_problem_is_an_error(
        system in lines(), ssl in lines(), gateway in lines(),
    ) {
        let dir = directory(&[
            ("CRMConnectorSAP_A.ini", system.as_bytes()),
            ("ssl.ini", ssl.as_bytes()),
            ("crmgate.ini", gateway.as_bytes()),
        ]);
        let loaded = load(dir.path());
        prop_assert_eq!(loaded.settings.is_some(), !loaded.problems.has_errors());
        for problem in &loaded.problems {
            prop_assert!(!problem.hint.is_empty() && !problem.what.is_empty());
            prop_assert!(!problem.what.ends_with('.'), "{}", problem);
        }
    }
}
