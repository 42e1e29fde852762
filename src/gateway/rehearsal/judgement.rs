//! [`Judgement`]: how a peer that was seen would fare with a generation.
//!
//! It is proven by what the generation's traffic walks: by the acceptor of its listener, or by the
//! TLS of its upstream.

use crate::config::settings::{RequestMode, SystemSettings};
use crate::gateway::snapshot::{Snapshot, SystemParts};
use crate::model::{Denial, TlsRole};
use crate::tls::authority_uses::Chain;
use crate::tls::failure::Cause;
use crate::tls::nameless_uses::{Lack, Nameless};
use crate::tls::server_uses::Server;
use crate::tls::{Direction, HandshakeFailure};

/// Why a peer would not be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// The stable code, as in the log.
    pub code: &'static str,
    /// What is wrong: a lower-case clause.
    pub text: String,
    /// What to do.
    pub hint: String,
    /// What the administrator sees in SAP when SAP is the peer.
    pub seen_in_sap: Option<String>,
}

/// How a peer would fare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::gateway) enum Judgement {
    /// As before.
    GoesOn,
    /// It would not be served.
    Refused(Box<Objection>),
    /// It is not judged here.
    Unjudged(Unjudged),
}

/// Why nothing can be said of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gateway) enum Unjudged {
    /// What it shows is not known.
    NoChain,
    /// A side ends its TLS.
    BySide,
    /// Nobody calls it any more.
    NotCalled,
}

impl Judgement {
    /// Why it would not be served.
    pub(in crate::gateway) fn refusal(&self) -> Option<&Objection> {
        match self {
            Self::Refused(objection) => Some(objection),
            Self::GoesOn | Self::Unjudged(_) => None,
        }
    }

    /// Whether another one comes to the same for the peer.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    fn refused(objection: Objection) -> Self {
        Self::Refused(Box::new(objection))
    }
}

/// How the client of a system would fare that shows a chain in a role.
pub(in crate::gateway) fn of_client(
    snapshot: &Snapshot,
    system: &str,
    role: TlsRole,
    chain: &Chain,
) -> Judgement {
    let Some((settings, parts)) = system_of(snapshot, system) else {
        return Judgement::refused(no_listener(system, role));
    };
    let Some(acceptor) = parts.acceptors.of(role) else {
        let no_tls = || Judgement::refused(no_tls(settings, role));
        return out_of_reach(settings, role).unwrap_or_else(no_tls);
    };
    if !chain.is_known() {
        return Judgement::Unjudged(Unjudged::NoChain);
    }
    admitted(acceptor.would_admit(chain))
}

/// How clients would fare that do not say who they are.
pub(in crate::gateway) fn of_nameless(snapshot: &Snapshot, one: &Nameless) -> Judgement {
    let (system, role) = (one.system.as_str(), one.role);
    let Some((settings, parts)) = system_of(snapshot, system) else {
        return Judgement::refused(no_listener(system, role));
    };
    let Some(acceptor) = parts.acceptors.of(role) else {
        let no_tls = || Judgement::refused(no_tls(settings, role));
        return out_of_reach(settings, role).unwrap_or_else(|| match one.lack {
            Lack::Tls => Judgement::GoesOn,
            Lack::Certificate | Lack::Question => no_tls(),
        });
    };
    let found = match one.lack {
        Lack::Tls => {
            let not_tls = HandshakeFailure::new(Direction::Inbound, Cause::NotTls);
            return Judgement::refused(failed(&not_tls));
        }
        Lack::Certificate | Lack::Question => acceptor.admits(None),
    };
    let mut found = admitted(found.map(|admitted| admitted.denial));
    if let (Judgement::Refused(objection), Lack::Question) = (&mut found, one.lack) {
        ASK_FIRST.clone_into(&mut objection.hint);
    }
    found
}

