//! What can be wrong with the collector of traces, which is nobody's peer.

use crmgate::preflight::Options;

use super::Yard;
use crate::support::free_address;
use crate::support::otlp::{Order, OtlpCollector};

/// Everything is in order, and spans go to this address.
fn yard_to(endpoint: &str) -> Yard {
    let mut yard = Yard::without_crm();
    let endpoint = format!("http://{endpoint}");
    yard.deployment.gateway.set("Traces", "Endpoint", endpoint);
    yard
}

#[tokio::test]
async fn a_collector_that_takes_a_post_is_good_and_has_heard_of_nobody() {
    let collector = OtlpCollector::start(None).await;
    let yard = yard_to(&collector.addr.to_string());
    yard.finds_all(&[]).await;
    assert_eq!((collector.posts().len(), collector.spans().len()), (1, 0));
}

#[tokio::test]
async fn a_collector_that_is_not_there_or_does_not_take_it_is_told_with_what_to_do() {
    let gone = free_address().to_string();
    let yard = yard_to(&gone);
    let report = yard
        .finds("trace-collector", "refused the connection")
        .await;
    assert!(report.to_text(true).contains("nothing listens there"));
    let collector = OtlpCollector::start(None).await;
    collector.order(&[Order::Status(401)]);
    let yard = yard_to(&collector.addr.to_string());
    let report = yard.finds("trace-collector", "HTTP status 401").await;
    assert!(report.to_text(true).contains("HeadersFile"));
}

#[tokio::test]
async fn nobody_is_asked_for_traces_who_is_left_out() {
    let collector = OtlpCollector::start(None).await;
    let mut yard = yard_to(&collector.addr.to_string());
    yard.options = Options {
        skip: vec!["trace".to_owned()],
        ..yard.options
    };
    yard.finds_all(&[]).await;
    assert_eq!(collector.posts().len(), 0);
}
