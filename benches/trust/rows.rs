//! The trials, one row each.

use std::net::SocketAddr;
use std::time::Duration;

use crmgate::model::WallTime;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::cell::{Cell, Row, Share, Table, summary};
use crate::ground::{Client, Ground, LIST};
use crate::server::{Door, Plan, Server, Sessions, deployment};
use crate::support::visitor::{Library, Version, Visit, Visitor};
use crate::support::{PATIENCE, free_address, pause};
use crate::tools::Product;

/// What is changed under a running server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// The list names the victim; the server reloads.
    List,
    /// The same without a reload.
    ListAtRunTime,
    /// The victim's authority has another key under the same name; the server reloads.
    Authority,
}

/// A session or connection from before a change, after it.
const CHANGES: &[(&str, Sessions, Change)] = &[
    (
        "session in the cache, revoked, reload",
        Sessions::Cache,
        Change::List,
    ),
    (
        "ticket under a shared key, revoked, reload",
        Sessions::SharedTickets,
        Change::List,
    ),
    (
        "as installed, revoked, reload",
        Sessions::AsInstalled,
        Change::List,
    ),
    (
        "session in the cache, revoked, no reload",
        Sessions::Cache,
        Change::ListAtRunTime,
    ),
    (
        "ticket under a shared key, revoked, no reload",
        Sessions::SharedTickets,
        Change::ListAtRunTime,
    ),
    (
        "session in the cache, CA with another key, reload",
        Sessions::Cache,
        Change::Authority,
    ),
    (
        "ticket under a shared key, CA with another key, reload",
        Sessions::SharedTickets,
        Change::Authority,
    ),
    (
        "as installed, CA with another key, reload",
        Sessions::AsInstalled,
        Change::Authority,
    ),
];

/// Tries every product in every row.
pub async fn all(products: &[Product]) -> Table {
    let mut table = Table::default();
    for (title, sessions, change) in CHANGES {
        let mut row = Trial::begin(title);
        for product in products {
            row.note(*product, after_change(*product, *sessions, *change).await);
        }
        table.rows.push(row.0);
    }
    for (title, sessions) in [
        (
            "session without certificate in the cache, offered where one is required",
            Sessions::Cache,
        ),
        (
            "ticket without certificate, offered where one is required",
            Sessions::SharedTickets,
        ),
    ] {
        let mut row = Trial::begin(title);
        for product in products {
            row.note(*product, without_certificate(*product, sessions).await);
        }
        table.rows.push(row.0);
    }
    table.rows.extend(lifetimes(products).await);
    for (title, change) in [
        ("open connection, revoked, reload", Change::List),
        ("open connection, revoked, no reload", Change::ListAtRunTime),
    ] {
        let mut row = Trial::begin(title);
        for product in products {
            row.note(*product, open_connections(*product, change).await);
        }
        table.rows.push(row.0);
    }
    let mut row = Trial::begin("list past its nextUpdate, valid clients");
    for product in products {
        row.note(*product, expired_list(*product).await);
    }
    table.rows.push(row.0);
    table
}

/// A row that comes into being, and says so.
struct Trial(Row);

impl Trial {
    fn begin(title: &'static str) -> Self {
        eprintln!("{title}");
        Self(Row {
            title,
            cells: Vec::new(),
        })
    }

    fn note(&mut self, product: Product, cell: Cell) {
        self.0.cells.push((product, cell));
    }
}

/// Leaves a session of each client, and says which of them resume at all.
async fn leave_sessions(clients: &[Client], at: SocketAddr) -> Vec<bool> {
    let mut resume = Vec::new();
    for client in clients {
        let left = client.visitor.leave(at, 2).await;
        assert_eq!(left, Visit::Full, "a first handshake");
        let offered = client.visitor.offer(at).await;
        // What is kept is offered once more, behind the change.
        client.visitor.leave(at, 2).await;
        resume.push(offered == Visit::Resumed);
    }
    resume
}

