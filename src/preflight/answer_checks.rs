//! What the answer to a request without effect has shown, check by check.

use crate::http::{BadAnswer, NoGlance};
use crate::preflight::peer_checks::in_ms;
use crate::preflight::peers::{Asked, Kind, Peer};
use crate::preflight::verdict::{Finding, Judged};
use crate::preflight::walk::{Answer, Way};

/// What is to be said of an answer.
pub(super) fn run(peer: &Peer, way: &Way) -> Vec<Judged> {
    let Some(asked) = &peer.asked else {
        return Vec::new();
    };
    let Some(Ok(answer)) = &way.answer else {
        return unanswered(peer, asked, way);
    };
    let mut judged = vec![
        Judged::good(
            "peer-answers",
            format!(
                "{} {} answered in {}",
                asked.method,
                asked.path,
                in_ms(answer.took)
            ),
        ),
        http(peer, asked, answer),
        clock(answer),
    ];
    if peer.speaks_tls() {
        judged.push(resumption(way.resumed));
    }
    match &way.probe {
        Some(Err(why)) => judged.push(Judged::found("peer-probe", Finding::error(why))),
        Some(Ok(())) => judged.push(Judged::all("peer-probe", Vec::new(), Vec::new())),
        None => {}
    }
    judged
}

fn unanswered(peer: &Peer, asked: &Asked, way: &Way) -> Vec<Judged> {
    let what = match &way.answer {
        Some(Err(NoGlance::Silent)) => Some(format!(
            "connected, and {} {} got no answer in time: the server hangs",
            asked.method, asked.path
        )),
        Some(Err(NoGlance::Closed)) if !peer.speaks_tls() => Some(
            "the connection was closed without an answer; the port may be a TLS port".to_owned(),
        ),
        Some(Err(NoGlance::Closed)) => {
            Some("the connection was closed without an answer".to_owned())
        }
        Some(Err(NoGlance::Broken(error))) => Some(format!("the connection broke: {error}")),
        Some(Err(NoGlance::Bad(BadAnswer::Head))) => {
            Some("what came back is no HTTP: something else is spoken on the port".to_owned())
        }
        Some(Err(NoGlance::Bad(bad))) => Some(bad.to_string()),
        // Another check tells of these.
        Some(Err(NoGlance::Tls | NoGlance::Refused(_)) | Ok(_)) | None => None,
    };
    let answers = match what {
        Some(what) => Judged::found("peer-answers", Finding::error(what)),
        None => Judged::unknown("peer-answers"),
    };
    let mut judged = vec![
        answers,
        Judged::unknown("peer-http"),
        Judged::unknown("peer-clock"),
    ];
    if peer.speaks_tls() {
        judged.push(Judged::unknown("peer-resumes"));
    }
    if peer.probe.is_some() {
        judged.push(Judged::unknown("peer-probe"));
    }
    judged
}

fn http(peer: &Peer, asked: &Asked, answer: &Answer) -> Judged {
    let id = "peer-http";
    let status = answer.glance.status;
    let server = answer.glance.server.as_deref();
    let server = server.map_or_else(String::new, |server| format!(", server \"{server}\""));
    let asked_for = format!("{} {}", asked.method, asked.path);
    let finding = if asked.expected.is_empty() {
        trouble(
            peer.kind,
            status,
            answer.glance.location.as_deref(),
            &asked_for,
        )
    } else if asked.expected.iter().any(|range| range.contains(&status)) {
        None
    } else {
        let what =
            format!("{asked_for} is answered with {status}, which ExpectStatus does not have");
        let here = "Path and ExpectStatus of [Probe]: the running gateway takes this side for down";
        Some(Finding::error(what).here(here))
    };
    let judged = Judged::all(id, finding.into_iter().collect(), Vec::new());
    judged.and(format!("status {status}{server}"))
}

/// What a status says about whoever gave it, if it says anything.
fn trouble(kind: Kind, status: u16, location: Option<&str>, asked: &str) -> Option<Finding> {
    let is_crm = kind == Kind::Crm;
    let what = format!("{asked} is answered with {status}");
    Some(match status {
        300..=399 => {
            let to = location.unwrap_or("nowhere");
            Finding::error(format!(
                "{what}, a redirect to \"{to}\", which is not followed"
            ))
            .here("name the host that answers itself in Crm, SideA or SideB")
            .there(
                "SICF: the node /sap/bc/soap/ici without redirect and with a logon procedure \
                     that a program can pass; SMICM, Goto, Services: the right host and port",
            )
        }
        401 => Finding::warning(format!("{what}: it wants a user, and none was sent"))
            .here("nothing, if the connector sends a user of its own; preflight never sends one")
            .there(
                "map the gateway's certificate to a user (CERTRULE, or table view VUSREXTID), or \
                 see the logon procedure of the service in SICF",
            ),
        403 if is_crm => Finding::error(format!("{what}: the service is not active, or forbidden"))
            .there("SICF: activate /sap/bc/soap/ici; see the access list icm/HTTP/auth_<n>"),
        404 if is_crm => Finding::error(format!("{what}: there is no such service"))
            .there("SICF: is /sap/bc/soap/ici there and active; --crm-path names another node"),
        403 => Finding::warning(format!("{what}: it is forbidden")),
        500 | 502..=599 => {
            let finding = if is_crm {
                Finding::error
            } else {
                Finding::warning
            };
            finding(format!("{what}: the server failed"))
                .there("ST22 and SM21 for the time of the check; SM50: are all work processes busy")
        }
        _ => return None,
    })
}

/// Clocks that differ by less than this harm nobody.
const SKEW: i64 = 60;

fn clock(answer: &Answer) -> Judged {
    let id = "peer-clock";
    let Some(date) = answer.glance.date else {
        return Judged::good(id, "the answer has no date to compare with");
    };
    let ahead = date.0.saturating_sub(answer.at.0);
    if ahead.abs() < SKEW {
        return Judged::good(id, format!("{ahead} s apart"));
    }
    let which = if ahead > 0 { "ahead of" } else { "behind" };
    let what = format!("its clock says {date}, {} s {which} ours", ahead.abs());
    Judged::found(id, Finding::warning(what))
}

fn resumption(resumed: Option<bool>) -> Judged {
    let id = "peer-resumes";
    match resumed {
        Some(true) => Judged::good(id, "the second connection took the session up"),
        Some(false) => {
            let what = "the second connection was a full handshake, although a session was offered";
            Judged::found(id, Finding::warning(what))
        }
        None => Judged::unknown(id),
    }
}
