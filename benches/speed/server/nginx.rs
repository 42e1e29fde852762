//! nginx's file.

use std::fmt::Write as _;

use super::{Door, Setup};
use crate::certificates::Keys;
use crate::programs::is_root;

/// Writes it, and says how it is started. Nothing in it leads out of the server's folder.
pub(super) fn command(setup: &Setup<'_>) -> Vec<String> {
    let dir = setup.dir.display();
    let mut text = String::new();
    // Whoever starts it owns the folder; under root the workers would be somebody else.
    if is_root() {
        text.push_str("user root;\n");
    }
    let threads = setup.threads;
    write!(
        text,
        "daemon off; worker_processes {threads}; worker_rlimit_nofile 20000;
error_log {dir}/nginx.log crit; pid {dir}/nginx.pid; lock_file {dir}/nginx.lock;
events {{ worker_connections 20000; multi_accept on; }}
http {{
access_log off; server_tokens off; tcp_nodelay on;
keepalive_requests 1000000000; keepalive_timeout 900s;
client_body_buffer_size 16k; client_max_body_size 64m;
proxy_buffer_size 8k; proxy_buffers 16 32k; proxy_busy_buffers_size 64k;
proxy_max_temp_file_size 0; proxy_http_version 1.1; proxy_set_header Connection \"\";
ssl_session_cache shared:speed:32m; ssl_session_timeout 1h; ssl_session_tickets on;
ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519:prime256v1;
"
    )
    .expect("a text grows");
    for what in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        writeln!(text, "{what}_temp_path {dir}/{what};").expect("a text grows");
    }
    upstreams(&mut text, setup);
    for door in Door::ALL {
        text.push_str(&server(setup, door));
    }
    text.push_str("}\n");
    let file = setup.write("nginx.conf", &text);
    let dir = setup.dir.display().to_string();
    // `-e` keeps it from the log of the installed service.
    let words = ["nginx", "-p", &dir, "-e", "stderr", "-c", &file];
    words.map(str::to_owned).to_vec()
}

fn upstreams(text: &mut String, setup: &Setup<'_>) {
    let kept = "keepalive 1024; keepalive_requests 1000000000;";
    for (name, address, kept) in [
        ("side", setup.backend.a, kept),
        ("crm", setup.backend.crm, kept),
        ("crm_anew", setup.backend.crm, ""),
    ] {
        writeln!(text, "upstream {name} {{ server {address}; {kept} }}").expect("a text grows");
    }
}

fn server(setup: &Setup<'_>, door: Door) -> String {
    let listen = setup.door(door);
    let (listen_tls, tls, to) = match door {
        Door::Rsa => (" ssl", incoming(setup, Keys::Rsa2048), "http://side"),
        Door::P256 => (" ssl", incoming(setup, Keys::P256), "http://side"),
        Door::Plain => ("", String::new(), "http://side"),
        Door::Events => ("", outgoing(setup), "https://crm"),
        Door::EventsAnew => ("", outgoing(setup), "https://crm_anew"),
    };
    format!(
        "server {{ listen {listen}{listen_tls} reuseport backlog=4096; {tls}
location / {{ proxy_pass {to}; }} }}\n"
    )
}

fn incoming(setup: &Setup<'_>, keys: Keys) -> String {
    let file = |name: &str| setup.cert(&format!("{}-{name}", keys.name()));
    format!(
        "ssl_certificate {}; ssl_certificate_key {}; ssl_client_certificate {};
ssl_verify_client on; ssl_verify_depth 2;",
        file("server.pem"),
        file("server.key"),
        file("ca.pem")
    )
}

fn outgoing(setup: &Setup<'_>) -> String {
    format!(
        "proxy_ssl_certificate {}; proxy_ssl_certificate_key {};
proxy_ssl_trusted_certificate {}; proxy_ssl_verify on; proxy_ssl_name localhost;
proxy_ssl_protocols TLSv1.2 TLSv1.3; proxy_ssl_session_reuse on;",
        setup.cert("rsa-server.pem"),
        setup.cert("rsa-server.key"),
        setup.cert("rsa-ca.pem")
    )
}