/// What a client that should be out has seen.
fn verdict(visit: &Visit, resumed_before: bool) -> String {
    match visit {
        Visit::Refused(_) if resumed_before => "refused".to_owned(),
        Visit::Refused(_) => "refused, as sessions are never resumed".to_owned(),
        Visit::Resumed => "**ACCEPTED by resumption**".to_owned(),
        Visit::Full => "**ACCEPTED**".to_owned(),
    }
}

async fn after_change(product: Product, sessions: Sessions, change: Change) -> Cell {
    let ground = Ground::new().await;
    let mut plan = Plan::new(sessions);
    plan.lists = change != Change::Authority;
    let mut server = Server::start(product, &ground, &plan).await;
    let victims = ground.clients(Some(&ground.victim));
    let others = ground.clients(Some(match change {
        Change::List | Change::ListAtRunTime => &ground.other,
        Change::Authority => &ground.foreigner,
    }));
    let resumed_before = leave_sessions(&victims, server.door()).await;
    leave_sessions(&others, server.door()).await;
    if !make(change, &mut server, &ground).await {
        return Cell::not_there("has to be reloaded");
    }
    until_refused(&ground, &server).await;
    let mut seen = Vec::new();
    let mut is_good = true;
    for (client, resumed_before) in victims.iter().zip(resumed_before) {
        let visit = client.visitor.offer(server.door()).await;
        is_good &= visit.is_refused() && resumed_before;
        seen.push((client, verdict(&visit, resumed_before)));
    }
    let mut share = Share::default();
    for client in &others {
        share.count(client.visitor.offer(server.door()).await == Visit::Resumed);
    }
    Cell::new(summary(&seen), is_good).beside(share)
}

/// `false` if the server cannot be told so.
async fn make(change: Change, server: &mut Server, ground: &Ground) -> bool {
    match change {
        Change::List => {
            ground.put(LIST, &ground.lists_with_victim());
            server.reload().await;
        }
        Change::ListAtRunTime => {
            let lists = ground.lists_with_victim();
            ground.put(LIST, &lists);
            return server.replace_list(ground, &lists).await;
        }
        Change::Authority => {
            ground.believe(&ground.twin());
            server.reload().await;
        }
    }
    true
}

/// Waits until a full handshake of the victim is refused, again and again: from then on the change
/// is in force in every process of the server.
async fn until_refused(ground: &Ground, server: &Server) {
    let trusted = ground.trusted();
    let visitor = Visitor::new(
        Library::Rustls,
        Version::Tls13,
        Some(&ground.victim),
        trusted,
    );
    let deadline = Instant::now() + PATIENCE;
    let mut in_a_row = 0;
    while in_a_row < 3 {
        let refused = visitor.leave(server.door(), 1).await.is_refused();
        in_a_row = if refused { in_a_row + 1 } else { 0 };
        let name = server.product.name();
        assert!(
            Instant::now() < deadline,
            "{name} goes on: {}",
            server.said()
        );
    }
}

async fn without_certificate(product: Product, sessions: Sessions) -> Cell {
    let ground = Ground::new().await;
    let mut plan = Plan::new(sessions);
    plan.doors = vec![Door::Optional, Door::Required];
    plan.lists = false;
    let server = Server::start(product, &ground, &plan).await;
    let clients = ground.clients(None);
    let resumed_before = leave_sessions(&clients, server.door()).await;
    let mut seen = Vec::new();
    for (client, resumed_before) in clients.iter().zip(resumed_before) {
        let visit = client.visitor.offer(server.other_door()).await;
        seen.push((client, verdict(&visit, resumed_before)));
    }
    let is_good = seen.iter().all(|(_, text)| text == "refused");
    Cell::new(summary(&seen), is_good)
}

/// Where sessions are kept in the rows about their lifetime.
const KEPT: [(&str, Sessions); 2] = [
    (
        "session in the cache, renewed again and again (lifetime 6 s; ours 60 min)",
        Sessions::Cache,
    ),
    (
        "ticket under a shared key, renewed again and again (lifetime 6 s; ours 60 min)",
        Sessions::SharedTickets,
    ),
];

