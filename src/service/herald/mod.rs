//! [`Herald`]: tells the service manager how it stands, in an order that holds.
//!
//! Which words are said is decided here, without a socket; `linux.rs` puts them into datagrams for
//! systemd, and `elsewhere.rs` has nobody to tell. Nothing is said where no manager asks to be told.

#[cfg(not(target_os = "linux"))]
#[path = "elsewhere.rs"]
mod way;
#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod way;

use std::time::Duration;

use tracing::warn;

use way::is_there;
pub(super) use way::{tell, watchdog_limit};

/// Something that a service manager understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// All listeners are open.
    Ready,
    /// The configuration is read again; [`Word::Ready`] follows, whatever comes of it.
    Reloading,
    /// The end has begun.
    Stopping,
    /// It is at work and may take so long until it says so again.
    Extend(Duration),
    /// Another process is the one to watch from now on.
    SucceededBy(u32),
    /// How it stands, for people: one line.
    Status(String),
    /// A sign of life.
    Alive,
}

/// Tells the service manager how the gateway stands, where there is one that asks to be told.
///
/// It keeps the order: nothing but the progress of the end is said once a stop has been told, so no
/// manager ever takes a gateway that ends for one that is ready.
#[derive(Debug, Default)]
pub struct Herald {
    is_stopping: bool,
    is_deaf: bool,
    status: String,
}

impl Herald {
    /// Nothing has been said yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a manager asks to be told, so that it is worth finding out what to tell.
    pub fn is_there(&self) -> bool {
        is_there()
    }

    /// It serves: at the start, and again after each reload, whatever came of that.
    pub fn ready(&mut self, status: &str) {
        let words = self.words(Step::Ready, status);
        self.say(&words);
    }

    /// The configuration is read again.
    pub fn reloading(&mut self) {
        let words = self.words(Step::Reloading, "reading the configuration again");
        self.say(&words);
    }

    /// The end has begun, or goes on. Until the next of these it may take [`Herald::PATIENCE`].
    pub fn stopping(&mut self, status: &str) {
        let words = self.words(Step::Stopping, status);
        self.say(&words);
    }

    /// Another process takes this one's place: it is the one to watch, and it speaks from now on.
    pub fn succeeded_by(&mut self, pid: u32) {
        self.say(&[Word::SucceededBy(pid)]);
        self.is_stopping = true;
    }

    /// How it stands. Said where it is news.
    pub fn status(&mut self, status: &str) {
        let words = self.words(Step::None, status);
        self.say(&words);
    }

    /// How often a drain says that it goes on.
    pub const PACE: Duration = Duration::from_secs(2);

    /// How long a drain may say nothing before it counts as stuck: a machine under load may miss some
    /// turns, and the last words to those who are cut take a moment.
    pub const PATIENCE: Duration = Duration::from_secs(15);

    /// The pure part: what is said of a step.
    fn words(&mut self, step: Step, status: &str) -> Vec<Word> {
        let mut words = match (step, self.is_stopping) {
            (Step::Ready, false) => vec![Word::Ready],
            (Step::Reloading, false) => vec![Word::Reloading],
            (Step::Stopping, false) => vec![Word::Stopping, Word::Extend(Self::PATIENCE)],
            (Step::Stopping, true) => vec![Word::Extend(Self::PATIENCE)],
            (Step::None, false) => Vec::new(),
            // Too late for all of these, and for their status.
            (Step::Ready | Step::Reloading | Step::None, true) => return Vec::new(),
        };
        self.is_stopping |= step == Step::Stopping;
        let status = one_line(status);
        if status != self.status {
            words.push(Word::Status(status.clone()));
            self.status = status;
        }
        words
    }

    fn say(&mut self, words: &[Word]) {
        if words.is_empty() {
            return;
        }
        match tell(words) {
            Ok(()) => self.is_deaf = false,
            Err(_as_before) if self.is_deaf => {}
            Err(error) => {
                self.is_deaf = true;
                warn!(
                    %error,
                    "the service manager cannot be told how the gateway stands: see that NOTIFY_SOCKET \
                     names a socket that this account may write to"
                );
            }
        }
    }
}

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Ready,
    Reloading,
    Stopping,
    None,
}

/// A status is one line, and what is longer is not read.
fn one_line(text: &str) -> String {
    const LONGEST: usize = 400;
    let line = text.lines().next().unwrap_or_default();
    line.chars()
        .filter(|letter| !letter.is_control())
        .take(LONGEST)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_life_is_told_in_order() {
        let mut herald = Herald::new();
        let status = |text: &str| Word::Status(text.to_owned());
        assert_eq!(
            herald.words(Step::Ready, "serving"),
            [Word::Ready, status("serving")]
        );
        assert_eq!(
            herald.words(Step::Reloading, "reading"),
            [Word::Reloading, status("reading")]
        );
        assert_eq!(
            herald.words(Step::Ready, "serving"),
            [Word::Ready, status("serving")]
        );
        assert_eq!(
            herald.words(Step::Stopping, "draining"),
            [
                Word::Stopping,
                Word::Extend(Herald::PATIENCE),
                status("draining")
            ]
        );
        assert_eq!(
            herald.words(Step::Stopping, "draining"),
            [Word::Extend(Herald::PATIENCE)]
        );
    }

    #[test]
    fn a_status_is_said_once_and_on_one_line() {
        let mut herald = Herald::new();
        let said = herald.words(Step::None, "all\tis well\nand READY=1");
        assert_eq!(said, [Word::Status("allis well".to_owned())]);
        assert_eq!(herald.words(Step::None, "allis well"), []);
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => Just(Step::Ready),
            4 => Just(Step::Reloading),
            1 => Just(Step::Stopping),
            4 => Just(Step::None),
        ]
    }

    proptest! {
        #[test]
        fn nothing_says_that_it_is_ready_once_it_has_begun_to_stop(
            steps in prop::collection::vec(step(), 0..20),
        ) {
            let mut herald = Herald::new();
            let mut stopping = false;
            for (number, step) in steps.into_iter().enumerate() {
                let words = herald.words(step, &number.to_string());
                if stopping {
                    prop_assert!(!words.contains(&Word::Ready) && !words.contains(&Word::Reloading));
                    prop_assert!(!words.contains(&Word::Stopping));
                }
                stopping |= step == Step::Stopping;
            }
        }
    }
}
