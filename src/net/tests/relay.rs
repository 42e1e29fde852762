use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

use super::*;
use crate::model::ConnectionId;
use crate::net::{Roster, Scope};

const IDLE: Duration = Duration::from_secs(20);

/// A relay under way, with both far ends in hand.
struct Relayed {
    caller: TcpStream,
    target: TcpStream,
    roster: Roster,
    report: tokio::task::JoinHandle<RelayReport>,
}

async fn pair() -> (TcpStream, Socket) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let addr = listener.local_addr().expect("bound");
    let (dialled, accepted) = tokio::join!(TcpStream::connect(addr), listener.accept());
    let (accepted, peer) = accepted.expect("accepted");
    (dialled.expect("dialled"), Socket::new(accepted, peer))
}

async fn start(idle: Duration) -> Relayed {
    let (caller, mut caller_socket) = pair().await;
    let (target, mut target_socket) = pair().await;
    let roster = Roster::new();
    let seat = roster.seat(
        ConnectionId(1),
        caller_socket.peer(),
        Scope {
            system: 0,
            listener: 0,
        },
    );
    let report = tokio::task::spawn_local(async move {
        let mut waiter = Waiter::new(seat);
        relay(
            &mut caller_socket,
            &mut target_socket,
            &mut waiter,
            &Scratch::new(),
            (Inside::Anything, idle),
        )
        .await
    });
    Relayed {
        caller,
        target,
        roster,
        report,
    }
}

#[tokio::test]
async fn bytes_pass_untouched_both_ways_and_are_counted() {
    LocalSet::new()
        .run_until(async {
            let mut relayed = start(IDLE).await;
            let bytes: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
            let (mut caller_read, mut caller_write) = relayed.caller.split();
            let (mut target_read, mut target_write) = relayed.target.split();
            let mut there = Vec::new();
            let mut back = Vec::new();
            tokio::join!(
                async {
                    caller_write.write_all(&bytes).await.expect("sent");
                    caller_write.shutdown().await.expect("closed");
                },
                async { target_read.read_to_end(&mut there).await.expect("received") },
                async {
                    target_write.write_all(&bytes[1..]).await.expect("sent");
                    target_write.shutdown().await.expect("closed");
                },
                async { caller_read.read_to_end(&mut back).await.expect("received") },
            );
            assert!(there == bytes && back == bytes[1..]);
            let report = relayed.report.await.expect("ended");
            let length = bytes.len() as u64;
            let expected = RelayReport {
                to_target: length,
                to_caller: length - 1,
                end: RelayEnd::Closed,
                unanswered: false,
            };
            assert_eq!(report, expected);
        })
        .await;
}

#[tokio::test]
async fn an_end_that_has_closed_its_direction_still_receives_everything() {
    LocalSet::new()
        .run_until(async {
            let mut relayed = start(IDLE).await;
            relayed.caller.write_all(b"question").await.expect("sent");
            relayed.caller.shutdown().await.expect("half closed");
            let mut question = Vec::new();
            relayed
                .target
                .read_to_end(&mut question)
                .await
                .expect("received");
            assert_eq!(question, b"question");
            // The answer begins only after the far end has seen the half-close.
            let answer = vec![7; 1_000_000];
            let mut received = Vec::new();
            let (mut read, mut write) = (relayed.caller, relayed.target);
            tokio::join!(
                async {
                    write.write_all(&answer).await.expect("sent");
                    write.shutdown().await.expect("closed");
                },
                async { read.read_to_end(&mut received).await.expect("received") },
            );
            assert!(received == answer);
            assert_eq!(relayed.report.await.expect("ended").end, RelayEnd::Closed);
        })
        .await;
}

#[tokio::test]
#[cfg_attr(
    windows,
    ignore = "under Wine 8 a socket of an event loop ends in order where a reset was asked for"
)]
async fn a_reset_of_one_end_reaches_the_other_as_a_reset() {
    LocalSet::new()
        .run_until(async {
            let mut relayed = start(IDLE).await;
            relayed
                .target
                .write_all(b"half an ans")
                .await
                .expect("sent");
            let mut some = [0; 11];
            relayed
                .caller
                .read_exact(&mut some)
                .await
                .expect("received");
            socket2::SockRef::from(&relayed.target)
                .set_linger(Some(Duration::ZERO))
                .expect("set");
            drop(relayed.target);
            let error = relayed
                .caller
                .read(&mut some)
                .await
                .expect_err("a clean end would lie");
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
            assert_eq!(
                relayed.report.await.expect("ended").end,
                RelayEnd::TargetLost
            );
        })
        .await;
}

