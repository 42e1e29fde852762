//! [`ROUTES`]: everything that can be asked. The server walks this table, and `openapi.json` tells
//! the same; a test holds one against the other.

use hyper::Method;

use super::access::Role;

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Ask {
    Alive,
    Ready,
    Metrics,
    Who,
    Status,
    Systems,
    Generations,
    Certificates,
    Sessions,
    Errors,
    Configuration,
    OpenApi,
    Stream,
    LastPreflight,
    Preflight,
    Reload,
    Switch,
    Drain,
    Undrain,
    LogLevel,
    Stop,
}

/// One thing that can be asked.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) method: Method,
    /// Parts in braces match one part of a path.
    pub(super) path: &'static str,
    pub(super) role: Role,
    pub(super) ask: Ask,
}

const fn route(method: Method, path: &'static str, role: Role, ask: Ask) -> Route {
    Route {
        method,
        path,
        role,
        ask,
    }
}

/// The table.
pub(super) const ROUTES: &[Route] = &[
    route(Method::GET, "/livez", Role::Anybody, Ask::Alive),
    route(Method::GET, "/readyz", Role::Anybody, Ask::Ready),
    route(Method::GET, "/healthz", Role::Anybody, Ask::Ready),
    route(Method::GET, "/metrics", Role::Reader, Ask::Metrics),
    route(
        Method::GET,
        "/api/v1/openapi.json",
        Role::Reader,
        Ask::OpenApi,
    ),
    route(Method::GET, "/api/v1/whoami", Role::Reader, Ask::Who),
    route(Method::GET, "/api/v1/status", Role::Reader, Ask::Status),
    route(Method::GET, "/api/v1/systems", Role::Reader, Ask::Systems),
    route(
        Method::GET,
        "/api/v1/generations",
        Role::Reader,
        Ask::Generations,
    ),
    route(
        Method::GET,
        "/api/v1/certificates",
        Role::Reader,
        Ask::Certificates,
    ),
    route(Method::GET, "/api/v1/sessions", Role::Reader, Ask::Sessions),
    route(Method::GET, "/api/v1/errors", Role::Reader, Ask::Errors),
    route(
        Method::GET,
        "/api/v1/configuration",
        Role::Reader,
        Ask::Configuration,
    ),
    route(Method::GET, "/api/v1/stream", Role::Reader, Ask::Stream),
    route(
        Method::GET,
        "/api/v1/preflight",
        Role::Reader,
        Ask::LastPreflight,
    ),
    route(
        Method::POST,
        "/api/v1/preflight",
        Role::Operator,
        Ask::Preflight,
    ),
    route(Method::POST, "/api/v1/reload", Role::Operator, Ask::Reload),
    route(Method::POST, "/api/v1/stop", Role::Operator, Ask::Stop),
    route(
        Method::PUT,
        "/api/v1/log-level",
        Role::Operator,
        Ask::LogLevel,
    ),
    route(
        Method::POST,
        "/api/v1/systems/{system}/switch",
        Role::Operator,
        Ask::Switch,
    ),
    route(
        Method::POST,
        "/api/v1/systems/{system}/sides/{side}/drain",
        Role::Operator,
        Ask::Drain,
    ),
    route(
        Method::POST,
        "/api/v1/systems/{system}/sides/{side}/undrain",
        Role::Operator,
        Ask::Undrain,
    ),
];

/// What a path leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'p> {
    /// A route, with what stands for its parts in braces.
    Route(Ask, Role, Vec<&'p str>),
    /// The path is there, for other methods.
    WrongMethod(Vec<Method>),
    /// Nothing.
    Nothing,
}

/// Looks a request up. `HEAD` asks for what `GET` asks for.
pub(super) fn find<'p>(method: &Method, path: &'p str) -> Found<'p> {
    let method = if method == Method::HEAD {
        &Method::GET
    } else {
        method
    };
    let mut others = Vec::new();
    for route in ROUTES {
        if let Some(parts) = matched(route.path, path) {
            if route.method == *method {
                return Found::Route(route.ask, route.role, parts);
            }
            others.push(route.method.clone());
        }
    }
    if others.is_empty() {
        Found::Nothing
    } else {
        Found::WrongMethod(others)
    }
}

fn matched<'p>(pattern: &str, path: &'p str) -> Option<Vec<&'p str>> {
    let mut parts = Vec::new();
    let mut given = path.split('/');
    for wanted in pattern.split('/') {
        let part = given.next()?;
        if wanted.starts_with('{') {
            parts.push(part);
        } else if wanted != part {
            return None;
        }
    }
    given.next().is_none().then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_one_route_and_carries_its_parts() {
        let found = find(&Method::POST, "/api/v1/systems/SAP1/sides/A/drain");
        assert_eq!(
            found,
            Found::Route(Ask::Drain, Role::Operator, vec!["SAP1", "A"])
        );
        assert_eq!(
            find(&Method::HEAD, "/readyz"),
            Found::Route(Ask::Ready, Role::Anybody, Vec::new())
        );
    }

    #[test]
    fn another_method_is_told_which_ones_there_are_and_another_path_nothing() {
        assert_eq!(
            find(&Method::GET, "/api/v1/reload"),
            Found::WrongMethod(vec![Method::POST])
        );
        for path in [
            "/",
            "/livez/",
            "//livez",
            "/api/v1/systems//",
            "/API/v1/status",
        ] {
            assert_eq!(find(&Method::GET, path), Found::Nothing, "{path}");
        }
    }

    #[test]
    fn whatever_changes_something_needs_an_operator_and_only_health_is_for_anybody() {
        for route in ROUTES {
            let changes = route.method != Method::GET;
            assert_eq!(changes, route.role == Role::Operator, "{}", route.path);
            let is_health = matches!(route.ask, Ask::Alive | Ask::Ready);
            assert_eq!(is_health, route.role == Role::Anybody, "{}", route.path);
        }
    }

    #[test]
    fn the_description_tells_of_every_route_its_role_and_of_no_other() {
        let text = include_str!("openapi.json");
        let described: serde_json::Value = serde_json::from_str(text).expect("json");
        let paths = described["paths"].as_object().expect("paths");
        let mut told = Vec::new();
        for (path, methods) in paths {
            for (method, operation) in methods.as_object().expect("methods") {
                let role = operation["x-role"].as_str().expect("a role").to_owned();
                assert!(operation["operationId"].is_string(), "{path}");
                assert!(operation["summary"].is_string(), "{path}");
                assert!(operation["responses"]["200"].is_object(), "{path}");
                told.push((path.clone(), method.to_uppercase(), role));
            }
        }
        let mut ours: Vec<_> = ROUTES
            .iter()
            .map(|route| {
                let role = route.role.to_string();
                (route.path.to_owned(), route.method.to_string(), role)
            })
            .collect();
        told.sort();
        ours.sort();
        assert_eq!(told, ours);
    }
}
