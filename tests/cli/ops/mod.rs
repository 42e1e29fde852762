//! Commands for a running gateway: the real daemon with an admin listener, and the real commands.

mod manual;
mod orders;
mod remote;
mod terminal;
mod views;
mod without;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crmgate::model::Side;
use crmgate::simulate::{Deployment, SimConnector};
use serde_json::Value;

use crate::crmgate;
use crate::support::{Daemon, World, free_address, until};

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().expect("the binary");
        Self {
            code: output.status.code().expect("no signal ended it"),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }

    /// What it printed, as a script reads it.
    pub(crate) fn json(&self) -> Value {
        let parsed = serde_json::from_str(&self.out);
        parsed.unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// That it said this and ended so; a part may be on either stream.
    pub(crate) fn is(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        for part in parts {
            let is_said = self.out.contains(part) || self.err.contains(part);
            assert!(is_said, "{part:?} is not said: {self:?}");
        }
    }
}

/// A daemon with two sides and an admin listener.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) sides: [SimConnector; 2],
    pub(crate) deployment: Deployment,
    pub(crate) listen: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) daemon: Daemon,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(|_, _| ()).await
    }

    /// One that differs from the usual.
    pub(crate) async fn with(differ: impl FnOnce(&World, &mut Deployment)) -> Self {
        let world = World::new();
        let sides = Side::BOTH.map(|side| world.side(side));
        let (listen, admin) = (free_address(), free_address());
        let [a, b] = sides.each_ref().map(SimConnector::endpoint);
        let mut deployment = world.deployment().requests(listen, &a, Some(&b));
        deployment
            .gateway
            // Few enough for any limit of open files, of which there is a warning else.
            .set("Limits", "MaxConnections", 500)
            .set("Limits", "MaxConnectionsPerAddress", 400)
            .set("Admin", "Listen", admin)
            .set("Admin", "TokenFile", "./admin.token");
        differ(&world, &mut deployment);
        deployment.write(world.path()).expect("ini files");
        let mut daemon = Daemon::serving(world.path()).await;
        daemon.until_said("the admin listener is open").await;
        Self {
            world,
            sides,
            deployment,
            listen,
            admin,
            daemon,
        }
    }

    /// A command for this gateway.
    pub(crate) fn says(&self, line: &[&str]) -> Said {
        Said::of(&mut command(self.world.path(), line))
    }

    /// The same for a script.
    pub(crate) fn says_json(&self, line: &[&str]) -> Value {
        let line = [line, &["--output", "json"]].concat();
        let said = self.says(&line);
        assert_eq!(said.code, 0, "{said:?}");
        said.json()
    }

    /// Both sides were looked at.
    pub(crate) async fn sides_are_up(&self) {
        self.until_side("a", "up").await;
        self.until_side("b", "up").await;
    }

    pub(crate) async fn until_side(&self, side: &str, health: &str) {
        until(format_args!("side {side} is {health}"), || {
            self.sides()[side]["health"] == health
        })
        .await;
    }

    pub(crate) fn sides(&self) -> Value {
        self.says_json(&["status"])["systems"][0]["sides"].clone()
    }

    pub(crate) fn active(&self) -> String {
        self.sides()["active"].as_str().expect("a side").to_owned()
    }
}

/// A command line with a directory.
pub(crate) fn command(dir: &Path, line: &[&str]) -> Command {
    let mut command = crmgate();
    command.args(line).arg("--config").arg(dir);
    command
}

/// Every command for a running gateway, so that none is forgotten where all have to do the same.
pub(crate) const ALL: [&[&str]; 10] = [
    &["status"],
    &["top", "--once"],
    &["reload"],
    &["switch", "B"],
    &["drain", "A"],
    &["undrain", "A"],
    &["stop"],
    &["logs", "level", "info"],
    &["logs", "errors"],
    &["console"],
];
