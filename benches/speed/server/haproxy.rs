//! The file of `HAProxy`.

use std::fmt::Write as _;

use super::{Door, Setup};

/// Writes it, and says how it is started.
pub(super) fn command(setup: &Setup<'_>) -> Vec<String> {
    let mut text = format!(
        "global
  nbthread {}
  maxconn 8000
  tune.ssl.cachesize 100000
  tune.ssl.lifetime 3600
  tune.ssl.default-dh-param 2048
  tune.pool-high-fd-ratio 80
defaults
  mode http
  timeout client 900s
  timeout server 900s
  timeout http-keep-alive 900s
  timeout connect 5s
  option http-keep-alive
  http-reuse always
",
        setup.threads
    );
    for door in Door::ALL {
        let listen = setup.door(door);
        let (tls, backend) = match door {
            Door::Rsa => (incoming(setup, "rsa"), "side"),
            Door::P256 => (incoming(setup, "ec"), "side"),
            Door::Plain => (String::new(), "side"),
            Door::Events => (String::new(), "crm"),
            Door::EventsAnew => (String::new(), "crm_anew"),
        };
        write!(
            text,
            "frontend f{}\n  bind {listen} {tls} shards by-thread\n  default_backend {backend}\n",
            listen.port()
        )
        .expect("a text grows");
    }
    let crm = outgoing(setup);
    let side = setup.backend.a;
    write!(
        text,
        "backend side\n  server s {side} pool-max-conn 1024
backend crm\n  server s {crm} pool-max-conn 1024
backend crm_anew\n  http-reuse never\n  option http-server-close\n  server s {crm}\n"
    )
    .expect("a text grows");
    let file = setup.write("haproxy.cfg", &text);
    ["haproxy", "-db", "-q", "-f", &file]
        .map(str::to_owned)
        .to_vec()
}

fn incoming(setup: &Setup<'_>, kind: &str) -> String {
    let own = setup.cert(&format!("{kind}-server.both"));
    let authority = setup.cert(&format!("{kind}-ca.pem"));
    format!(
        "ssl crt {own} ca-file {authority} verify required alpn http/1.1 ssl-min-ver TLSv1.2 \
         curves X25519:P-256"
    )
}

fn outgoing(setup: &Setup<'_>) -> String {
    let own = setup.cert("rsa-server.both");
    let authority = setup.cert("rsa-ca.pem");
    format!(
        "{} ssl crt {own} ca-file {authority} verify required verifyhost localhost",
        setup.backend.crm
    )
}
