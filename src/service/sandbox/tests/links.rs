use std::fs;
use std::os::unix::fs::symlink;

use super::*;

struct Ground {
    dir: tempfile::TempDir,
}

impl Ground {
    fn new(folders: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        for folder in folders {
            fs::create_dir_all(dir.path().join(folder)).expect("a folder");
        }
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().expect("there").join(name)
    }

    fn file(&self, name: &str) {
        fs::write(self.path(name), "x").expect("a file");
    }

    fn link(&self, from: &str, to: &str) {
        symlink(to, self.path(from)).expect("a link");
    }

    /// What is covered for a file beneath here, without what lies around.
    fn covered(&self, name: &str, rights: Rights) -> Vec<PathBuf> {
        let want = Want {
            path: self.path(name),
            rights,
            extent: Extent::Beside,
        };
        let mut found: Vec<PathBuf> = roots(&[want]).into_iter().map(|root| root.path).collect();
        // Another name for one that is there already.
        found.retain(|path| path.canonicalize().ok().as_ref() == Some(path));
        found
    }

    fn paths(&self, names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(|name| self.path(name)).collect()
    }
}

#[test]
fn a_file_is_covered_by_the_folder_that_the_next_one_will_lie_in() {
    let ground = Ground::new(&["ssl"]);
    ground.file("ssl/ca.pem");
    let covered = ground.covered("ssl/ca.pem", Rights::Read);
    assert_eq!(covered, ground.paths(&["ssl", "ssl/ca.pem"]));
}

#[test]
fn a_link_to_an_archive_covers_both_folders() {
    let ground = Ground::new(&["live/x", "archive/x"]);
    ground.file("archive/x/chain1.pem");
    ground.link("live/x/chain.pem", "../../archive/x/chain1.pem");
    let covered = ground.covered("live/x/chain.pem", Rights::Read);
    assert_eq!(
        covered,
        ground.paths(&["archive/x", "archive/x/chain1.pem", "live/x"])
    );
}

#[test]
fn a_volume_that_is_switched_by_a_link_is_covered_as_a_whole() {
    let ground = Ground::new(&["certs/..2026_1"]);
    ground.file("certs/..2026_1/tls.crt");
    ground.link("certs/..data", "..2026_1");
    ground.link("certs/tls.crt", "..data/tls.crt");
    assert!(
        ground
            .covered("certs/tls.crt", Rights::Read)
            .contains(&ground.path("certs"))
    );
    // The same where the folder itself is a link, which the file's own folder says nothing of.
    ground.link("current", "certs");
    let covered = ground.covered("current/tls.crt", Rights::Read);
    assert!(covered.contains(&ground.path("certs")), "{covered:?}");
}

#[test]
fn a_folder_that_is_switched_to_the_next_version_is_covered_with_its_neighbours() {
    let ground = Ground::new(&["secrets/v1", "other"]);
    ground.file("secrets/v1/ca.pem");
    ground.link("secrets/current", "v1");
    let covered = ground.covered("secrets/current/ca.pem", Rights::Read);
    assert!(covered.contains(&ground.path("secrets")), "{covered:?}");
    // What a link elsewhere leads to has neighbours that are nobody's concern.
    let elsewhere = ground.path("secrets/v1");
    symlink(elsewhere, ground.path("other/away")).expect("a link");
    let covered = ground.covered("other/away/ca.pem", Rights::Read);
    assert_eq!(covered, ground.paths(&["secrets/v1", "secrets/v1/ca.pem"]));
}

#[test]
fn a_folder_of_lists_is_covered_and_nothing_beside_it() {
    let ground = Ground::new(&["ssl/crls"]);
    ground.file("ssl/ca.pem");
    let covered = ground.covered("ssl/crls", Rights::Read);
    assert_eq!(covered, ground.paths(&["ssl/crls"]));
}

#[test]
fn a_log_is_written_where_its_link_leads_and_where_it_stands() {
    let ground = Ground::new(&["log", "data"]);
    ground.link("log/gate.log", "../data/gate.log");
    let covered = ground.covered("log/gate.log", Rights::Write);
    assert_eq!(covered, ground.paths(&["data", "log"]));
}

#[test]
fn a_file_at_the_root_or_a_device_brings_nothing_else_with_it() {
    let of = |path: &str, rights| {
        let want = Want {
            path: path.into(),
            rights,
            extent: Extent::Beside,
        };
        let found = roots(&[want]).into_iter().map(|root| root.path);
        found.collect::<Vec<_>>()
    };
    assert_eq!(of("/dev/null", Rights::Write), [Path::new("/dev/null")]);
    assert!(of("/no-such-file", Rights::Read).is_empty());
    assert!(!of("/dev/stdout", Rights::Write).contains(&PathBuf::from("/dev")));
}

#[test]
fn links_in_circles_have_an_end() {
    let ground = Ground::new(&["a"]);
    ground.link("a/one", "two");
    ground.link("a/two", "one");
    assert_eq!(ground.covered("a/one", Rights::Read), ground.paths(&["a"]));
}
