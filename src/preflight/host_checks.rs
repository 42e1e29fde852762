//! This machine: the limit of open files, and the addresses to listen on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::time::Instant;

use crate::config::Settings;
use crate::model::{HostPort, ListenAddr};
use crate::net::{dial, raise_descriptor_limit, reserve};
use crate::preflight::check::Phase;
use crate::preflight::verdict::{Finding, Judged};

/// What is to be said of this machine.
pub(super) async fn run(settings: &Settings, phase: Phase, deadline: Instant) -> Vec<Judged> {
    let listeners = listeners(settings);
    let opened = if phase == Phase::BeforeStart {
        ports(&listeners)
    } else {
        accepting(&listeners, deadline).await
    };
    let limit = raise_descriptor_limit();
    vec![open_files(limit, settings.limits.max_connections), opened]
}

/// Every address to listen on, once.
fn listeners(settings: &Settings) -> Vec<ListenAddr> {
    let mut all: Vec<ListenAddr> = settings.admin.listen.clone();
    for system in &settings.systems {
        all.extend(system.requests.iter().flat_map(|requests| &requests.listen));
        all.extend(system.events.iter().flat_map(|events| &events.listen));
        all.extend(system.static_routes.iter().map(|route| route.listen));
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// A connection that is served has one descriptor, and mostly one more towards a side.
const DESCRIPTORS_EACH: u64 = 2;

fn open_files(limit: Option<u64>, most: usize) -> Judged {
    let id = "host-open-files";
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    let wanted = most.saturating_mul(DESCRIPTORS_EACH);
    match limit {
        Some(limit) if limit < wanted => {
            let what = format!(
                "the limit of open files is {limit}, and MaxConnections={most} needs {wanted}"
            );
            Judged::found(id, Finding::warning(what))
        }
        Some(limit) => Judged::good(id, format!("{limit} open files, MaxConnections={most}")),
        None => Judged::good(id, "this system has no such limit"),
    }
}

fn ports(listeners: &[ListenAddr]) -> Judged {
    let mut found = Vec::new();
    let mut evidence = Vec::new();
    for listen in listeners {
        match reserve(*listen, 1, false) {
            Ok(_free_again) => evidence.push(listen.to_string()),
            Err(error) => found.push(Finding::error(error.to_string()).here(error.hint())),
        }
    }
    Judged::all("host-ports", found, evidence)
}

async fn accepting(listeners: &[ListenAddr], deadline: Instant) -> Judged {
    let mut found = Vec::new();
    let mut evidence = Vec::new();
    for listen in listeners {
        let soon = deadline.min(Instant::now() + SOON);
        match dial(&HostPort::from_addr(reachable(listen.addr())), soon).await {
            Ok(_accepted) => evidence.push(listen.to_string()),
            Err(error) => found.push(Finding::error(format!("{listen}: {error}"))),
        }
    }
    Judged::all("host-listeners", found, evidence)
}

/// A listener of this machine that takes longer is stuck.
const SOON: Duration = Duration::from_secs(5);

/// Where a listener on all addresses is reached from here.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::verdict::Verdict;

    #[test]
    fn a_limit_of_open_files_below_what_the_connections_need_is_told() {
        let is_found = |limit, most| matches!(open_files(limit, most).verdict, Verdict::Found(_));
        assert!(is_found(Some(199), 100));
        assert!(!is_found(Some(200), 100) && !is_found(None, 100));
    }

    #[test]
    fn a_listener_on_all_addresses_is_reached_at_this_machine() {
        let reached = |listen: &str| reachable(listen.parse().expect("an address")).to_string();
        assert_eq!(reached("0.0.0.0:8443"), "127.0.0.1:8443");
        assert_eq!(reached("[::]:8443"), "[::1]:8443");
        assert_eq!(reached("192.0.2.1:8443"), "192.0.2.1:8443");
    }
}