#[tokio::test]
async fn a_connection_on_which_nothing_moves_ends_at_the_idle_limit() {
    LocalSet::new()
        .run_until(async {
            let limit = Duration::from_millis(150);
            let begun = Instant::now();
            let relayed = start(limit).await;
            assert_eq!(relayed.report.await.expect("ended").end, RelayEnd::Idle);
            assert!(begun.elapsed() >= limit);
        })
        .await;
}

impl Relayed {
    async fn ask(&mut self) {
        self.caller.write_all(b"question").await.expect("sent");
        let mut question = [0; 8];
        let received = self.target.read_exact(&mut question).await;
        received.expect("received");
    }

    async fn ends(self, end: RelayEnd) -> RelayReport {
        let mut ends = vec![self.caller, self.target];
        let lost = match end {
            RelayEnd::CallerLost => Some(0),
            RelayEnd::TargetLost => Some(1),
            RelayEnd::Closed | RelayEnd::Idle | RelayEnd::Drained | RelayEnd::Cut => None,
        };
        if let Some(lost) = lost {
            let lost = ends.remove(lost);
            lost.set_zero_linger().expect("open");
        }
        if end == RelayEnd::Cut {
            self.roster.cut(|_| true);
        }
        self.report.await.expect("ended")
    }

    async fn answer(&mut self) {
        self.target.write_all(b"answer").await.expect("sent");
        let mut answer = [0; 6];
        let received = self.caller.read_exact(&mut answer).await;
        received.expect("received");
    }
}

#[test]
fn an_answer_that_may_end_a_handshake_is_followed_by_a_longer_wait() {
    let mut talk = Talk::default();
    assert_eq!(
        talk.quiet(Inside::Anything),
        Some(QUIET),
        "nothing was ever said"
    );
    for _ in 0..HANDSHAKE_ANSWERS {
        talk.moved(true, false);
        assert_eq!(talk.quiet(Inside::Anything), None);
        talk.moved(false, true);
        talk.moved(false, true);
        assert_eq!(talk.quiet(Inside::Anything), Some(QUIET_AT_FIRST));
        assert_eq!(talk.quiet(Inside::Talk), Some(QUIET));
    }
    talk.moved(true, false);
    talk.moved(false, true);
    assert_eq!(talk.quiet(Inside::Anything), Some(QUIET));
}

#[test]
fn what_comes_back_with_a_request_is_not_its_answer() {
    let mut talk = Talk::default();
    talk.moved(true, false);
    talk.moved(true, true);
    assert_eq!(talk.quiet(Inside::Anything), None);
}

#[tokio::test]
async fn a_drain_lets_an_open_exchange_be_answered_first() {
    LocalSet::new()
        .run_until(async {
            let mut relayed = start(IDLE).await;
            for _ in 0..HANDSHAKE_ANSWERS {
                relayed.ask().await;
                relayed.answer().await;
            }
            relayed.ask().await;
            relayed.roster.ask_to_leave(|_| true);
            relayed.roster.hasten();
            // The far end takes longer than the silence after which a drain ends a quiet
            // connection; its answer still has to arrive.
            let early = tokio::time::timeout(QUIET * 2, &mut relayed.report).await;
            early.expect_err("the question is still open");
            relayed.answer().await;
            assert_eq!(relayed.report.await.expect("ended").end, RelayEnd::Drained);
        })
        .await;
}

#[tokio::test]
async fn a_cut_ends_a_connection_whatever_it_does() {
    LocalSet::new()
        .run_until(async {
            let mut relayed = start(IDLE).await;
            relayed.caller.write_all(b"question").await.expect("sent");
            let mut question = [0; 8];
            relayed
                .target
                .read_exact(&mut question)
                .await
                .expect("received");
            relayed.roster.cut(|_| true);
            assert_eq!(relayed.report.await.expect("ended").end, RelayEnd::Cut);
        })
        .await;
}

#[tokio::test]
#[cfg_attr(
    windows,
    ignore = "under Wine 8 a socket of an event loop ends in order where a reset was asked for"
)]
async fn a_question_that_is_open_when_a_relay_breaks_off_is_known_to_have_no_answer() {
    LocalSet::new()
        .run_until(async {
            for end in [
                RelayEnd::CallerLost,
                RelayEnd::TargetLost,
                RelayEnd::Idle,
                RelayEnd::Cut,
            ] {
                for asks_again in [false, true] {
                    let mut relayed = start(QUIET).await;
                    relayed.ask().await;
                    relayed.answer().await;
                    if asks_again {
                        relayed.ask().await;
                    }
                    let report = relayed.ends(end).await;
                    assert_eq!((report.end, report.unanswered), (end, asks_again));
                }
            }
        })
        .await;
}