/// All at once, since each takes its time.
async fn lifetimes(products: &[Product]) -> Vec<Row> {
    let mut trials = JoinSet::new();
    for (place, (_, sessions)) in KEPT.into_iter().enumerate() {
        for (column, product) in products.iter().copied().enumerate() {
            trials.spawn(async move {
                let cell = match product {
                    Product::Crmgate => lifetime_of_ours(sessions).await,
                    Product::Nginx | Product::HaProxy => lifetime_of(product, sessions).await,
                };
                (place, column, product, cell)
            });
        }
    }
    let mut cells = trials.join_all().await;
    cells.sort_by_key(|(place, column, ..)| (*place, *column));
    let mut rows = KEPT.map(|(title, _)| Trial::begin(title));
    for (place, _, product, cell) in cells {
        rows[place].note(product, cell);
    }
    rows.map(|row| row.0).into()
}

/// A session lives for six seconds and is renewed every four, so
/// that no visit falls on its very end.
async fn lifetime_of(product: Product, sessions: Sessions) -> Cell {
    let ground = Ground::new().await;
    let mut plan = Plan::new(sessions);
    plan.lifetime = Some(6);
    let server = Server::start(product, &ground, &plan).await;
    let at = server.door();
    let seen = renewals(&ground, at, Time::Passes(Duration::from_secs(4))).await;
    let texts = seen.iter().map(|(client, full)| {
        let text = match full {
            Some(1) => "never resumes".to_owned(),
            Some(round) => format!("certificate asked for after {} s", round * 4),
            None => format!("**still resumed after {} s**", ROUNDS * 4),
        };
        (client, text)
    });
    Cell::new(summary(&texts.collect::<Vec<_>>()), true)
}

/// A session lives for an hour, the least that can be set, and is renewed every half hour of a
/// clock that is moved.
async fn lifetime_of_ours(sessions: Sessions) -> Cell {
    let ground = Ground::new().await;
    let mut plan = Plan::new(sessions);
    plan.lifetime = Some(3_600);
    let listen = free_address();
    let files = deployment(&ground, &plan, listen);
    let _gateway = ground.world.serve(&files).await;
    let seen = renewals(&ground, listen, Time::IsMoved(1_800)).await;
    let is_good = seen.iter().all(|(_, full)| *full == Some(2));
    let texts = seen.iter().map(|(client, full)| {
        let text = match full {
            Some(1) => "never resumes".to_owned(),
            Some(round) => format!("certificate asked for after {} min", round * 30),
            None => "**still resumed after 150 min**".to_owned(),
        };
        (client, text)
    });
    Cell::new(summary(&texts.collect::<Vec<_>>()), is_good)
}

/// What lies between two visits.
#[derive(Debug, Clone, Copy)]
enum Time {
    /// So much time.
    Passes(Duration),
    /// So many seconds by the gateway's clock.
    IsMoved(i64),
}

/// How often a session is renewed: several lifetimes long.
const ROUNDS: u32 = 5;

/// The round in which each client had to show its certificate again.
async fn renewals(ground: &Ground, at: SocketAddr, between: Time) -> Vec<(Client, Option<u32>)> {
    let clients = ground.clients(Some(&ground.other));
    for client in &clients {
        assert_eq!(client.visitor.renew(at).await, Visit::Full);
    }
    let mut seen: Vec<_> = clients.into_iter().map(|client| (client, None)).collect();
    for round in 1..=ROUNDS {
        match between {
            Time::Passes(time) => pause(time).await,
            Time::IsMoved(seconds) => ground.world.clock.shift(seconds),
        }
        for (client, full) in &mut seen {
            if full.is_none() && client.visitor.renew(at).await != Visit::Resumed {
                *full = Some(round);
            }
        }
    }
    seen
}

/// Longer than the change and an end after it may take.
const LONGEST_END: Duration = Duration::from_secs(6);

/// In which an open connection of a revoked client has to end.
const PROMISED_END: Duration = Duration::from_secs(2);

