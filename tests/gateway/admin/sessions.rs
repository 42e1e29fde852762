//! What is told of TLS sessions.

use crmgate::model::Side;
use crmgate::simulate::Ending;
use serde_json::json;

use super::{Stage, assert_described};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_told_for_each_listener_and_each_far_end_as_the_description_says() {
    let mut tls_side = None;
    let stage = Stage::with(|world, deployment| {
        let side = world.tls_side(Side::A);
        deployment.system.set("Requests", "SideA", side.endpoint());
        tls_side = Some(side);
    })
    .await;
    let mut caller = stage.caller();
    for _ in 0..3 {
        assert!(matches!(caller.call().await, Ending::Answered));
        caller.hang_up().await;
    }
    let told = stage.json("/api/v1/sessions").await;
    let listener = &told["listeners"][0];
    assert_eq!(
        (&listener["system"], &listener["role"], &listener["listen"]),
        (
            &json!("SAP1"),
            &json!("requests"),
            &json!([stage.listen.to_string()])
        ),
        "{told:#}"
    );
    assert_eq!(listener["handshakes_full"], json!(1), "{told:#}");
    assert_eq!(listener["handshakes_resumed"], json!(2), "{told:#}");
    assert_eq!(listener["lookups"]["taken_up"], json!(2), "{told:#}");
    assert_eq!(told["lookups"], listener["lookups"], "{told:#}");
    let side = &told["upstreams"][0];
    assert_eq!(side["upstream"], json!("A"), "{told:#}");
    assert!(side["held"].as_u64() > Some(0), "{told:#}");
    let description = stage.json("/api/v1/openapi.json").await;
    assert_described(&description, "/api/v1/sessions", &told);
}
