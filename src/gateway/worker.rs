//! One thread: its listeners, its connections, its pools. Nothing on it is shared but counters,
//! limits, sides and TLS sessions, so nothing on the way of a request waits for another thread.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::LocalSet;
use tokio::time::timeout;
use tracing::error;

use super::accept::opened;
use super::bench::Bench;
use super::connection::HttpFlow;
use super::guests::{Guests, LOOK_AT_THE_CLOCK};
use super::lane::HandshakeLane;
use super::pulse::give_a_sign;
use super::snapshot::{ListenerPlan, Snapshot};
use crate::config::settings::Limits;
use crate::http::{Context, Slot};
use crate::model::{Clock, Generation, ListenAddr};
use crate::net::{Admission, Phase, Place, Roster, Scope, Share, Turn};
use crate::requests::SideEvent;
use crate::telemetry::{AccessLog, Counters};

/// What a worker is started with.
#[derive(Debug)]
pub(super) struct WorkerSpec {
    pub(super) index: u16,
    /// How many threads share what `Throttle` allows.
    pub(super) threads: u32,
    pub(super) limits: Limits,
    pub(super) throttle: u32,
    pub(super) counters: Arc<Counters>,
    pub(super) access: AccessLog,
    pub(super) admission: Admission,
    pub(super) clock: Clock,
}

/// What a worker is told.
#[derive(Debug)]
pub(super) enum Command {
    /// Puts a generation in force. `shares` are sockets of addresses that are new.
    Publish {
        snapshot: Arc<Snapshot>,
        shares: HashMap<ListenAddr, Share>,
        done: oneshot::Sender<()>,
    },
    /// Asks for a sign of life, given in the turn of any other task of this thread.
    Pulse { felt: oneshot::Sender<()> },
    /// Asks for another handle on each listening socket, for the process that takes our place.
    Lend {
        lent: oneshot::Sender<Vec<(ListenAddr, Vec<TcpListener>)>>,
    },
    /// Accept no more, and say when nobody is let in any more.
    Close { closed: oneshot::Sender<()> },
    /// Something happened to a side: what is under way there has to know.
    Side { system: u32, event: SideEvent },
    /// Accept no more, ask everybody to leave, say when nobody is left.
    Drain { empty: oneshot::Sender<()> },
    /// Cut who is still there, and say who that was once they are gone.
    Cut {
        cut: oneshot::Sender<Vec<(SocketAddr, Phase)>>,
    },
    /// End the thread.
    Stop,
}

/// A running worker.
#[derive(Debug)]
pub(super) struct WorkerHandle {
    pub(super) commands: mpsc::UnboundedSender<Command>,
    pub(super) counters: Arc<Counters>,
    pub(super) thread: std::thread::JoinHandle<()>,
}

/// Starts a worker on a thread of its own.
pub(super) fn spawn(spec: WorkerSpec) -> std::io::Result<WorkerHandle> {
    let (commands, inbox) = mpsc::unbounded_channel();
    let counters = Arc::clone(&spec.counters);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_unpark(Turn::begin)
        .build()?;
    let thread = std::thread::Builder::new()
        .name(format!("crmgate-{}", spec.index))
        .spawn(move || {
            LocalSet::new().block_on(&runtime, Worker::new(&spec).run(inbox));
            // The system's resolver may take minutes; a stop does not wait for its threads.
            runtime.shutdown_background();
        })?;
    Ok(WorkerHandle {
        commands,
        counters,
        thread,
    })
}

/// One listener on this thread.
pub(super) struct Running {
    pub(super) plan: RefCell<Rc<ListenerPlan>>,
    pub(super) flow: RefCell<Option<Rc<Slot<HttpFlow>>>>,
    /// By whom its clients are judged, for as long as there are any.
    pub(super) bench: RefCell<Option<Rc<Bench>>>,
    /// Where its connections sit: with the plan in force, whichever they were let in under.
    pub(super) place: Place,
    pub(super) local: SocketAddr,
    pub(super) stop: Notify,
    /// Other handles on its sockets, as long as it is open.
    pub(super) sockets: RefCell<Vec<TcpListener>>,
    /// Ends when the listener is closed.
    closed: RefCell<Option<oneshot::Receiver<Infallible>>>,
}

