use super::*;
use crate::model::Clock;

fn authority(key: u8) -> Authority {
    Authority {
        key: AuthorityKey([key; 32]),
        name: format!("CN=CA {key}"),
        not_after: WallTime(1_000_000),
    }
}

fn principal(number: u32) -> Arc<Principal> {
    let mut fingerprint = [0; 32];
    fingerprint[..4].copy_from_slice(&number.to_be_bytes());
    Arc::new(Principal {
        subject: format!("CN=client {number}"),
        issuer: "CN=CA".to_owned(),
        serial: format!("{number:x}"),
        fingerprint: Fingerprint(fingerprint),
    })
}

fn role(all: &Arc<AuthorityUses>, name: &str) -> RoleUses {
    RoleUses {
        all: Arc::clone(all),
        role: name.into(),
    }
}

/// A client that is let in.
fn comes(client: &Arc<ClientUse>, clock: &Clock) -> Presence {
    arrival(client, clock).serve(TlsRole::Requests)
}

fn arrival(client: &Arc<ClientUse>, clock: &Clock) -> Arrival {
    let fingerprint = client.fingerprint().0.to_vec();
    Arrival::new(Arc::clone(client), vec![fingerprint].into(), clock)
}

/// Subjects of the clients of the first authority, and how many more.
fn seen(all: &AuthorityUses, since: i64, now: i64) -> (Vec<String>, usize) {
    let uses = all.since(WallTime(since), WallTime(now), 3);
    let Some(one) = uses.into_iter().next() else {
        return (Vec::new(), 0);
    };
    let subjects = one.clients.into_iter().map(|client| client.subject);
    (subjects.collect(), one.more)
}

#[test]
fn a_client_counts_once_its_handshake_is_done_and_not_when_its_chain_was_judged() {
    let all = Arc::default();
    let uses = role(&all, "SAP1");
    let clock = Clock::system();
    let client = uses.of(&authority(1), &principal(1));
    let now = clock.now().0;
    assert_eq!(seen(&all, now - 10, now).0, Vec::<String>::new());
    drop(comes(&client, &clock));
    assert_eq!(seen(&all, now - 10, now).0, ["CN=client 1"]);
}

#[test]
fn a_client_that_its_issuer_has_withdrawn_does_not_count_until_it_is_served_again() {
    let all = Arc::default();
    let uses = role(&all, "SAP1");
    let clock = Clock::system();
    let now = clock.now().0;
    let counts = || !seen(&all, now - 10, now).0.is_empty();
    let client = uses.of(&authority(1), &principal(1));
    let arrived = arrival(&client, &clock);
    assert!(!counts(), "it is not known yet whether it is served");
    arrived.withdraw();
    assert!(!counts(), "it never was");
    let here = arrived.serve(TlsRole::Requests);
    assert!(counts());
    // As another judge knows it.
    let same = uses.of(&authority(1), &principal(1));
    arrival(&same, &clock).withdraw();
    assert!(!counts(), "although it is still connected");
    drop(here);
    assert!(!counts(), "and when it leaves");
    let back = arrived.serve(TlsRole::Requests);
    assert!(counts());
    drop(back);
    assert!(counts());
}

#[test]
fn a_client_that_is_connected_is_here_now_however_long_ago_it_came() {
    let all = Arc::default();
    let clock = Clock::system();
    let came = clock.now().0;
    let client = role(&all, "SAP1").of(&authority(1), &principal(1));
    let presence = comes(&client, &clock);
    clock.shift(100_000);
    let now = clock.now().0;
    assert_eq!(seen(&all, now - 10, now).0, ["CN=client 1"]);
    drop(presence);
    clock.shift(50);
    let later = clock.now();
    assert!(seen(&all, later.0 - 10, later.0).0.is_empty());
    let last = all.since(WallTime(came), later, 1)[0].last().expect("used");
    assert!((now..=later.0 - 50).contains(&last.0), "{last}");
}

#[test]
fn roles_and_keys_are_apart_and_a_name_tells_nothing() {
    let all = Arc::default();
    let clock = Clock::system();
    let twin = Authority {
        name: authority(1).name,
        ..authority(2)
    };
    for (name, authority) in [
        ("SAP1", authority(1)),
        ("SAP1", twin),
        ("SAP2", authority(1)),
    ] {
        drop(comes(
            &role(&all, name).of(&authority, &principal(1)),
            &clock,
        ));
    }
    let uses = all.since(WallTime(0), clock.now(), 3);
    let told: Vec<_> = uses
        .iter()
        .map(|one| (one.role.as_str(), one.authority.key.0[0]))
        .collect();
    assert_eq!(told, [("SAP1", 1), ("SAP1", 2), ("SAP2", 1)]);
}

