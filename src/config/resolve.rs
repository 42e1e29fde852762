//! The files together: rules that no file can see alone.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::config::connector_ini::ConnectorParameter;
use crate::config::events_ini::{WrittenEvents, WrittenRoute};
use crate::config::gateway_ini::GatewayIni;
use crate::config::problem::{Place, Problem, Problems};
use crate::config::requests_ini::WrittenRequests;
use crate::config::roles::{Roles, said};
use crate::config::rules_ini::WrittenRule;
use crate::config::settings::{
    ClientAuth, ClientTls, ProbeKind, RequestMode, ServerTls, SystemSettings,
};
use crate::model::{HostPort, ListenAddr, Scheme, SystemName};

/// One system's file as it is written.
#[derive(Debug)]
pub(super) struct WrittenSystem {
    pub(super) name: SystemName,
    pub(super) source: PathBuf,
    pub(super) parameter: ConnectorParameter,
    pub(super) requests: Option<WrittenRequests>,
    pub(super) events: Option<WrittenEvents>,
    pub(super) routes: Vec<WrittenRoute>,
    /// Whether any section of ours is there, even one that was refused.
    pub(super) has_flow: bool,
}

/// Judges a system by itself and beside `ssl.ini`, and says what it means.
pub(super) fn system(
    written: &WrittenSystem,
    roles: &mut Roles,
    problems: &mut Problems,
) -> SystemSettings {
    if !written.has_flow {
        problems.push(Problem::error(
            Place::file(&written.source),
            "a system's file has none of [Requests], [Events] and [StaticRoutes]",
            "add [Requests] with Listen and SideA, [Events] with Listen and Crm, or \
             [StaticRoutes] with a line such as 44300=crm.example.com",
        ));
    }
    check_sides(written, problems);
    check_loops(written, problems);
    let server_tls = server_tls(written, roles, problems);
    check_rules(written, server_tls.as_ref(), problems);
    SystemSettings {
        name: written.name.clone(),
        source: written.source.clone(),
        server_tls,
        client_tls: client_tls(written, roles, problems),
        requests: written.requests.as_ref().map(|r| r.settings.clone()),
        events: written.events.as_ref().map(|e| e.settings.clone()),
        static_routes: written.routes.iter().map(|r| r.settings.clone()).collect(),
    }
}

/// The listening role: with `SSL`, wherever a listener of ours ends TLS.
fn server_tls(
    written: &WrittenSystem,
    roles: &mut Roles,
    problems: &mut Problems,
) -> Option<ServerTls> {
    let terminating = written
        .requests
        .as_ref()
        .filter(|requests| requests.settings.mode.ends_tls());
    let tls_events = written.events.as_ref().filter(|events| events.settings.tls);
    if written.parameter.ssl {
        let needed_by = terminating
            .map(|requests| &requests.listen)
            .or_else(|| tls_events.map(|events| &events.tls))?;
        return roles.server(&written.name, needed_by, problems);
    }
    if let Some(events) = tls_events {
        problems.push(Problem::error(
            events.tls.clone(),
            "Tls=yes needs SSL in TpiDllParameter",
            "write TpiDllParameter=SSL in [Config], or write Tls=no",
        ));
    }
    // Passed-through and routed bytes carry their own TLS; the token says nothing about them.
    if terminating.is_some() || written.events.is_some() {
        problems.push(Problem::warning(
            written.parameter.place.clone(),
            "the traffic towards SAP is plain HTTP, without TLS and without certificates, since \
             TpiDllParameter does not say SSL",
            "write TpiDllParameter=SSL in [Config], unless that is meant",
        ));
    }
    None
}

/// The dialling role: wherever the gateway itself begins TLS.
fn client_tls(
    written: &WrittenSystem,
    roles: &mut Roles,
    problems: &mut Problems,
) -> Option<ClientTls> {
    let needed_by = tls_target_of_requests(written).or_else(|| {
        let events = written.events.as_ref().filter(|_| written.parameter.ssl)?;
        let to_crm = events.settings.crm.is_some();
        Some(if to_crm { &events.crm } else { &events.allow })
    })?;
    roles.client(&written.name, needed_by, problems)
}

fn tls_target_of_requests(written: &WrittenSystem) -> Option<&Place> {
    let requests = written.requests.as_ref()?;
    let settings = &requests.settings;
    match settings.mode {
        RequestMode::Passthrough => {
            (settings.probe.kind == ProbeKind::Tls).then_some(&requests.probe)
        }
        RequestMode::Terminate | RequestMode::Relay if settings.side_a.scheme == Scheme::Https => {
            Some(&requests.side_a)
        }
        RequestMode::Terminate | RequestMode::Relay => settings
            .side_b
            .as_ref()
            .filter(|side| side.scheme == Scheme::Https)
            .map(|_| &requests.side_b),
    }
}

/// A rule that nobody could be judged by would look like protection and be none.
fn check_rules(written: &WrittenSystem, tls: Option<&ServerTls>, problems: &mut Problems) {
    let ssl = written.parameter.ssl;
    let requests = written.requests.as_ref().map(|requests| {
        let ends_tls = ssl && requests.settings.mode.ends_tls();
        let hint = "write TpiDllParameter=SSL in [Config] and Mode=terminate or relay, or remove the rules";
        (&requests.clients, ends_tls, hint)
    });
    let events = written.events.as_ref().map(|events| {
        let hint = "write Tls=yes, or remove the rules";
        (&events.clients, ssl && events.settings.tls, hint)
    });
    let asks = tls.is_none_or(|tls| tls.client_auth != ClientAuth::None);
    for (first, ends_tls, hint) in requests.into_iter().chain(events) {
        let (because, hint) = match (ends_tls, asks) {
            (false, _) => ("the listener does not end TLS", hint),
            (true, false) => (
                "CLIENT_AUTH=none asks for no certificate",
                "write CLIENT_AUTH=require in ssl.ini, or remove the rules",
            ),
            (true, true) => continue,
        };
        if let Some(WrittenRule { key, value, place }) = first {
            let what = format!("{key} could judge nobody: {because}");
            problems.push(Problem::error(place.clone(), what, hint).value(value));
        }
    }
}

