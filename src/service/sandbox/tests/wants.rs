use super::*;

fn settings(gateway: &str) -> (tempfile::TempDir, Settings) {
    let dir = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        std::fs::write(dir.path().join(name), text).expect("a file");
    };
    write(
        "CRMConnectorSAP_SAP1.ini",
        "[StaticRoutes]\n44300=crm.example.com\n",
    );
    write("crmgate.ini", gateway);
    let loaded = crate::config::load(dir.path());
    let settings = loaded.settings.expect("settings");
    (dir, settings)
}

fn extent_of(wants: &[Want], path: &Path, rights: Rights) -> Vec<Extent> {
    let own = wants
        .iter()
        .filter(|want| want.path == path && want.rights == rights);
    own.map(|want| want.extent).collect()
}

#[test]
fn the_configuration_is_read_with_all_that_is_beneath_it_and_never_written() {
    let (dir, settings) = settings("");
    let wants = wants(dir.path(), &settings, &Surroundings::default());
    assert_eq!(
        extent_of(&wants, dir.path(), Rights::Read),
        [Extent::Beneath]
    );
    assert_eq!(extent_of(&wants, dir.path(), Rights::Write), []);
    let written: Vec<&Want> = wants
        .iter()
        .filter(|want| want.rights == Rights::Write)
        .collect();
    assert!(
        written.iter().all(|want| want.path.starts_with("/dev")),
        "{written:?}"
    );
}

#[test]
fn what_a_key_names_is_read_with_its_neighbours_and_the_log_is_written() {
    let secrets = tempfile::tempdir().expect("a folder");
    let secret = secrets.path().join("tickets");
    std::fs::write(&secret, format!("{}\n", "a".repeat(43))).expect("a file");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&secret, mode).expect("a mode");
    }
    let (_dir, settings) = settings(&format!(
        "[Sessions]\nTicketSecretFile={}\n[Log]\nFile={}\n",
        secret.display(),
        secrets.path().join("gate.log").display()
    ));
    let wants = wants(Path::new("/c"), &settings, &Surroundings::default());
    assert_eq!(extent_of(&wants, &secret, Rights::Read), [Extent::Beside]);
    let log = secrets.path().join("gate.log");
    assert_eq!(extent_of(&wants, &log, Rights::Write), [Extent::Beside]);
    assert_eq!(extent_of(&wants, &log, Rights::Read), []);
}

#[test]
fn what_is_around_the_process_is_run_read_or_written_as_it_has_to_be() {
    let (_dir, settings) = settings("");
    let around = Surroundings {
        program: Some("/opt/bin/crmgate".into()),
        libraries: vec!["/opt/lib/libc.so.6".into()],
        kept: vec!["/var/lib/a/x.state".into()],
        written: vec!["/var/lib/b/x.state".into()],
        named: vec!["/run/credentials/crmgate".into()],
    };
    let wants = wants(Path::new("/c"), &settings, &around);
    let of = |path: &str, rights| extent_of(&wants, Path::new(path), rights);
    assert_eq!(of("/opt/bin/crmgate", Rights::Run), [Extent::Beside]);
    assert_eq!(of("/opt/lib/libc.so.6", Rights::Run), [Extent::Beside]);
    assert_eq!(of("/var/lib/a/x.state", Rights::Read), [Extent::Beside]);
    assert_eq!(of("/var/lib/a/x.state", Rights::Write), []);
    assert_eq!(of("/var/lib/b/x.state", Rights::Write), [Extent::Beside]);
    assert_eq!(
        of("/run/credentials/crmgate", Rights::Read),
        [Extent::Beneath]
    );
    assert_eq!(of("/etc", Rights::Read), [Extent::Beneath]);
    assert_eq!(of("/usr/lib", Rights::Run), [Extent::Beneath]);
}
