//! [`Pulse`]: whether every worker thread is alive, asked from any thread.
//!
//! A thread that has ended is seen by [`super::Gateway::is_whole`]; one that stands still, in a loop of
//! ours or a call that does not come back, only by asking it for something.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::run::Gateway;
use super::worker::Command;

/// Asks the worker threads for signs of life.
#[derive(Debug)]
pub struct Pulse(Vec<mpsc::UnboundedSender<Command>>);

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Felt {
    /// Every thread has given a sign.
    Everywhere,
    /// These threads have not, by their numbers.
    Missing(Vec<usize>),
    /// There are no threads any more: the gateway has stopped.
    Ended,
}

impl Gateway {
    /// For whoever wants to know whether its threads are alive. They do not live longer for it.
    pub fn pulse(&self) -> Pulse {
        let workers = self.workers.iter();
        Pulse(workers.map(|worker| worker.commands.clone()).collect())
    }
}

impl Pulse {
    /// Waits until every thread has given a sign, at most until `limit`.
    ///
    /// A thread that has ended while others are there counts as missing.
    pub async fn feel(&self, limit: Duration) -> Felt {
        let deadline = Instant::now() + limit;
        let asked = self.0.iter().map(|worker| {
            let (felt, sign) = oneshot::channel();
            worker.send(Command::Pulse { felt }).ok().map(|()| sign)
        });
        let asked: Vec<_> = asked.collect();
        if asked.iter().all(Option::is_none) {
            return Felt::Ended;
        }
        let mut missing = Vec::new();
        for (number, sign) in asked.into_iter().enumerate() {
            let is_there = match sign {
                Some(sign) => matches!(timeout_at(deadline, sign).await, Ok(Ok(()))),
                None => false,
            };
            if !is_there {
                missing.push(number);
            }
        }
        if missing.is_empty() {
            Felt::Everywhere
        } else {
            Felt::Missing(missing)
        }
    }
}

/// On a worker: the sign, once everybody else who is ready has had a turn and the kernel was asked for
/// news.
pub(super) async fn give_a_sign(felt: oneshot::Sender<()>) {
    tokio::task::yield_now().await;
    let _nobody_waits = felt.send(());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A worker as far as a pulse can tell.
    fn worker() -> (
        mpsc::UnboundedSender<Command>,
        mpsc::UnboundedReceiver<Command>,
    ) {
        mpsc::unbounded_channel()
    }

    /// Answers all that is asked.
    async fn answer(mut inbox: mpsc::UnboundedReceiver<Command>) {
        while let Some(command) = inbox.recv().await {
            if let Command::Pulse { felt } = command {
                give_a_sign(felt).await;
            }
        }
    }

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn it_is_felt_where_every_thread_answers() {
        let ((one, of_one), (other, of_other)) = (worker(), worker());
        let pulse = Pulse(vec![one, other]);
        tokio::select! {
            felt = pulse.feel(LIMIT) => assert_eq!(felt, Felt::Everywhere),
            () = answer(of_one) => {}
            () = answer(of_other) => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_thread_that_stands_still_is_missing_when_the_time_is_over() {
        let ((one, of_one), (still, _never_read)) = (worker(), worker());
        let pulse = Pulse(vec![one, still]);
        let begun = Instant::now();
        tokio::select! {
            felt = pulse.feel(LIMIT) => assert_eq!(felt, Felt::Missing(vec![1])),
            () = answer(of_one) => {}
        }
        assert_eq!(begun.elapsed(), LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_thread_that_has_ended_is_missing_and_where_all_have_ended_there_is_no_pulse() {
        let ((one, of_one), (other, of_other)) = (worker(), worker());
        let pulse = Pulse(vec![one, other]);
        drop(of_other);
        let answering = Box::pin(answer(of_one));
        tokio::select! {
            felt = pulse.feel(LIMIT) => assert_eq!(felt, Felt::Missing(vec![1])),
            () = answering => {}
        }
        assert_eq!(pulse.feel(LIMIT).await, Felt::Ended);
    }
}
