//! [`Server`]: one product at work on free loopback ports, with its files in the ground's folder.
//!
//! What it has started ends with it, however the trial ends. Services that a package brings are
//! never touched.

mod haproxy;
mod nginx;
mod ours;

use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;

use crate::ground::Ground;
use crate::programs::path_of;
use crate::support::group::Group;
use crate::support::{Daemon, free_address, until};
use crate::tools::Product;

pub use ours::deployment;

/// Where a server keeps what its sessions need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sessions {
    /// As it comes: nothing about sessions is written.
    AsInstalled,
    /// In its cache, without tickets.
    Cache,
    /// In tickets under a key from a file, as several servers share it.
    SharedTickets,
}

/// What a listener asks of its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// A certificate.
    Required,
    /// A certificate, if the client has one.
    Optional,
}

/// How a server is set up.
#[derive(Debug, Clone)]
pub struct Plan {
    pub sessions: Sessions,
    /// One listener each, with the same certificate and the same authorities.
    pub doors: Vec<Door>,
    /// Whether the revocation list is looked at.
    pub lists: bool,
    /// How long sessions live, in seconds.
    pub lifetime: Option<u32>,
    /// Whether a list may go on to count after its end, where that can be said.
    pub grace: bool,
}

impl Plan {
    /// One listener that requires a certificate and goes by the list.
    pub fn new(sessions: Sessions) -> Self {
        Self {
            sessions,
            doors: vec![Door::Required],
            lists: true,
            lifetime: None,
            grace: false,
        }
    }
}

/// What a look at the configuration came to.
#[derive(Debug)]
pub struct Checked {
    pub success: bool,
    pub said: String,
}

/// One product at work.
pub struct Server {
    pub product: Product,
    doors: Vec<SocketAddr>,
    dir: PathBuf,
    body: Body,
}

enum Body {
    Ours(Daemon),
    Theirs(Group),
}

impl Server {
    /// Starts it and waits until its listeners are open.
    pub async fn start(product: Product, ground: &Ground, plan: &Plan) -> Self {
        let doors: Vec<_> = plan.doors.iter().map(|_| free_address()).collect();
        let dir = ground.world.path().to_owned();
        let theirs = |arguments: &[String]| {
            let program = path_of(product.program()).expect("it was found");
            Body::Theirs(Group::start(&program, arguments, &dir.join(LOG)))
        };
        let body = match product {
            Product::Crmgate => {
                ours::write(ground, plan, &doors);
                Body::Ours(Daemon::run(&dir))
            }
            Product::Nginx => {
                nginx::write(ground, plan, &doors);
                theirs(&nginx::arguments(&dir))
            }
            Product::HaProxy => {
                haproxy::write(ground, plan, &doors);
                theirs(&haproxy::arguments(&dir))
            }
        };
        let server = Self {
            product,
            doors,
            dir,
            body,
        };
        server.until_open().await;
        server
    }

    /// The first listener.
    pub fn door(&self) -> SocketAddr {
        self.doors[0]
    }

    /// Another one.
    pub fn other_door(&self) -> SocketAddr {
        self.doors[1]
    }

    /// All that it has said.
    pub fn said(&self) -> String {
        match &self.body {
            Body::Ours(daemon) => daemon.said(),
            Body::Theirs(_) => std::fs::read_to_string(self.dir.join(LOG)).unwrap_or_default(),
        }
    }

    /// Has it read its files again, and waits until it has.
    pub async fn reload(&mut self) {
        match &mut self.body {
            Body::Ours(daemon) => {
                let before = daemon.said().matches("reloaded:").count();
                daemon.signal("HUP");
                daemon.until_said_again("reloaded:", before).await;
            }
            Body::Theirs(group) if self.product == Product::Nginx => group.renew(Signal::HUP).await,
            Body::Theirs(group) => group.renew(Signal::USR2).await,
        }
    }

    /// Hands it another list while it runs. `false`: it knows no such thing.
    pub async fn replace_list(&self, ground: &Ground, list: &str) -> bool {
        match self.product {
            // It watches its files.
            Product::Crmgate => true,
            Product::HaProxy => {
                haproxy::replace_list(ground, list).await;
                true
            }
            Product::Nginx => false,
        }
    }

    /// Has it look at its files as they are now.
    pub fn check(&self) -> Checked {
        let arguments = match self.product {
            Product::Crmgate => ours::check(&self.dir),
            Product::Nginx => nginx::check(&self.dir),
            Product::HaProxy => haproxy::check(&self.dir),
        };
        let path = path_of(self.product.program()).expect("it was there");
        let done = Command::new(path).args(arguments).output();
        let done = done.expect("it runs");
        let said = [done.stdout, done.stderr].concat();
        Checked {
            success: done.status.success(),
            said: String::from_utf8_lossy(&said).into_owned(),
        }
    }

    async fn until_open(&self) {
        let name = self.product.name();
        for door in &self.doors {
            until(format!("{name} listens on {door}"), || {
                TcpStream::connect(door).is_ok()
            })
            .await;
        }
    }
}

/// What a server of others writes to its terminal.
const LOG: &str = "server.log";
