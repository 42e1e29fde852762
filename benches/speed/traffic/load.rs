//! [`Load`]: what the clients are to do, as one process tells it to another.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// What a client does with its connection from one operation to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// Connects anew, with a full handshake.
    Full,
    /// Connects anew, and offers its session.
    Resumed,
    /// Keeps it.
    Kept,
}

/// One version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    Tls12,
    Tls13,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A SOAP call of 1.5 KB with an answer of 1.2 KB.
    Soap,
    /// The same call with an answer of 100 KB.
    Large,
    /// An answer of 5 MB, without a body in the request.
    Huge,
}

/// Certificates of the clients, by the beginnings of their files' names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secured {
    pub folder: PathBuf,
    pub authority: String,
    /// Empty: they show none.
    pub client: String,
    pub version: Version,
}

/// When it is over, and what counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Course {
    /// After this time has passed, this long.
    Window { warm: Duration, counted: Duration },
    /// Each client has its turn once more, after a line on standard input.
    OnceMore,
    /// The connections stay open until a line comes on standard input.
    Held,
}

/// What the clients are to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    pub to: SocketAddr,
    pub tls: Option<Secured>,
    pub habit: Habit,
    pub target: Target,
    /// How many clients there are.
    pub clients: usize,
    /// How many of them have an operation under way at the same time.
    pub at_once: usize,
    /// Operations a second, whether or not earlier ones are done; without it each begins as soon
    /// as one before it has ended.
    pub rate: Option<u32>,
    pub course: Course,
    /// The processes whose time is taken.
    pub watched: Vec<u32>,
    /// Where the backend tells how many handshakes it has seen.
    pub backend: Option<SocketAddr>,
}

impl Load {
    /// As many clients as operations at once, over the plain connection.
    pub fn plain(to: SocketAddr, habit: Habit, clients: usize, course: Course) -> Self {
        Self {
            to,
            tls: None,
            habit,
            target: Target::Soap,
            clients,
            at_once: clients,
            rate: None,
            course,
            watched: Vec::new(),
            backend: None,
        }
    }

    /// As words of a command line.
    pub fn words(&self) -> Vec<String> {
        let mut words = vec![
            format!("to={}", self.to),
            format!("habit={}", self.habit.word()),
            format!("target={}", self.target.path()),
            format!("clients={}", self.clients),
            format!("at-once={}", self.at_once),
        ];
        if let Some(tls) = &self.tls {
            words.push(format!("folder={}", tls.folder.display()));
            words.push(format!("authority={}", tls.authority));
            words.push(format!("client={}", tls.client));
            words.push(format!("version={}", tls.version.word()));
        }
        words.extend(self.rate.map(|rate| format!("rate={rate}")));
        words.push(match self.course {
            Course::Window { warm, counted } => {
                format!("window={}/{}", warm.as_micros(), counted.as_micros())
            }
            Course::OnceMore => "course=once-more".to_owned(),
            Course::Held => "course=held".to_owned(),
        });
        words.extend(self.watched.iter().map(|pid| format!("watched={pid}")));
        words.extend(self.backend.map(|backend| format!("backend={backend}")));
        words
    }

    /// Reads what [`Load::words`] has written.
    pub fn read(words: &[String]) -> Option<Self> {
        let all = |key: &'static str| {
            let pairs = words.iter().filter_map(|word| word.split_once('='));
            pairs
                .filter(move |(own, _)| *own == key)
                .map(|(_, value)| value)
        };
        let one = |key| all(key).next();
        let tls = one("folder").map(|folder| {
            Some(Secured {
                folder: PathBuf::from(folder),
                authority: one("authority")?.to_owned(),
                client: one("client")?.to_owned(),
                version: Version::of(one("version")?)?,
            })
        });
        let course = match (one("window"), one("course")) {
            (Some(times), _) => {
                let (warm, counted) = times.split_once('/')?;
                let time = |text| Some(Duration::from_micros(number(text)?));
                Course::Window {
                    warm: time(warm)?,
                    counted: time(counted)?,
                }
            }
            (None, Some("once-more")) => Course::OnceMore,
            (None, _) => Course::Held,
        };
        Some(Self {
            to: number(one("to")?)?,
            tls: match tls {
                None => None,
                Some(tls) => Some(tls?),
            },
            habit: Habit::of(one("habit")?)?,
            target: Target::of(one("target")?.as_bytes()),
            clients: number(one("clients")?)?,
            at_once: number(one("at-once")?)?,
            rate: one("rate").and_then(number),
            course,
            watched: all("watched").filter_map(number).collect(),
            backend: one("backend").and_then(number),
        })
    }
}

fn number<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

impl Habit {
    const fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Resumed => "resumed",
            Self::Kept => "kept",
        }
    }

    fn of(word: &str) -> Option<Self> {
        let all = [Self::Full, Self::Resumed, Self::Kept];
        all.into_iter().find(|habit| habit.word() == word)
    }
}

impl Version {
    const fn word(self) -> &'static str {
        match self {
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        }
    }

    fn of(word: &str) -> Option<Self> {
        let all = [Self::Tls12, Self::Tls13];
        all.into_iter().find(|version| version.word() == word)
    }
}

impl Target {
    const ALL: [Self; 3] = [Self::Soap, Self::Large, Self::Huge];

    pub const fn path(self) -> &'static str {
        match self {
            Self::Soap => "/soap",
            Self::Large => "/large",
            Self::Huge => "/huge",
        }
    }

    /// Whatever is asked for otherwise gets the small answer.
    pub fn of(path: &[u8]) -> Self {
        let named = Self::ALL
            .into_iter()
            .find(|target| target.path().as_bytes() == path);
        named.unwrap_or(Self::Soap)
    }

    /// Bytes of the answer's body.
    pub const fn answer_length(self) -> usize {
        match self {
            Self::Soap => 1_200,
            Self::Large => 100 * 1024,
            Self::Huge => 5 * 1024 * 1024,
        }
    }

    /// Bytes of the request's body.
    const fn request_length(self) -> usize {
        match self {
            Self::Soap | Self::Large => 1_500,
            Self::Huge => 0,
        }
    }

    /// The whole request.
    pub fn request(self) -> Vec<u8> {
        let path = self.path();
        let common = "Host: localhost\r\nUser-Agent: crmgate-bench\r\n";
        if self.request_length() == 0 {
            return format!("GET {path} HTTP/1.1\r\n{common}\r\n").into_bytes();
        }
        let body = envelope("makeCall", self.request_length());
        format!(
            "POST {path} HTTP/1.1\r\n{common}Content-Type: text/xml; charset=utf-8\r\n\
             SOAPAction: \"urn:bench#makeCall\"\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    /// The whole answer.
    pub fn answer(self) -> Vec<u8> {
        let body = envelope("makeCallResponse", self.answer_length());
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: {}\r\n\
             Server: bench\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

/// A SOAP envelope of exactly this length.
fn envelope(call: &str, length: usize) -> String {
    let open = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope \
         xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body><ns:{call} \
         xmlns:ns=\"urn:bench\"><ns:data>"
    );
    let close = format!("</ns:data></ns:{call}></soap:Body></soap:Envelope>");
    let left = length - open.len() - close.len();
    let digits = (0..left).map(|at| char::from(b"0123456789abcdef"[at * 7 / 3 % 16]));
    format!("{open}{}{close}", digits.collect::<String>())
}
