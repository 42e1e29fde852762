//! [`Stage`]: what all servers of a run have in common. Certificates, a backend, a folder, cores.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::backend::Addresses;
use crate::certificates;
use crate::machine::{Cores, Machine};
use crate::operations::secured;
use crate::role::{Role, play};
use crate::server::{Contestant, Door, Server, Setup};
use crate::traffic::{Course, Habit, Load, Secured, Version};

/// What all servers of a run have in common.
#[derive(Debug)]
pub struct Stage {
    pub machine: Machine,
    folder: TempDir,
    pub certs: PathBuf,
    pub backend: Addresses,
    _backend: Role,
}

impl Stage {
    /// Makes the certificates and starts the backend.
    pub async fn set() -> Result<Self, String> {
        let machine = Machine::look();
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let certs = folder.path().join("certs");
        std::fs::create_dir(&certs).map_err(|error| error.to_string())?;
        certificates::write(&certs).map_err(|error| error.to_string())?;
        let mut backend = Role::backend(&certs, &machine.others)?;
        let line = backend.line().await?;
        let addresses = Addresses::read(&line);
        Ok(Self {
            machine,
            folder,
            certs,
            backend: addresses.ok_or_else(|| format!("\"{line}\" was not expected"))?,
            _backend: backend,
        })
    }

    /// Starts a server with one thread on the core of the servers; with more on all that there are.
    pub async fn start(&self, contestant: &Contestant, threads: usize) -> Result<Server, String> {
        let root: &Path = self.folder.path();
        let setup = Setup::new(root, &self.certs, self.backend, threads);
        let setup = setup.map_err(|error| error.to_string())?;
        Server::start(contestant, &setup, self.cores(threads).0).await
    }

    /// Where a server with so many threads runs, and where its clients do.
    pub const fn cores(&self, threads: usize) -> (&Cores, &Cores) {
        if threads == 1 {
            (&self.machine.servers, &self.machine.others)
        } else {
            (&Cores::ANY, &Cores::ANY)
        }
    }

    /// Tries whom a server lets in, and says what is wrong with that.
    pub async fn try_doors(&self, server: &Server) -> Vec<String> {
        let mut wrong = Vec::new();
        let name = &server.contestant.name;
        for door in [Door::Rsa, Door::P256] {
            let Some(good) = secured(door, &self.certs, Version::Tls13) else {
                continue;
            };
            if !server.contestant.has(door) {
                continue;
            }
            let authority = &good.authority;
            let mut clients = vec![
                (good.client.clone(), true, "a good client"),
                (String::new(), false, "a client without a certificate"),
                (
                    "stranger".to_owned(),
                    false,
                    "a client of a stranger's authority",
                ),
            ];
            if server.contestant.is_ours() {
                let revoked = good.client.replace("client", "revoked");
                clients.push((revoked, false, "a revoked client"));
            }
            for (client, is_welcome, whom) in clients {
                let shown = Secured {
                    client,
                    ..good.clone()
                };
                match (self.is_served(server.door(door), shown).await, is_welcome) {
                    (Ok(()), false) => wrong.push(format!("{name} serves {whom} ({authority})")),
                    (Err(why), true) => {
                        wrong.push(format!("{name} refuses {whom} ({authority}): {why}"));
                    }
                    _ => {}
                }
            }
        }
        wrong
    }

    async fn is_served(&self, at: std::net::SocketAddr, shown: Secured) -> Result<(), String> {
        let course = Course::Window {
            warm: Duration::ZERO,
            counted: Duration::ZERO,
        };
        let load = Load {
            tls: Some(shown),
            ..Load::plain(at, Habit::Full, 1, course)
        };
        let outcome = play(&load, &self.machine.others).await?;
        if outcome.errors == 0 {
            Ok(())
        } else {
            Err(outcome.first_error)
        }
    }
}
