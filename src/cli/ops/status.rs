//! `crmgate status`: how a gateway stands, on one screen.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::time::Duration;

use super::answers::{Certificate, Figures, Sandbox, Sides, Status, System};
use super::args::StatusArgs;
use super::print_json;
use super::reach::{Reach, understood};
use super::trouble::Trouble;
use super::words::{bytes, count, harmless, many, percent, span};
use crate::admin::Call;
use crate::cli::args::Format;
use crate::cli::exit::Exit;
use crate::cli::output::{draw, say};

/// Shows it once, or again and again.
pub(super) async fn status(args: &StatusArgs) -> Result<Exit, Trouble> {
    let reach = Reach::to(&args.which)?;
    let clears = std::io::stdout().is_terminal() && args.output.output == Format::Text;
    loop {
        let answer = reach.ask(Call::get("/api/v1/status")).await?;
        let status: Status = understood(answer.clone())?;
        if args.watch && clears {
            draw(CLEAR);
        }
        match args.output.output {
            Format::Text => draw(text(&reach.client().url(), &status)),
            Format::Json if args.watch => say(&answer),
            Format::Json => print_json(&answer),
        }
        if !args.watch {
            let is_told = args.exit_code && !status.ready;
            return Ok(if is_told { Exit::NotReady } else { Exit::Ok });
        }
        tokio::time::sleep(PACE).await;
    }
}

/// Of `--watch`.
const PACE: Duration = Duration::from_secs(2);

/// Clears the screen and goes to its beginning, as every terminal of the last decades does.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// The screen.
fn text(url: &str, status: &Status) -> String {
    let mut text = String::new();
    let mut line = |line: String| {
        text.push_str(&harmless(&line));
        text.push('\n');
    };
    let verdict = if status.ready { "ready" } else { "NOT READY" };
    line(format!(
        "crmgate {} at {url}: {}, {verdict}",
        status.version, status.phase
    ));
    for reason in &status.not_ready {
        line(format!("  not ready: {reason}"));
    }
    let since = status.generation_since.as_deref().unwrap_or("the start");
    line(format!(
        "  generation {} since {since}, up {}, {} open",
        status.generation,
        span(status.uptime_seconds),
        many(status.connections, "connection", "connections")
    ));
    if let Some(sandbox) = &status.sandbox {
        line(format!("  {}", sandbox_line(sandbox)));
    }
    if let Some(why) = &status.last_reload_failure {
        line("  the last reload was refused; what was in force before stays:".to_owned());
        for part in why.lines().filter(|part| !part.is_empty()) {
            line(format!("    {part}"));
        }
    }
    for system in &status.systems {
        line(String::new());
        for part in system_lines(system) {
            line(part);
        }
    }
    line(String::new());
    for part in figure_lines(&status.figures) {
        line(part);
    }
    if let Some(next) = &status.next_to_end {
        line(String::new());
        for part in end_lines(next) {
            line(part);
        }
    }
    text
}

fn sandbox_line(sandbox: &Sandbox) -> String {
    let Sandbox { state, gaps } = sandbox;
    if state == "partial" {
        format!("sandbox {state}: not confined are {}", gaps.join(", "))
    } else {
        format!("sandbox {state}")
    }
}

fn system_lines(system: &System) -> Vec<String> {
    let mut lines = vec![system.name.clone()];
    for listener in &system.listeners {
        let at = listener.bound.as_ref().unwrap_or(&listener.listen);
        let tls = if listener.tls { ", TLS" } else { "" };
        lines.push(format!(
            "  {:<12} {at}{tls} -> {}",
            listener.service,
            listener.goes_to.join(", ")
        ));
    }
    if let Some(proxy) = &system.crm_proxy {
        lines.push(format!("  events pass the proxy {proxy}"));
    }
    if let Some(sides) = &system.sides {
        lines.extend(side_lines(sides));
    }
    lines
}

/// Both sides and what stands about the pair of them; a change of sides shows the same.
pub(super) fn side_lines(sides: &Sides) -> Vec<String> {
    let mut lines = Vec::new();
    for (letter, side) in sides.each() {
        let is_active = sides.active == letter;
        let mut what = format!("{} for {}", side.health, span(side.for_seconds));
        if is_active {
            what.push_str(", active");
            if let Some(seconds) = sides.active_for_seconds {
                let _infallible = write!(what, " for {}", span(seconds));
            }
        }
        let mark = if is_active { '*' } else { ' ' };
        lines.push(format!("  {mark} side {letter}  {what}  {}", side.url));
        if let Some(by) = &side.drained {
            lines.push(format!("             drained by {by}"));
        }
        if let Some(cause) = side.last_cause.as_ref().filter(|_| side.is_down()) {
            lines.push(format!("             because: {cause}"));
        }
        if let Some(seconds) = side.back_off_seconds.filter(|seconds| *seconds > 0) {
            lines.push(format!(
                "             kept down for another {}, since it went up and down",
                span(seconds)
            ));
        }
    }
    if sides.home != sides.active {
        lines.push(format!("    fail-back goes to side {}", sides.home));
    }
    if let Some(seconds) = sides.flap_alarm_seconds.filter(|seconds| *seconds > 0) {
        lines.push(format!(
            "    switching too often: no switch by itself for another {}",
            span(seconds)
        ));
    }
    lines
}

