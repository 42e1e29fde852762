//! Signs of life for the service manager, for as long as the data path gives them.

use std::io;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info, warn};

use super::herald::{Word, tell, watchdog_limit};
use crate::gateway::{Felt, Pulse};

/// Begins to feed the service manager's watchdog, if it has one.
///
/// A sign of life is passed on only after every worker thread has given one, in its turn between its
/// connections. It has a thread of its own: a reload that waits for a slow disk harms no traffic, and
/// shall not end a gateway that serves. That thread ends with the workers.
pub fn feed_watchdog(pulse: Pulse) -> io::Result<()> {
    let Some(limit) = watchdog_limit() else {
        return Ok(());
    };
    let pace = limit / SIGNS_IN_A_LIMIT;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let thread = std::thread::Builder::new().name("crmgate-watchdog".into());
    let _ends_with_the_workers =
        thread.spawn(move || runtime.block_on(feed(pulse, pace, limit)))?;
    info!(
        limit_seconds = limit.as_secs_f32(),
        "the service manager's watchdog is fed"
    );
    Ok(())
}

/// One more than the customary two, so that one sign may be late on a machine under load.
const SIGNS_IN_A_LIMIT: u32 = 3;

async fn feed(pulse: Pulse, pace: Duration, limit: Duration) {
    let mut turns = interval(pace);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_hungry = false;
    loop {
        let _turn = turns.tick().await;
        match pulse.feel(pace).await {
            Felt::Everywhere => {
                if is_hungry {
                    warn!("all worker threads answer again: the watchdog is fed");
                    is_hungry = false;
                }
                if let Err(error) = tell(&[Word::Alive]) {
                    warn!(%error, "the sign of life does not reach the service manager, which will end this process: see that NOTIFY_SOCKET names a socket that this account may write to");
                }
            }
            Felt::Missing(threads) if !is_hungry => {
                is_hungry = true;
                error!(
                    ?threads,
                    limit_seconds = limit.as_secs_f32(),
                    "worker threads do not answer: the watchdog is not fed, and unless they do so within its limit the service manager ends this process and starts another; please report it"
                );
            }
            Felt::Missing(_) => {}
            Felt::Ended => return,
        }
    }
}
