//! [`Role`]: this program once more, as generator, backend or relay, in a process of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::time::Duration;

use tokio::time::timeout;

use crate::backend;
use crate::machine::Cores;
use crate::programs::path_of;
use crate::relay::relay;
use crate::traffic::{Load, Outcome, READY, generate};

/// The process; it ends with this value.
#[derive(Debug)]
pub struct Role {
    child: Child,
    input: ChildStdin,
    output: Option<BufReader<ChildStdout>>,
}

/// Longer than any generator is at work.
const PATIENCE: Duration = Duration::from_mins(15);

impl Role {
    /// Starts a generator.
    pub fn generator(load: &Load, cores: &Cores) -> Result<Self, String> {
        Self::start("generator", &load.words(), cores)
    }

    /// Starts a backend with certificates of this folder.
    pub fn backend(certs: &Path, cores: &Cores) -> Result<Self, String> {
        Self::start("backend", &[certs.display().to_string()], cores)
    }

    fn start(role: &str, words: &[String], cores: &Cores) -> Result<Self, String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = cores.prefix();
        command.extend([
            own.display().to_string(),
            "--role".to_owned(),
            role.to_owned(),
        ]);
        command.extend_from_slice(words);
        let program = path_of(&command[0]).ok_or_else(|| format!("no {}", command[0]))?;
        let mut child = Command::new(program)
            .args(&command[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the {role} does not start: {error}"))?;
        let input = child.stdin.take().expect("piped");
        let output = child.stdout.take().map(BufReader::new);
        Ok(Self {
            child,
            input,
            output,
        })
    }

    /// The next line that it prints.
    pub async fn line(&mut self) -> Result<String, String> {
        let mut output = self.output.take().ok_or("its end was read")?;
        let reading = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            let read = output.read_line(&mut line);
            read.map(|count| (output, line, count))
        });
        let in_time = timeout(PATIENCE, reading).await;
        let read = in_time.map_err(|_| "it says nothing")?;
        let read = read.map_err(|error| error.to_string())?;
        let (output, line, count) = read.map_err(|error| error.to_string())?;
        if count == 0 {
            return Err("a process of the bench ended early".to_owned());
        }
        self.output = Some(output);
        Ok(line.trim().to_owned())
    }

    /// Waits until all clients of a generator had their first turn. If one has failed, this is what
    /// came of it.
    pub async fn ready(&mut self) -> Result<(), String> {
        let line = self.line().await?;
        match Outcome::read(&line) {
            Some(outcome) => Err(outcome.first_error),
            None if line == READY => Ok(()),
            None => Err(format!("\"{line}\" was not expected")),
        }
    }

    /// Lets it go on.
    pub fn go_on(&mut self) -> Result<(), String> {
        let said = self.input.write_all(b"\n");
        said.and_then(|()| self.input.flush())
            .map_err(|error| error.to_string())
    }

    /// What came of a generator's load.
    pub async fn outcome(&mut self) -> Result<Outcome, String> {
        let line = self.line().await?;
        Outcome::read(&line).ok_or_else(|| format!("\"{line}\" was not expected"))
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        // Ended already, as generators do by themselves.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Has a load done, from beginning to end.
pub async fn play(load: &Load, cores: &Cores) -> Result<Outcome, String> {
    Role::generator(load, cores)?.outcome().await
}

/// What this process does where it was started as a role.
pub fn perform(role: &str, words: &[String]) -> ExitCode {
    let done = match (role, words) {
        ("generator", words) => Load::read(words).map(|load| {
            let outcome = generate(&load)?;
            println!("{}", outcome.to_json());
            Ok(())
        }),
        ("backend", [certs]) => Some(with_input(|| backend::serve(Path::new(certs)))),
        ("relay", [at, to]) => match (at.parse(), to.parse()) {
            (Ok(at), Ok(to)) => Some(relay(at, to)),
            _ => None,
        },
        _ => None,
    };
    match done {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            eprintln!("the {role} of the bench: {error}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("\"{role}\" is no role of the bench, or lacks something");
            ExitCode::FAILURE
        }
    }
}

/// Ends this process together with its input: whoever has started it is gone then.
fn with_input(work: impl FnOnce() -> std::io::Result<()>) -> std::io::Result<()> {
    std::thread::spawn(|| {
        let _until_its_end = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    work()
}