fn figure_lines(figures: &Figures) -> Vec<String> {
    let resumed = percent(figures.handshakes_resumed, figures.handshakes_full);
    let share = resumed.map_or_else(String::new, |share| format!(" ({share})"));
    let mut lines = vec![
        "since the start".to_owned(),
        format!(
            "  requests    {} answered, {} failed, {} given to the other side",
            count(figures.requests_answered),
            count(figures.requests_failed),
            count(figures.replays)
        ),
        format!(
            "  events      {} answered, {} failed",
            count(figures.events_answered),
            count(figures.events_failed)
        ),
        format!(
            "  handshakes  {} full, {} resumed{share}, {} failed, {} not admitted",
            count(figures.handshakes_full),
            count(figures.handshakes_resumed),
            count(figures.handshakes_failed),
            count(figures.clients_not_admitted)
        ),
        format!(
            "  switches    {} by itself, {} ordered",
            count(figures.switches_automatic),
            count(figures.switches_ordered)
        ),
    ];
    let relayed = (
        figures.relayed_bytes_to_target,
        figures.relayed_bytes_from_target,
    );
    if figures.relayed_open > 0 || relayed != (0, 0) {
        lines.push(format!(
            "  relayed     {} open, {} there, {} back",
            many(figures.relayed_open, "connection", "connections"),
            bytes(relayed.0),
            bytes(relayed.1)
        ));
    }
    if figures.panics > 0 || figures.log_lines_lost > 0 {
        lines.push(format!(
            "  to be seen to: {} contained (please report), {} lost",
            many(figures.panics, "defect", "defects"),
            many(figures.log_lines_lost, "log line", "log lines")
        ));
    }
    lines
}

fn end_lines(next: &Certificate) -> Vec<String> {
    let whose = next
        .system
        .as_deref()
        .map_or(String::new(), |system| format!(" of {system}"));
    let when = match (next.state.as_str(), next.days_left) {
        ("ended", _) => format!("ended at {}", next.not_after),
        (_, Some(1)) => format!("in 1 day, at {}", next.not_after),
        (_, Some(days)) => format!("in {days} days, at {}", next.not_after),
        (_, None) => next.not_after.clone(),
    };
    let mut lines = vec![
        format!("next to end   {when}"),
        format!(
            "  {} certificate, {}{whose}: {}",
            next.kind, next.role, next.subject
        ),
        format!("  {}", next.configured_at),
    ];
    if next.has_successor {
        lines.push("  the next one is configured already".to_owned());
    } else {
        lines.push(format!("  then {}", next.breaks));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_on_the_screen_with_its_reason() {
        let answer = serde_json::json!({
            "version": "1", "phase": "draining", "ready": false,
            "not_ready": ["the gateway is draining"], "generation": 3, "generation_since": null,
            "now": "", "uptime_seconds": 61, "connections": 1,
            "sandbox": {"state": "partial", "landlock": 0, "seccomp": true,
                "gaps": ["files", "signals to other processes"]},
            "last_reload_failure": "error: wrong\n  at: a.ini",
            "systems": [{
                "name": "SAP1",
                "listeners": [{"listen": "8443", "bound": "0.0.0.0:8443", "service": "requests",
                    "tls": true, "goes_to": ["http://a:1", "http://b:1"]}],
                "sides": {"active": "B", "home": "A", "active_for_seconds": 5,
                    "flap_alarm_seconds": 60,
                    "a": {"url": "http://a:1", "health": "down", "for_seconds": 7,
                        "last_cause": "it is \u{1b}[2J gone", "back_off_seconds": 30,
                        "drained": "local: work"},
                    "b": {"url": "http://b:1", "health": "up", "for_seconds": 9,
                        "last_cause": "old", "back_off_seconds": null, "drained": null}},
                "crm": [], "crm_proxy": "proxy:1"}],
            "figures": {"connections_accepted": 1, "handshakes_full": 12,
                "handshakes_resumed": 88, "handshakes_failed": 3, "clients_not_admitted": 4,
                "requests_answered": 1_234, "requests_failed": 2, "events_answered": 5,
                "events_failed": 6, "relayed_open": 1, "relayed_bytes_to_target": 1_000,
                "relayed_bytes_from_target": 2_000, "replays": 7, "switches_automatic": 8,
                "switches_ordered": 9, "log_lines_lost": 10, "panics": 1},
            "next_to_end": {"kind": "own", "system": "SAP1", "role": "listeners",
                "subject": "CN=gateway", "not_after": "2027", "days_left": 1,
                "state": "ends-soon", "has_successor": false,
                "configured_at": "ssl.ini:3 PEM_FILE", "breaks": "nobody gets in"},
        });
        let status: Status = serde_json::from_value(answer).expect("a status");
        let expected = "\
crmgate 1 at http://x/: draining, NOT READY
  not ready: the gateway is draining
  generation 3 since the start, up 1 min 1 s, 1 connection open
  sandbox partial: not confined are files, signals to other processes
  the last reload was refused; what was in force before stays:
    error: wrong
      at: a.ini

SAP1
  requests     0.0.0.0:8443, TLS -> http://a:1, http://b:1
  events pass the proxy proxy:1
    side A  down for 7 s  http://a:1
             drained by local: work
             because: it is ?[2J gone
             kept down for another 30 s, since it went up and down
  * side B  up for 9 s, active for 5 s  http://b:1
    fail-back goes to side A
    switching too often: no switch by itself for another 1 min 0 s

since the start
  requests    1,234 answered, 2 failed, 7 given to the other side
  events      5 answered, 6 failed
  handshakes  12 full, 88 resumed (88 %), 3 failed, 4 not admitted
  switches    8 by itself, 9 ordered
  relayed     1 connection open, 1 kB there, 2 kB back
  to be seen to: 1 defect contained (please report), 10 log lines lost

next to end   in 1 day, at 2027
  own certificate, listeners of SAP1: CN=gateway
  ssl.ini:3 PEM_FILE
  then nobody gets in
";
        assert_eq!(text("http://x/", &status), expected);
    }
}
