//! `crmgate top`: a running gateway live. Two looks make the rates; [`frame()`](frame::frame) makes the
//! picture, and `screen` is the only part that knows a terminal.

mod frame;
mod rates;
mod screen;
#[cfg(test)]
mod tests;

use std::io::IsTerminal as _;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::answers::{Said, Status};
use super::args::TopArgs;
use super::reach::Reach;
use super::trouble::Trouble;
use crate::cli::exit::Exit;
use crate::cli::output::say;
use crate::service::Requests;
use frame::{Moment, frame};
use rates::{Look, Rates};
use screen::{Screen, Wish};

/// Shows it until somebody has seen enough, or once.
pub(super) async fn top(args: &TopArgs) -> Result<Exit, Trouble> {
    let interval = Duration::from_secs(args.interval.into());
    let mut watch = Watch::begin(Reach::to(&args.which)?).await?;
    let is_seen = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    if args.once || !is_seen {
        tokio::time::sleep(interval).await;
        watch.look().await?;
        for line in watch.picture(PAPER, false) {
            say(line.text.trim_end());
        }
        return Ok(Exit::Ok);
    }
    live(&mut watch, interval).await?;
    Ok(Exit::Ok)
}

/// Where there is no terminal: as wide as most, and as high as it gets.
const PAPER: (usize, usize) = (100, 60);

async fn live(watch: &mut Watch, interval: Duration) -> Result<(), Trouble> {
    // What would end the process ends the picture first.
    let mut requests = Requests::listen().map_err(Trouble::Terminal)?;
    let mut screen = Screen::open().map_err(Trouble::Terminal)?;
    let mut next = Instant::now() + interval;
    loop {
        let picture = watch.picture(Screen::size(), true);
        Screen::show(&picture).map_err(Trouble::Terminal)?;
        tokio::select! {
            wish = screen.wish() => match wish {
                Wish::Quit => return Ok(()),
                Wish::NextSystem => watch.system = watch.system.wrapping_add(1),
                Wish::Redraw => {}
            },
            _told = requests.next() => return Ok(()),
            () = look_at(watch, next) => next = Instant::now() + interval,
        }
    }
}

/// Looks again when it is time. A gateway that does not answer may be back in a moment.
async fn look_at(watch: &mut Watch, time: Instant) {
    tokio::time::sleep_until(time).await;
    watch.trouble = match timeout(PATIENCE, watch.look()).await {
        Ok(Ok(())) => None,
        Ok(Err(trouble)) => Some(trouble.to_string()),
        Err(_slow) => Some("the gateway takes long to answer".to_owned()),
    };
}

/// For a look, after which the picture says that it is old.
const PATIENCE: Duration = Duration::from_secs(3);

/// What was seen so far.
struct Watch {
    reach: Reach,
    url: String,
    begin: Instant,
    status: Status,
    last: Look,
    rates: Option<Rates>,
    errors: Vec<Said>,
    system: usize,
    trouble: Option<String>,
}

impl Watch {
    async fn begin(reach: Reach) -> Result<Self, Trouble> {
        let begin = Instant::now();
        let status: Status = reach.look("/api/v1/status").await?;
        let errors = reach.look("/api/v1/errors").await?;
        Ok(Self {
            url: reach.client().url(),
            last: Look::new(&status, begin.elapsed()),
            reach,
            begin,
            status,
            rates: None,
            errors,
            system: 0,
            trouble: None,
        })
    }

    async fn look(&mut self) -> Result<(), Trouble> {
        let status: Status = self.reach.look("/api/v1/status").await?;
        let look = Look::new(&status, self.begin.elapsed());
        self.rates = Rates::between(&self.last, &look);
        self.last = look;
        self.status = status;
        // Few enough that all of them can be asked for again, which also holds after a restart.
        self.errors = self.reach.look("/api/v1/errors").await?;
        Ok(())
    }

    fn picture(&self, size: (usize, usize), keys: bool) -> Vec<frame::Line> {
        let moment = Moment {
            url: &self.url,
            status: &self.status,
            rates: self.rates,
            errors: &self.errors,
            system: self.system,
            trouble: self.trouble.as_deref(),
        };
        frame(&moment, size, keys)
    }
}
