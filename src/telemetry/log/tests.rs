use std::fs;
use std::io::Write;

use super::*;
use crate::model::{ConnectionId, ExchangeId, Generation, Outcome};
use crate::telemetry::{AccessLine, Flow};

const HOSTILE: &str = "a\r\nb\u{1b}[31mc\u{85}\u{2028}d\te\u{0}";

/// A log that writes to a file, and what stands there once it has ended.
fn written(form: LogForm, level: &str, say: impl FnOnce(&LogGuard)) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("crmgate.log");
    let options = LogOptions {
        form,
        level: level.to_owned(),
        file: Some(path.clone()),
        rotation: Rotation::default(),
        is_journal: false,
    };
    let opener = target::file_opener(path.clone(), options.rotation, Clock::system());
    let (dispatch, guard) = start(&options, &Clock::system(), opener).expect("starts");
    tracing::dispatcher::with_default(&dispatch, || say(&guard));
    drop(guard);
    fs::read_to_string(path).expect("the log")
}

fn say_hostile() {
    let span = tracing::info_span!("conn", peer = %HOSTILE);
    span.in_scope(
        || tracing::info!(shown = %HOSTILE, debugged = ?HOSTILE, plain = HOSTILE, "{HOSTILE}"),
    );
}

#[test]
fn whatever_a_peer_sends_stays_on_one_line_of_text() {
    let log = written(LogForm::Text, "info", |_| say_hostile());
    let line = log.strip_suffix('\n').expect("ends");
    assert!(!line.chars().any(char::is_control), "{line:?}");
    assert_eq!(line.matches("[31mc").count(), 5, "{line}");
    assert!(!line.contains('\u{2028}'));
}

#[test]
fn whatever_a_peer_sends_stays_one_json_object_and_reads_back() {
    let log = written(LogForm::Json, "info", |_| say_hostile());
    let line = log.strip_suffix('\n').expect("ends");
    assert!(!line.chars().any(char::is_control), "{line:?}");
    let json: serde_json::Value = serde_json::from_str(line).expect("json");
    assert_eq!(json["message"], HOSTILE);
    assert_eq!(json["plain"], HOSTILE);
    assert_eq!(json["level"], "INFO");
}

#[test]
fn a_time_has_microseconds_and_is_utc() {
    let log = written(LogForm::Text, "info", |_| tracing::info!("up"));
    let (time, rest) = log.split_once(' ').expect("a time");
    assert_eq!(time.len(), "2027-03-01T00:00:00.000250Z".len(), "{time}");
    assert!(time.ends_with('Z'));
    assert_eq!(rest, " INFO crmgate::telemetry::log::tests: up\n");
}

#[test]
fn the_level_changes_while_running_and_a_bad_one_changes_nothing() {
    let log = written(LogForm::Text, "warn", |guard| {
        tracing::info!("one");
        guard.set_level("info").expect("a level");
        tracing::info!("two");
        assert!(guard.set_level("inof").is_err());
        tracing::info!("three");
        guard.set_level("off").expect("a level");
        tracing::error!("four");
    });
    let said: Vec<_> = log.lines().filter_map(|l| l.rsplit(' ').next()).collect();
    assert_eq!(said, ["two", "three"]);
}

#[test]
fn an_operator_gets_the_level_before_and_hides_no_change_of_an_operator() {
    let log = written(LogForm::Text, "warn", |guard| {
        let change = |what: &str| tracing::info!(target: AUDIT, who = "x", "{what}");
        assert_eq!(guard.set_level_for_now("off").expect("a level"), "warn");
        change("one");
        tracing::error!("unheard");
        assert_eq!(guard.set_level_for_now("error").expect("a level"), "off");
        change("two");
        for refused in ["inof", "info,crmgate::admin::orders[{who}]=off"] {
            let told = guard.set_level_for_now(refused).expect_err("refused");
            assert!(told.to_string().contains(refused), "{told}");
        }
        assert_eq!(guard.set_level_for_now("off").expect("a level"), "error");
    });
    let said: Vec<_> = log
        .lines()
        .filter_map(|l| l.split(' ').rev().nth(1))
        .collect();
    assert_eq!(said, ["one", "two"], "{log}");
}

#[test]
fn a_misspelt_level_is_refused_and_a_filter_is_not() {
    for good in [
        "info",
        "WARN",
        "off",
        "info,crmgate::tls=debug",
        "crmgate[conn]=trace",
    ] {
        assert!(parse_level(good).is_ok(), "{good}");
    }
    for bad in ["", " ", "inof", "info,tls", "crmgate=loud", "a=b=c"] {
        assert!(parse_level(bad).is_err(), "{bad}");
    }
    let told = parse_level("inof").expect_err("misspelt").to_string();
    assert!(
        told.starts_with("\"inof\" is no log level; use off, error"),
        "{told}"
    );
}

#[test]
fn a_blank_behind_a_comma_is_no_part_of_a_target() {
    for filter in ["none=debug, info", "info, none=debug", " info "] {
        let log = written(LogForm::Text, filter, |_| tracing::info!("up"));
        assert!(log.ends_with(": up\n"), "{filter}: {log}");
    }
}