/// What is to be done before clients are refused that nobody has asked yet.
const ASK_FIRST: &str = "nobody has asked them for a certificate so far, so it is not known whether \
     they have one: put CLIENT_AUTH=request in force first, and look again once they have called";

fn admitted(found: Result<Option<Denial>, HandshakeFailure>) -> Judgement {
    match found {
        Ok(None) => Judgement::GoesOn,
        Ok(Some(denial)) => Judgement::refused(denied(&denial)),
        Err(failure) => Judgement::refused(failed(&failure)),
    }
}

/// How a server would fare.
pub(in crate::gateway) fn of_server(snapshot: &Snapshot, server: &Server) -> Judgement {
    let parts = system_of(snapshot, &server.system).map(|(_, parts)| parts);
    let upstreams = parts.map(|parts| parts.upstreams.iter());
    let tls = upstreams.into_iter().flatten().find_map(|(key, upstream)| {
        let spec = upstream.spec();
        let tls = spec.tls.as_ref().or(spec.probe_tls.as_ref());
        tls.filter(|_| key.target == server.target)
    });
    let Some(tls) = tls else {
        return Judgement::Unjudged(Unjudged::NotCalled);
    };
    if !server.chain.is_known() {
        return Judgement::Unjudged(Unjudged::NoChain);
    }
    match tls.would_accept(&server.chain) {
        Ok(()) => Judgement::GoesOn,
        Err(failure) => Judgement::refused(failed(&failure)),
    }
}

/// A system of a generation by its name.
pub(super) fn system_of<'a>(
    snapshot: &'a Snapshot,
    system: &str,
) -> Option<(&'a SystemSettings, &'a SystemParts)> {
    let mut systems = snapshot.settings.systems.iter();
    let settings = systems.find(|settings| settings.name.as_str() == system)?;
    Some((settings, snapshot.systems.get(&settings.name)?))
}

/// What becomes of a client where no TLS is ended for its role; nothing where plain HTTP is spoken.
fn out_of_reach(settings: &SystemSettings, role: TlsRole) -> Option<Judgement> {
    let system = settings.name.as_str();
    let requests = settings.requests.as_ref();
    let is_there = match role {
        TlsRole::Requests => requests.is_some(),
        TlsRole::Events => settings.events.is_some(),
    };
    let is_passed_on = requests.is_some_and(|requests| requests.mode == RequestMode::Passthrough);
    match (is_there, role) {
        (false, _) => Some(Judgement::refused(no_listener(system, role))),
        (true, TlsRole::Requests) if is_passed_on => Some(Judgement::Unjudged(Unjudged::BySide)),
        (true, _) => None,
    }
}

fn no_tls(settings: &SystemSettings, role: TlsRole) -> Objection {
    let system = settings.name.as_str();
    Objection {
        code: "no-tls",
        text: format!("the listener of {system} for {role} speaks plain HTTP"),
        hint: format!(
            "put TLS of the listener for {role} back, or switch it off at the client in the same \
             moment"
        ),
        seen_in_sap: Some("SSSLRC_NO_SSL_RESPONSE (-75); ICM 407 SSL_ERROR".to_owned()),
    }
}

fn no_listener(system: &str, role: TlsRole) -> Objection {
    Objection {
        code: "no-listener",
        text: format!("{system} has no listener for {role}"),
        hint: "put it back, or have the client call another address first".to_owned(),
        seen_in_sap: Some("NIECONN_REFUSED (-10); ICM 411".to_owned()),
    }
}

fn failed(failure: &HandshakeFailure) -> Objection {
    Objection {
        code: failure.code(),
        text: failure.to_string(),
        hint: failure.hint().to_owned(),
        seen_in_sap: failure.seen_in_sap().map(str::to_owned),
    }
}

fn denied(denial: &Denial) -> Objection {
    let code = denial.code();
    Objection {
        code,
        text: denial.to_string(),
        hint: denial.hint().to_owned(),
        seen_in_sap: Some(format!("HTTP 403 with a SOAP Fault that names {code}")),
    }
}
