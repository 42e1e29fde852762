//! The facts that the replay rule rests on, under fault injection.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_local;
use tokio::time::Instant;

use crate::config::settings::FaultStyle;
use crate::http::harness::*;
use crate::http::{
    Delivery, Exchange, Flow, GatewayError, RequestRewrite, Upstream, UpstreamFault, UpstreamSpec,
};
use crate::model::{self, HostPort, Outcome, SystemName};
use crate::net::{Phase, Roster};
use crate::telemetry::{self, UpstreamRole};

fn failed(outcome: Outcome, fault: UpstreamFault) -> Vec<Tried> {
    vec![Tried::Failed(outcome, Some(fault))]
}

fn answered() -> Vec<Tried> {
    vec![Tried::Delivered(Delivery::Complete { keep_alive: true })]
}

#[tokio::test]
async fn a_side_that_refuses_the_connection_was_sent_nothing_and_the_other_one_gets_the_request() {
    on_one_thread(async {
        let side = Side::answering(OK).await;
        let nobody = nobody();
        let gateway = Gateway::to(&[nobody.address, side.address]).await;
        let mut caller = gateway.call().await;
        for _again in 0..3 {
            assert_eq!(caller.ask(post("<dial/>")).await.text(), "hi");
            let mut expected = failed(Outcome::NotSent, UpstreamFault::Connect);
            expected.extend(answered());
            assert_eq!(gateway.tried(), expected);
        }
        assert_eq!(side.executed(), 3);
    })
    .await;
}

/// Fault injection P1: the side breaks off after every single byte of a request.
#[tokio::test]
async fn a_request_is_never_executed_twice_wherever_the_side_breaks_off() {
    on_one_thread(async {
        let request = post("<dial>+49 6221 1234</dial>");
        for reset in [false, true] {
            for cut in 0..=request.len() {
                let first = Side::doing(move |mut raw, side| async move {
                    if raw.bytes(cut).await.len() == cut {
                        if cut == post("<dial>+49 6221 1234</dial>").len() {
                            side.executed.borrow_mut().push(Message {
                                head: String::new(),
                                body: Vec::new(),
                            });
                        }
                        if reset {
                            raw.reset();
                        }
                    }
                })
                .await;
                let second = Side::answering(OK).await;
                let gateway = Gateway::to(&[first.address, second.address]).await;
                let mut caller = gateway.call().await;
                let answer = caller.ask(&request).await;
                let tried = gateway.tried();
                let executed = first.executed() + second.executed();
                if second.accepted() > 0 {
                    // A reset that came before the first byte left: then, and only then, the
                    // other side does it, and does it once.
                    let mut expected = failed(Outcome::NotSent, UpstreamFault::Closed);
                    expected.extend(answered());
                    assert_eq!(tried, expected, "cut at {cut}");
                    assert_eq!((executed, answer.text().as_str()), (1, "hi"));
                    assert_eq!((cut, reset), (0, true));
                    continue;
                }
                assert!(executed <= 1, "cut at {cut}");
                // The kernel took the request in one piece, so nobody can know.
                assert_eq!(
                    tried,
                    failed(Outcome::SentNoAnswer, UpstreamFault::Closed),
                    "cut at {cut}: {answer:?}"
                );
                assert!(answer.text().contains("GW-502-NO-ANSWER"), "{answer:?}");
            }
        }
    })
    .await;
}

/// The same where the body arrives in pieces: what has left is known to the byte.
#[tokio::test]
async fn a_request_that_broke_off_in_its_body_is_partly_sent_and_not_tried_again() {
    on_one_thread(async {
        let body = "<dial>+49</dial>";
        let request = post(body);
        let head = request.len() - body.len();
        for sent in 0..body.len() {
            let go = Rc::new(RefCell::new(false));
            let told = Rc::clone(&go);
            let first = Side::doing(move |mut raw, _| {
                let told = Rc::clone(&told);
                async move {
                    raw.bytes(head + sent).await;
                    *told.borrow_mut() = true;
                    raw.reset();
                }
            })
            .await;
            let second = Side::answering(OK).await;
            let gateway = Gateway::to(&[first.address, second.address]).await;
            let mut caller = gateway.call().await;
            caller.send(&request.as_bytes()[..head + sent]).await;
            while !*go.borrow() {
                tokio::task::yield_now().await;
            }
            let answer = caller.message().await.expect("an answer");
            assert!(answer.text().contains("GW-502-PARTLY-SENT"), "{answer:?}");
            assert_eq!(
                gateway.tried(),
                failed(Outcome::PartlySent, UpstreamFault::Closed)
            );
            assert_eq!(second.accepted(), 0);
        }
    })
    .await;
}

/// A flow whose first side takes nothing of the request, and is declared down while the second one
/// is dialled.
struct SecondTry {
    second: Arc<Upstream>,
    roster: Roster,
    system: SystemName,
}

impl Flow for SecondTry {
    fn fault_style(&self) -> FaultStyle {
        FaultStyle::Soap
    }

    fn kind(&self) -> telemetry::Flow {
        telemetry::Flow::Request
    }

    fn system(&self) -> &SystemName {
        &self.system
    }

    async fn handle(&self, exchange: &mut Exchange<'_>) -> Result<Delivery, GatewayError> {
        let since = Instant::now();
        let seat = exchange.caller.waiter.seat();
        seat.set_phase(Phase::Sending(model::Side::A, since));
        let roster = self.roster.clone();
        // Its turn comes while the dial waits for the resolver's thread.
        let down = spawn_local(async move {
            let declared = Instant::now();
            roster.abandon(0, model::Side::A, declared, Duration::ZERO);
        });
        let rewrite = RequestRewrite {
            host_if_missing: "side",
            ..RequestRewrite::default()
        };
        let tried = exchange
            .forward(&self.second, Some(model::Side::B), &rewrite)
            .await;
        down.await.expect("it was declared down");
        tried.map_err(|failed| failed.error)
    }
}

#[tokio::test]
async fn a_side_that_goes_down_does_not_end_the_dial_to_the_other_one() {
    on_one_thread(async {
        let side = Side::answering(OK).await;
        let target = HostPort::new("localhost", side.address.port()).expect("valid");
        let roster = Roster::new();
        let flow = SecondTry {
            second: Arc::new(Upstream::new(UpstreamSpec {
                system: "SAP1".parse().expect("a name"),
                role: UpstreamRole::Side(model::Side::A),
                dialled: target.clone(),
                target,
                tls: None,
                probe_tls: None,
                connect_timeout: SOON,
                response_timeout: SOON,
                pool_idle: Duration::ZERO,
            })),
            roster: roster.clone(),
            system: "T01".parse().expect("a name"),
        };
        let gateway = Gateway::running(flow, &limits(), roster).await;
        let mut caller = gateway.call().await;
        for _again in 0..3 {
            assert_eq!(caller.ask(post("<dial/>")).await.text(), "hi");
        }
    })
    .await;
}
