//! Where there is no gateway to be had, or no right to it.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;

use super::{ALL, Said, Stage, command};
use crate::support::{World, free_address};
use crate::{crmgate, requests};

/// A directory whose admin listener is at an address.
fn directory(admin: &str) -> World {
    let world = World::new();
    let mut deployment = requests(&world);
    deployment
        .gateway
        .set("Admin", "Listen", admin)
        .set("Admin", "TokenFile", "./admin.token");
    deployment.write(world.path()).expect("ini files");
    std::fs::write(world.path().join("admin.token"), "0123\n").expect("written");
    world
}

fn says(dir: &Path, line: &[&str]) -> Said {
    Said::of(&mut command(dir, line))
}

#[test]
fn without_a_gateway_every_command_ends_with_69_and_says_where_it_looked() {
    let admin = free_address().to_string();
    let world = directory(&admin);
    for line in ALL {
        let said = says(world.path(), line);
        said.is(
            69,
            &[
                &format!("crmgate: no gateway answers at {admin}: "),
                "\n  hint: see whether it runs",
            ],
        );
        assert_eq!(said.out, "", "{line:?}");
    }
    let said = says(world.path(), &["status", "--output", "json"]);
    assert_eq!((said.code, said.err.as_str()), (69, ""));
    let error = &said.json()["error"];
    assert_eq!(
        (&error["code"], &error["exit_code"]),
        (&"no-gateway".into(), &69.into())
    );
    assert!(
        error["hint"]
            .as_str()
            .is_some_and(|hint| hint.starts_with("see whether"))
    );
}

/// Somebody else's program, which answers whoever comes with these bytes.
fn foreign(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut head = [0; 4_096];
            let _some = stream.read(&mut head).expect("a request");
            let _gone = stream.write_all(answer.as_bytes());
        }
    });
    address
}

#[test]
fn a_foreign_program_on_the_port_is_told_from_a_gateway() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}",
        "220 mail.example ESMTP\r\n",
        "",
    ] {
        let address = foreign(answer);
        let world = directory(&address);
        for line in ALL {
            let said = says(world.path(), line);
            let what = format!("what answers at {address} is no crmgate: ");
            said.is(69, &[&what, "hint: see who listens there"]);
        }
    }
}

#[test]
fn an_answer_of_another_shape_is_not_taken_for_a_status() {
    let address = foreign("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    let world = directory(&address);
    let said = says(world.path(), &["status"]);
    said.is(
        69,
        &["the gateway's answer is not understood: missing field"],
    );
}

#[test]
fn without_an_admin_listener_every_command_ends_with_78_and_says_how_to_have_one() {
    let world = World::new();
    requests(&world).write(world.path()).expect("ini files");
    for line in ALL {
        let said = says(world.path(), line);
        said.is(
            78,
            &[
                "no admin listener on a loopback address",
                "Listen=127.0.0.1:9440",
            ],
        );
    }
}

#[test]
fn without_a_directory_every_command_ends_with_66() {
    for line in ALL {
        let said = says(Path::new("nowhere"), line);
        said.is(
            66,
            &[
                "there is no configuration directory \"nowhere\"",
                "--config DIR",
            ],
        );
    }
}

/// Everybody may read the directory; the token stays its owner's.
#[cfg(target_os = "linux")]
fn open_to_all(dir: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(dir, mode).expect("ours");
}

/// The program as somebody without rights; none where this account cannot do that, or that one
/// cannot get at the program.
#[cfg(target_os = "linux")]
fn as_nobody() -> Option<Command> {
    let nobody = || {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
        command.arg(env!("CARGO_BIN_EXE_crmgate"));
        command
    };
    let tried = nobody().arg("--version").output();
    tried.is_ok_and(|tried| tried.status.success()).then(nobody)
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_read_the_token_may_look_and_is_told_who_may_do_more() {
    if as_nobody().is_none() {
        return;
    }
    let stage = Stage::new().await;
    open_to_all(stage.world.path());
    let says = |line: &[&str]| {
        let mut nobody = as_nobody().expect("it was there");
        Said::of(nobody.args(line).arg("--config").arg(stage.world.path()))
    };
    says(&["status"]).is(0, &["serving"]);
    says(&["logs", "errors"]).is(0, &[]);
    for line in [
        &["reload"][..],
        &["switch", "B"],
        &["drain", "A"],
        &["stop"],
        &["logs", "level", "off"],
        &["console"],
    ] {
        says(line).is(
            77,
            &[
                "the token of the admin listener cannot be read from \"",
                "admin.token\": Permission denied",
                "hint: run this as root or as the account that runs crmgate",
            ],
        );
    }
    assert_eq!(stage.active(), "A");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_of_an_earlier_run_ends_with_77_and_names_the_file_of_this_one() {
    let stage = Stage::new().await;
    let file = stage.world.path().join("admin.token");
    std::fs::write(&file, "0123\n").expect("written");
    let said = stage.says(&["reload"]);
    let file = file.display().to_string();
    said.is(77, &["the token is not the one of this run", &file]);
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    for line in [
        &["switch"][..],
        &["switch", "C"],
        &["logs"],
        &["status", "--url", "https://gateway:9440"],
        &["status", "--url", "gateway:9440", "--pem", "x", "--ca", "x"],
        &["status", "--pem", "x"],
        &["top", "--interval", "0"],
        &["completions", "tcsh"],
    ] {
        let said = Said::of(crmgate().args(line));
        assert_eq!(said.code, 2, "{line:?}: {said:?}");
    }
}
