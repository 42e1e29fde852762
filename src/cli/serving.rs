//! [`Serving`]: the daemon between its first caller and its last, and what it does when it is told
//! something.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Interval, interval};
use tracing::{error, info, warn};

use super::exit::Exit;
use super::upgrade::{Upgrade, next_late, outcome_of};
use crate::admin::{Admin, Order, Orders, Refused, Reloaded};
use crate::gateway::{FileWatch, Gateway, Trigger, Viewer};
use crate::service::{
    Herald, Host, LateSessions, Request, Requests, SuccessionError, Told, feed_watchdog,
};
use crate::telemetry::LogGuard;
use crate::tls::HandedSessions;

/// A gateway at work, with all who may tell it something and be told.
pub(super) struct Serving {
    pub(super) gateway: Gateway,
    pub(super) watch: FileWatch,
    pub(super) requests: Requests,
    pub(super) orders: Option<Orders>,
    pub(super) log: LogGuard,
    pub(super) host: Host,
    pub(super) admin: Option<Admin>,
    /// The program file, as it was called.
    pub(super) program: PathBuf,
    /// Sessions of the process whose place this one has taken.
    pub(super) late: Option<LateSessions>,
    /// The process that is to take this one's place.
    pub(super) upgrade: Option<Upgrade>,
}

/// What comes up while it serves.
enum News {
    Asked(Request),
    Ordered(Order),
    FileChange,
    Late(HandedSessions),
    Succession(Result<(), SuccessionError>),
    Heartbeat,
}

impl Serving {
    /// Serves, and does what the system and the operators ask for.
    pub(super) async fn until_told_to_stop(mut self) -> Exit {
        if let Err(error) = feed_watchdog(self.gateway.pulse()) {
            error!(%error, "the watchdog cannot be fed, so this start is given up: the system may be short of threads or memory");
            return self
                .stop_at_once("no thread for the watchdog", Exit::Os)
                .await;
        }
        self.host
            .herald
            .ready(&self.gateway.viewer().report().line());
        (self.host.tell)(Told::Serving);
        let mut heartbeat = interval(HEARTBEAT);
        loop {
            match self.news(&mut heartbeat).await {
                News::FileChange => {
                    info!("a file of the configuration has changed");
                    self.reload(Trigger::FileChange).await;
                }
                News::Ordered(Order::Reload { by, reply }) => {
                    self.reload(Trigger::Operator(by)).await;
                    let _gone = reply.send(Reloaded::Tried);
                }
                News::Ordered(Order::LogLevel { level, reply }) => {
                    let set = self.log.set_level_for_now(&level);
                    let _gone = reply.send(set.map_err(|error| error.to_string()));
                }
                News::Ordered(Order::Stop { by }) => {
                    info!(who = %by, "asked to stop");
                    return self.drain().await;
                }
                News::Asked(Request::Reload) => self.reload(Trigger::System).await,
                News::Asked(Request::ReopenLog) => reopen(&self.log),
                News::Asked(Request::Upgrade) => self.begin_upgrade().await,
                News::Succession(Ok(())) => {
                    if let Some(upgrade) = self.upgrade.take() {
                        return self.hand_over(upgrade).await;
                    }
                }
                News::Succession(Err(error)) => self.go_on(&error),
                News::Late(sessions) => self.gateway.take_over(&sessions),
                News::Asked(Request::Drain) => return self.drain().await,
                News::Asked(Request::Quit) => {
                    return self.stop_at_once("asked to stop at once", Exit::Ok).await;
                }
                News::Heartbeat => {
                    let _said = self.gateway.tidy();
                    if self.host.herald.is_there() {
                        self.host
                            .herald
                            .status(&self.gateway.viewer().report().line());
                    }
                    if !self.gateway.is_whole() {
                        error!(
                            "a worker thread has ended: stopping, so that the service manager starts a whole gateway"
                        );
                        return self
                            .stop_at_once("a worker thread has ended", Exit::Software)
                            .await;
                    }
                }
            }
        }
    }

