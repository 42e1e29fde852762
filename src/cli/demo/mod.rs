//! `crmgate demo`: the main job in a quarter of a minute, with a simulated SAP CRM and two
//! simulated connector sides around a real gateway in this process.
//!
//! | file | what it is |
//! |---|---|
//! | `stage` | certificates, peers and the gateway |
//! | `home` | the directory: ini files, and what to type about them |
//! | `script` | what happens when, and waiting for it |
//! | `report` | the table at the end, and the verdict |
//! | `screen` | lines, the line that is redrawn, colours |
//!
//! Nothing here knows how the gateway works: it is started from written ini files, and what it
//! says about itself is printed beside what the peers have seen. Only the command line comes in.

mod home;
mod report;
mod screen;
mod script;
mod stage;

use std::time::Duration;

use super::args::DemoArgs;
use super::exit::Exit;
use super::output::complain;
use crate::admin::AdminError;
use crate::gateway::StartError;
use crate::net::raise_descriptor_limit;
use crate::service::{Request, Requests};
use screen::Screen;
use script::{Director, Interrupted};
use stage::Stage;

/// Plays the demo. It ends well only if nothing was lost, nothing ran twice, and nothing failed
/// but what side A had in hand when it was killed.
pub(super) fn demo(args: &DemoArgs) -> Exit {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(play(args)),
        Err(error) => Err(DemoError::System(error)),
    };
    result.unwrap_or_else(|error| {
        complain(format_args!("crmgate: {error}"));
        match error {
            DemoError::Start(StartError::Config(problems)) => {
                complain(problems);
                Exit::Software
            }
            DemoError::Pki(_) | DemoError::PeerTls(_) | DemoError::Start(_) => Exit::Software,
            DemoError::System(_) | DemoError::Peer(_) | DemoError::Admin(_) | DemoError::Log(_) => {
                Exit::Os
            }
        }
    })
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error("the demo cannot make its certificates: {0}")]
    Pki(#[from] crate::simulate::PkiError),
    #[error("{0}")]
    PeerTls(#[from] crate::simulate::PeerTlsError),
    #[error("{0}")]
    Peer(#[from] crate::simulate::PeerError),
    #[error("the gateway of the demo does not start: {0}")]
    Start(#[from] StartError),
    #[error("{0}")]
    Admin(#[from] AdminError),
    #[error("{0}")]
    Log(#[from] crate::telemetry::LogError),
    #[error("the system refuses what the demo needs: {0}")]
    System(#[from] std::io::Error),
}

async fn play(args: &DemoArgs) -> Result<Exit, DemoError> {
    raise_descriptor_limit();
    let mut requests = Requests::listen()?;
    let mut screen = Screen::new();
    // Its state is larger than what a task should carry, on some systems.
    let mut stage = Box::pin(Stage::build(usize::from(args.agents))).await?;
    stage.introduce(&screen);
    let total = Duration::from_secs(u64::from(args.seconds));
    let mut director = Director::new(&mut stage, &mut screen, &mut requests);
    let played = director.play(total).await;
    if args.keep && played.is_ok() {
        director.linger().await;
    }
    director.close();
    let struck = tokio::select! {
        struck = stage.strike() => struck,
        () = asked_to_stop(&mut requests) => {
            Screen::line("  cut short: there is no verdict");
            return Ok(Exit::Unclean);
        }
    };
    let (report, home) = struck;
    let whole = report.is_clean();
    for line in report.lines(&screen) {
        Screen::line(line);
    }
    let exit = match played {
        Ok(()) | Err(Interrupted::Asked) if !whole => Exit::Unclean,
        Ok(()) => Exit::Ok,
        Err(Interrupted::Asked) => {
            Screen::line("  ended before its time");
            Exit::Ok
        }
        Err(Interrupted::Failed(error)) => {
            complain(format_args!("crmgate: {error}"));
            Exit::Software
        }
    };
    if args.keep || exit != Exit::Ok {
        let home = home.keep();
        Screen::line(format_args!("  files and log stay in {}", home.display()));
    }
    Ok(exit)
}

/// While everything ends in order, a word more means now.
async fn asked_to_stop(requests: &mut Requests) {
    while !matches!(requests.next().await, Request::Drain | Request::Quit) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_that_cannot_begin_says_what_is_in_its_way() {
        let error = DemoError::from(StartError::WorkerLost);
        assert_eq!(
            error.to_string(),
            "the gateway of the demo does not start: a worker thread has ended unexpectedly"
        );
        let error = DemoError::from(std::io::Error::other("no space left"));
        assert_eq!(
            error.to_string(),
            "the system refuses what the demo needs: no space left"
        );
    }
}
