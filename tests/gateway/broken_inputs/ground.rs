//! The ground on which inputs are broken: a running daemon, and its good files to go back to.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crmgate::certs::CertificateFacts;
use crmgate::certs::issue::{Issued, IssuedList, LeafSpec, ListSpec};
use crmgate::model::{Side, WallTime};
use crmgate::simulate::{
    CaModel, Caller, Deployment, Ending, FileLayout, Ini, Party, PeerTls, SimConnector,
};

use crate::support::{Daemon, World, free_address};

/// One input that is broken.
pub(super) struct Case {
    /// What is broken.
    pub(super) name: &'static str,
    /// How it is broken.
    pub(super) spoil: fn(&Ground),
    /// A part of what is said about it.
    pub(super) said: &'static str,
}

/// A daemon at work, with a caller that never closes its connection.
pub(super) struct Ground {
    pub(super) world: World,
    side: SimConnector,
    good: Deployment,
    listen: SocketAddr,
    daemon: Daemon,
    kept: Caller,
    /// Whom the list in force revokes, where there is one.
    revoked: Option<Issued>,
    refusals: usize,
    successes: usize,
}

impl Ground {
    pub(super) async fn new() -> Self {
        Self::lying(World::with(CaModel::One, FileLayout::Pair), None).await
    }

    /// A ground with a list in force, and a client that it revokes.
    pub(super) async fn with_list() -> Self {
        let world = World::with(CaModel::One, FileLayout::Pair);
        let spec = LeafSpec::for_name("revoked", world.clock.now());
        let revoked = world.pki.authority(Party::Gateway).issue(&spec);
        Self::lying(world, Some(revoked.expect("a certificate"))).await
    }

    async fn lying(world: World, revoked: Option<Issued>) -> Self {
        let side = world.side(Side::A);
        let listen = free_address();
        let mut good = world.deployment().requests(listen, &side.endpoint(), None);
        if let Some(revoked) = &revoked {
            let ssl = good.ssl.as_mut().expect("TLS");
            ssl.set("SSL_SERVER_CLIENT", "CRL_FILE", format!("./ssl/{LIST}"));
            let list = list(&world, revoked).pem;
            world.pki.write(LIST, &list).expect("written");
        }
        good.write(world.path()).expect("ini files");
        let daemon = Daemon::serving(world.path()).await;
        let spec = world.crm(listen).caller().expect("a caller");
        let kept = Caller::new(spec, world.ledger.clone());
        Self {
            world,
            side,
            good,
            listen,
            daemon,
            kept,
            revoked,
            refusals: 0,
            successes: 0,
        }
    }

    /// Where the gateway's own files are.
    pub(super) fn ssl(&self, name: &str) -> PathBuf {
        self.world.pki.folder().join(name)
    }

