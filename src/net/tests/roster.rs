use super::*;

const fn scope(listener: u32) -> Scope {
    Scope {
        system: 1,
        listener,
    }
}

fn peer() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 1))
}

#[tokio::test]
async fn the_roster_is_empty_when_the_last_seat_is_dropped() {
    let roster = Roster::new();
    let one = roster.seat(ConnectionId(1), peer(), scope(0));
    let two = roster.seat(ConnectionId(2), peer(), scope(0));
    let waits = roster.emptied();
    tokio::pin!(waits);
    drop(one);
    assert!(futures_poll(waits.as_mut()).is_pending());
    drop(two);
    waits.await;
    assert!(roster.is_empty());
}

#[test]
fn asking_one_scope_to_leave_spares_the_others() {
    let roster = Roster::new();
    let one = roster.seat(ConnectionId(1), peer(), scope(1));
    let two = roster.seat(ConnectionId(2), peer(), scope(2));
    roster.ask_to_leave(|scope| scope.listener == 1);
    assert!(one.is_leaving() && !one.leaves_when_idle());
    roster.hasten();
    assert!(one.leaves_when_idle() && !one.is_cut());
    assert!(!two.is_leaving());
}

#[test]
fn those_who_sit_in_a_place_that_moved_are_found_in_its_new_scope() {
    let roster = Roster::new();
    let place = Place::from(scope(1));
    let moved = roster.seat(ConnectionId(1), peer(), place.clone());
    let stays = roster.seat(ConnectionId(2), peer(), scope(1));
    place.move_to(scope(2));
    roster.ask_to_leave(|scope| scope.listener == 2);
    assert!(moved.is_leaving() && !stays.is_leaving());
}

#[test]
fn only_connections_relayed_to_a_side_that_was_left_are_asked_to_leave() {
    let roster = Roster::new();
    let there = roster.seat(ConnectionId(1), peer(), scope(1));
    let waits = roster.seat(ConnectionId(2), peer(), scope(1));
    let elsewhere = roster.seat(ConnectionId(3), peer(), scope(1));
    let exchange = roster.seat(ConnectionId(4), peer(), scope(1));
    there.set_phase(Phase::Relaying(Some(Side::A)));
    waits.set_phase(Phase::Relaying(Some(Side::A)));
    waits.set_phase(Phase::Waiting(Side::A, Instant::now()));
    elsewhere.set_phase(Phase::Relaying(Some(Side::B)));
    exchange.set_phase(Phase::Waiting(Side::A, Instant::now()));
    roster.leave_side(2, Side::A);
    assert!(!there.is_leaving(), "another system");
    roster.leave_side(1, Side::A);
    assert!(there.leaves_when_idle() && waits.leaves_when_idle());
    assert!(!elsewhere.is_leaving() && !exchange.is_leaving());
}

#[test]
fn a_cut_says_what_each_connection_was_doing() {
    let roster = Roster::new();
    let one = roster.seat(ConnectionId(1), peer(), scope(1));
    one.set_phase(Phase::Relaying(None));
    assert_eq!(roster.cut(|_| true), [(peer(), Phase::Relaying(None))]);
    assert!(one.is_cut());
}

#[tokio::test(start_paused = true)]
async fn only_exchanges_that_waited_long_enough_for_that_side_are_abandoned() {
    const LIMIT: Duration = Duration::from_secs(3);
    let roster = Roster::new();
    let start = Instant::now();
    let declared = start + Duration::from_secs(3);
    let old = roster.seat(ConnectionId(1), peer(), scope(1));
    let young = roster.seat(ConnectionId(2), peer(), scope(1));
    let elsewhere = roster.seat(ConnectionId(3), peer(), scope(1));
    let later = roster.seat(ConnectionId(4), peer(), scope(1));
    tokio::time::advance(LIMIT).await;
    old.set_phase(Phase::Sending(Side::A, start));
    young.set_phase(Phase::Waiting(Side::A, start + Duration::from_secs(2)));
    elsewhere.set_phase(Phase::Waiting(Side::B, start));
    later.set_phase(Phase::Waiting(Side::A, start + Duration::from_secs(4)));
    let next = roster.abandon(1, Side::A, declared, LIMIT);
    assert!(old.is_abandoned() && !young.is_abandoned() && !elsewhere.is_abandoned());
    assert_eq!(next, Some(start + Duration::from_secs(2) + LIMIT));
    tokio::time::advance(LIMIT).await;
    assert_eq!(roster.abandon(1, Side::A, declared, LIMIT), None);
    assert!(young.is_abandoned());
    assert!(
        !later.is_abandoned(),
        "it was given to a side that was known to be down"
    );
    old.set_phase(Phase::Busy);
    assert!(
        !old.is_abandoned(),
        "the next request of that connection starts afresh"
    );
}

fn futures_poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
