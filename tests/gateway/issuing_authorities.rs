//! An issuing authority leaves `CA_FILE` and its root stays, or comes.

use crmgate::gateway::check;
use crmgate::simulate::TlsRange;

use crate::authorities::{Scene, calls, end, errors};
use crate::support::{Daemon, until};

/// The issuing authority leaves the file and its root stays: whoever sends the issuing one along goes
/// on, and whoever does not would be shut out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_an_issuing_authority_is_missed_only_by_clients_whose_chain_leads_nowhere_else() {
    let scene = Scene::new();
    let sub = scene.second.intermediate("Sub CA").expect("an authority");
    let (company, second) = (scene.company(), scene.second.pem());
    scene.believe(&format!("{company}{second}{}", sub.pem()));
    let mut gateway = scene.serve().await;
    let whole = scene.client_of(&sub, "whole.example");
    let mut short = scene.client_of(&sub, "short.example");
    short.chain_pem.clear();
    let mut of_whole = scene.caller(&whole, &scene.second, TlsRange::Both);
    let mut of_short = scene.caller(&short, &sub, TlsRange::Both);
    assert!(calls(&mut of_whole).await.0 && calls(&mut of_short).await.0);
    gateway.tidy();
    scene.believe(&format!("{company}{second}"));
    let refused = scene.reload(&mut gateway).await.expect_err("refused");
    let found = check(scene.world.path(), &scene.world.clock);
    for said in [refused, found.problems.to_string()] {
        for part in [
            "no longer holds the authority \"CN=Sub CA,",
            "by which 1 client of SAP1 came in within the last 24 h for whom no authority that \
             stays vouches: \"CN=short.example\"",
        ] {
            assert!(said.contains(part), "{part}:\n{said}");
        }
    }
    end(gateway).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_an_issuing_authority_may_go_where_every_client_leads_to_its_root() {
    let scene = Scene::new();
    let sub = scene.second.intermediate("Sub CA").expect("an authority");
    let company = scene.company();
    // The root is believed only from the very change on that takes the other one out.
    scene.believe(&format!("{company}{}", sub.pem()));
    let mut gateway = scene.serve().await;
    let own = scene.client_of(&sub, "visitor.example");
    let mut visitor = scene.caller(&own, &sub, TlsRange::Both);
    assert!(calls(&mut visitor).await.0);
    gateway.tidy();
    scene.believe_both();
    let found = check(scene.world.path(), &scene.world.clock);
    assert_eq!(errors(&found.problems), Vec::<String>::new());
    scene.reload(&mut gateway).await.expect("in force");
    assert_eq!(calls(&mut visitor).await, (true, true));
    // From now on it is the root by which it comes in.
    scene.believe(&company);
    let refused = scene.reload(&mut gateway).await.expect_err("refused");
    assert!(
        refused.contains("no longer holds the authority \"CN=Second CA,"),
        "{refused}"
    );
    end(gateway).await;
}

/// Nobody came by the root while it stood beside the issuing one, and yet somebody needs it now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_a_client_that_is_away_needs_the_root_that_stays_from_then_on() {
    let scene = Scene::new();
    let sub = scene.second.intermediate("Sub CA").expect("an authority");
    let company = scene.company();
    scene.believe(&format!("{company}{}{}", scene.second.pem(), sub.pem()));
    let mut gateway = scene.serve().await;
    let own = scene.client_of(&sub, "visitor.example");
    let mut visitor = scene.caller(&own, &scene.second, TlsRange::Both);
    assert!(calls(&mut visitor).await.0);
    visitor.hang_up().await;
    until("the visitor has left", || {
        gateway.figures().connections_open == 0
    })
    .await;
    scene.believe_both();
    scene.reload(&mut gateway).await.expect("in force");
    scene.believe(&company);
    let refused = scene.reload(&mut gateway).await.expect_err("refused");
    for part in [
        "no longer holds the authority \"CN=Second CA,",
        "\"CN=visitor.example\"",
    ] {
        assert!(refused.contains(part), "{part}:\n{refused}");
    }
    end(gateway).await;
}

/// As after a restart of a gateway that had more clients than its file lists.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_of_clients_that_are_known_by_number_only_it_is_said_that_nobody_knows() {
    let mut scene = Scene::new();
    let gateway = &mut scene.deployment.gateway;
    gateway.set("Runtime", "StateFile", "./kept.state");
    let sub = scene.second.intermediate("Sub CA").expect("an authority");
    let company = scene.company();
    scene.believe(&format!("{company}{}{}", scene.second.pem(), sub.pem()));
    let gateway = scene.serve().await;
    let own = scene.client_of(&sub, "visitor.example");
    let mut visitor = scene.caller(&own, &scene.second, TlsRange::Both);
    assert!(calls(&mut visitor).await.0);
    end(gateway).await;
    let path = scene.world.path().join("kept.state");
    let text = std::fs::read_to_string(&path).expect("written");
    let text = text.replace(" 0 CN=Sub CA", " 7 CN=Sub CA");
    std::fs::write(&path, text).expect("written");
    scene.believe_both();
    let found = check(scene.world.path(), &scene.world.clock);
    let said = found.problems.to_string();
    for part in [
        "error: CA_FILE no longer holds the authority \"CN=Sub CA,",
        "by which 7 clients of SAP1 came in within the last 24 h of whom no chain is \
         remembered, so it is not known whether an authority that stays vouches for them",
        "put it back; if you know that all of them show a chain up to an authority that stays, or \
         to shut them out now, write CA_RETIRED=",
    ] {
        assert!(said.contains(part), "{part}:\n{said}");
    }
    scene.believe(&company);
    let found = check(scene.world.path(), &scene.world.clock);
    let said = found.problems.to_string();
    for part in [
        "by which 1 client of SAP1 came in within the last 24 h for whom no authority that stays \
         vouches: \"CN=visitor.example\"",
        ", and 7 more of whom it is not known whether one vouches",
    ] {
        assert!(said.contains(part), "{part}:\n{said}");
    }
    scene.believe_both();
    let mut daemon = Daemon::serving(scene.world.path()).await;
    daemon
        .until_said("whoever of them shows no chain up to an authority that stays is refused")
        .await;
}