#[test]
fn the_latest_clients_are_named_and_the_others_counted() {
    let all = Arc::default();
    let clock = Clock::system();
    let begin = clock.now().0;
    for number in 0..8 {
        drop(comes(
            &role(&all, "SAP1").of(&authority(1), &principal(number)),
            &clock,
        ));
        clock.shift(100);
    }
    let now = clock.now().0;
    let (named, more) = seen(&all, begin, now);
    assert_eq!(named, ["CN=client 7", "CN=client 6", "CN=client 5"]);
    assert_eq!(more, 5);
    // Of those before, nobody was there since.
    assert_eq!(
        seen(&all, begin + 650, now),
        (vec!["CN=client 7".to_owned()], 0)
    );
}

#[test]
fn a_renewed_certificate_of_the_same_key_is_the_same_authority_and_lasts_as_long_as_it() {
    let all = Arc::default();
    let uses = role(&all, "SAP1");
    let renewed = Authority {
        not_after: WallTime(2_000_000),
        ..authority(1)
    };
    let clock = Clock::system();
    drop(comes(&uses.of(&renewed, &principal(1)), &clock));
    drop(comes(&uses.of(&authority(1), &principal(1)), &clock));
    let known = all.since(WallTime(0), clock.now(), 3);
    assert_eq!(known.len(), 1);
    assert_eq!(known[0].authority, renewed);
    assert_eq!((known[0].clients.len(), known[0].more), (1, 0));
}

#[test]
fn what_was_known_before_a_restart_is_known_after_it_and_nobody_is_counted_twice() {
    let clock = Clock::system();
    let before: Arc<AuthorityUses> = Arc::default();
    for number in 0..8 {
        drop(comes(
            &role(&before, "SAP1").of(&authority(1), &principal(number)),
            &clock,
        ));
    }
    let after = Arc::default();
    let known = before.since(WallTime(0), clock.now(), 3);
    AuthorityUses::remember(&after, known.clone());
    assert_eq!(after.since(WallTime(0), clock.now(), 3), known);
    for number in 0..8 {
        drop(comes(
            &role(&after, "SAP1").of(&authority(1), &principal(number)),
            &clock,
        ));
    }
    assert_eq!(
        after.since(WallTime(0), clock.now(), 10)[0].clients.len(),
        8
    );
    assert_eq!(after.since(WallTime(0), clock.now(), 10)[0].more, 0);
}

#[test]
fn an_authority_that_nobody_believes_any_more_is_forgotten() {
    let all = Arc::default();
    let clock = Clock::system();
    for key in [1, 2] {
        drop(comes(
            &role(&all, "SAP1").of(&authority(key), &principal(1)),
            &clock,
        ));
    }
    let believed = HashSet::from([
        ("SAP1", AuthorityKey([2; 32])),
        ("SAP2", AuthorityKey([1; 32])),
    ]);
    assert!(all.keep(&believed, |_, _| None));
    assert!(!all.keep(&believed, |_, _| None));
    let left = all.since(WallTime(0), clock.now(), 3);
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].authority, authority(2));
}

#[test]
fn a_client_whose_authority_is_forgotten_counts_for_another_one_that_vouches_for_it() {
    let all = Arc::default();
    let clock = Clock::system();
    for number in [1, 2] {
        drop(comes(
            &role(&all, "SAP1").of(&authority(1), &principal(number)),
            &clock,
        ));
    }
    let came = clock.now();
    clock.shift(100);
    let believed = HashSet::from([("SAP1", AuthorityKey([2; 32]))]);
    let first: Chain = vec![principal(1).fingerprint.0.to_vec()].into();
    let vouching =
        |role: &str, chain: &Chain| (role == "SAP1" && *chain == first).then(|| authority(2));
    assert!(all.keep(&believed, vouching));
    let left = all.since(WallTime(0), clock.now(), 3);
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].authority, authority(2));
    let [client] = &left[0].clients[..] else {
        panic!("one client: {left:?}");
    };
    assert_eq!(
        (client.subject.as_str(), &client.chain),
        ("CN=client 1", &first)
    );
    assert!((came.0 - 1..=came.0).contains(&client.last.0), "{client:?}");
}