    async fn news(&mut self, heartbeat: &mut Interval) -> News {
        tokio::select! {
            request = self.requests.next() => News::Asked(request),
            () = self.watch.changed(), if self.gateway.watches() => News::FileChange,
            order = next_order(&mut self.orders) => News::Ordered(order),
            sessions = next_late(&mut self.late) => News::Late(sessions),
            outcome = outcome_of(&mut self.upgrade) => News::Succession(outcome),
            _ = heartbeat.tick() => News::Heartbeat,
        }
    }

    async fn reload(&mut self, trigger: Trigger) {
        self.give_up_upgrade("the configuration is read again");
        self.host.herald.reloading();
        reopen(&self.log);
        let before = self.watch.look();
        let reloaded = self.gateway.reload_for(trigger).await;
        let (interval, files) = self.gateway.watched();
        self.watch.follow(files, interval, &before);
        match reloaded {
            Ok(_report) => {
                if let Err(error) = self.log.set_level(self.gateway.log_level()) {
                    warn!(%error, "the log keeps its level");
                }
            }
            Err(_told) => self.watch.failed(),
        }
        // Of a reload that was refused the line says so.
        self.host
            .herald
            .ready(&self.gateway.viewer().report().line());
    }

    async fn drain(mut self) -> Exit {
        self.give_up_upgrade("this process is asked to stop");
        let limit = self.gateway.drain_timeout();
        let viewer = self.gateway.viewer();
        let Self {
            gateway,
            requests,
            orders,
            log,
            host: Host { herald, tell, .. },
            ..
        } = &mut self;
        herald.stopping(&left(&viewer));
        tell(Told::Draining(limit));
        let hurry = async {
            tokio::select! {
                () = second_word(requests, orders, log) => {}
                () = tell_what_is_left(herald, &viewer) => {}
            }
        };
        gateway.drain(limit, hurry).await;
        Exit::Ok
    }

    async fn stop_at_once(mut self, why: &str, exit: Exit) -> Exit {
        self.give_up_upgrade(why);
        self.host.herald.stopping(why);
        self.gateway
            .drain(Duration::ZERO, std::future::ready(()))
            .await;
        exit
    }
}

/// The next order of an operator; never, where there is no admin listener.
async fn next_order(orders: &mut Option<Orders>) -> Order {
    let next = match orders {
        Some(orders) => orders.recv().await,
        None => None,
    };
    match next {
        Some(order) => order,
        None => std::future::pending().await,
    }
}

/// How often the workers are looked after.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// While draining, a second request to stop means now; a reload comes too late.
pub(super) async fn second_word(
    requests: &mut Requests,
    orders: &mut Option<Orders>,
    log: &LogGuard,
) {
    loop {
        let request = tokio::select! {
            request = requests.next() => request,
            order = next_order(orders) => match order {
                Order::Reload { reply, .. } => {
                    let _gone = reply.send(Reloaded::Refused(Refused::Draining));
                    continue;
                }
                Order::LogLevel { level, reply } => {
                    let _gone = reply.send(log.set_level_for_now(&level).map_err(|error| error.to_string()));
                    continue;
                }
                Order::Stop { .. } => Request::Drain,
            },
        };
        match request {
            Request::Drain | Request::Quit => {
                warn!("asked to stop a second time: cutting what is in flight");
                return;
            }
            Request::Reload => info!("draining: no reload any more"),
            Request::Upgrade => warn!("draining: no upgrade any more"),
            Request::ReopenLog => reopen(log),
        }
    }
}

/// Keeps telling the service manager that the drain goes on. Never ends by itself.
async fn tell_what_is_left(herald: &mut Herald, viewer: &Viewer) {
    let mut turns = interval(Herald::PACE);
    loop {
        let _turn = turns.tick().await;
        herald.stopping(&left(viewer));
    }
}

fn left(viewer: &Viewer) -> String {
    match viewer.connections() {
        1 => "draining: 1 connection left".to_owned(),
        many => format!("draining: {many} connections left"),
    }
}

fn reopen(log: &LogGuard) {
    if let Err(error) = log.reopen() {
        warn!(%error, "the log file cannot be opened again; lines go on to the old one");
    }
}