pub(super) struct Worker {
    pub(super) index: u16,
    threads: u32,
    pub(super) context: Rc<Context>,
    pub(super) admission: Admission,
    pub(super) roster: Roster,
    pub(super) guests: Guests,
    pub(super) lane: Rc<HandshakeLane>,
    pub(super) listeners: RefCell<HashMap<ListenAddr, Rc<Running>>>,
    /// Listeners that were closed and may have clients left.
    pub(super) closed: RefCell<Vec<Weak<Running>>>,
    /// Accept loops that have not ended yet.
    pub(super) accepting: Cell<usize>,
    pub(super) generation: Cell<Generation>,
    pub(super) snapshot: RefCell<Option<Arc<Snapshot>>>,
    pub(super) connections: Cell<u64>,
}

impl Worker {
    fn new(spec: &WorkerSpec) -> Rc<Self> {
        let context = Rc::new(Context::new(
            &spec.limits,
            Arc::clone(&spec.counters),
            spec.access.clone(),
            share_of(spec.throttle, spec.threads),
        ));
        let roster = Roster::new();
        Rc::new(Self {
            index: spec.index,
            threads: spec.threads,
            guests: Guests::new(roster.clone(), Rc::clone(&context), spec.clock.clone()),
            context,
            admission: spec.admission.clone(),
            roster,
            lane: Rc::default(),
            listeners: RefCell::default(),
            closed: RefCell::default(),
            accepting: Cell::new(0),
            generation: Cell::new(Generation::FIRST),
            snapshot: RefCell::default(),
            connections: Cell::new(0),
        })
    }

    async fn run(self: Rc<Self>, mut inbox: mpsc::UnboundedReceiver<Command>) {
        let lane = Rc::clone(&self.lane);
        let opener = tokio::task::spawn_local(async move { lane.keep_open().await });
        let mut sweep = tokio::time::interval(SWEEP);
        let mut look = tokio::time::interval(LOOK_AT_THE_CLOCK);
        loop {
            tokio::select! {
                command = inbox.recv() => match command {
                    Some(Command::Stop) | None => break,
                    Some(command) => self.obey(command),
                },
                _ = look.tick() => self.guests.look_at_the_clock(),
                _ = sweep.tick() => {
                    self.context.pool.borrow_mut().sweep();
                    let traffic = &self.context.counters.traffic;
                    traffic.pools(self.context.pool.borrow().stands());
                    self.context.settle_noise();
                }
            }
        }
        opener.abort();
    }

    fn obey(self: &Rc<Self>, command: Command) {
        match command {
            Command::Publish {
                snapshot,
                shares,
                done,
            } => {
                let closing = self.publish(&snapshot, shares);
                tokio::task::spawn_local(async move {
                    for closed in closing {
                        let Err(_closed) = closed.await;
                    }
                    let _nobody_waits = done.send(());
                });
            }
            Command::Pulse { felt } => {
                tokio::task::spawn_local(give_a_sign(felt));
            }
            Command::Lend { lent } => {
                let _nobody_waits = lent.send(self.lend());
            }
            Command::Close { closed } => {
                let closing = self.close_listeners(|_| false);
                tokio::task::spawn_local(async move {
                    for listener in closing {
                        let Err(_closed) = listener.await;
                    }
                    let _nobody_waits = closed.send(());
                });
            }
            Command::Side {
                system,
                event: SideEvent::Down(side),
            } => self.abandon(system, side),
            Command::Side {
                system,
                event: SideEvent::Left(side),
            } => self.roster.leave_side(system, side),
            Command::Drain { empty } => {
                drop(self.close_listeners(|_| false));
                let worker = Rc::clone(self);
                tokio::task::spawn_local(async move {
                    worker.emptied().await;
                    let _nobody_waits = empty.send(());
                });
            }
            Command::Cut { cut } => {
                let named = self.roster.cut(|_| true);
                let roster = self.roster.clone();
                tokio::task::spawn_local(async move {
                    // A caller that is cut is told so, if it listens.
                    let _stuck = timeout(LAST_WORDS, roster.emptied()).await;
                    let _nobody_waits = cut.send(named);
                });
            }
            Command::Stop => {}
        }
    }

    /// Puts a generation in force. What it returns ends when the listeners that it has no use for
    /// are closed, so that nobody is let in there once it counts as published.
    fn publish(
        self: &Rc<Self>,
        snapshot: &Arc<Snapshot>,
        mut shares: HashMap<ListenAddr, Share>,
    ) -> Vec<oneshot::Receiver<Infallible>> {
        let before = self.snapshot.replace(Some(Arc::clone(snapshot)));
        self.generation.set(snapshot.generation);
        self.context.set_limits(&snapshot.settings.limits);
        let throttle = share_of(snapshot.settings.log.throttle, self.threads);
        self.context.set_throttle(throttle);
        let tracer = snapshot.tracer(&self.context.counters);
        self.context.set_tracer(tracer);
        let closing = self.close_listeners(|listen| snapshot.serving(listen).is_some());
        let running = self.listeners.borrow().clone();
        for (listen, running) in &running {
            if let Some(plan) = snapshot.serving(*listen) {
                self.replace(running, plan);
            }
        }
        self.judge_everybody(snapshot);
        for plan in &snapshot.listeners {
            if let Some(share) = shares.remove(&plan.listen) {
                self.open(plan, share);
            }
        }
        let retired = before.iter().flat_map(|before| before.upstreams());
        for upstream in retired.filter(|upstream| !snapshot.uses(upstream)) {
            upstream.retire();
            self.context.pool.borrow_mut().forget(upstream);
        }
        closing
    }

