//! [`Screen`]: calm output. One line that is redrawn at a terminal; plain lines anywhere else.

use std::fmt::Display;
use std::io::IsTerminal as _;

use tokio::time::Instant;

use crate::cli::output::{draw, say};

/// Where the demo writes.
#[derive(Debug)]
pub(super) struct Screen {
    begin: Instant,
    /// Whether a line can be redrawn.
    live: bool,
    /// Whether colours are welcome.
    colour: bool,
    /// Whether a redrawn line stands there now.
    drawn: bool,
}

/// What a text means; the colour follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// Headings.
    Strong,
    /// What may be read over.
    Quiet,
    /// As it should be.
    Good,
    /// Something was broken, on purpose or not.
    Bad,
}

impl Screen {
    /// Looks at the terminal, and at `NO_COLOR` and `TERM`.
    pub(super) fn new() -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            begin: Instant::now(),
            live: is_terminal && !is_dumb,
            colour: is_terminal && !is_dumb && !is_set("NO_COLOR"),
            drawn: false,
        }
    }

    /// From now on times count from zero.
    pub(super) fn start(&mut self) {
        self.begin = Instant::now();
    }

    /// A line.
    pub(super) fn line(line: impl Display) {
        say(line);
    }

    /// Something that happened, with its time.
    pub(super) fn event(&mut self, text: impl Display) {
        self.settle();
        let time = format!("{:>6.1} s", self.begin.elapsed().as_secs_f64());
        say(format_args!("{}  {text}", self.tone(Tone::Quiet, &time)));
    }

    /// Redraws the line that tells how things stand. Nothing where lines cannot be redrawn.
    pub(super) fn glance(&mut self, text: &str) {
        if self.live {
            // Wider terminals are no reason to wrap on narrow ones.
            let text: String = text.chars().take(LIVE_WIDTH).collect();
            let time = format!("{:>6.1} s", self.begin.elapsed().as_secs_f64());
            draw(format_args!(
                "\r\x1b[2K{}",
                self.tone(Tone::Quiet, &format!("{time}  {text}"))
            ));
            self.drawn = true;
        }
    }

    /// Takes the redrawn line away.
    pub(super) fn settle(&mut self) {
        if self.drawn {
            draw("\r\x1b[2K");
            self.drawn = false;
        }
    }

    /// A text in its tone.
    pub(super) fn tone(&self, tone: Tone, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Strong => "1",
            Tone::Quiet => "2",
            Tone::Good => "32",
            Tone::Bad => "31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// With the time before it, this stays within 80 columns.
const LIVE_WIDTH: usize = 68;

#[cfg(test)]
mod tests {
    use super::*;

    impl Screen {
        /// As if the output went into a file.
        pub(in crate::cli::demo) fn plain() -> Self {
            Self {
                begin: Instant::now(),
                live: false,
                colour: false,
                drawn: false,
            }
        }
    }

    #[test]
    fn without_colours_a_text_is_what_it_is() {
        let screen = Screen::plain();
        assert_eq!(screen.tone(Tone::Bad, "1 lost"), "1 lost");
    }

    #[test]
    fn a_tone_ends_with_its_text() {
        let screen = Screen {
            colour: true,
            ..Screen::plain()
        };
        assert_eq!(screen.tone(Tone::Good, "0"), "\u{1b}[32m0\u{1b}[0m");
    }
}
