//! A real Prometheus scrapes the daemon, with the rules that are shipped.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crmgate::model::Side;
use serde_json::Value;
use tokio::time::Instant;

use crate::monitoring;
use crate::support::raw::Raw;
use crate::support::tool::run;
use crate::support::wire::post;
use crate::support::{Daemon, World, free_address};

/// A server that ends with the test.
struct Prometheus(std::process::Child, SocketAddr);

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

impl Prometheus {
    /// Scrapes the admin listener four times a second, and judges the shipped rules as often.
    fn of(admin: SocketAddr, dir: &Path) -> Self {
        let rules = monitoring("crmgate.rules.yml");
        let config = format!(
            "global:\n  scrape_interval: 250ms\n  evaluation_interval: 250ms\n\
             rule_files: ['{}']\nscrape_configs:\n  - job_name: crmgate\n    scrape_timeout: 250ms\n    \
             static_configs:\n      - targets: ['{admin}']\n",
            rules.display()
        );
        let file = dir.join("prometheus.yml");
        std::fs::write(&file, config).expect("written");
        let listen = free_address();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                dir.join("tsdb").display()
            ))
            .arg(format!("--web.listen-address={listen}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = child.expect("prometheus runs: .ci/run installs it");
        Self(child, listen)
    }

    /// The first value of a query; none while there is no answer.
    async fn value(&self, query: &str) -> Option<String> {
        let url = format!("http://{}/api/v1/query", self.1);
        let query = format!("query={query}");
        let arguments = ["-s", "--max-time", "5", "--data-urlencode", &query, &url];
        let done = run("curl", arguments, b"").await;
        let answer: Value = serde_json::from_slice(&done.out).ok()?;
        let value = answer["data"]["result"][0]["value"][1].as_str()?;
        Some(value.to_owned())
    }

    /// Waits until a query has this value.
    async fn until(&self, query: &str, expected: &str) {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let value = self.value(query).await;
            if value.as_deref() == Some(expected) {
                return;
            }
            assert!(Instant::now() < deadline, "{query} is {value:?}");
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prometheus_scrapes_the_daemon_and_judges_every_rule_by_what_it_finds() {
    let world = World::new();
    let (side_a, side_b) = (world.side(Side::A), world.side(Side::B));
    let (listen, admin) = (free_address(), free_address());
    let other = side_b.endpoint();
    let mut deployment =
        world
            .plain_deployment()
            .requests(listen, &side_a.endpoint(), Some(&other));
    deployment.gateway.set("Admin", "Listen", admin);
    deployment.write(world.path()).expect("ini files");
    let mut daemon = Daemon::run(world.path());
    daemon.until_said("the admin listener is open").await;
    let prometheus = Prometheus::of(admin, world.path());
    prometheus.until("up{job=\"crmgate\"}", "1").await;
    let mut caller = Raw::plain(listen).await;
    for _ in 0..3 {
        caller.send(&post("text/xml", "<a/>")).await.expect("sent");
        assert_eq!(caller.answer().await.expect("an answer").status(), 200);
    }
    let answered = "sum(crmgate_exchanges_total{flow=\"request\",outcome=\"answered\"})";
    prometheus.until(answered, "3").await;
    let rules = "count(ALERTS)";
    assert_eq!(prometheus.value(rules).await, None, "nothing is wrong yet");
    drop(side_a);
    let pending = "count(ALERTS{alertname=~\".*Side.*\"}) > bool 0";
    prometheus.until(pending, "1").await;
    let failures = "sum(prometheus_rule_evaluation_failures_total)";
    assert!(matches!(
        prometheus.value(failures).await.as_deref(),
        None | Some("0")
    ));
}
