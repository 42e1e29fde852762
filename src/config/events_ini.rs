//! `[Events]` and `[StaticRoutes]` of a system's file.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::config::connector_ini::ConnectorParameter;
use crate::config::document::Document;
use crate::config::keys::{IniFile, Kind};
use crate::config::problem::{Place, Problem, Problems, Topic};
use crate::config::reader::Reader;
use crate::config::requests_ini::fault;
use crate::config::rules_ini::{self, WrittenRule};
use crate::config::settings::{EventSettings, StaticRouteSettings};
use crate::config::value;
use crate::model::{Endpoint, ListenAddr, Scheme};

/// ICM keeps an idle connection for 30 s where it is set short, and its clock is not ours.
const ICM_CLOSES: Duration = Duration::from_secs(25);

/// `[Events]` with the places that cross-file rules name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WrittenEvents {
    pub(super) settings: EventSettings,
    pub(super) listen: Place,
    /// The first rule about clients.
    pub(super) clients: Option<WrittenRule>,
    pub(super) tls: Place,
    pub(super) crm: Place,
    pub(super) allow: Place,
}

/// One route with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WrittenRoute {
    pub(super) settings: StaticRouteSettings,
    pub(super) place: Place,
}

/// Reads `[Events]`; `None` where there is none.
pub(super) fn read(
    document: &Document,
    parameter: &ConnectorParameter,
    problems: &mut Problems,
) -> Option<WrittenEvents> {
    let mut reader = Reader::new(document, IniFile::System, "Events", problems);
    if !reader.is_there() {
        if parameter.proxy.is_some() {
            reader.report(Problem::notice(
                parameter.place.clone(),
                "PROXY is not used by crmgate, since there is no [Events]",
                "nothing to do if the connector itself uses it",
            ));
        }
        return None;
    }
    let crm: Option<Endpoint> = reader.get("Crm");
    if let Some(crm) = &crm {
        check_scheme(&mut reader, crm, parameter);
    }
    if !reader.is_set("Crm") && !reader.is_set("Allow") {
        let place = reader.section_place();
        reader.report(Problem::error(
            place,
            "[Events] has neither Crm nor Allow, so no event could go anywhere",
            "add a line such as Crm=https://crm.example.com:44300",
        ));
    }
    let pool_idle = reader.value("PoolIdle");
    if pool_idle >= ICM_CLOSES {
        let place = reader.place("PoolIdle");
        reader.report(
            Problem::warning(
                place,
                "PoolIdle is longer than ICM may keep an idle connection, so events can meet a \
                 closed one",
                "write less than 25s, unless icm/keep_alive_timeout is known to be longer",
            )
            .value(value::said_duration(pool_idle))
            .about(Topic::Timeouts),
        );
    }
    let (clients, first_rule) = rules_ini::read(&mut reader);
    Some(WrittenEvents {
        settings: EventSettings {
            clients,
            listen: reader.value("Listen"),
            tls: reader.value("Tls"),
            crm,
            allow: reader.value("Allow"),
            ssl: parameter.ssl,
            via: parameter.proxy.clone(),
            connect_timeout: reader.value("ConnectTimeout"),
            response_timeout: reader.value("ResponseTimeout"),
            pool_idle,
            client_protocol: reader.value("ClientProtocol"),
            fault: fault(&mut reader),
        },
        listen: reader.place("Listen"),
        clients: first_rule,
        tls: reader.place("Tls"),
        crm: reader.place("Crm"),
        allow: reader.place("Allow"),
    })
}

/// `SSL` and `https://` say the same thing twice, so they must not differ.
fn check_scheme(reader: &mut Reader<'_>, crm: &Endpoint, parameter: &ConnectorParameter) {
    let place = reader.place("Crm");
    let problem = match (crm.scheme, parameter.ssl) {
        (Scheme::Http, true) => Problem::error(
            place,
            "Crm is http:// while TpiDllParameter says SSL",
            "write Crm=https://..., or remove SSL from TpiDllParameter in [Config]",
        ),
        (Scheme::Https, false) => Problem::error(
            place,
            "Crm is https:// while TpiDllParameter does not say SSL",
            "write TpiDllParameter=SSL in [Config], or write Crm=http://...",
        ),
        (Scheme::Http, false) | (Scheme::Https, true) => return,
    };
    reader.report(problem.value(crm.to_string()));
}

/// Reads `[StaticRoutes]`; empty where there is none.
pub(super) fn read_routes(document: &Document, problems: &mut Problems) -> Vec<WrittenRoute> {
    let Some(block) = document.block("StaticRoutes") else {
        return Vec::new();
    };
    let mut reader = Reader::new(document, IniFile::System, "StaticRoutes", problems);
    let bind: Option<IpAddr> = reader.get("Bind");
    let connect_timeout = reader.value("ConnectTimeout");
    let idle_timeout = reader.value("IdleTimeout");
    let mut routes = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for entry in &block.entries {
        let is_port = entry.key.bytes().all(|b| b.is_ascii_digit());
        if !is_port || seen.contains(&entry.key.as_str()) {
            continue;
        }
        seen.push(&entry.key);
        let place = reader.place(&entry.key);
        let Some(port) = entry.key.parse::<u16>().ok().filter(|port| *port > 0) else {
            reader.report(
                Problem::error(
                    place,
                    "a route's port is out of range",
                    "write the port to listen on, such as 44300=crm.example.com",
                )
                .value(&entry.key)
                .allowed("a port from 1 to 65535"),
            );
            continue;
        };
        match value::route(&entry.value, port) {
            Ok(target) => {
                let Some(bind) = bind else { continue };
                routes.push(WrittenRoute {
                    settings: StaticRouteSettings {
                        listen: ListenAddr::new(SocketAddr::new(bind, port)),
                        target,
                        connect_timeout,
                        idle_timeout,
                    },
                    place,
                });
            }
            Err(error) => reader.report(
                Problem::error(
                    place,
                    format!("a route's target {error}"),
                    Kind::Route.hint(),
                )
                .value(&entry.value)
                .allowed(Kind::Route.allowed()),
            ),
        }
    }
    if seen.is_empty() {
        let place = reader.section_place();
        reader.report(Problem::error(
            place,
            "[StaticRoutes] has no route",
            "add a line such as 44300=crm.example.com, or remove the section",
        ));
    }
    routes
}
