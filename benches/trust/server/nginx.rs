//! nginx's file.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use super::{Door, Plan, Sessions};
use crate::ground::{AUTHORITIES, Ground, LIST, OWN};
use crate::programs::is_root;

const FILE: &str = "nginx.conf";

/// Writes it. Nothing in it leads out of the ground's folder.
pub(super) fn write(ground: &Ground, plan: &Plan, doors: &[SocketAddr]) {
    let dir = ground.world.path().display();
    let mut text = String::new();
    let mut say = |line: String| writeln!(text, "{line}").expect("a text grows");
    // Whoever starts it owns the folder; under root the workers would be somebody else.
    if is_root() {
        say("user root;".to_owned());
    }
    say("daemon off; worker_processes 1;".to_owned());
    say(format!(
        "error_log {dir}/nginx.log; pid {dir}/nginx.pid; lock_file {dir}/nginx.lock;"
    ));
    say("events { worker_connections 256; }".to_owned());
    say("http {".to_owned());
    say("access_log off; keepalive_timeout 60s;".to_owned());
    for what in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        say(format!("{what}_temp_path {dir}/{what};"));
    }
    let [own, authorities] = [OWN, AUTHORITIES].map(|name| ground.file(name));
    say(format!("ssl_certificate {own}; ssl_certificate_key {own};"));
    say(format!(
        "ssl_client_certificate {authorities}; ssl_protocols TLSv1.2 TLSv1.3;"
    ));
    if plan.lists {
        say(format!("ssl_crl {};", ground.file(LIST)));
    }
    match plan.sessions {
        Sessions::AsInstalled => {}
        Sessions::Cache => {
            say("ssl_session_cache shared:trust:1m; ssl_session_tickets off;".to_owned());
        }
        Sessions::SharedTickets => {
            ground.put("tickets.nginx", &"0123456789abcdef".repeat(5));
            say(format!(
                "ssl_session_ticket_key {};",
                ground.file("tickets.nginx")
            ));
        }
    }
    if let Some(lifetime) = plan.lifetime {
        say(format!("ssl_session_timeout {lifetime}s;"));
    }
    for (door, listen) in plan.doors.iter().zip(doors) {
        let verify = match door {
            Door::Required => "on",
            Door::Optional => "optional",
        };
        say(format!(
            "server {{ listen {listen} ssl; ssl_verify_client {verify};"
        ));
        say("location / { return 200 fine; } }".to_owned());
    }
    say("}".to_owned());
    std::fs::write(ground.world.path().join(FILE), text).expect("written");
}

/// `-e` keeps it from the log of the installed service.
pub(super) fn arguments(dir: &Path) -> Vec<String> {
    let file = dir.join(FILE).display().to_string();
    [
        "-p",
        &dir.display().to_string(),
        "-e",
        "stderr",
        "-c",
        &file,
    ]
    .map(str::to_owned)
    .to_vec()
}

pub(super) fn check(dir: &Path) -> Vec<String> {
    let mut arguments = arguments(dir);
    arguments.push("-t".to_owned());
    arguments
}
