//! A run: every operation goes round all servers before the next one begins, and each repeat begins
//! with another server, so that what else the machine does falls on all alike.

use std::time::Duration;

use crate::contestants;
use crate::figures::{Figures, Memory, Sample, Sessions, Whom};
use crate::operations::{self, Operation, secured};
use crate::options::{MEMORY, Options, SESSIONS};
use crate::role::{Role, play};
use crate::server::process::proportional_set_size;
use crate::server::{Contestant, Door, Make, Server};
use crate::stage::Stage;
use crate::support::pause;
use crate::traffic::{Course, Habit, Load, Outcome, Version};

/// Measures everything that is asked for. `files`: how many files a process may open.
pub async fn measure(options: &Options, stage: &Stage, files: usize) -> Result<Figures, String> {
    let mut figures = Figures {
        contestants: contestants::all(options)?,
        ..Figures::default()
    };
    let servers = start(stage, &mut figures).await;
    let wanted = |operation: &&Operation| options.asks_for(operation.word);
    let counted = Duration::from_secs_f64(options.seconds);
    for repeat in 0..options.repeats {
        for operation in operations::ALL.iter().filter(wanted) {
            eprintln!("{} of {}: {}", repeat + 1, options.repeats, operation.title);
            let mut order = servers.iter().collect::<Vec<_>>();
            order.rotate_left(repeat % servers.len().max(1));
            for (who, server) in order {
                if takes_part(&server.contestant, operation) {
                    let outcome = once(stage, operation, server, counted).await;
                    note(&mut figures, operation, (*who, repeat), outcome);
                }
            }
        }
    }
    drop(servers);
    if options.asks_for(MEMORY) {
        idle(options, stage, &mut figures).await;
    }
    if options.asks_for(SESSIONS) {
        sessions(options, stage, files, &mut figures).await;
    }
    Ok(figures)
}

/// Starts all of them, and tries whom they let in. Whoever does not start is left out.
async fn start(stage: &Stage, figures: &mut Figures) -> Vec<(usize, Server)> {
    let mut servers = Vec::new();
    for (who, contestant) in figures.contestants.iter().enumerate() {
        match stage.start(contestant, 1).await {
            Ok(server) => {
                figures.failures.extend(stage.try_doors(&server).await);
                servers.push((who, server));
            }
            Err(why) => figures.failures.push(why),
        }
    }
    servers
}

fn takes_part(contestant: &Contestant, operation: &Operation) -> bool {
    match contestant.make {
        // It is there for what the log costs, and for nothing else.
        Make::Ours { access_log, .. } if access_log => operation.word == "kept",
        // It is there for what two reads and two writes cost.
        Make::Relay => operation.word == "plain",
        _ => contestant.has(operation.door),
    }
}

/// One operation at one server.
async fn once(
    stage: &Stage,
    operation: &Operation,
    server: &Server,
    counted: Duration,
) -> Result<Outcome, String> {
    let at = server.door(operation.door);
    let (_, clients) = stage.cores(1);
    let storm = operation.storm_beside(at, &stage.certs);
    let _until_measured = match storm {
        Some(load) => Some(Role::generator(&load, clients)?),
        None => None,
    };
    let mut load = operation.load(at, &stage.certs, counted);
    load.watched = server.pids();
    if matches!(operation.door, Door::Events | Door::EventsAnew) {
        load.backend = Some(stage.backend.a);
    }
    play(&load, clients).await
}

/// Keeps what was measured, and what was wrong with it.
fn note(
    figures: &mut Figures,
    operation: &Operation,
    (who, repeat): (usize, usize),
    outcome: Result<Outcome, String>,
) {
    let name = &figures.contestants[who].name;
    let title = operation.title;
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(why) => return figures.failures.push(format!("{name}, {title}: {why}")),
    };
    if outcome.errors > 0 {
        let (errors, first) = (outcome.errors, &outcome.first_error);
        let failure = format!("{name}, {title}: {errors} errors, the first: {first}");
        figures.failures.push(failure);
    } else if outcome.operations == 0 {
        figures
            .failures
            .push(format!("{name}, {title}: none was done"));
    }
    let full = outcome.full + outcome.backend_full;
    if operation.resumes() && full > 0 && figures.contestants[who].is_ours() {
        let failure = format!("{name}, {title}: {full} handshakes were full ones");
        figures.failures.push(failure);
    }
    figures.samples.push(Sample {
        operation: operation.word,
        who,
        repeat,
        outcome,
    });
}

