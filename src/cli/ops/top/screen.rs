//! [`Screen`]: the terminal while a live picture is on it, and what it was before afterwards.

use std::io::{self, Write as _};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::style::{Attribute, Color, Print, ResetColor, SetAttribute, SetForegroundColor};
use crossterm::terminal::{
    self, Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{execute, queue};
use tokio::sync::mpsc;

use super::frame::{Line, Tone};

/// What somebody at the keyboard wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Quit,
    NextSystem,
    /// The window has another size.
    Redraw,
}

/// A terminal with a picture instead of lines. Dropping it brings the lines back.
#[derive(Debug)]
pub(super) struct Screen {
    wishes: mpsc::Receiver<Wish>,
    keyboard: Option<JoinHandle<()>>,
}

impl Screen {
    /// Takes the terminal over.
    pub(super) fn open() -> io::Result<Self> {
        let (sender, wishes) = mpsc::channel(16);
        enable_raw_mode()?;
        // From here on dropping undoes what was done.
        let mut screen = Self {
            wishes,
            keyboard: None,
        };
        execute!(io::stdout(), EnterAlternateScreen, Hide)?;
        let keyboard = thread::Builder::new().name("crmgate-keys".into());
        screen.keyboard = Some(keyboard.spawn(move || listen(&sender))?);
        Ok(screen)
    }

    /// How wide and how high it is.
    pub(super) fn size() -> (usize, usize) {
        terminal::size().map_or(SMALL, |(width, height)| (width.into(), height.into()))
    }

    /// The next thing that somebody wants. Nobody at the keyboard any more is a wish to end.
    pub(super) async fn wish(&mut self) -> Wish {
        self.wishes.recv().await.unwrap_or(Wish::Quit)
    }

    /// Shows a picture.
    pub(super) fn show(lines: &[Line]) -> io::Result<()> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        for (row, line) in (0_u16..).zip(lines) {
            queue!(out, MoveTo(0, row))?;
            match line.tone {
                Tone::Plain => {}
                Tone::Strong => queue!(out, SetAttribute(Attribute::Bold))?,
                Tone::Quiet => queue!(out, SetForegroundColor(Color::DarkGrey))?,
                Tone::Good => queue!(out, SetForegroundColor(Color::Green))?,
                Tone::Bad => queue!(out, SetForegroundColor(Color::Red))?,
            }
            queue!(
                out,
                Print(&line.text),
                SetAttribute(Attribute::Reset),
                ResetColor,
                Clear(ClearType::UntilNewLine)
            )?;
        }
        out.flush()
    }
}

/// What every terminal has, where one does not say.
const SMALL: (usize, usize) = (80, 24);

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that has gone cannot be put in order.
        let _gone = execute!(io::stdout(), LeaveAlternateScreen, Show);
        let _gone = disable_raw_mode();
        self.wishes.close();
        if let Some(keyboard) = self.keyboard.take() {
            let _ended = keyboard.join();
        }
    }
}

/// Reads keys until nobody wants to know them.
fn listen(wishes: &mpsc::Sender<Wish>) {
    while !wishes.is_closed() {
        let event = match event::poll(GLANCE) {
            Ok(false) => continue,
            Ok(true) => event::read(),
            Err(gone) => Err(gone),
        };
        let wish = match event {
            Ok(event) => wish_of(&event),
            // The terminal has gone.
            Err(_gone) => Some(Wish::Quit),
        };
        if let Some(wish) = wish
            && wishes.blocking_send(wish).is_err()
        {
            return;
        }
    }
}

/// How long the end may wait for this thread.
const GLANCE: Duration = Duration::from_millis(100);

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a keyboard has many keys, and few of them mean something here"
)]
fn wish_of(event: &Event) -> Option<Wish> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => match key.code {
            KeyCode::Char('q' | 'Q') | KeyCode::Esc => Some(Wish::Quit),
            KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                Some(Wish::Quit)
            }
            KeyCode::Char('s' | 'S') | KeyCode::Tab => Some(Wish::NextSystem),
            _ => None,
        },
        Event::Resize(..) => Some(Wish::Redraw),
        _ => None,
    }
}
