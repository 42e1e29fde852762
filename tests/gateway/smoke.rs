//! The main job in its shortest form.

use crmgate::model::{Outcome, Side};
use crmgate::simulate::{Caller, Ending};

use crate::support::{World, bound, free_address};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_of_sap_crm_reaches_the_connector_and_its_answer_comes_back() {
    let world = World::new();
    let side = world.side(Side::A);
    let listen = free_address();
    let mut gateway = world
        .serve(&world.deployment().requests(listen, &side.endpoint(), None))
        .await;
    let spec = world
        .crm(bound(&gateway, listen))
        .caller()
        .expect("a caller");
    let mut caller = Caller::new(spec, world.ledger.clone());
    for _ in 0..3 {
        assert!(
            matches!(caller.call().await, Ending::Answered),
            "{:?}",
            world.ledger.tally()
        );
    }
    assert_eq!(side.executed(), 3);
    gateway
        .drain(std::time::Duration::from_secs(5), std::future::pending())
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_does_not_trust_our_certificate_is_named_in_the_fault_with_its_alert() {
    let world = World::new();
    // Its certificates come from a CA of the same name and another key: we are told to believe
    // it, and it does not believe us.
    let stranger = World::new();
    let side = stranger.tls_side(Side::A);
    let listen = free_address();
    let mut deployment = world.deployment().requests(listen, &side.endpoint(), None);
    let theirs = std::fs::read(stranger.path().join("ssl/company-ca.pem")).expect("their CA");
    std::fs::write(world.path().join("ssl/stranger-ca.pem"), theirs).expect("written");
    let ssl = deployment.ssl.as_mut().expect("TLS");
    ssl.set("SSL_CLIENT", "CA_FILE", "./ssl/stranger-ca.pem");
    let gateway = world.serve(&deployment).await;
    let spec = world
        .crm(bound(&gateway, listen))
        .caller()
        .expect("a caller");
    let ending = Caller::new(spec, world.ledger.clone()).call().await;
    let Ending::Reported { code, outcome } = ending else {
        panic!("{ending:?}")
    };
    assert_eq!(
        (code.as_str(), outcome),
        ("GW-502-TLS-REFUSED", Outcome::SentNoAnswer)
    );
    assert_eq!(side.executed(), 0);
}
