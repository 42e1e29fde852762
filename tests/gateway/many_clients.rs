//! A crowd of clients, each with a certificate of its own, of which one is revoked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crmgate::certs::issue::{Authority, Issued, LeafSpec, ListSpec};
use crmgate::model::WallTime;
use crmgate::simulate::Party;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::host::private;
use crate::support::recorder::Recorder;
use crate::support::visitor::{Library, Memory, Visit, Visitor, Way};
use crate::support::{Daemon, World, free_address, trials};

/// In which a client has to be out, from the moment that the list is in its file.
const PROMISED: Duration = Duration::from_secs(2);

/// How many of them are at it at the same time.
const AT_ONCE: usize = 16;

/// The clients, all of one authority. The first of them is the one that is revoked.
struct Crowd {
    visitors: Arc<Vec<Visitor>>,
    first: Issued,
}

impl Crowd {
    fn gather(way: Way, authority: &Authority, now: WallTime, size: usize) -> Self {
        let trusted = authority.pem();
        let issue = |number| {
            let spec = LeafSpec::for_name(&format!("client-{number}"), now);
            authority.issue(&spec).expect("a certificate")
        };
        let visitor = |own: &Issued| Visitor::new(way.library, way.version, Some(own), &trusted);
        let first = issue(0);
        let mut visitors = vec![visitor(&first)];
        visitors.extend((1..size).map(|number| visitor(&issue(number))));
        let visitors = Arc::new(visitors);
        Self { visitors, first }
    }

    /// How many visits end like this when all come once, but for so many at the front.
    async fn count(&self, at: SocketAddr, memory: Memory, end: Visit, without: usize) -> usize {
        let mut tasks = JoinSet::new();
        for task in 0..AT_ONCE {
            let (visitors, end) = (Arc::clone(&self.visitors), end.clone());
            tasks.spawn(async move {
                let mut count = 0;
                for visitor in visitors.iter().skip(without + task).step_by(AT_ONCE) {
                    count += usize::from(visitor.visit(at, memory).await == end);
                }
                count
            });
        }
        tasks.join_all().await.into_iter().sum()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r2_of_ten_thousand_that_resume_the_one_that_is_revoked_is_out_in_two_seconds_and_no_other()
{
    let size = usize::try_from(trials(500, 10_000)).expect("a size");
    for tickets in [false, true] {
        let ways = Way::all(tickets);
        for way in ways
            .into_iter()
            .filter(|way| way.library == Library::Rustls)
        {
            all_but_one_resume(way, size).await;
        }
    }
}

async fn all_but_one_resume(way: Way, size: usize) {
    let world = World::new();
    let now = world.clock.now();
    let side = Recorder::fine(None).await;
    let listen = free_address();
    let company = world.pki.authority(Party::Gateway);
    let list = world.pki.folder().join("company-ca.crl");
    let publish = |spec: &ListSpec| {
        let issued = company.revocation_list(spec).expect("a list");
        private(&list, &issued.pem);
    };
    publish(&ListSpec::empty(now));
    let mut deployment = world.deployment().requests(listen, &side.endpoint(), None);
    deployment.gateway.set("Runtime", "Watch", "yes");
    let ssl = deployment.ssl.as_mut().expect("TLS");
    ssl.set("SSL_SERVER", "CRL_FILE", "./ssl/company-ca.crl")
        .set(
            "SSL_SERVER",
            "SESSION_TICKETS",
            if way.tickets { "yes" } else { "no" },
        )
        .set("SSL_SERVER", "SESSION_CACHE_SIZE", 200_000);
    deployment.write(world.path()).expect("ini files");
    let daemon = Daemon::serving(world.path()).await;

    let crowd = Crowd::gather(way, company, now, size);
    let full = crowd.count(listen, Memory::Leave, Visit::Full, 0).await;
    assert_eq!(full, size, "{way:?}");
    for _ in 0..2 {
        let resumed = crowd.count(listen, Memory::Renew, Visit::Resumed, 0);
        assert_eq!(resumed.await, size, "{way:?}: in the steady state");
    }
    publish(&ListSpec {
        number: 2,
        ..ListSpec::revoking(&[&crowd.first], now)
    });
    let since = Instant::now();
    while !crowd.visitors[0].renew(listen).await.is_refused() {
        assert!(since.elapsed() < PROMISED, "{way:?}\n{}", daemon.said());
    }
    let resumed = crowd.count(listen, Memory::Renew, Visit::Resumed, 1).await;
    assert_eq!(resumed, size - 1, "{way:?}: all but the revoked one");
}
