use std::fs;

use super::*;

struct Ground {
    dir: tempfile::TempDir,
}

impl Ground {
    /// Two folders with a file each; the first one can be reached.
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        for folder in ["in", "out"] {
            fs::create_dir(dir.path().join(folder)).expect("a folder");
            fs::write(dir.path().join(folder).join("ca.pem"), "x").expect("a file");
        }
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn sandbox(&self, landlock: u8, rights: Rights) -> Sandbox {
        let path = self.path("in");
        Sandbox {
            confinement: Confinement {
                landlock,
                seccomp: true,
            },
            home: "/etc/crmgate".into(),
            roots: vec![Root {
                id: id(&path).expect("there"),
                path,
                rights,
            }],
        }
    }
}

fn denied() -> io::Error {
    ErrorKind::PermissionDenied.into()
}

#[test]
fn what_lies_outside_is_said_to_and_what_to_do() {
    let ground = Ground::new();
    let sandbox = ground.sandbox(7, Rights::Read);
    let said = |path: &Path, rights| why_within(Some(&sandbox), (path, rights), &denied(), "chmod");
    assert_eq!(
        said(&ground.path("out/ca.pem"), Rights::Read),
        (
            "it lies outside of the folders that the running process may read ([Runtime] Sandbox)"
                .to_owned(),
            "restart crmgate, for a reload or an upgrade does not widen what it may read; or put the file \
             beneath \"/etc/crmgate\""
                .to_owned()
        )
    );
    assert_eq!(
        said(&ground.path("in/new.log"), Rights::Write),
        (
            "it lies outside of the folders that the running process may write to ([Runtime] Sandbox)"
                .to_owned(),
            "restart crmgate, for a reload or an upgrade does not widen where it may write".to_owned()
        )
    );
}

#[test]
fn what_lies_inside_is_left_to_what_the_system_says() {
    let ground = Ground::new();
    let sandbox = ground.sandbox(7, Rights::Write);
    let plain = (denied().to_string(), "chmod".to_owned());
    let inside = ground.path("in/ca.pem");
    for rights in [Rights::Read, Rights::Write] {
        let said = why_within(Some(&sandbox), (&inside, rights), &denied(), "chmod");
        assert_eq!(said, plain);
    }
    let outside = ground.path("out/ca.pem");
    let asked = (outside.as_path(), Rights::Read);
    assert_eq!(why_within(None, asked, &denied(), "chmod"), plain);
    let missing = io::Error::from(ErrorKind::NotFound);
    let said = why_within(Some(&sandbox), asked, &missing, "chmod");
    assert_eq!(said, (missing.to_string(), "chmod".to_owned()));
    let without = ground.sandbox(0, Rights::Read);
    assert_eq!(why_within(Some(&without), asked, &denied(), "chmod"), plain);
}

#[test]
fn links_are_judged_by_where_they_lead() {
    let ground = Ground::new();
    let sandbox = ground.sandbox(7, Rights::Read);
    let link = |from: &str, to: &str| {
        std::os::unix::fs::symlink(ground.path(to), ground.path(from)).expect("a link");
    };
    link("in/away.pem", "out/ca.pem");
    link("out/back.pem", "in/ca.pem");
    assert!(!sandbox.reaches(&ground.path("in/away.pem"), Rights::Read));
    assert!(sandbox.reaches(&ground.path("out/back.pem"), Rights::Read));
}

#[test]
fn a_folder_that_was_made_anew_is_another_one() {
    let ground = Ground::new();
    let sandbox = ground.sandbox(7, Rights::Read);
    fs::rename(ground.path("in"), ground.path("old")).expect("renamed");
    fs::rename(ground.path("out"), ground.path("in")).expect("renamed");
    assert!(!sandbox.reaches(&ground.path("in/ca.pem"), Rights::Read));
    assert!(sandbox.reaches(&ground.path("old/ca.pem"), Rights::Read));
}
