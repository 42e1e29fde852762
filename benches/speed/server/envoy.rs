//! Envoy's file.

use std::fmt::Write as _;
use std::path::Path;

use super::{Door, Setup};

/// Writes it, and says how it is started.
pub(super) fn command(program: &Path, setup: &Setup<'_>) -> Vec<String> {
    let mut text = String::from("static_resources:\n  listeners:\n");
    for (door, tls) in [
        (Door::Rsa, tls(setup, "rsa")),
        (Door::P256, tls(setup, "ec")),
        (Door::Plain, String::new()),
    ] {
        text.push_str(&listener(setup.door(door).port(), &tls));
    }
    let backend = setup.backend.a.port();
    write!(
        text,
        "  clusters:
  - name: side
    type: STATIC
    connect_timeout: 5s
    circuit_breakers: {{ thresholds: [ {{ max_connections: 20000, max_pending_requests: 20000, \
         max_requests: 20000 }} ] }}
    load_assignment: {{ cluster_name: side, endpoints: [ {{ lb_endpoints: [ {{ endpoint: \
         {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {backend} }} }} }} }} ] }} ] }}
"
    )
    .expect("a text grows");
    let file = setup.write("envoy.yaml", &text);
    let program = program.display().to_string();
    let threads = setup.threads.to_string();
    let words = [
        &program,
        "-c",
        &file,
        "--concurrency",
        &threads,
        "--disable-hot-restart",
        "-l",
        "off",
    ];
    words.map(str::to_owned).to_vec()
}

fn listener(port: u16, tls: &str) -> String {
    format!(
        "  - name: l{port}
    address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    tcp_backlog_size: 4096
    filter_chains:
    - filters:
      - name: http
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.\
         http_connection_manager.v3.HttpConnectionManager
          stat_prefix: http
          codec_type: HTTP1
          generate_request_id: false
          common_http_protocol_options: {{ idle_timeout: 900s }}
          stream_idle_timeout: 900s
          route_config: {{ virtual_hosts: [ {{ name: all, domains: [\"*\"], routes: [ {{ match: \
         {{ prefix: \"/\" }}, route: {{ cluster: side, timeout: 0s }} }} ] }} ] }}
          http_filters: [ {{ name: router, typed_config: {{ \"@type\": type.googleapis.com/\
         envoy.extensions.filters.http.router.v3.Router, dynamic_stats: false, \
         suppress_envoy_headers: true }} }} ]
{tls}"
    )
}

fn tls(setup: &Setup<'_>, kind: &str) -> String {
    let [chain, key, authority] =
        ["server.pem", "server.key", "ca.pem"].map(|name| setup.cert(&format!("{kind}-{name}")));
    format!(
        "      transport_socket: {{ name: tls, typed_config: {{ \"@type\": type.googleapis.com/\
         envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, \
         require_client_certificate: true, common_tls_context: {{ alpn_protocols: [http/1.1], \
         tls_params: {{ tls_minimum_protocol_version: TLSv1_2, tls_maximum_protocol_version: TLSv1_3, \
         ecdh_curves: [X25519, P-256] }}, tls_certificates: [ {{ certificate_chain: \
         {{ filename: {chain} }}, private_key: {{ filename: {key} }} }} ], validation_context: \
         {{ trusted_ca: {{ filename: {authority} }} }} }} }} }}\n"
    )
}
