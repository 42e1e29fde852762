//! The file of `HAProxy`, and its runtime API.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::{Door, Plan, Sessions};
use crate::ground::{AUTHORITIES, Ground, LIST, OWN};

const FILE: &str = "haproxy.cfg";
const SOCKET: &str = "haproxy.sock";

/// Writes it. Nothing in it leads out of the ground's folder.
pub(super) fn write(ground: &Ground, plan: &Plan, doors: &[SocketAddr]) {
    let dir = ground.world.path().display();
    let mut text = String::new();
    let mut say = |line: String| writeln!(text, "{line}").expect("a text grows");
    say("global".to_owned());
    say(format!(
        "  stats socket {dir}/{SOCKET} mode 600 level admin"
    ));
    say("  nbthread 1".to_owned());
    if let Some(lifetime) = plan.lifetime {
        say(format!("  tune.ssl.lifetime {lifetime}"));
    }
    say("defaults".to_owned());
    say("  mode http".to_owned());
    for what in [
        "connect",
        "server",
        "client",
        "http-request",
        "http-keep-alive",
    ] {
        say(format!("  timeout {what} 60s"));
    }
    let mut options = String::from("ssl-min-ver TLSv1.2");
    match plan.sessions {
        Sessions::AsInstalled => {}
        Sessions::Cache => options.push_str(" no-tls-tickets"),
        Sessions::SharedTickets => {
            // 48 bytes each, in base64. It wants three: the last, the present, the next.
            let keys: String = ["A", "B", "C"]
                .map(|letter| letter.repeat(64) + "\n")
                .concat();
            ground.put("tickets.haproxy", &keys);
            write!(
                options,
                " tls-ticket-keys {}",
                ground.file("tickets.haproxy")
            )
            .expect("a text");
        }
    }
    if plan.lists {
        write!(options, " crl-file {}", ground.file(LIST)).expect("a text");
    }
    let [own, authorities] = [OWN, AUTHORITIES].map(|name| ground.file(name));
    say("frontend trust".to_owned());
    for (door, listen) in plan.doors.iter().zip(doors) {
        let verify = match door {
            Door::Required => "required",
            Door::Optional => "optional",
        };
        say(format!(
            "  bind {listen} ssl crt {own} ca-file {authorities} verify {verify} {options}"
        ));
    }
    say("  http-request return status 200 content-type text/plain string fine".to_owned());
    std::fs::write(ground.world.path().join(FILE), text).expect("written");
}

pub(super) fn arguments(dir: &Path) -> Vec<String> {
    let file = dir.join(FILE).display().to_string();
    ["-W", "-f", &file].map(str::to_owned).to_vec()
}

pub(super) fn check(dir: &Path) -> Vec<String> {
    let file = dir.join(FILE).display().to_string();
    ["-c", "-f", &file].map(str::to_owned).to_vec()
}

/// `set ssl crl-file` and `commit ssl crl-file`: another list without a reload.
pub(super) async fn replace_list(ground: &Ground, list: &str) {
    let file = ground.file(LIST);
    let list = list.trim();
    let set = format!("set ssl crl-file {file} <<\n{list}\n\n");
    let said = tell(ground.world.path(), &set).await;
    assert!(said.contains("transaction created"), "{said}");
    let said = tell(
        ground.world.path(),
        &format!("commit ssl crl-file {file}\n"),
    )
    .await;
    assert!(said.contains("Success"), "{said}");
}

async fn tell(dir: &Path, command: &str) -> String {
    let socket = UnixStream::connect(dir.join(SOCKET)).await;
    let mut socket = socket.expect("its socket");
    socket.write_all(command.as_bytes()).await.expect("told");
    let mut said = String::new();
    socket.read_to_string(&mut said).await.expect("an answer");
    said
}