    /// Puts another plan in force on a listener that stays.
    fn replace(&self, running: &Rc<Running>, plan: &ListenerPlan) {
        let before = running.plan.replace(Rc::new(plan.clone()));
        running.place.move_to(plan.scope);
        let flow = HttpFlow::of(&plan.service);
        let slot = running.flow.borrow().clone();
        match (slot, flow) {
            (Some(slot), Some(flow)) => slot.replace(flow, self.generation.get()),
            (_, flow) => {
                *running.flow.borrow_mut() = flow.map(|flow| self.slot(flow));
            }
        }
        if before.must_leave_for(plan) {
            self.leave(plan.scope);
        }
    }

    fn slot(&self, flow: HttpFlow) -> Rc<Slot<HttpFlow>> {
        Rc::new(Slot::new(flow, self.generation.get()))
    }

    /// Asks the connections of a listener to leave, with their next answer or after a while.
    pub(super) fn leave(&self, whom: Scope) {
        self.roster
            .ask_to_leave(|scope| scope.listener == whom.listener);
        let roster = self.roster.clone();
        tokio::task::spawn_local(async move {
            tokio::time::sleep(GRACE).await;
            roster.hasten();
        });
    }

    fn open(self: &Rc<Self>, plan: &ListenerPlan, share: Share) {
        let (local, sockets, listener) = match opened(share) {
            Ok(opened) => opened,
            Err(error) => {
                // The address is bound, and other threads serve it.
                error!(listener = %plan.listen, %error, "a thread cannot take its share of the listener");
                return;
            }
        };
        let (open, closed) = oneshot::channel();
        let running = Rc::new(Running {
            flow: RefCell::new(HttpFlow::of(&plan.service).map(|flow| self.slot(flow))),
            plan: RefCell::new(Rc::new(plan.clone())),
            bench: RefCell::new(Bench::of(plan)),
            place: plan.scope.into(),
            local,
            stop: Notify::new(),
            sockets: RefCell::new(sockets),
            closed: RefCell::new(Some(closed)),
        });
        self.listeners
            .borrow_mut()
            .insert(plan.listen, Rc::clone(&running));
        self.accepting.set(self.accepting.get().saturating_add(1));
        let worker = Rc::clone(self);
        tokio::task::spawn_local(async move { worker.accept(listener, running, open).await });
    }

    fn close_listeners(
        &self,
        keep: impl Fn(ListenAddr) -> bool,
    ) -> Vec<oneshot::Receiver<Infallible>> {
        let mut closing = Vec::new();
        self.listeners.borrow_mut().retain(|listen, running| {
            let kept = keep(*listen);
            if !kept {
                running.sockets.take();
                running.stop.notify_one();
                closing.extend(running.closed.take());
                self.closed.borrow_mut().push(Rc::downgrade(running));
            }
            kept
        });
        closing
    }

    /// Waits until every accept loop has ended and nobody is left.
    async fn emptied(&self) {
        while self.accepting.get() > 0 {
            tokio::task::yield_now().await;
        }
        self.roster.ask_to_leave(|_| true);
        tokio::select! {
            () = self.roster.emptied() => return,
            () = tokio::time::sleep(GRACE) => self.roster.hasten(),
        }
        self.roster.emptied().await;
    }
}

/// How long a connection that has to leave may wait for a request with whose answer to leave. An
/// agent's next request seldom comes later, and a stop or a change of trust should not take long.
const GRACE: Duration = Duration::from_secs(1);

/// How long those who are cut may take to tell their callers: one small write.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A thread's part of the lines that all threads together may write; at least one, since a thread
/// that says nothing hides what it alone has seen.
fn share_of(throttle: u32, threads: u32) -> u32 {
    throttle.div_ceil(threads.max(1))
}

/// How often idle connections are looked through, and bursts of log lines looked back at.
const SWEEP: Duration = Duration::from_secs(1);
