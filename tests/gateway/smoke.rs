//! The main job in its shortest form.

use crmgate::model::Side;
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
