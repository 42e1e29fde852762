use std::fs::{self, File};
use std::io::ErrorKind;
use std::process::Command;

use seccompiler::apply_filter;

use super::*;
use crate::config::sandbox::id;

fn root(path: &Path, rights: Rights) -> Root {
    Root {
        path: path.to_owned(),
        id: id(path).expect("there"),
        rights,
    }
}

/// In a thread of its own, since it is confined to its end.
fn confined<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().expect("no panic"))
}

#[test]
fn a_confined_thread_reads_and_writes_what_it_asked_for_and_nothing_else() {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = |name: &str| {
        let path = dir.path().join(name);
        fs::create_dir(&path).expect("a folder");
        fs::write(path.join("file"), "x").expect("a file");
        path
    };
    let (read, write, other) = (folder("read"), folder("write"), folder("other"));
    confined(|| {
        let roots = [root(&read, Rights::Read), root(&write, Rights::Write)];
        let version = confine_files(&roots).expect("this kernel has it");
        assert!(version >= 1);
        let denied = |what: std::io::Result<()>| {
            let kind = what.expect_err("denied").kind();
            assert_eq!(kind, ErrorKind::PermissionDenied);
        };
        fs::read(read.join("file")).expect("read");
        fs::read_dir(&read).expect("listed");
        denied(fs::write(read.join("new"), "x"));
        denied(fs::remove_file(read.join("file")));
        denied(
            File::options()
                .append(true)
                .open(read.join("file"))
                .map(drop),
        );
        fs::write(write.join("new"), "x").expect("written");
        fs::rename(write.join("new"), write.join("file")).expect("put in its place");
        fs::remove_file(write.join("file")).expect("removed");
        denied(fs::create_dir(write.join("folder")));
        denied(fs::read(other.join("file")).map(drop));
        denied(fs::read_dir("/").map(drop));
        denied(Command::new("/bin/true").status().map(drop));
    });
}

#[test]
fn a_program_starts_where_it_may_be_run_and_is_confined_itself() {
    let system = [
        "/lib",
        "/lib64",
        "/usr/lib",
        "/usr/bin",
        "/bin",
        "/dev/null",
    ];
    let there = system.iter().map(Path::new).filter(|path| path.exists());
    let roots: Vec<Root> = there.map(|path| root(path, Rights::Run)).collect();
    confined(|| {
        confine_files(&roots).expect("this kernel has it");
        let run = |program: &str, argument: &str| {
            let ended = Command::new(program).arg(argument).output();
            ended.expect("started").status.success()
        };
        assert!(run("/bin/true", ""));
        assert!(!run("/bin/ls", "/"), "it read the root folder");
    });
}

#[test]
fn nobody_outside_is_sent_a_signal() {
    let mut outside = Command::new("sleep").arg("60").spawn().expect("started");
    let pid = outside.id().to_string();
    let kill = |signal: &str| {
        let sent = Command::new("kill").args(["-s", signal, &pid]).output();
        sent.expect("started").status.success()
    };
    assert!(kill("0"));
    let reached = confined(|| {
        let version = confine_files(&[root(Path::new("/"), Rights::Run)]).expect("there");
        // Where the kernel is too old for that, it is said so in its gaps.
        version >= 6 && kill("0")
    });
    outside.kill().expect("ended");
    outside.wait().expect("ended");
    assert!(!reached);
}

#[test]
fn calls_that_a_gateway_never_makes_are_refused_and_programs_start_as_before() {
    let run = |program: &str, arguments: &[&str]| {
        let ended = Command::new(program).args(arguments).output();
        let ended = ended.expect("started");
        (
            ended.status.success(),
            String::from_utf8_lossy(&ended.stderr).into_owned(),
        )
    };
    let filter = filter().expect("a filter");
    confined(|| {
        apply_filter(&filter).expect("this kernel has it");
        assert!(run("true", &[]).0);
        let (done, said) = run("unshare", &["--user", "true"]);
        assert!(!done && said.contains("Operation not permitted"), "{said}");
    });
}

#[test]
fn the_first_folder_that_can_be_written_takes_what_is_written() {
    let dir = tempfile::tempdir().expect("a folder");
    let places = [
        dir.path().join("missing/a"),
        dir.path().join("b"),
        "/c".into(),
    ];
    assert_eq!(first_writable(&places).as_ref(), Some(&places[1]));
    assert_eq!(first_writable(&places[..1]), None);
}

#[test]
fn loaded_libraries_are_told_from_everything_else_that_is_mapped() {
    let line = |path: &str| format!("7f1c9a000000-7f1c9a028000 r--p 00000000 fe:01 1234   {path}");
    for library in [
        "/usr/lib/x86_64-linux-gnu/libc.so.6",
        "/lib/ld-musl-x86_64.so.1",
    ] {
        assert_eq!(mapped(&line(library)), Some(library.into()));
    }
    for other in ["/usr/bin/crmgate", "[heap]", "", "/memfd:x (deleted)"] {
        assert_eq!(mapped(&line(other)), None);
    }
}