async fn open_connections(product: Product, change: Change) -> Cell {
    let ground = Ground::new().await;
    let mut server = Server::start(product, &ground, &Plan::new(Sessions::AsInstalled)).await;
    let mut kept = Vec::new();
    for own in [&ground.victim, &ground.other] {
        let mut stays = Vec::new();
        for client in ground.clients(Some(own)) {
            stays.push(client.visitor.stay(server.door()).await);
        }
        kept.push(stays);
    }
    let (mut others, victims) = (kept.remove(1), kept.remove(0));
    let mut ends = JoinSet::new();
    for mut stay in victims {
        ends.spawn(async move {
            match stay.ended_within(LONGEST_END).await {
                Some(after) => Ok(after),
                None => Err(stay.ask().await),
            }
        });
    }
    if !make(change, &mut server, &ground).await {
        return Cell::not_there("has to be reloaded");
    }
    let ends = ends.join_all().await;
    let mut stay = 0;
    for other in &mut others {
        stay += usize::from(other.ask().await);
    }
    let fate = match stay {
        count if count == others.len() => "others stay".to_owned(),
        0 => "so do all others".to_owned(),
        count => format!("{} of {} others too", others.len() - count, others.len()),
    };
    let goes_on = ends.iter().filter(|end| **end == Err(true)).count();
    if goes_on > 0 {
        let text = format!("**{goes_on} of {} go on being served**", ends.len());
        return Cell::new(text, false);
    }
    let last = ends.iter().filter_map(|end| end.ok()).max();
    let all_in_time = last.is_some_and(|last| last <= PROMISED_END);
    let is_good = all_in_time && ends.iter().all(Result::is_ok) && stay == others.len();
    let text = last.map_or_else(
        || "ends at its next request".to_owned(),
        |last| format!("ends after {:.1} s", last.as_secs_f64()),
    );
    Cell::new(format!("{text}, {fate}"), is_good)
}

async fn expired_list(product: Product) -> Cell {
    let ground = Ground::new().await;
    let mut server = Server::start(product, &ground, &Plan::new(Sessions::AsInstalled)).await;
    expire(&ground);
    let checked = server.check();
    server.reload().await;
    let is_refused = refuses(&ground, &server).await;
    let mut texts = vec![if is_refused {
        "every valid client refused"
    } else {
        "served"
    }];
    let is_named = checked.said.contains(LIST);
    texts.push(match (checked.success, is_named) {
        (true, false) => "the check said nothing",
        (true, true) => "the check said so",
        (false, _) => "the check fails and names it",
    });
    let mut is_good = !checked.success && is_named;
    if product == Product::Crmgate {
        drop(server);
        let ground = Ground::new().await;
        let mut plan = Plan::new(Sessions::AsInstalled);
        plan.grace = true;
        expire(&ground);
        let server = Server::start(product, &ground, &plan).await;
        let is_served = !refuses(&ground, &server).await;
        is_good &= is_refused && is_served;
        texts.push(if is_served {
            "served where CRL_EXPIRED gives grace"
        } else {
            "**refused in spite of grace**"
        });
    }
    Cell::new(texts.join("; "), is_good)
}

/// The list ended an hour ago.
fn expire(ground: &Ground) {
    let now = ground.now();
    let ended = ground.lists(|list| {
        list.number = 2;
        list.this_update = WallTime(now.0 - 7_200);
        list.next_update = WallTime(now.0 - 3_600);
    });
    ground.put(LIST, &ended);
}

/// Whether a valid client is refused, as soon as that shows.
async fn refuses(ground: &Ground, server: &Server) -> bool {
    let trusted = ground.trusted();
    let visitor = Visitor::new(
        Library::Rustls,
        Version::Tls13,
        Some(&ground.other),
        trusted,
    );
    let deadline = Instant::now() + Duration::from_secs(3);
    let mut in_a_row = 0;
    while in_a_row < 3 && Instant::now() < deadline {
        let refused = visitor.leave(server.door(), 1).await.is_refused();
        in_a_row = if refused { in_a_row + 1 } else { 0 };
    }
    in_a_row == 3
}
