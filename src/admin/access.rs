//! [`Guest`]: who somebody is, what that allows, and whether a request is one that he meant.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, ORIGIN};
use serde::Serialize;

use super::bodies::Fault;
use super::token::Token;
use crate::config::settings::AdminSettings;
use crate::tls::{Acceptor, Client};

/// What somebody may do; the later includes the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Role {
    /// To ask whether the gateway lives.
    Anybody,
    /// To look.
    Reader,
    /// To look and to change.
    Operator,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anybody => "anybody",
            Self::Reader => "reader",
            Self::Operator => "operator",
        })
    }
}

/// How somebody came in.
#[derive(Debug, Clone)]
pub(super) enum Door {
    /// Over a loopback address, without TLS.
    Local,
    /// Over TLS, with this certificate.
    Certificate(Arc<Client>),
}

/// Somebody, as known from one request.
#[derive(Debug, Clone)]
pub(super) struct Guest {
    pub(super) name: Arc<str>,
    pub(super) role: Role,
    pub(super) peer: SocketAddr,
}

/// What a guest is judged by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judge<'a> {
    pub(super) token: &'a Token,
    pub(super) settings: &'a AdminSettings,
    /// What ends TLS now; a certificate is judged anew with each request.
    pub(super) acceptor: Option<&'a Acceptor>,
}

impl Judge<'_> {
    /// Who it is that asks. A token that is wrong is an error, so that nobody believes to operate
    /// who does not.
    pub(super) fn guest(
        &self,
        door: &Door,
        peer: SocketAddr,
        headers: &HeaderMap,
    ) -> Result<Guest, Fault> {
        match door {
            Door::Local => self.local(peer, headers),
            Door::Certificate(client) => self.by_certificate(client, peer),
        }
    }

    fn local(&self, peer: SocketAddr, headers: &HeaderMap) -> Result<Guest, Fault> {
        // A page of another site may have had its name lead here; its requests carry that name.
        let host = header(headers, &HOST).unwrap_or_default();
        if !is_local_name(host) {
            return Err(Fault::foreign_host(host));
        }
        let role = match bearer(headers) {
            None => Role::Reader,
            Some(shown) if self.token.is(shown) => Role::Operator,
            Some(_) => return Err(Fault::wrong_token(self.token.file())),
        };
        Ok(Guest {
            name: "local".into(),
            role,
            peer,
        })
    }

    fn by_certificate(&self, client: &Client, peer: SocketAddr) -> Result<Guest, Fault> {
        let refused = || Fault::not_admitted(&client.principal().subject);
        let acceptor = self.acceptor.ok_or_else(refused)?;
        let admitted = acceptor
            .admits(Some(client))
            .map_err(|_failure| refused())?;
        if admitted.denial.is_some() {
            return Err(refused());
        }
        let role = if client.meets(&self.settings.operators) {
            Role::Operator
        } else {
            Role::Reader
        };
        Ok(Guest {
            name: client.principal().subject.as_str().into(),
            role,
            peer,
        })
    }
}

/// Whether a change was asked for by somebody who meant it, and not by a page of another site that
/// a browser shows him. Such a page can send forms, but neither JSON nor our origin.
pub(super) fn is_meant(headers: &HeaderMap) -> Result<(), Fault> {
    let kind = header(headers, &CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Fault::not_json());
    }
    let site = HeaderName::from_static("sec-fetch-site");
    let is_own_site = |site: &str| matches!(site, "same-origin" | "none");
    let host = header(headers, &HOST).unwrap_or_default();
    let is_own_origin = |origin: &str| {
        let (_, from) = origin.split_once("://").unwrap_or_default();
        from.eq_ignore_ascii_case(host)
    };
    if header(headers, &site).is_some_and(|site| !is_own_site(site))
        || header(headers, &ORIGIN).is_some_and(|origin| !is_own_origin(origin))
    {
        return Err(Fault::foreign_origin());
    }
    Ok(())
}

/// A value, unless it is there twice or no text: whoever sends such gets nothing.
fn header<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut all = headers.get_all(name).iter();
    let value = all.next()?.to_str().ok();
    if all.next().is_some() {
        Some("")
    } else {
        value.or(Some(""))
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = header(headers, &AUTHORIZATION)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    Some(if scheme.eq_ignore_ascii_case("bearer") {
        token
    } else {
        ""
    })
}

/// Names under which a browser on this machine reaches a loopback address. The port may be
/// another one: that of a tunnel.
fn is_local_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    let name = name.unwrap_or_default();
    let is_loopback = |name: &str| {
        name.parse()
            .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    };
    name.eq_ignore_ascii_case("localhost") || is_loopback(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in all {
            map.append(*name, value.parse().expect("a value"));
        }
        map
    }

    #[test]
    fn only_names_of_this_machine_lead_to_the_loopback_listener() {
        for good in [
            "localhost",
            "LOCALHOST:9440",
            "127.0.0.1:9440",
            "127.1.2.3",
            "[::1]:80",
        ] {
            assert!(is_local_name(good), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "localhost.evil.example:9440",
            "10.0.0.1",
            "[::2]",
            "127.0.0.1.nip.io",
        ] {
            assert!(!is_local_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_change_has_to_be_json_of_our_own_origin() {
        let json = ("content-type", "application/json; charset=utf-8");
        let host = ("host", "127.0.0.1:9440");
        for good in [
            vec![json, host],
            vec![json, host, ("origin", "http://127.0.0.1:9440")],
            vec![json, host, ("sec-fetch-site", "same-origin")],
        ] {
            assert!(is_meant(&headers(&good)).is_ok(), "{good:?}");
        }
        for bad in [
            vec![host],
            vec![host, ("content-type", "text/plain")],
            vec![host, json, json],
            vec![json, host, ("origin", "http://evil.example")],
            vec![json, host, ("origin", "null")],
            vec![json, host, ("origin", "http://127.0.0.1:8080")],
            vec![json, host, ("sec-fetch-site", "cross-site")],
            vec![json, host, ("sec-fetch-site", "same-site")],
        ] {
            assert!(is_meant(&headers(&bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_no_bearer_token_is_a_wrong_one_and_not_none() {
        assert_eq!(bearer(&headers(&[])), None);
        assert_eq!(
            bearer(&headers(&[("authorization", "Bearer abc")])),
            Some("abc")
        );
        for bad in ["Basic abc", "abc", "Bearer"] {
            assert_eq!(bearer(&headers(&[("authorization", bad)])), Some(""));
        }
    }
}