/// How many connections rest where memory is measured: enough for the base not to matter.
const IDLE: usize = 1000;

/// What idle connections take of a server that was started for it.
async fn idle(options: &Options, stage: &Stage, figures: &mut Figures) {
    let count = if options.quick { 50 } else { IDLE };
    for who in 0..figures.contestants.len() {
        let contestant = figures.contestants[who].clone();
        let has_log = matches!(
            contestant.make,
            Make::Ours {
                access_log: true,
                ..
            }
        );
        if has_log || !contestant.has(Door::Rsa) {
            continue;
        }
        eprintln!("memory of {count} idle connections: {}", contestant.name);
        match idle_at(stage, &contestant, count).await {
            Ok((base, each)) => figures.memory.push(Memory { who, base, each }),
            Err(why) => {
                let failure = format!("{}, idle connections: {why}", contestant.name);
                figures.failures.push(failure);
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "bytes of one process are few")]
async fn idle_at(
    stage: &Stage,
    contestant: &Contestant,
    count: usize,
) -> Result<(u64, f64), String> {
    let server = stage.start(contestant, 1).await?;
    let (_, clients) = stage.cores(1);
    let at = server.door(Door::Rsa);
    // Before it has served anybody, what it will need once is not there yet.
    let kept = operations::named("kept").ok_or("no such operation")?;
    play(
        &kept.load(at, &stage.certs, Duration::from_millis(500)),
        clients,
    )
    .await?;
    pause(SETTLE).await;
    let base = proportional_set_size(&server.pids());
    let load = Load {
        tls: secured(Door::Rsa, &stage.certs, Version::Tls13),
        at_once: ABREAST.min(count),
        ..Load::plain(at, Habit::Kept, count, Course::Held)
    };
    let mut held = Role::generator(&load, clients)?;
    held.ready().await?;
    pause(SETTLE).await;
    let with = proportional_set_size(&server.pids());
    held.go_on()?;
    let outcome = held.outcome().await?;
    if outcome.open != count as u64 {
        return Err(format!("{} of {count} connections were open", outcome.open));
    }
    Ok((base, (with as f64 - base as f64) / count as f64))
}

/// Long enough for buffers to be given back and for timers to pass.
const SETTLE: Duration = Duration::from_millis(1500);

/// Of many clients so many do something at the same time.
pub const ABREAST: usize = 32;

/// Clients whose sessions are taken up after a reload.
const CLIENTS: usize = 10_000;

/// Has many clients leave sessions with two threads of crmgate, reloads it, and looks who resumes.
async fn sessions(options: &Options, stage: &Stage, files: usize, figures: &mut Figures) {
    let Some(ours) = figures.find(Whom::Ours) else {
        return;
    };
    let wanted = if options.quick { 50 } else { CLIENTS };
    // A connection of each stays open at both ends.
    let count = wanted.min(files.saturating_sub(500));
    eprintln!("sessions of {count} clients over a reload, with two threads");
    let contestant = figures.contestants[ours].clone();
    match resume_all(stage, &contestant, count).await {
        Ok(sessions) => {
            if sessions.resumed != sessions.clients {
                let Sessions { clients, resumed } = sessions;
                let failure = format!("crmgate: {resumed} of {clients} sessions were taken up");
                figures.failures.push(failure);
            }
            figures.sessions = Some(sessions);
        }
        Err(why) => figures.failures.push(format!("crmgate, sessions: {why}")),
    }
}

async fn resume_all(
    stage: &Stage,
    contestant: &Contestant,
    count: usize,
) -> Result<Sessions, String> {
    let threads = 2;
    let server = stage.start(contestant, threads).await?;
    let load = Load {
        tls: secured(Door::Rsa, &stage.certs, Version::Tls13),
        at_once: ABREAST.min(count),
        ..Load::plain(
            server.door(Door::Rsa),
            Habit::Resumed,
            count,
            Course::OnceMore,
        )
    };
    let (_, clients) = stage.cores(threads);
    let mut generator = Role::generator(&load, clients)?;
    generator.ready().await?;
    server.reload().await?;
    generator.go_on()?;
    let outcome = generator.outcome().await?;
    if outcome.errors > 0 {
        return Err(outcome.first_error);
    }
    Ok(Sessions {
        clients: count as u64,
        resumed: outcome.resumed,
    })
}
