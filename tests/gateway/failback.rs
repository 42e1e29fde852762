//! Who is active in the long run: fail-back, the operator's choice, and what a reload keeps.

use std::time::Duration;

use crmgate::model::{Side, WallTime};
use crmgate::requests::failover::Health;
use crmgate::simulate::Ending;
use tokio::time::Instant;

use crate::support::pair::{Legs, Pair, quick, unwatched};
use crate::support::until;

/// Side B has taken over from side A, which has just been started again.
async fn after_an_outage(failback: &[(&str, &str)]) -> (Pair, Instant) {
    let mut pair = Pair::start(Legs::TlsToGateway, |deployment| {
        quick(deployment);
        for (key, value) in failback {
            deployment.system.set("Failover", key, value);
        }
    })
    .await;
    pair.until_health(Side::B, Health::Up).await;
    pair.a.kill().await;
    pair.until_active(Side::B).await;
    let restarted = Instant::now();
    pair.a.restart().expect("the same port");
    (pair, restarted)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateway_stays_on_the_side_it_moved_to_unless_told_otherwise() {
    let (pair, _) = after_an_outage(&[]).await;
    pair.until_health(Side::A, Health::Up).await;
    pair.until_probed(20).await;
    assert_eq!(pair.active(), Side::B);
    let mut caller = pair.caller();
    assert_eq!(caller.call().await, Ending::Answered);
    assert_eq!((pair.a.executed(), pair.b.executed()), (0, 1));
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_automatic_fail_back_waits_until_the_side_has_been_well_for_the_hold() {
    let hold = Duration::from_millis(800);
    let keys = [("Failback", "auto"), ("FailbackHold", "800ms")];
    let (pair, restarted) = after_an_outage(&keys).await;
    pair.until_active(Side::A).await;
    assert!(restarted.elapsed() >= hold, "{:?}", restarted.elapsed());
    let mut caller = pair.caller();
    assert_eq!(caller.call().await, Ending::Answered);
    assert_eq!((pair.a.executed(), pair.b.executed()), (1, 0));
    pair.end().await;
}

/// Minutes since midnight, on this machine's clock and zone.
fn minute_of_day(now: WallTime) -> i64 {
    let now = jiff::Timestamp::from_second(now.0).expect("a time");
    let time = now.to_zoned(jiff::tz::TimeZone::system()).time();
    i64::from(time.hour()) * 60 + i64::from(time.minute())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fail_back_within_a_window_waits_for_the_window() {
    let keys = [("Failback", "window"), ("FailbackWindow", "02:00-04:00")];
    let mut pair = Pair::start(Legs::TlsToGateway, |deployment| {
        quick(deployment);
        for (key, value) in keys {
            deployment.system.set("Failover", key, value);
        }
    })
    .await;
    let clock = pair.world.clock.clone();
    let to_noon = (12 * 60 - minute_of_day(clock.now())).rem_euclid(24 * 60);
    clock.shift(to_noon * 60);
    pair.until_health(Side::B, Health::Up).await;
    pair.a.kill().await;
    pair.until_active(Side::B).await;
    pair.a.restart().expect("the same port");
    pair.until_health(Side::A, Health::Up).await;
    pair.until_probed(20).await;
    assert_eq!(pair.active(), Side::B, "at noon nobody wants to move");
    clock.shift(15 * 60 * 60);
    pair.until_active(Side::A).await;
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fail_back_goes_to_the_side_that_the_operator_chose() {
    let mut pair = Pair::start(Legs::TlsToGateway, |deployment| {
        quick(deployment);
        deployment.system.set("Failover", "Failback", "auto").set(
            "Failover",
            "FailbackHold",
            "100ms",
        );
    })
    .await;
    pair.until_health(Side::A, Health::Up).await;
    pair.switch(Side::B);
    pair.until_health(Side::B, Health::Up).await;
    pair.until_probed(20).await;
    assert_eq!(pair.active(), Side::B, "an order is not undone");
    pair.b.kill().await;
    pair.until_active(Side::A).await;
    pair.b.restart().expect("the same port");
    pair.until_active(Side::B).await;
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_that_swaps_the_addresses_of_the_sides_is_a_switch() {
    let mut pair = Pair::start(Legs::TlsToGateway, |_| {}).await;
    let mut caller = pair.caller();
    assert_eq!(caller.call().await, Ending::Answered);
    for (a, b) in [(&pair.b, &pair.a), (&pair.a, &pair.b)] {
        let before = (a.executed(), b.executed());
        let keys = &mut pair.deployment.system;
        keys.set("Requests", "SideA", a.endpoint())
            .set("Requests", "SideB", b.endpoint());
        pair.deployment.write(pair.world.path()).expect("files");
        pair.gateway.reload().await.expect("reloaded");
        assert_eq!(caller.call().await, Ending::Answered);
        assert_eq!((a.executed(), b.executed()), (before.0 + 1, before.1));
    }
    assert_eq!(caller.figures().connections, 1, "no connection is lost");
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_preferred_side_moves_nobody_unless_fail_back_is_automatic() {
    let mut pair = Pair::start(Legs::TlsToGateway, quick).await;
    pair.until_health(Side::B, Health::Up).await;
    pair.deployment.system.set("Failover", "Preferred", "B");
    pair.reload().await;
    pair.until_probed(20).await;
    assert_eq!(pair.active(), Side::A);
    let keys = &mut pair.deployment.system;
    keys.set("Failover", "Failback", "auto")
        .set("Failover", "FailbackHold", "100ms");
    pair.reload().await;
    pair.until_active(Side::B).await;
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_keeps_the_active_side_and_what_is_known_of_both() {
    let mut pair = Pair::start(Legs::Tls, quick).await;
    pair.until_health(Side::B, Health::Up).await;
    pair.a.kill().await;
    pair.until_active(Side::B).await;
    for hold in ["1m", "2m"] {
        pair.deployment.system.set("Failover", "FlapWindow", hold);
        pair.reload().await;
        assert_eq!(pair.active(), Side::B);
        assert_eq!(pair.health(Side::A), Health::Down);
        assert_eq!(pair.health(Side::B), Health::Up);
    }
    pair.a.restart().expect("the same port");
    pair.until_health(Side::A, Health::Up).await;
    pair.reload().await;
    assert_eq!(pair.active(), Side::B);
    assert_eq!(pair.health(Side::A), Health::Up);
    assert_eq!(pair.gateway.figures().switches_automatic, 1);
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_under_load_with_other_probes_loses_nothing_and_moves_nobody() {
    let mut pair = Pair::start(Legs::TlsToGateway, quick).await;
    pair.switch(Side::B);
    let crm = pair.agents(10, 20.0);
    for probe in ["tcp", "soap", "http", "off"] {
        let goal = pair.b.executed() + 20;
        until("traffic goes on", || pair.b.executed() >= goal).await;
        pair.deployment.system.set("Probe", "Type", probe);
        if probe == "off" {
            pair.deployment.system.remove("Probe", "Interval");
        }
        pair.reload().await;
        assert_eq!(pair.active(), Side::B, "{probe}");
    }
    crm.stop().await;
    let tally = pair.tally();
    assert!(tally.is_clean(), "{tally:?}");
    assert_eq!(tally.answered, tally.sent, "{tally:?}");
    assert_eq!(pair.a.executed(), 0);
    pair.end().await;
}

/// Side A is down, whoever says so; then a reload puts another machine in its place.
async fn a_new_address_is_a_new_chance(probe: &str) {
    let mut pair = Pair::start(Legs::TlsToGateway, |deployment| {
        quick(deployment);
        deployment
            .system
            .set("Failover", "Fall", 1)
            .set("Probe", "Type", probe);
        if probe == "off" {
            deployment.system.remove("Probe", "Interval");
        }
    })
    .await;
    pair.a.kill().await;
    let mut caller = pair.caller();
    assert_eq!(caller.call().await, Ending::Answered);
    pair.until_health(Side::A, Health::Down).await;
    let successor = pair.world.side(Side::A);
    pair.deployment
        .system
        .set("Requests", "SideA", successor.endpoint());
    pair.reload().await;
    assert_ne!(pair.health(Side::A), Health::Down);
    assert_eq!(pair.active(), Side::B, "a reload is no reason to move");
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probed_side_that_a_reload_replaces_is_judged_anew() {
    a_new_address_is_a_new_chance("http").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_without_probes_that_a_reload_replaces_is_judged_anew() {
    a_new_address_is_a_new_chance("off").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_was_not_trusted_is_judged_anew_when_a_reload_corrects_the_certificates() {
    let mut pair = Pair::start(Legs::Tls, |deployment| {
        unwatched(deployment);
        deployment.system.set("Failover", "Fall", 1);
        // An authority that the certificates of the sides are not from.
        let ssl = deployment.ssl.as_mut().expect("TLS");
        ssl.set("SSL_CLIENT", "CA_FILE", "./ssl/stranger.pem").set(
            "SSL_CLIENT",
            "PEM_FILE",
            "./ssl/gateway.pem",
        );
    })
    .await;
    let mut caller = pair.caller();
    let ending = caller.call().await;
    assert!(
        matches!(&ending, Ending::Reported { code, .. } if code == "GW-503-UNREACHABLE"),
        "{ending:?}"
    );
    for side in Side::BOTH {
        assert_eq!(pair.health(side), Health::Down);
    }
    let ssl = pair.deployment.ssl.as_mut().expect("TLS");
    ssl.set("SSL_CLIENT", "CA_FILE", "./ssl/company-ca.pem");
    pair.reload().await;
    for side in Side::BOTH {
        assert_eq!(pair.health(side), Health::Untested);
    }
    assert_eq!(caller.call().await, Ending::Answered);
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_a_reload_takes_away_is_left() {
    let mut pair = Pair::start(Legs::TlsToGateway, quick).await;
    pair.switch(Side::B);
    let crm = pair.agents(5, 20.0);
    let goal = pair.b.executed() + 20;
    until("side B serves", || pair.b.executed() >= goal).await;
    pair.deployment.system.remove("Requests", "SideB");
    pair.deployment.system.remove("Failover", "MinHold");
    pair.reload().await;
    assert_eq!(pair.active(), Side::A);
    let goal = pair.a.executed() + 20;
    until("side A serves", || pair.a.executed() >= goal).await;
    crm.stop().await;
    let tally = pair.tally();
    assert!(tally.is_clean(), "{tally:?}");
    assert_eq!(tally.answered, tally.sent, "{tally:?}");
    pair.end().await;
}
