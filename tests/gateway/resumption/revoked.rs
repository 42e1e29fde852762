//! What becomes of sessions and open connections of clients that are revoked.

use std::time::Duration;

use crmgate::certs::issue::{Issued, ListSpec};
use crmgate::gateway::Gateway;
use crmgate::model::WallTime;
use tokio::task::JoinSet;

use crate::support::scene::{Keeping, Scene, end};
use crate::support::visitor::{Visit, Visitor, Way};

const HOUR: i64 = 3_600;

/// How the inside of TLS goes to the side.
const MODES: [&str; 2] = ["terminate", "relay"];

/// A gateway in one mode with an empty list in force, and the certificate that will be on the next.
async fn with_a_list(keeping: Keeping, mode: &str) -> (Scene, Issued, Gateway) {
    let mut scene = Scene::new(keeping).await;
    scene.deployment.system.set("Requests", "Mode", mode);
    let revoked = scene.issue(scene.company(), "revoked");
    scene.publish(&[]);
    let gateway = scene.serve().await;
    (scene, revoked, gateway)
}

/// A client is revoked while another one stays, in one mode.
async fn revoke_one(keeping: Keeping, mode: &str) {
    let (mut scene, revoked, mut gateway) = with_a_list(keeping, mode).await;
    let company = scene.company().pem();
    let (go, stay) = (scene.visitors(Some(&revoked), &company), scene.crm());
    scene.let_in(go.iter().chain(&stay)).await;
    scene.publish(&[&revoked]);
    scene.reload(&mut gateway).await;
    for (way, client) in &go {
        for visit in [
            client.offer(scene.listen).await,
            client.leave(scene.listen, 1).await,
        ] {
            assert!(
                visit.is_refused(),
                "{way:?}, {keeping:?}, {mode}: {visit:?}"
            );
        }
    }
    for (way, client) in &stay {
        let visit = client.offer(scene.listen).await;
        assert_eq!(visit, Visit::Resumed, "{way:?}, {keeping:?}, {mode}");
    }
    end(gateway).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r2_no_revoked_client_resumes_and_every_other_one_does() {
    for keeping in Keeping::ALL {
        revoke_one(keeping, "terminate").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v5_no_revoked_client_resumes_where_the_inside_of_tls_is_relayed() {
    for keeping in Keeping::ALL {
        revoke_one(keeping, "relay").await;
    }
}

/// A client is revoked while it and another one have connections open, in one mode.
async fn revoke_one_who_is_inside(keeping: Keeping, mode: &str) {
    let (mut scene, revoked, mut gateway) = with_a_list(keeping, mode).await;
    let company = scene.company().pem();
    let open = async |clients: Vec<(Way, Visitor)>| {
        let mut open = Vec::new();
        for (way, client) in clients {
            open.push((way, client.stay(scene.listen).await));
            client.leave(scene.listen, 1).await;
            open.push((way, client.stay_on(scene.listen).await));
        }
        open
    };
    let go = open(scene.visitors(Some(&revoked), &company)).await;
    let mut stay = open(scene.crm()).await;
    scene.publish(&[&revoked]);
    scene.reload(&mut gateway).await;
    let mut ends = JoinSet::new();
    for (way, mut line) in go {
        ends.spawn(async move { (way, line.ended_within(Duration::from_secs(2)).await) });
    }
    for (way, ended) in ends.join_all().await {
        assert!(ended.is_some(), "{way:?}, {keeping:?}, {mode}");
    }
    for (way, line) in &mut stay {
        assert!(line.ask().await, "{way:?}, {keeping:?}, {mode}");
    }
    drop(stay);
    end(gateway).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v1_open_connections_of_a_revoked_client_end_within_two_seconds_and_no_others() {
    for keeping in Keeping::ALL {
        for mode in MODES {
            revoke_one_who_is_inside(keeping, mode).await;
        }
    }
}

/// What a client with a session meets once the list has ended, and after the next one has come.
async fn past_its_end(keeping: Keeping, policy: &str, ends: Visit) {
    let mut scene = Scene::new(keeping).await;
    let now = scene.world.clock.now();
    let list = |number, next_update| ListSpec {
        number,
        next_update: WallTime(next_update),
        ..ListSpec::empty(now)
    };
    scene.publish_as(&list(1, now.0 + HOUR));
    scene.set("", "CRL_EXPIRED", policy);
    let mut gateway = scene.serve().await;
    let clients = scene.crm();
    for (way, client) in &clients {
        assert_eq!(client.leave(scene.listen, 3).await, Visit::Full, "{way:?}");
        assert_eq!(client.renew(scene.listen).await, Visit::Resumed, "{way:?}");
    }
    scene.world.clock.shift(2 * HOUR);
    for (way, client) in &clients {
        let visit = match client.renew(scene.listen).await {
            Visit::Refused(_) => Visit::Refused(String::new()),
            served => served,
        };
        assert_eq!(visit, ends, "{way:?}, {keeping:?}, {policy}");
    }
    scene.publish_as(&list(2, now.0 + 9 * HOUR));
    scene.reload(&mut gateway).await;
    for (way, client) in &clients {
        let visit = client.leave(scene.listen, 1).await;
        assert_eq!(visit, Visit::Full, "{way:?}, {keeping:?}, {policy}");
        assert_eq!(client.offer(scene.listen).await, Visit::Resumed, "{way:?}");
    }
    end(gateway).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v2_past_the_end_of_a_list_sessions_are_taken_up_as_the_policy_says() {
    for keeping in Keeping::ALL {
        past_its_end(keeping, "refuse", Visit::Refused(String::new())).await;
        past_its_end(keeping, "grace 48h", Visit::Resumed).await;
        past_its_end(keeping, "ignore", Visit::Resumed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v3_no_client_of_an_intermediate_resumes_once_a_list_of_it_is_asked_for_and_missing() {
    for keeping in Keeping::ALL {
        let mut scene = Scene::new(keeping).await;
        let below = scene
            .company()
            .intermediate("Sub CA")
            .expect("an authority");
        let own = scene.issue(&below, "below");
        let mut gateway = scene.serve().await;
        let company = scene.company().pem();
        let (go, stay) = (scene.visitors(Some(&own), &company), scene.crm());
        scene.let_in(go.iter().chain(&stay)).await;
        scene.publish(&[]);
        scene.reload(&mut gateway).await;
        scene.are_shut_out(&go).await;
        scene.resume(&stay).await;
        end(gateway).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v4_an_empty_list_is_one_and_costs_nobody_a_session() {
    for keeping in Keeping::ALL {
        let mut scene = Scene::new(keeping).await;
        let mut gateway = scene.serve().await;
        let clients = scene.crm();
        for (way, client) in &clients {
            assert_eq!(client.leave(scene.listen, 2).await, Visit::Full, "{way:?}");
        }
        scene.publish(&[]);
        scene.reload(&mut gateway).await;
        for (way, client) in &clients {
            let visit = client.offer(scene.listen).await;
            assert_eq!(visit, Visit::Resumed, "{way:?}, {keeping:?}");
            let visit = client.leave(scene.listen, 1).await;
            assert_eq!(visit, Visit::Full, "{way:?}, {keeping:?}");
        }
        end(gateway).await;
    }
}
