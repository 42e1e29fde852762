//! `crmgate check --against-seen`: whom of those that were seen lately the configuration would refuse.

use serde_json::{Value, json};

use super::output::say;
use crate::gateway::{Part, Peer, Refused, Rehearsal, Unknown, Who, WhoIsUnknown};
use crate::tls::nameless_uses::Lack;

/// Prints it for people.
pub(super) fn print(found: Option<&Rehearsal>) {
    say("");
    let Some(found) = found else {
        say("against seen: not tried, since the configuration cannot be used");
        return;
    };
    match &found.file {
        None => say(
            "against seen: nothing is known of any peer; a gateway that runs remembers in its \
             state file ([Runtime] StateFile) who calls and who is called",
        ),
        Some((path, written)) => {
            let written = written.map_or_else(
                || "which an earlier release has written".to_owned(),
                |written| format!("as of {written}"),
            );
            let path = path.display();
            let since = found.since;
            say(format_args!(
                "against seen: everybody since {since} whom \"{path}\" tells of, {written}\n"
            ));
        }
    }
    for one in &found.refused {
        say(format_args!("{}\n", refused_text(one)));
    }
    for one in &found.unknown {
        say(format_args!("not known: {}", unknown_text(one)));
    }
    for (system, target) in &found.not_called {
        say(format_args!(
            "not called any more with TLS: the server {target} of {system}"
        ));
    }
    for system in &found.responder_not_asked {
        say(format_args!(
            "not asked: the responder of {system} (OCSP_RESPONDER), which may refuse further clients"
        ));
    }
    let already = found.refused.iter().filter(|one| one.already.is_some());
    let already = already.count();
    let unknown: usize = found.unknown.iter().map(|one| one.count).sum();
    say(format_args!(
        "against seen: {} would be refused, {already} are refused already, {} would go on, \
         {unknown} are not known",
        found.refused.len().saturating_sub(already),
        found.go_on,
    ));
}

fn refused_text(one: &Refused) -> String {
    let Refused {
        peer,
        objection,
        already,
        followed_by,
    } = one;
    let Peer {
        system,
        part,
        who,
        last,
    } = peer;
    let verdict = if already.is_some() {
        "refused already"
    } else {
        "would be refused"
    };
    let name = match who {
        Who::Known(holder) => format!("\"{}\", {part}", holder.subject),
        Who::Nameless(lack) => format!("{}, {part}", lack_text(*lack)),
    };
    let mut lines = vec![format!("{verdict}: {name} of {system}")];
    let mut line = |what: &str, text: &str| lines.push(format!("  {what:<12} {text}"));
    if let Some(holder) = who.holder() {
        line("issuer:", holder.issuer.as_deref().unwrap_or("-"));
        line("serial:", &holder.serial);
        line("fingerprint:", &holder.fingerprint.to_string());
    }
    line("last seen:", &last.to_string());
    line("by:", &format!("{}: {}", objection.code, objection.text));
    if let Some(already) = already {
        line("already by:", already);
    }
    if let Some(seen) = &objection.seen_in_sap {
        line("SAP shows:", seen);
    }
    line("hint:", &objection.hint);
    if let Some(serial) = followed_by {
        line(
            "but:",
            &format!(
                "a later certificate of this subject, serial {serial}, was seen since and would go on"
            ),
        );
    }
    lines.join("\n")
}

fn lack_text(lack: Lack) -> &'static str {
    match lack {
        Lack::Certificate => "whoever shows no certificate",
        Lack::Question => "whoever was not asked for a certificate",
        Lack::Tls => "whoever speaks plain HTTP",
    }
}

fn unknown_text(one: &Unknown) -> String {
    let Unknown { system, count, who } = one;
    match who {
        WhoIsUnknown::Unlisted { authority } => format!(
            "{count} more whom \"{authority}\" let in to {system}: the state file lists the latest \
             {} of an authority, and of the others only how many they are at the most",
            WhoIsUnknown::LISTED
        ),
        WhoIsUnknown::NoChain => {
            format!("{count} of {system} whose chain of certificates is not remembered")
        }
        WhoIsUnknown::JudgedBySide => format!(
            "{count} of {system} whose TLS would end at the side (Mode=passthrough), which judges \
             them by itself"
        ),
        WhoIsUnknown::NoRole => format!(
            "{count} of {system} of whom it is not remembered whether they came for requests or for \
             events, which makes a difference"
        ),
        WhoIsUnknown::NotSeen { target } => {
            format!("the server {target} of {system}, with which nobody has spoken TLS since")
        }
    }
}

/// The same for programs.
pub(super) fn as_json(found: &Rehearsal) -> Value {
    let (path, written) = match &found.file {
        Some((path, written)) => (Some(path.display().to_string()), *written),
        None => (None, None),
    };
    let refused = |is_already: bool| {
        let each = found.refused.iter();
        let each = each.filter(|one| one.already.is_some() == is_already);
        each.map(refused_json).collect::<Vec<_>>()
    };
    let not_called: Vec<_> = found
        .not_called
        .iter()
        .map(|(system, target)| json!({ "system": system, "target": target.to_string() }))
        .collect();
    json!({
        "since": found.since.to_string(),
        "state_file": path,
        "written": written.map(|written| written.to_string()),
        "would_be_refused": refused(false),
        "refused_already": refused(true),
        "go_on": found.go_on,
        "not_known": found.unknown.iter().map(unknown_json).collect::<Vec<_>>(),
        "not_called": not_called,
        "responder_not_asked": found.responder_not_asked,
    })
}

fn refused_json(one: &Refused) -> Value {
    let (peer, objection) = (&one.peer, &one.objection);
    let (flow, target, side) = match &peer.part {
        Part::Client(role) => (role.map(|role| role.to_string()), None, None),
        Part::Server { target, side } => (
            None,
            Some(target.to_string()),
            side.map(|side| side.to_string()),
        ),
    };
    let holder = peer.who.holder();
    let lack = match peer.who {
        Who::Known(_) => None,
        Who::Nameless(lack) => Some(lack.code()),
    };
    json!({
        "peer": if target.is_some() { "server" } else { "client" },
        "system": peer.system,
        "flow": flow,
        "target": target,
        "side": side,
        "lack": lack,
        "subject": holder.map(|holder| &holder.subject),
        "issuer": holder.and_then(|holder| holder.issuer.as_ref()),
        "serial": holder.map(|holder| &holder.serial),
        "fingerprint": holder.map(|holder| holder.fingerprint.to_string()),
        "last_seen": peer.last.to_string(),
        "code": objection.code,
        "what": objection.text,
        "hint": objection.hint,
        "seen_in_sap": objection.seen_in_sap,
        "already_by": one.already,
        "followed_by": one.followed_by,
    })
}

fn unknown_json(one: &Unknown) -> Value {
    let (authority, target) = match &one.who {
        WhoIsUnknown::Unlisted { authority } => (Some(authority), None),
        WhoIsUnknown::NotSeen { target } => (None, Some(target.to_string())),
        WhoIsUnknown::NoChain | WhoIsUnknown::JudgedBySide | WhoIsUnknown::NoRole => (None, None),
    };
    json!({
        "system": one.system,
        "count": one.count,
        "why": one.who.code(),
        "authority": authority,
        "target": target,
    })
}
