//! [`Director`]: what happens when, and waiting for it.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::DemoError;
use super::report::Excuse;
use super::screen::{Screen, Tone};
use super::stage::Stage;
use crate::admin::{Order, Reloaded};
use crate::gateway::{FileWatch, Trigger};
use crate::model::Side;
use crate::service::{Request, Requests};

/// Why the play ended before its time.
#[derive(Debug)]
pub(super) enum Interrupted {
    /// Somebody asked for it.
    Asked,
    /// A peer did not do what it should.
    Failed(DemoError),
}

impl From<DemoError> for Interrupted {
    fn from(error: DemoError) -> Self {
        Self::Failed(error)
    }
}

/// What somebody wants while the play goes on.
#[derive(Debug)]
enum Wish {
    /// Asked for by the system.
    Asked(Request),
    /// Ordered at the console.
    Ordered(Order),
}

/// Lets things happen on a stage, at their times.
#[derive(Debug)]
pub(super) struct Director<'a> {
    stage: &'a mut Stage,
    screen: &'a mut Screen,
    requests: &'a mut Requests,
    begin: Instant,
}

impl<'a> Director<'a> {
    /// Takes over; time begins now.
    pub(super) fn new(
        stage: &'a mut Stage,
        screen: &'a mut Screen,
        requests: &'a mut Requests,
    ) -> Self {
        screen.start();
        Self {
            stage,
            screen,
            requests,
            begin: Instant::now(),
        }
    }

    /// The whole play, over so much time.
    pub(super) async fn play(&mut self, total: Duration) -> Result<(), Interrupted> {
        self.screen.event(
            "agents at work on two application servers: HTTP/1.0 in TLS 1.2, HTTP/1.1 in TLS 1.3",
        );
        // The first answers come before the first watch: a start is no gap.
        self.until(total.mul_f64(0.05)).await?;
        self.stage.books.requests.watch_gap();
        self.until(total.mul_f64(0.25)).await?;
        self.note_gap("normal traffic");
        self.kill(total.mul_f64(0.42)).await?;
        self.until(total.mul_f64(0.52)).await?;
        self.renew(total.mul_f64(0.65)).await?;
        self.route().await?;
        self.until(total.mul_f64(0.80)).await?;
        self.switch_back(total).await?;
        self.stage.is_over = true;
        Ok(())
    }

    /// Says that it is over; what follows takes a moment.
    pub(super) fn close(&mut self) {
        self.screen
            .event("agents and connectors finish what they have, the gateway drains");
    }

    /// Leaves everything running until somebody asks to stop.
    pub(super) async fn linger(&mut self) {
        self.stage.calm_down();
        self.screen
            .event("everything goes on, slower, until Ctrl-C; to try by hand:");
        Screen::line("");
        for line in self.stage.home.lines_to_type(&self.stage.doors) {
            Screen::line(format_args!("  {line}"));
        }
        Screen::line(format_args!("  {}", self.stage.console()));
        Screen::line("");
        let (interval, files) = self.stage.gateway.watched();
        let mut watch = FileWatch::new(self.stage.gateway.dir(), files, interval);
        loop {
            let wish = self.next_wish(&mut watch).await;
            let before = watch.look();
            let reloaded = match self.fulfil(wish).await {
                Err(_asked_to_stop) => return,
                Ok(None) => continue,
                Ok(Some(reloaded)) => reloaded,
            };
            let (interval, files) = self.stage.gateway.watched();
            watch.follow(files, interval, &before);
            if !reloaded {
                watch.failed();
            }
        }
    }

    /// Waits for a wish or a change of a file.
    async fn next_wish(&mut self, watch: &mut FileWatch) -> Wish {
        loop {
            tokio::select! {
                () = sleep_until(Instant::now() + REDRAW) => self.glance(),
                () = watch.changed() => return Wish::Asked(Request::Reload),
                request = self.requests.next() => return Wish::Asked(request),
                order = self.stage.next_order() => return Wish::Ordered(order),
            }
        }
    }

    /// Does what is wished, and says whether a reload that this led to is in force.
    async fn fulfil(&mut self, wish: Wish) -> Result<Option<bool>, Interrupted> {
        Ok(match wish {
            Wish::Asked(Request::Drain | Request::Quit) | Wish::Ordered(Order::Stop { .. }) => {
                return Err(Interrupted::Asked);
            }
            Wish::Asked(Request::ReopenLog | Request::Upgrade) => None,
            Wish::Asked(Request::Reload) => Some(self.reload(Trigger::System).await),
            Wish::Ordered(Order::Reload { by, reply }) => {
                let reloaded = self.reload(Trigger::Operator(by)).await;
                let _gone = reply.send(Reloaded::Tried);
                Some(reloaded)
            }
            Wish::Ordered(Order::LogLevel { level, reply }) => {
                let _gone = reply.send(self.stage.set_log_level(&level));
                None
            }
        })
    }