#[test]
fn after_a_rotation_lines_go_to_the_new_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, old) = (folder.path().join("log"), folder.path().join("log.1"));
    let options = LogOptions {
        form: LogForm::Text,
        level: "info".to_owned(),
        file: Some(path.clone()),
        rotation: Rotation::default(),
        is_journal: false,
    };
    let opener = target::file_opener(path.clone(), options.rotation, Clock::system());
    let (dispatch, guard) = start(&options, &Clock::system(), opener).expect("starts");
    fs::rename(&path, &old).expect("rotates");
    guard.reopen().expect("opens anew");
    tracing::dispatcher::with_default(&dispatch, || tracing::info!("after"));
    drop(guard);
    assert_eq!(fs::read_to_string(&old).expect("old"), "");
    assert!(fs::read_to_string(&path).expect("new").ends_with("after\n"));
}

#[test]
fn a_log_that_cannot_be_opened_names_the_file_and_what_to_do() {
    let path = PathBuf::from("/nonexistent/crmgate.log");
    let options = LogOptions {
        form: LogForm::Text,
        level: "info".to_owned(),
        file: Some(path),
        rotation: Rotation::default(),
        is_journal: false,
    };
    let told = init(&options, &Clock::system())
        .expect_err("no folder")
        .to_string();
    assert!(told.contains("\"/nonexistent/crmgate.log\""), "{told}");
    assert!(told.contains("its folder has to exist"), "{told}");
}

#[test]
fn a_system_without_room_for_a_thread_is_told_of() {
    let error = LogError::Thread(io::ErrorKind::WouldBlock.into());
    assert_eq!(
        error.to_string(),
        "cannot start the thread of the log: operation would block; the system may be short of \
         threads or memory"
    );
}

/// A disk that takes nothing until the gate opens.
struct Stuck(mpsc::Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _closed = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_target_that_takes_nothing_stalls_neither_a_line_nor_the_stop() {
    let (gate, closed) = mpsc::channel();
    let mut stuck = Some(Stuck(closed));
    let opener: Opener = Box::new(move || {
        let stuck = stuck.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Box::new(stuck))
    });
    let options = LogOptions {
        form: LogForm::Text,
        level: "info".to_owned(),
        file: None,
        rotation: Rotation::default(),
        is_journal: false,
    };
    let (dispatch, guard) = start(&options, &Clock::system(), opener).expect("starts");
    let long = "a".repeat(1_024);
    tracing::dispatcher::with_default(&dispatch, || {
        (0..20_000).for_each(|n| tracing::info!(n, long, "line"));
    });
    // Some sixteen megabytes at the most have found room: what is being written, and what is queued.
    let lost = guard.lost_lines();
    assert!((4_000..20_000).contains(&lost), "{lost}");
    assert_eq!(guard.access_log(false).lost_lines(), lost);
    drop(guard);
    drop(gate);
}

#[test]
fn access_lines_go_where_the_log_goes_and_nowhere_when_switched_off() {
    let system = "SAP1".parse().expect("a name");
    let line = AccessLine {
        flow: Flow::StaticRoute,
        id: ExchangeId {
            connection: ConnectionId::of_thread(0, 1),
            number: 1,
        },
        system: &system,
        listener: "10.0.0.1:44300".parse().expect("an address"),
        peer: "10.0.0.2:50123".parse().expect("an address"),
        principal: None,
        tls: None,
        method: None,
        target: None,
        operation: None,
        side: None,
        upstream: None,
        upstream_reused: false,
        tries: 1,
        outcome: Outcome::Answered,
        status: None,
        code: None,
        request_bytes: 1,
        response_bytes: 2,
        took: Duration::from_micros(1_500),
        generation: Generation::FIRST,
    };
    let log = written(LogForm::Text, "off", |guard| {
        guard.access_log(false).write(&line);
        let access = guard.access_log(true);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let access = access.clone();
                scope.spawn(move || (0..100).for_each(|_| access.write(&line)));
            }
        });
    });
    assert_eq!(log.lines().count(), 400);
    for said in log.lines() {
        assert!(
            said.contains(" access: flow=static-route id=1.1 system=SAP1 "),
            "{said}"
        );
    }
}

#[test]
fn for_the_journal_a_line_that_is_not_the_usual_one_begins_with_its_importance() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal");
    for (form, first) in [(LogForm::Text, "2"), (LogForm::Json, "{")] {
        let options = LogOptions {
            form,
            level: "debug".to_owned(),
            file: None,
            rotation: Rotation::default(),
            is_journal: true,
        };
        let opener = target::file_opener(path.clone(), options.rotation, Clock::system());
        let (dispatch, guard) = start(&options, &Clock::system(), opener).expect("starts");
        tracing::dispatcher::with_default(&dispatch, || {
            tracing::error!("one");
            tracing::warn!("two");
            tracing::info!("three");
            tracing::debug!("four");
        });
        drop(guard);
        let text = fs::read_to_string(&path).expect("lines");
        let begins: Vec<_> = text.lines().map(|line| line.split(first).next()).collect();
        assert_eq!(
            begins,
            [Some("<3>"), Some("<4>"), Some(""), Some("<7>")],
            "{text}"
        );
        fs::remove_file(&path).expect("read");
    }
}
