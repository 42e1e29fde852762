//! What the log says, and how much of it, in the words and keys that an operator searches for.

use crmgate::model::Side;
use crmgate::simulate::{Caller, Ending};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::support::{Daemon, World, free_address};

/// The keys of one JSON object as they stand in its text: a parser would keep one of two that are
/// the same.
fn keys(json: &str) -> Vec<&str> {
    let mut keys = Vec::new();
    let mut rest = json;
    while let Some((_, text)) = rest.split_once('"') {
        let mut escaped = false;
        let end = text.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let end = end.expect("a string ends");
        rest = &text[end + 1..];
        if rest.starts_with(':') {
            keys.push(&text[..end]);
        }
    }
    keys
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_line_of_a_json_log_has_a_key_twice() {
    let world = World::new();
    let mut side = world.side(Side::A);
    let (listen, route) = (free_address(), free_address());
    let mut deployment = world
        .plain_deployment()
        .requests(listen, &side.endpoint(), None)
        .static_route(route, free_address());
    deployment.gateway.set("Log", "Format", "json");
    deployment.write(world.path()).expect("files");
    let mut daemon = Daemon::serving(world.path()).await;
    let spec = crmgate::simulate::CrmProfile::new(listen).caller();
    let mut caller = Caller::new(spec.expect("plain"), world.ledger.clone());
    assert_eq!(caller.call().await, Ending::Answered);
    side.kill().await;
    assert!(matches!(caller.call().await, Ending::Reported { .. }));
    // The reset may be there before connect returns.
    let read = async { TcpStream::connect(route).await?.read_u8().await };
    read.await.expect_err("nobody is behind the route");
    for said in [
        "\"flow\":\"request\"",
        "\"flow\":\"static-route\"",
        "no connection, so nothing was sent",
        "cannot reach the CRM host",
    ] {
        daemon.until_said(said).await;
    }
    for line in daemon.said().lines() {
        let mut keys = keys(line);
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert!(count > 3 && keys.len() == count, "{line}");
    }
}