#[test]
fn the_number_of_clients_is_bounded_and_whoever_is_here_or_came_lately_is_kept() {
    let all = Arc::default();
    let uses = role(&all, "SAP1");
    let clock = Clock::system();
    let begin = clock.now().0;
    let here = comes(&uses.of(&authority(1), &principal(0)), &clock);
    let count = u32::try_from(MOST_CLIENTS).expect("small");
    let mut most = 0;
    for number in 1..count * 2 {
        clock.shift(1);
        drop(comes(&uses.of(&authority(1), &principal(number)), &clock));
        let kept = all.lock().values().next().expect("one").clients.len();
        most = most.max(kept);
        // One that is new makes room for many others, so that the next ones need not look again.
        if number == count {
            assert_eq!(kept, MOST_CLIENTS - FORGOTTEN_AT_ONCE + 1);
        }
    }
    assert_eq!(most, MOST_CLIENTS);
    let now = clock.now();
    let kept = all.since(WallTime(begin), now, MOST_CLIENTS);
    let kept = &kept[0].clients;
    assert!(kept.iter().any(|client| client.subject == "CN=client 0"));
    let lately = (count * 2 - 8_000..count * 2).map(|number| format!("CN=client {number}"));
    let subjects: HashSet<_> = kept.iter().map(|client| client.subject.clone()).collect();
    let missing: Vec<_> = lately.filter(|name| !subjects.contains(name)).collect();
    assert_eq!(missing, Vec::<String>::new());
    drop(here);
}

#[test]
fn clients_that_are_known_by_number_count_only_as_long_as_the_latest_of_them_may_have_come() {
    let all = Arc::default();
    let uses = role(&all, "SAP1");
    let clock = Clock::system();
    let begin = clock.now().0;
    let count = u32::try_from(MOST_CLIENTS).expect("small") + 1;
    for number in 1..=count {
        drop(comes(&uses.of(&authority(1), &principal(number)), &clock));
    }
    clock.shift(1_000);
    let one = uses.of(&authority(1), &principal(count));
    drop(comes(&one, &clock));
    let now = clock.now().0;
    let (_, more) = seen(&all, begin, now);
    assert_eq!(more + 3, MOST_CLIENTS + 1);
    let lately = seen(&all, now - 10, now);
    assert_eq!(lately, (vec![format!("CN=client {count}")], 0));
}

#[test]
fn a_client_that_was_forgotten_for_others_counts_when_it_comes_again() {
    let all = Arc::default();
    let uses = role(&all, "SAP1");
    let clock = Clock::system();
    let (judged, known) = (
        uses.of(&authority(1), &principal(0)),
        uses.of(&authority(1), &principal(1)),
    );
    drop(comes(&known, &clock));
    clock.shift(10);
    let count = u32::try_from(MOST_CLIENTS).expect("small") + 20;
    for number in 2..count {
        drop(comes(&uses.of(&authority(1), &principal(number)), &clock));
    }
    for (client, name) in [(judged, "CN=client 0"), (known, "CN=client 1")] {
        clock.shift(1_000);
        drop(comes(&client, &clock));
        let now = clock.now().0;
        assert_eq!(seen(&all, now - 10, now).0, [name]);
    }
}

#[test]
fn certificates_of_others_that_were_only_shown_push_nobody_out() {
    let all = Arc::default();
    let uses = role(&all, "SAP1");
    let clock = Clock::system();
    drop(comes(&uses.of(&authority(1), &principal(0)), &clock));
    let count = u32::try_from(2 * MOST_CLIENTS).expect("small");
    let shown: Vec<_> = (1..count)
        .map(|number| uses.of(&authority(1), &principal(number)))
        .collect();
    let now = clock.now().0;
    let (named, more) = seen(&all, now - 10, now);
    assert_eq!((named, more), (vec!["CN=client 0".to_owned()], 0));
    drop(shown);
}

/// As what the only client of the first authority was there, and when last.
fn roles(all: &AuthorityUses, now: WallTime) -> Vec<(TlsRole, i64)> {
    let known = all.since(WallTime(0), now, 1).remove(0).clients.remove(0);
    let each = known.roles.into_iter();
    each.map(|seen| (seen.role, seen.last.0)).collect()
}

#[test]
fn it_is_known_as_what_a_client_was_there_also_after_a_restart_and_with_another_authority() {
    let all = Arc::default();
    let clock = Clock::system();
    let client = role(&all, "SAP1").of(&authority(1), &principal(1));
    let for_requests = comes(&client, &clock);
    clock.shift(1_000);
    drop(arrival(&client, &clock).serve(TlsRole::Events));
    let came = clock.now();
    clock.shift(1_000);
    let now = clock.now();
    let known = roles(&all, now);
    // It is still connected as the one, and was there once as the other.
    assert_eq!(known[0], (TlsRole::Requests, now.0));
    assert!(known[1].0 == TlsRole::Events && (came.0 - 1..=came.0).contains(&known[1].1));
    drop(for_requests);
    let later = WallTime(now.0 + 9);
    let left = roles(&all, later);
    assert!((now.0..later.0).contains(&left[0].1), "{left:?}");
    let after = AuthorityUses::default();
    after.remember(all.since(WallTime(0), later, 1));
    assert_eq!(roles(&after, later), left);
    after.keep(&HashSet::new(), |_, _| Some(authority(2)));
    assert_eq!(roles(&after, later), left);
}
