//! Where a session is taken up, and for how long.

use crmgate::certs::issue::{Authority, LeafSpec};
use crmgate::model::WallTime;
use crmgate::simulate::Party;

use crate::support::scene::{Keeping, Scene, end};
use crate::support::visitor::Visit;
use crate::support::{Daemon, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r1_a_session_of_one_system_is_never_taken_up_by_another_and_its_client_is_served_all_the_same()
 {
    for keeping in Keeping::ALL {
        let mut scene = Scene::new(keeping).await;
        let other = Authority::new("Other CA", scene.world.clock.now()).expect("an authority");
        let company = scene.company().pem();
        scene.put("more.pem", &format!("{company}{}", other.pem()));
        let own = scene.issue(&other, "127.0.0.1");
        scene.put("other.pem", &own.combined_pem());
        // The first differs in its name alone.
        let others =
            ["TWIN", "AUTHORITIES", "MODE", "KEY"].map(|system| (system, scene.add(system)));
        scene.set("AUTHORITIES", "CA_FILE", "./ssl/more.pem");
        scene.set("MODE", "CLIENT_AUTH", "request");
        scene.set("KEY", "PEM_FILE", "./ssl/other.pem");
        let gateway = scene.serve().await;
        let crm = scene.world.pki.identity(Party::Crm);
        let trusted = format!("{company}{}", other.pem());
        for (way, client) in scene.visitors(Some(crm), &trusted) {
            assert_eq!(client.leave(scene.listen, 5).await, Visit::Full, "{way:?}");
            for (system, listen) in others {
                let visit = client.offer(listen).await;
                assert_eq!(visit, Visit::Full, "{way:?}, {keeping:?}, at {system}");
            }
            let back = client.offer(scene.listen).await;
            assert_eq!(back, Visit::Resumed, "{way:?}, {keeping:?}");
        }
        end(gateway).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r1_a_session_does_not_outlive_a_change_of_mode_or_of_the_own_key_at_its_listener() {
    for keeping in Keeping::ALL {
        for (key, value) in [
            ("CLIENT_AUTH", "request"),
            ("PEM_FILE", "./ssl/renewed.pem"),
        ] {
            let mut scene = Scene::new(keeping).await;
            let renewed = scene.issue(scene.company(), "127.0.0.1");
            scene.put("renewed.pem", &renewed.combined_pem());
            let mut gateway = scene.serve().await;
            let clients = scene.crm();
            for (way, client) in &clients {
                assert_eq!(client.leave(scene.listen, 2).await, Visit::Full, "{way:?}");
                assert_eq!(client.offer(scene.listen).await, Visit::Resumed, "{way:?}");
                assert_eq!(client.leave(scene.listen, 2).await, Visit::Full, "{way:?}");
            }
            scene.set("", key, value);
            scene.reload(&mut gateway).await;
            for (way, client) in &clients {
                let visit = client.offer(scene.listen).await;
                assert_eq!(visit, Visit::Full, "{way:?}, {keeping:?}, {key}");
            }
            end(gateway).await;
        }
    }
}

/// What becomes of two clients' sessions when the second one's authority changes in the file.
async fn when_an_authority_changes(keeping: Keeping, name: &str, after: impl Fn(&str) -> String) {
    let scene = Scene::new(keeping).await;
    let second = Authority::new(name, scene.world.clock.now()).expect("an authority");
    let company = scene.company().pem();
    scene.put("company-ca.pem", &format!("{company}{}", second.pem()));
    let mut gateway = scene.serve().await;
    let leaves = scene.issue(&second, "leaves");
    let (stay, go) = (scene.crm(), scene.visitors(Some(&leaves), &company));
    scene.let_in(stay.iter().chain(&go)).await;
    scene.put("company-ca.pem", &after(&company));
    scene.reload(&mut gateway).await;
    scene.are_shut_out(&go).await;
    scene.resume(&stay).await;
    end(gateway).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r3_no_client_of_the_second_authority_of_a_bundle_resumes_once_it_is_removed() {
    for keeping in Keeping::ALL {
        when_an_authority_changes(keeping, "Second CA", str::to_owned).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_no_client_resumes_once_its_authority_has_another_key_under_the_same_name() {
    let now = World::new().clock.now();
    let twin = Authority::new("Second CA", now).expect("an authority");
    for keeping in Keeping::ALL {
        let after = |company: &str| format!("{company}{}", twin.pem());
        when_an_authority_changes(keeping, "Second CA", after).await;
    }
}

/// However often a session is renewed, its client shows its certificate again after one lifetime.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_a_client_that_keeps_resuming_does_a_full_handshake_after_one_lifetime() {
    for keeping in Keeping::ALL {
        let mut scene = Scene::new(keeping).await;
        scene.set("", "SESSION_LIFETIME", "1h");
        let gateway = scene.serve().await;
        for (way, client) in scene.crm() {
            assert_eq!(client.renew(scene.listen).await, Visit::Full, "{way:?}");
            let mut age = 0;
            for _ in 0..10 {
                scene.world.clock.shift(1_800);
                age += 1_800;
                let visit = client.renew(scene.listen).await;
                let expected = if age < 3_600 {
                    Visit::Resumed
                } else {
                    Visit::Full
                };
                assert_eq!(visit, expected, "{way:?}, {keeping:?} after {age} s");
                if visit == Visit::Full {
                    age = 0;
                }
            }
        }
        end(gateway).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_no_session_is_taken_up_after_the_certificate_of_its_client_has_ended() {
    for keeping in Keeping::ALL {
        let scene = Scene::new(keeping).await;
        let now = scene.world.clock.now();
        let mut spec = LeafSpec::for_name("short", now);
        spec.not_after = WallTime(now.0 + 3_600);
        let short = scene.company().issue(&spec).expect("a certificate");
        let gateway = scene.serve().await;
        let clients = scene.visitors(Some(&short), &scene.company().pem());
        for (way, client) in &clients {
            assert_eq!(client.leave(scene.listen, 2).await, Visit::Full, "{way:?}");
        }
        scene.world.clock.shift(1_800);
        for (way, client) in &clients {
            assert_eq!(client.renew(scene.listen).await, Visit::Resumed, "{way:?}");
        }
        scene.world.clock.shift(1_860);
        scene.are_shut_out(&clients).await;
        end(gateway).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_a_session_without_certificate_is_never_taken_up_where_one_is_required() {
    for keeping in Keeping::ALL {
        let mut scene = Scene::new(keeping).await;
        let strict = scene.add("STRICT");
        scene.set("", "CLIENT_AUTH", "request");
        scene.set("STRICT", "CLIENT_AUTH", "require");
        let mut gateway = scene.serve().await;
        let clients = scene.visitors(None, &scene.company().pem());
        for (way, client) in &clients {
            assert_eq!(client.leave(scene.listen, 4).await, Visit::Full, "{way:?}");
            let visit = client.offer(strict).await;
            assert!(visit.is_refused(), "{way:?}, {keeping:?}: {visit:?}");
            assert_eq!(client.renew(scene.listen).await, Visit::Resumed, "{way:?}");
        }
        scene.set("", "CLIENT_AUTH", "require");
        scene.reload(&mut gateway).await;
        scene.are_shut_out(&clients).await;
        end(gateway).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_every_request_of_a_listener_that_requires_a_certificate_has_a_principal() {
    for keeping in Keeping::ALL {
        let scene = Scene::new(keeping).await;
        scene.deployment.write(scene.world.path()).expect("files");
        let mut daemon = Daemon::serving(scene.world.path()).await;
        for (way, client) in scene.crm() {
            assert_eq!(client.leave(scene.listen, 1).await, Visit::Full, "{way:?}");
            assert_eq!(client.offer(scene.listen).await, Visit::Resumed, "{way:?}");
        }
        daemon.until_said_again(" access: flow=request", 7).await;
        let said = daemon.said();
        let lines = said.lines().filter(|line| line.contains(" access: "));
        let of_crm = |line: &&str| line.contains(" principal=\"CN=sap-crm\" ");
        let resumed = |line: &&str| line.contains(" resumed=true ");
        assert_eq!(lines.clone().filter(of_crm).count(), 8, "{said}");
        assert_eq!(lines.filter(resumed).count(), 4, "{said}");
    }
}

/// Whoever may come in does so, also where his session is worth nothing: another server name than
/// the session's, or a gateway that has forgotten it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r7_a_session_that_is_not_taken_up_costs_its_client_a_handshake_and_never_an_alert() {
    for keeping in Keeping::ALL {
        let scene = Scene::new(keeping).await;
        let gateway = scene.serve().await;
        let mut clients = scene.crm();
        for (way, client) in &mut clients {
            client.ask_for(Some("localhost"));
            assert_eq!(client.leave(scene.listen, 4).await, Visit::Full, "{way:?}");
            assert_eq!(client.offer(scene.listen).await, Visit::Resumed, "{way:?}");
            client.ask_for(None);
            assert_eq!(client.leave(scene.listen, 4).await, Visit::Full, "{way:?}");
            client.ask_for(Some("localhost"));
            let visit = client.offer(scene.listen).await;
            assert_eq!(visit, Visit::Full, "{way:?}, {keeping:?}: another name");
        }
        end(gateway).await;
        let gateway = scene.serve().await;
        // With a shared secret it has forgotten nothing.
        let expected = match keeping {
            Keeping::Cache | Keeping::Tickets => Visit::Full,
            Keeping::SharedTickets => Visit::Resumed,
        };
        for (way, client) in &mut clients {
            client.ask_for(None);
            let visit = client.offer(scene.listen).await;
            assert_eq!(visit, expected, "{way:?}, {keeping:?}: after a restart");
        }
        end(gateway).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r10_the_listeners_of_requests_and_of_events_take_up_no_session_of_each_other() {
    for keeping in Keeping::ALL {
        let mut scene = Scene::new(keeping).await;
        let (events, _crm) = scene.with_events().await;
        let gateway = scene.serve().await;
        for (way, client) in scene.crm() {
            for (own, other) in [(scene.listen, events), (events, scene.listen)] {
                assert_eq!(client.leave(own, 2).await, Visit::Full, "{way:?}");
                let visit = client.offer(other).await;
                assert_eq!(visit, Visit::Full, "{way:?}, {keeping:?}");
                assert_eq!(client.offer(own).await, Visit::Resumed, "{way:?}");
            }
        }
        end(gateway).await;
    }
}
