//! What the command line asks for.

use std::path::PathBuf;

use crate::operations;

/// What is to be measured, and beside whom.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Everything once, shortly: whether it works.
    pub quick: bool,
    /// How the cost grows, in place of the table.
    pub growth: bool,
    /// Servers by name; none: all.
    pub servers: Vec<String>,
    /// Operations by name; none: all.
    pub only: Vec<String>,
    pub repeats: usize,
    /// How long each operation is counted.
    pub seconds: f64,
    /// Where the raw data goes.
    pub json: Option<PathBuf>,
    /// A folder with another OpenSSL.
    pub openssl: Option<PathBuf>,
    /// Envoy's program.
    pub envoy: Option<PathBuf>,
    /// Another crmgate than the one that was built with this bench.
    pub crmgate: PathBuf,
    /// Servers of others: name and command.
    pub peers: Vec<(String, String)>,
}

/// What can be asked for.
pub const USAGE: &str = "\
cargo bench --bench speed -- [quick] [crmgate] [nginx] [haproxy] [options]

  quick              everything once and shortly, crmgate alone: whether it works
  crmgate, nginx, haproxy
                     these servers and no other; without a name all of them
  --growth           how the cost grows with connections and threads
  --repeats N        how often everything is measured (11)
  --seconds S        how long each operation is counted (0.5)
  --only A,B         these operations alone
  --json FILE        writes the raw data
  --openssl DIR      nginx and HAProxy once more, with the OpenSSL libraries of this folder
  --envoy FILE       Envoy's program; it takes part by itself where it is on the PATH
  --crmgate FILE     another crmgate than the one that was built with the bench
  --peer 'NAME=COMMAND {base} {backend} {certs} {threads}'
                     one more server, which listens on the port {base} with mTLS (rsa-server.pem,
                     rsa-ca.pem of the folder {certs}), on the next with mTLS (ec-...), on the one
                     after it without TLS, and forwards to the port {backend}";

/// What is measured beside the operations: memory of idle connections, sessions over a reload.
pub const BESIDE: [&str; 2] = [MEMORY, SESSIONS];
pub const MEMORY: &str = "memory";
pub const SESSIONS: &str = "sessions";

/// The servers that can be named.
const SERVERS: [&str; 3] = ["crmgate", "nginx", "haproxy"];

impl Options {
    /// Reads the command line; what is wrong with it otherwise.
    pub fn read(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            quick: false,
            growth: false,
            servers: Vec::new(),
            only: Vec::new(),
            repeats: 11,
            seconds: 0.5,
            json: None,
            openssl: None,
            envoy: None,
            crmgate: PathBuf::from(env!("CARGO_BIN_EXE_crmgate")),
            peers: Vec::new(),
        };
        let mut words = words;
        while let Some(word) = words.next() {
            let mut value = || {
                let value = words.next();
                value.ok_or_else(|| format!("\"{word}\" needs a value\n\n{USAGE}"))
            };
            match word.as_str() {
                // cargo's own word for "measure".
                "--bench" => {}
                "quick" => options.quick = true,
                "--growth" => options.growth = true,
                "--repeats" => options.repeats = number(&word, &value()?)?,
                "--seconds" => options.seconds = number(&word, &value()?)?,
                "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
                "--json" => options.json = Some(value()?.into()),
                "--openssl" => options.openssl = Some(value()?.into()),
                "--envoy" => options.envoy = Some(value()?.into()),
                "--crmgate" => options.crmgate = value()?.into(),
                "--peer" => options.peers.push(peer(&value()?)?),
                name if SERVERS.contains(&name) => options.servers.push(word),
                _ => return Err(format!("\"{word}\" is not known\n\n{USAGE}")),
            }
        }
        if options.quick {
            options.servers = vec!["crmgate".to_owned()];
            options.repeats = 1;
            options.seconds = 0.1;
        }
        options.check()
    }

    fn check(self) -> Result<Self, String> {
        if self.repeats == 0 || !(0.01..=600.0).contains(&self.seconds) {
            return Err(format!(
                "at least one repeat, and 0.01 to 600 seconds, are needed\n\n{USAGE}"
            ));
        }
        let is_known =
            |word: &&String| BESIDE.contains(&word.as_str()) || operations::named(word).is_some();
        if let Some(unknown) = self.only.iter().find(|word| !is_known(word)) {
            let all = operations::ALL.map(|operation| operation.word).join(", ");
            let beside = BESIDE.join(", ");
            return Err(format!(
                "\"--only {unknown}\" is not known; there are {all}, {beside}"
            ));
        }
        let files = [&self.openssl, &self.envoy].into_iter().flatten();
        let missing = files.chain([&self.crmgate]).find(|path| !path.exists());
        if let Some(missing) = missing {
            return Err(format!("\"{}\" is not there", missing.display()));
        }
        Ok(self)
    }

    /// Whether this operation, or what is measured beside them, is to be measured.
    pub fn asks_for(&self, word: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|own| own == word)
    }

    /// Whether this server is to take part.
    pub fn wants(&self, server: &str) -> bool {
        self.servers.is_empty() || self.servers.iter().any(|name| name == server)
    }
}

fn number<T: std::str::FromStr>(word: &str, text: &str) -> Result<T, String> {
    let number = text.parse();
    number.map_err(|_| format!("\"{word} {text}\" is not a number\n\n{USAGE}"))
}

fn peer(text: &str) -> Result<(String, String), String> {
    let Some((name, command)) = text.split_once('=') else {
        return Err(format!("\"--peer {text}\" has no \"=\"\n\n{USAGE}"));
    };
    Ok((name.to_owned(), command.to_owned()))
}
