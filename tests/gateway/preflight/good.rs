//! Where all is well nothing is found, and little is done to find that out.

use crmgate::certs::issue::ListSpec;
use crmgate::model::Side;
use crmgate::preflight::{Phase, Status};
use crmgate::simulate::{CaModel, FileLayout, Party};

use super::fakes::Fake;
use super::{Yard, few, found, script};
use crate::support::host::private;
use crate::support::recorder::{FINE, Recorder};
use crate::support::{World, free_address};

/// Nothing is found, and nothing is left out.
async fn is_good(yard: &Yard) {
    let report = yard.report().await;
    let text = report.to_text(false);
    assert_eq!(found(&report), [], "{text}");
    assert_eq!(report.count(Status::Skipped), 0, "{text}");
    assert!(report.usable && report.worst().is_none(), "{text}");
}

#[tokio::test]
async fn nothing_is_found_where_all_is_well() {
    is_good(&Yard::new().await).await;
}

#[tokio::test]
async fn nothing_is_found_with_an_authority_for_each_side_and_two_files() {
    let world = World::with(CaModel::Separate, FileLayout::Pair);
    let (a, b) = (world.tls_side(Side::A), world.tls_side(Side::B));
    let (_receiver, crm) = world.receiver();
    let mut yard = Yard::around(world);
    yard.deployment = yard
        .world
        .deployment()
        .requests(free_address(), &a.endpoint(), Some(&b.endpoint()))
        .events(free_address(), &crm);
    few(&mut yard.deployment);
    is_good(&yard).await;
}

#[tokio::test]
async fn nothing_is_found_where_the_way_to_sap_crm_goes_through_a_proxy() {
    let mut yard = Yard::without_crm();
    let crm = Recorder::fine(Some(&yard.world.pki.peer(Party::Crm))).await;
    let proxy = Fake::relay(crm.addr()).await;
    yard.point_at(&crm.endpoint());
    yard.through(proxy.at);
    is_good(&yard).await;
}

#[tokio::test]
async fn nothing_is_found_where_a_proxy_is_the_only_way() {
    let mut yard = Yard::without_crm();
    let crm = Recorder::fine(Some(&yard.world.pki.peer(Party::Crm))).await;
    let proxy = Fake::relay(crm.addr()).await;
    // Nobody listens there: the certificate is for this address as well.
    yard.point_at_tls(free_address());
    yard.through(proxy.at);
    is_good(&yard).await;
}

#[tokio::test]
async fn nothing_is_found_with_lists_that_are_in_force() {
    let mut yard = Yard::new().await;
    let spec = ListSpec::empty(yard.world.clock.now());
    let list = yard.company().revocation_list(&spec).expect("a list");
    private(&yard.world.pki.folder().join("company.crl"), &list.pem);
    let ssl = yard.deployment.ssl.as_mut().expect("TLS");
    ssl.set("SSL_SERVER_CLIENT", "CRL_FILE", "./ssl/company.crl");
    is_good(&yard).await;
}

#[tokio::test]
async fn nothing_is_found_while_the_gateway_is_at_work() {
    let mut yard = Yard::new().await;
    yard.options.phase = Phase::Daily;
    let _gateway = yard.world.serve(&yard.deployment).await;
    is_good(&yard).await;
}

#[tokio::test]
async fn nothing_is_found_with_a_static_route_and_with_passthrough() {
    let mut yard = Yard::without_crm();
    let far = Fake::silent().await;
    let listen = ([127, 0, 0, 1], free_address().port()).into();
    yard.deployment = yard.deployment.clone().static_route(listen, far.at);
    yard.deployment
        .system
        .set("Requests", "Mode", "passthrough");
    yard.deployment
        .system
        .set("Requests", "SideA", format!("https://{}", far.at));
    yard.deployment.system.set("Probe", "Type", "tcp");
    let report = yard.report().await;
    assert_eq!(found(&report), [], "{}", report.to_text(false));
}

#[tokio::test]
async fn whoever_is_called_gets_two_connections_one_request_without_effect_and_no_credentials() {
    let mut yard = Yard::without_crm();
    let crm = Recorder::start(Some(&yard.world.pki.peer(Party::Crm)), script(FINE)).await;
    yard.point_at(&crm.endpoint());
    is_good(&yard).await;
    let request = crm.only();
    assert!(
        request.start.starts_with("HEAD /sap/bc/soap/ici HTTP/1.1"),
        "{}",
        request.start
    );
    for name in ["authorization", "cookie", "proxy-authorization"] {
        assert_eq!(request.value(name), None);
    }
    assert_eq!(crm.connections(), 2);
}

#[tokio::test]
async fn the_order_of_the_report_is_always_the_same() {
    let yard = Yard::new().await;
    let of = |report: &crmgate::preflight::Report| {
        let sections = report.sections.iter();
        let each = sections.flat_map(|section| {
            let lines = section.lines.iter().map(|line| line.id);
            std::iter::once(section.title.clone()).chain(lines.map(str::to_owned))
        });
        each.collect::<Vec<String>>()
    };
    let first = of(&yard.report().await);
    assert_eq!(first, of(&yard.report().await));
    assert!(first.len() > 30, "{first:?}");
}

#[tokio::test]
async fn one_system_one_side_and_some_checks_can_be_chosen() {
    let mut yard = Yard::new().await;
    yard.options.side = Some(Side::A);
    yard.options.only = vec!["peer-port".to_owned(), "own".to_owned()];
    let report = yard.report().await;
    let ids: Vec<_> = report.lines().map(|line| line.id).collect();
    assert_eq!(ids.iter().filter(|id| **id == "peer-port").count(), 1);
    assert!(
        ids.iter()
            .all(|id| *id == "peer-port" || id.starts_with("own-")),
        "{ids:?}"
    );
    yard.options.system = Some("SAP7".to_owned());
    let unknown =
        crmgate::preflight::run(yard.world.path(), &yard.options, &yard.world.clock).await;
    assert_eq!(
        unknown.expect_err("unknown").to_string(),
        "there is no SAP system \"SAP7\" in the configuration; there is SAP1"
    );
}
