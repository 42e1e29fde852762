//! What SAP meets when it calls us: suites in common, and the names of the authorities that decide
//! which certificate it shows.

use crate::certs::path::Reason;
use crate::config::settings::{ClientAuth, SystemSettings, TlsParameters};
use crate::model::WallTime;
use crate::preflight::Options;
use crate::preflight::peers::Kind;
use crate::preflight::verdict::{Finding, Judged};
use crate::preflight::walk::SeenPeer;
use crate::tls::TlsPolicy;
use crate::tls::cipher_suites::Selection;
use crate::tls::policy::Role;

/// What SAP recommends for its calling and for its listening half.
const RECOMMENDED: [(&str, &str); 2] = [
    ("ssl/client_ciphersuites", "150:PFS:HIGH::EC_P256:EC_HIGH"),
    ("ssl/ciphersuites", "135:PFS:HIGH::EC_P256:EC_HIGH"),
];

/// What is to be said of a system's listeners.
pub(super) fn run(
    system: &SystemSettings,
    options: &Options,
    peers: &[&SeenPeer],
    now: WallTime,
) -> Vec<Judged> {
    let mut judged = Vec::new();
    let [as_client, as_server] = RECOMMENDED;
    let server = system.server_tls.as_ref();
    let client = system.client_tls.as_ref();
    let roles = [
        (server.map(|tls| &tls.parameters), Role::Server, as_client),
        (client.map(|tls| &tls.parameters), Role::Client, as_server),
    ];
    let mut found = Vec::new();
    let mut evidence = Vec::new();
    for (parameters, role, (parameter, usual)) in roles {
        let Some(parameters) = parameters else {
            continue;
        };
        let text = options.sap_ciphers.as_deref().unwrap_or(usual);
        match in_common(parameters, role, text) {
            Ok(suites) => evidence.push(format!("{parameter}={text}: {suites}")),
            Err(why) => found.push(Finding::error(format!("{parameter}={text} {why}"))),
        }
    }
    if server.is_some() || client.is_some() {
        judged.push(Judged::all("listener-suites", found, evidence));
    }
    judged.extend(hints(system, peers, now));
    judged
}

fn in_common(parameters: &TlsParameters, role: Role, text: &str) -> Result<String, String> {
    let (policy, _) = TlsPolicy::build(parameters, role);
    let policy = policy.ok_or("cannot be compared: CIPHERSUITES here leaves nothing")?;
    let theirs = Selection::parse(text).map_err(|error| error.to_string())?;
    let is_theirs = |version| {
        let versions = theirs.versions.as_ref();
        versions.is_none_or(|versions| versions.contains(&version))
    };
    let ours = policy.suites().iter();
    let common = ours.filter(|suite| {
        is_theirs(suite.version) && theirs.suites.iter().any(|their| their.id == suite.id)
    });
    let names: Vec<&str> = common.map(|suite| suite.name).collect();
    match names.as_slice() {
        [] => Err(format!(
            "and what is offered here ({}) have no suite in common",
            policy.summary()
        )),
        [first, ..] => Ok(format!("{} suites, {first} first", names.len())),
    }
}

/// SAP shows a certificate only if its issuer is named. What it shows as a server is most often from
/// the same authority as what it shows as a client.
fn hints(system: &SystemSettings, peers: &[&SeenPeer], now: WallTime) -> Option<Judged> {
    let id = "listener-hints";
    let server = system.server_tls.as_ref()?;
    if server.client_auth == ClientAuth::None || system.requests.is_none() {
        return None;
    }
    let mut crms = peers
        .iter()
        .filter(|seen| seen.peer.kind == Kind::Crm && seen.peer.speaks_tls());
    let first = crms.next()?;
    let shown = std::iter::once(first).chain(crms).find_map(|seen| {
        let shown = seen.way.shown.as_ref()?;
        let leaf = shown.certificates().into_iter().next()?;
        // Of one that we do not believe as a server either, the check of that says enough.
        let is_believed = seen.way.hand.as_ref().is_some_and(Result::is_ok);
        is_believed.then(|| (shown.as_client_of(&server.files, now), leaf))
    });
    Some(match shown {
        None | Some((None, _)) => Judged::unknown(id),
        Some((Some(Err(refusal)), leaf)) if refusal.reason == Reason::UnknownIssuer => {
            let what = format!(
                "SAP CRM shows \"{}\", issued by \"{}\", and CA_FILE of the listening role has no \
                 authority above it",
                leaf.subject, leaf.issuer
            );
            Judged::found(id, Finding::warning(what))
        }
        Some((Some(_), leaf)) => Judged::good(id, format!("issued by \"{}\"", leaf.issuer)),
    })
}
