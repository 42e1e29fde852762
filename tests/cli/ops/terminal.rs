//! At a terminal: `script` of util-linux makes one.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::Stage;
use crate::support::until;

/// A command at a terminal of 80 columns and 24 lines.
struct Terminal {
    child: Child,
    seen: PathBuf,
}

impl Terminal {
    /// None where there is no `script`.
    fn with(stage: &Stage, line: &str) -> Option<Self> {
        let seen = stage.world.path().join("seen");
        let file = std::fs::File::create(&seen).expect("a file");
        let program = env!("CARGO_BIN_EXE_crmgate");
        let dir = stage.world.path().display();
        let line = format!(
            "stty rows 24 cols 80; '{program}' {line} --config '{dir}'; echo \"ended with $?\"; stty -a"
        );
        let mut script = Command::new("script");
        script.args(["-qefc", &line, "/dev/null"]);
        script.env("TERM", "xterm").env_remove("CRMGATE_CONFIG");
        let spawned = script.stdin(Stdio::piped()).stdout(file).spawn();
        let child = spawned.ok()?;
        Some(Self { child, seen })
    }

    fn seen(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.seen).expect("a file")).into_owned()
    }

    async fn until_seen(&self, text: &str) {
        until(format_args!("{text:?} is seen"), || {
            self.seen().contains(text)
        })
        .await;
    }

    fn press(&mut self, keys: &str) {
        let keyboard = self.child.stdin.as_mut().expect("a pipe");
        keyboard.write_all(keys.as_bytes()).expect("a terminal");
        keyboard.flush().expect("a terminal");
    }

    /// The process that runs at the terminal.
    fn program(&self) -> u32 {
        let shell = crate::support::process::children(self.child.id());
        let program = shell
            .iter()
            .flat_map(|shell| crate::support::process::children(*shell));
        let mut program = program.filter(|pid| is_ours(*pid));
        program.next().expect("it runs")
    }

    /// That the picture has gone and the terminal is as it was.
    async fn ends_in_order(mut self) {
        self.until_seen("ended with 0").await;
        self.until_seen("echoctl").await;
        let seen = self.seen();
        let left = seen.rfind("\u{1b}[?1049l").expect("the picture is gone");
        let shown = seen.rfind("\u{1b}[?25h").expect("the cursor is back");
        let ended = seen.find("ended with").expect("it ended");
        assert!(left < ended && shown < ended, "{seen:?}");
        let settings = &seen[ended..];
        assert!(
            settings.contains(" icanon") && settings.contains(" echo "),
            "{settings}"
        );
        self.child.wait().expect("a child");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn is_ours(pid: u32) -> bool {
    let exe = std::fs::read_link(format!("/proc/{pid}/exe"));
    exe.is_ok_and(|exe| exe == Path::new(env!("CARGO_BIN_EXE_crmgate")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn top_draws_a_picture_until_q_and_leaves_the_terminal_as_it_was() {
    let stage = Stage::new().await;
    stage.sides_are_up().await;
    let Some(mut terminal) = Terminal::with(&stage, "top") else {
        return;
    };
    terminal.until_seen("\u{1b}[?1049h").await;
    terminal.until_seen("serving, ready").await;
    terminal.until_seen("q quit   s next SAP system").await;
    // Rates need a second look.
    terminal.until_seen("0.0 (0.0 failed)").await;
    terminal.press("sq");
    terminal.ends_in_order().await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn top_leaves_the_terminal_as_it_was_when_it_is_told_to_end_and_at_control_c() {
    let stage = Stage::new().await;
    for how in ["TERM", "control-c"] {
        let Some(mut terminal) = Terminal::with(&stage, "top") else {
            return;
        };
        terminal.until_seen("serving").await;
        if how == "TERM" {
            let pid = terminal.program().to_string();
            let killed = Command::new("kill").args(["-s", how, &pid]).status();
            assert!(killed.expect("kill").success());
        } else {
            terminal.press("\u{3}");
        }
        terminal.ends_in_order().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn top_shows_the_last_picture_while_the_gateway_is_away() {
    let mut stage = Stage::new().await;
    let Some(mut terminal) = Terminal::with(&stage, "top") else {
        return;
    };
    terminal.until_seen("serving").await;
    stage.daemon.signal("QUIT");
    assert_eq!(stage.daemon.ended().await.code(), Some(0));
    terminal.until_seen("no answer any more").await;
    terminal.until_seen("no gateway answers at ").await;
    terminal.press("q");
    terminal.ends_in_order().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_a_terminal_a_switch_shows_what_is_to_be_known_and_asks() {
    let stage = Stage::new().await;
    stage.sides_are_up().await;
    for (answer, active, end) in [
        ("n\n", "A", "nothing was changed"),
        ("y\n", "B", "switched to side B"),
    ] {
        let Some(mut terminal) = Terminal::with(&stage, "switch B") else {
            return;
        };
        terminal.until_seen("note: requests under way finish").await;
        terminal.until_seen("Switch SAP1 to side B? [y/N] ").await;
        assert_eq!(stage.active(), "A");
        terminal.press(answer);
        terminal.until_seen(end).await;
        terminal.until_seen("ended with").await;
        assert_eq!(stage.active(), active);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_a_terminal_yes_means_that_nothing_is_asked() {
    let stage = Stage::new().await;
    stage.sides_are_up().await;
    let Some(terminal) = Terminal::with(&stage, "drain A --yes") else {
        return;
    };
    terminal.until_seen("ended with 0").await;
    assert!(!terminal.seen().contains("[y/N]"), "{}", terminal.seen());
    assert_eq!(stage.active(), "B");
}