fn check_sides(written: &WrittenSystem, problems: &mut Problems) {
    let Some(requests) = &written.requests else {
        return;
    };
    let settings = &requests.settings;
    if let Some(side_b) = &settings.side_b
        && side_b.target == settings.side_a.target
    {
        problems.push(
            Problem::error(
                requests.side_b.clone(),
                "SideB is the same host and port as SideA",
                "name the other installation, or remove SideB",
            )
            .value(side_b.to_string()),
        );
    }
}

/// A target that is the very listener it is reached from would go round for ever.
fn check_loops(written: &WrittenSystem, problems: &mut Problems) {
    if let Some(requests) = &written.requests {
        let settings = &requests.settings;
        report_loop(
            &settings.listen,
            &settings.side_a.target,
            &requests.side_a,
            problems,
        );
        if let Some(side_b) = &settings.side_b {
            report_loop(&settings.listen, &side_b.target, &requests.side_b, problems);
        }
    }
    if let Some(events) = &written.events {
        let settings = &events.settings;
        // Through a proxy the connection goes to that host, whatever the CRM's name is.
        if settings.via.is_none() {
            if let Some(crm) = &settings.crm {
                report_loop(&settings.listen, &crm.target, &events.crm, problems);
            }
            for target in &settings.allow {
                report_loop(&settings.listen, target, &events.allow, problems);
            }
        }
    }
    for route in &written.routes {
        report_loop(
            &[route.settings.listen],
            &route.settings.target,
            &route.place,
            problems,
        );
    }
}

fn report_loop(listen: &[ListenAddr], target: &HostPort, place: &Place, problems: &mut Problems) {
    if let Some(listener) = listen.iter().find(|listener| reaches(target, **listener)) {
        problems.push(
            Problem::error(
                place.clone(),
                format!("the target is the gateway's own listener {listener}"),
                "name the host that is meant, or choose another port",
            )
            .value(target.to_string()),
        );
    }
}

/// Whether a target surely is that listener: names are not resolved here, `localhost` aside.
fn reaches(target: &HostPort, listener: ListenAddr) -> bool {
    let bound = listener.addr();
    let ip = match target.host() {
        "localhost" => bound.ip().is_ipv4().then_some(IpAddr::from([127, 0, 0, 1])),
        _ => target.ip(),
    };
    ip.is_some_and(|ip| {
        target.port() == bound.port()
            && (ip == bound.ip()
                || ip.is_unspecified()
                || (bound.ip().is_unspecified()
                    && ip.is_loopback()
                    && ip.is_ipv4() == bound.ip().is_ipv4()))
    })
}

/// Listeners of all systems, and the admin listener, must all be bound at the same time.
pub(super) fn collisions(systems: &[WrittenSystem], gateway: &GatewayIni, problems: &mut Problems) {
    let mut claims: Vec<(ListenAddr, &Place)> = Vec::new();
    for system in systems {
        if let Some(requests) = &system.requests {
            let listen = requests.settings.listen.iter();
            claims.extend(listen.map(|addr| (*addr, &requests.listen)));
        }
        if let Some(events) = &system.events {
            let listen = events.settings.listen.iter();
            claims.extend(listen.map(|addr| (*addr, &events.listen)));
        }
        let routes = system.routes.iter();
        claims.extend(routes.map(|route| (route.settings.listen, &route.place)));
    }
    let admin = &gateway.admin;
    claims.extend(admin.listen.iter().map(|addr| (*addr, &admin.place)));
    for (index, (addr, place)) in claims.iter().enumerate() {
        let before = claims.get(..index).unwrap_or_default();
        if let Some((other, first)) = before.iter().find(|(other, _)| other.collides_with(*addr)) {
            problems.push(
                Problem::error(
                    (*place).clone(),
                    format!(
                        "the listener {addr} collides with {other} of {}",
                        said(first)
                    ),
                    "choose another port, or another address of this machine",
                )
                .value(addr.to_string()),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loops(target: &str, listener: &str) -> bool {
        reaches(
            &target.parse().expect("target"),
            listener.parse().expect("listener"),
        )
    }

    #[test]
    fn a_target_on_this_machine_is_the_listener_on_all_addresses() {
        assert!(loops("127.0.0.1:8443", "0.0.0.0:8443"));
        assert!(loops("localhost:8443", "0.0.0.0:8443"));
        assert!(loops("0.0.0.0:8443", "127.0.0.1:8443"));
        assert!(loops("10.0.0.5:8443", "10.0.0.5:8443"));
    }

    #[test]
    fn another_port_host_or_family_is_not_the_listener() {
        assert!(!loops("127.0.0.1:8080", "0.0.0.0:8443"));
        assert!(!loops("crm.example.com:8443", "0.0.0.0:8443"));
        assert!(!loops("10.0.0.5:8443", "0.0.0.0:8443"));
        assert!(!loops("[::1]:8443", "0.0.0.0:8443"));
    }
}