    /// Writes a certificate file, whatever it holds.
    pub(super) fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        write(&self.ssl(name), content);
    }

    /// Writes an ini file, whatever it holds.
    pub(super) fn put_ini(&self, name: &str, content: impl AsRef<[u8]>) {
        write(&self.world.path().join(name), content);
    }

    /// A certificate like the gateway's own, different in one thing.
    pub(super) fn issue(&self, differ: impl FnOnce(&mut LeafSpec)) -> Issued {
        let mut spec = LeafSpec::for_name("gateway", self.now());
        differ(&mut spec);
        let authority = self.world.pki.authority(Party::Gateway);
        authority.issue(&spec).expect("a certificate")
    }

    /// The gateway's own certificate.
    pub(super) fn own(&self) -> &Issued {
        self.world.pki.identity(Party::Gateway)
    }

    /// The list in force, or one like it.
    pub(super) fn list(&self) -> IssuedList {
        list(&self.world, self.revoked.as_ref().expect("a list"))
    }

    /// The serial number in the list.
    pub(super) fn revoked_serial(&self) -> Vec<u8> {
        let revoked = self.revoked.as_ref().expect("a list");
        let facts = CertificateFacts::of(&revoked.der).expect("a certificate");
        let pairs = facts.serial.as_bytes().chunks_exact(2);
        let read = |pair| u8::from_str_radix(str::from_utf8(pair).expect("ASCII"), 16);
        pairs.map(|pair| read(pair).expect("a number")).collect()
    }

    pub(super) fn now(&self) -> WallTime {
        self.world.clock.now()
    }

    /// Changes a setting of `ssl.ini`.
    pub(super) fn set_ssl(&self, section: &str, key: &str, value: &str) {
        self.change("ssl.ini", |ini| ini.set(section, key, value));
    }

    /// Changes a setting of the SAP system's file.
    pub(super) fn set(&self, section: &str, key: &str, value: &str) {
        self.change(SYSTEM, |ini| ini.set(section, key, value));
    }

    /// Changes a setting of `crmgate.ini`.
    pub(super) fn set_gateway(&self, section: &str, key: &str, value: &str) {
        self.change("crmgate.ini", |ini| ini.set(section, key, value));
    }

    /// Takes a key out of a file.
    pub(super) fn remove(&self, file: &str, section: &str, key: &str) {
        self.change(file, |ini| ini.remove(section, key));
    }

    fn change(&self, file: &str, change: impl FnOnce(&mut Ini) -> &mut Ini) {
        let mut ini = self.text_of(file);
        self.put_ini(file, change(&mut ini).to_string());
    }

    /// A good ini file, to be written differently.
    pub(super) fn text_of(&self, file: &str) -> Ini {
        match file {
            "ssl.ini" => self.good.ssl.clone().expect("TLS"),
            "crmgate.ini" => self.good.gateway.clone(),
            _ => self.good.system.clone(),
        }
    }

    /// Another address of the gateway, for a second listener.
    pub(super) const fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// The side's URL.
    pub(super) fn side(&self) -> String {
        self.side.endpoint().to_string()
    }

    /// Puts everything back as it was.
    pub(super) fn restore(&self) {
        for folder in [self.world.path(), self.world.pki.folder()] {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let kept = path.ends_with("daemon.log") || path == self.world.pki.folder();
                match path.is_dir() {
                    _ if kept => {}
                    true => std::fs::remove_dir_all(&path).expect("removed"),
                    false => std::fs::remove_file(&path).expect("removed"),
                }
            }
        }
        self.good.write(self.world.path()).expect("ini files");
        let own = self.own();
        self.put("gateway.crt", &own.certificate_pem);
        self.put("gateway.key", &own.key_pem);
        let authority = self.world.pki.authority(Party::Gateway);
        self.put("company-ca.pem", authority.pem());
        if self.revoked.is_some() {
            self.put(LIST, self.list().pem);
        }
    }

    /// What is wrong with how the broken input is dealt with.
    pub(super) async fn is_refused(&mut self, case: &Case) -> Vec<String> {
        let mut mistakes = Vec::new();
        let mut mistake = |text: String| mistakes.push(format!("{}: {text}", case.name));
        for (command, code) in [("check", 1), ("run", 78)] {
            let (said, ended) = self.ask(command);
            if ended != Some(code) {
                mistake(format!("{command} ends with {ended:?} and says\n{said}"));
            } else if !said.contains(case.said) {
                mistake(format!("{command} says\n{said}"));
            }
        }
        let before = self.daemon.said().len();
        self.daemon.signal("HUP");
        let outcome = self.outcome().await;
        let said = self.daemon.said().split_off(before);
        if outcome || !said.contains(case.said) {
            mistake(format!("a reload says\n{said}"));
        }
        if let Err(why) = self.serves_as_before().await {
            mistake(why);
        }
        mistakes
    }

    /// What is wrong with how a good input is dealt with.
    pub(super) async fn is_accepted(&mut self, name: &str) -> Vec<String> {
        let mut mistakes = Vec::new();
        let (said, ended) = self.ask("check");
        if ended != Some(0) {
            mistakes.push(format!("{name}: check refuses\n{said}"));
        }
        // The address is taken by the daemon itself, so a start gets as far as there.
        let (said, ended) = self.ask("run");
        if ended != Some(69) {
            mistakes.push(format!("{name}: run ends with {ended:?} and says\n{said}"));
        }
        let before = self.daemon.said().len();
        self.daemon.signal("HUP");
        if !self.outcome().await {
            let said = self.daemon.said().split_off(before);
            mistakes.push(format!("{name}: a reload refuses\n{said}"));
        }
        mistakes
    }

    /// What is missing in what `check` says.
    pub(super) fn is_said_by_check(&self, case: &Case) -> Option<String> {
        let (said, _) = self.ask("check");
        let missing = !said.contains(case.said);
        missing.then(|| format!("{}: check says\n{said}", case.name))
    }

    /// Waits for the end of a reload; whether it was one.
    async fn outcome(&mut self) -> bool {
        let both = (self.refusals, self.successes);
        self.daemon
            .until("a reload has ended", |said| count(said) != both)
            .await;
        (self.refusals, self.successes) = count(&self.daemon.said());
        self.successes > both.1
    }

    /// Runs the program on the directory; what it says, and its code.
    fn ask(&self, command: &str) -> (String, Option<i32>) {
        let Output {
            status,
            stdout,
            stderr,
        } = Command::new(env!("CARGO_BIN_EXE_crmgate"))
            .args([command, "--config"])
            .arg(self.world.path())
            .output()
            .expect("the binary");
        let said = [stdout, stderr].concat();
        (String::from_utf8(said).expect("text"), status.code())
    }

    async fn serves_as_before(&mut self) -> Result<(), String> {
        let spec = self.world.crm(self.listen).caller().expect("a caller");
        let mut fresh = Caller::new(spec, self.world.ledger.clone());
        for caller in [&mut self.kept, &mut fresh] {
            match caller.call().await {
                Ending::Answered => {}
                other => return Err(format!("a call ends with {other:?}")),
            }
        }
        let shown = fresh.figures().server_certificate;
        fresh.hang_up().await;
        if shown.as_ref() != Some(&self.own().der) {
            return Err("another certificate is shown".to_owned());
        }
        match &self.revoked {
            Some(revoked) => self.keeps_out(revoked).await,
            None => Ok(()),
        }
    }

    async fn keeps_out(&self, revoked: &Issued) -> Result<(), String> {
        let authority = self.world.pki.authority(Party::Gateway).der();
        let mut profile = self.world.crm(self.listen);
        profile.tls = Some(PeerTls::new(revoked, authority, &[authority]));
        let spec = profile.caller().expect("a caller");
        match Caller::new(spec, self.world.ledger.clone()).call().await {
            Ending::Broken(_) => Ok(()),
            other => Err(format!("a call of who is revoked ends with {other:?}")),
        }
    }
}

/// The file of the one SAP system.
pub(super) const SYSTEM: &str = "CRMConnectorSAP_SAP1.ini";

/// The file of lists, beside the certificates.
pub(super) const LIST: &str = "company-ca.crl";

fn list(world: &World, revoked: &Issued) -> IssuedList {
    let spec = ListSpec::revoking(&[revoked], world.clock.now());
    let list = world.pki.authority(Party::Gateway).revocation_list(&spec);
    list.expect("a list")
}

/// Reloads that were refused and that succeeded, by the log.
fn count(said: &str) -> (usize, usize) {
    (
        said.matches("reload refused:").count(),
        said.matches("reloaded:").count(),
    )
}

/// Writes a file as a key has to lie: for its owner alone.
fn write(path: &Path, content: impl AsRef<[u8]>) {
    std::fs::write(path, content).expect("written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(path, private).expect("ours");
    }
}