    async fn kill(&mut self, end: Duration) -> Result<(), Interrupted> {
        let reported = self.reported();
        self.stage.excuse = Excuse::Since(reported);
        self.stage.books.requests.watch_gap();
        let killed = self.stage.kill_side_a().await;
        let text = "side A is killed: its connections are reset, its port is closed";
        self.screen.event(self.screen.tone(Tone::Bad, text));
        if self.until_active(Side::B).await? {
            let taken = millis(killed.elapsed());
            self.screen
                .event(format_args!("side B is active, {taken} after the kill"));
        }
        self.until(end).await?;
        let gap = self.note_gap("kill of side A");
        let in_hand = self.reported() - reported;
        self.stage.excuse = Excuse::Of(in_hand);
        let told = match in_hand {
            0 => "no request was in side A's hands".to_owned(),
            1 => "the request in side A's hands was reported".to_owned(),
            more => format!("{more} requests in side A's hands were reported"),
        };
        self.screen.event(format_args!(
            "at most {} without an answer; {told}",
            millis(gap)
        ));
        self.stage.revive_side_a()?;
        self.screen
            .event("side A is back; side B stays active until somebody decides otherwise");
        Ok(())
    }

    async fn renew(&mut self, end: Duration) -> Result<(), Interrupted> {
        self.stage.books.requests.watch_gap();
        let generation = self.stage.renew_certificate().await?;
        self.screen.event(format_args!(
            "the gateway's certificate is replaced and reloaded: generation {generation}"
        ));
        let met = "both application servers have met the new certificate";
        if self.until_so(met, Stage::certificate_is_seen).await? {
            self.screen.event(met);
        }
        self.until(end).await?;
        self.note_gap("certificate and reload");
        Ok(())
    }

    async fn route(&mut self) -> Result<(), Interrupted> {
        self.stage.open_route()?;
        let taken = "an event has come over the static route";
        if self.until_so(taken, |stage| stage.routed() > 0).await? {
            self.screen
                .event("side B's events take the static route as well, in its own TLS to SAP CRM");
        }
        Ok(())
    }

    async fn switch_back(&mut self, end: Duration) -> Result<(), Interrupted> {
        self.stage.books.requests.watch_gap();
        let reported = self.reported();
        self.stage.switch_to(Side::A);
        if self.until_active(Side::A).await? {
            self.screen
                .event("the operator switches back to side A, which is active at once");
        }
        self.until(end).await?;
        self.note_gap("planned switch");
        let caught = self.reported() - reported;
        if caught > 0 {
            let text = format!("{caught} requests were reported after the planned switch");
            self.screen.event(self.screen.tone(Tone::Bad, &text));
        }
        Ok(())
    }

    fn reported(&self) -> u64 {
        self.stage.books.requests.tally().reported_in_all()
    }

    fn note_gap(&mut self, what: &'static str) -> Duration {
        let gap = self.stage.books.requests.end_gap().unwrap_or_default();
        self.stage.gaps.push((what, gap));
        gap
    }

    async fn until_active(&mut self, side: Side) -> Result<bool, Interrupted> {
        let active = match side {
            Side::A => "side A is active",
            Side::B => "side B is active",
        };
        let is_so = |stage: &Stage| stage.active() == Some(side);
        self.until_so(active, is_so).await
    }

    /// Waits for a moment after the beginning.
    async fn until(&mut self, moment: Duration) -> Result<(), Interrupted> {
        let end = self.begin + moment;
        while Instant::now() < end {
            self.tick(end.min(Instant::now() + REDRAW)).await?;
            self.glance();
        }
        Ok(())
    }

    /// Waits until a step has come to pass. One that never does is named below the table.
    async fn until_so(
        &mut self,
        step: &'static str,
        is_so: impl Fn(&Stage) -> bool,
    ) -> Result<bool, Interrupted> {
        let limit = Instant::now() + PATIENCE;
        while !is_so(self.stage) {
            if Instant::now() > limit {
                self.stage.missed.push(step);
                return Ok(false);
            }
            self.tick(Instant::now() + LOOK).await?;
        }
        Ok(true)
    }

    /// Waits for a moment, and does meanwhile what is asked for.
    async fn tick(&mut self, end: Instant) -> Result<(), Interrupted> {
        loop {
            let wish = tokio::select! {
                () = sleep_until(end) => return Ok(()),
                request = self.requests.next() => Wish::Asked(request),
                order = self.stage.next_order() => Wish::Ordered(order),
            };
            let _reloaded = self.fulfil(wish).await?;
        }
    }

    async fn reload(&mut self, trigger: Trigger) -> bool {
        match self.stage.gateway.reload_for(trigger).await {
            Ok(report) => {
                let generation = report.generation;
                self.screen
                    .event(format_args!("reloaded: generation {generation}"));
                true
            }
            Err(problems) => {
                self.screen.event(
                    self.screen
                        .tone(Tone::Bad, "the reload is refused, what runs stays:"),
                );
                Screen::line(problems);
                false
            }
        }
    }

    fn glance(&mut self) {
        let tally = self.stage.books.requests.tally();
        let events =
            self.stage.books.events.tally().answered + self.stage.books.routed.tally().answered;
        let callers = self.stage.callers();
        let count = |of: fn(&crate::simulate::CallerFigures) -> u64| -> u64 {
            callers.iter().map(of).sum()
        };
        let active = self
            .stage
            .active()
            .map_or_else(String::new, |side| side.to_string());
        self.screen.glance(&format!(
            "side {active}   requests {}   events {events}   handshakes {} full, {} resumed",
            tally.answered,
            count(|figures| figures.full),
            count(|figures| figures.resumed),
        ));
    }
}

/// As often as an eye follows.
const REDRAW: Duration = Duration::from_millis(100);

/// Fine enough for a time that is printed in milliseconds.
const LOOK: Duration = Duration::from_millis(2);

/// Far more than any step of the play takes, and short enough for a play that goes wrong.
const PATIENCE: Duration = Duration::from_secs(5);

fn millis(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
