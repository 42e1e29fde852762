//! HTTP by hand, for what well-behaved peers never do: requests of any shape, and a side that
//! breaks off after a given byte.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crmgate::model::{Endpoint, HostPort, Scheme};
use crmgate::simulate::{Ledger, MessageId};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::PATIENCE;

/// An answer as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// All of the head.
    pub head: String,
    /// What came of the body.
    pub body: String,
    /// Whether the body has the length that the head says.
    pub is_whole: bool,
}

impl Answer {
    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (own, value) = line.split_once(':')?;
            own.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A POST of HTTP/1.1 with this content type and body.
pub fn post(content_type: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /ici HTTP/1.1\r\nHost: gateway\r\nContent-Type: {content_type}\r\n\
         SOAPAction: \"\"\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A SOAP 1.1 message of this number, `size` bytes long or a little more.
pub fn message(id: MessageId, size: usize) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><id>{id}</id>\
         <pad>{}</pad></s:Body></s:Envelope>",
        "x".repeat(size)
    )
}

/// Sends bytes on a connection and reads one answer, also while it is still sending. `None`: the
/// far end closed or reset the connection before a whole head.
pub async fn ask(stream: &mut TcpStream, request: &[u8]) -> Option<Answer> {
    let (mut from, mut to) = stream.split();
    let sending = async {
        // Who refuses a request need not take all of it.
        let _refused = to.write_all(request).await;
        std::future::pending::<()>().await;
    };
    let reading = async {
        let mut bytes = Vec::new();
        loop {
            let whole = whole_length(&bytes).is_some_and(|length| bytes.len() >= length);
            if whole || !matches!(from.read_buf(&mut bytes).await, Ok(1..)) {
                return bytes;
            }
        }
    };
    let bytes = timeout(PATIENCE, async {
        tokio::select! {
            () = sending => Vec::new(),
            bytes = reading => bytes,
        }
    });
    answer_in(&bytes.await.expect("an answer or an end in time"))
}

fn answer_in(bytes: &[u8]) -> Option<Answer> {
    let end = head_end(bytes)?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    Some(Answer {
        status: head.get(9..12)?.parse().ok()?,
        head,
        body: String::from_utf8_lossy(&bytes[end..]).into_owned(),
        is_whole: whole_length(bytes) == Some(bytes.len()),
    })
}

fn head_end(bytes: &[u8]) -> Option<usize> {
    let found = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    found.map(|at| at + 4)
}

/// How long a message is with its head, once the head is there.
fn whole_length(bytes: &[u8]) -> Option<usize> {
    let end = head_end(bytes)?;
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    Some(end + length.unwrap_or(0))
}

fn id_in(bytes: &[u8]) -> Option<MessageId> {
    let text = String::from_utf8_lossy(bytes);
    let (_, rest) = text.split_once("<id>")?;
    let (digits, _) = rest.split_once("</id>")?;
    digits.parse().ok().map(MessageId)
}

/// Where a [`CuttingSide`] breaks off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// As soon as it has accepted, before it reads.
    Accepted,
    /// After so many bytes.
    After(usize),
    /// After the blank line that ends the head.
    HeadEnd,
    /// After so many bytes of the body.
    Body(usize),
    /// Before the last byte.
    BeforeLast,
    /// After the last byte: the message is carried out.
    Whole,
    /// After so many bytes of its answer: the message is carried out.
    Answering(usize),
    /// Not at all: it answers and keeps the connection.
    Never,
}

impl Cut {
    fn is_reached(self, seen: &[u8]) -> bool {
        let end = head_end(seen);
        let whole = whole_length(seen);
        match self {
            Self::Accepted => true,
            Self::After(count) => seen.len() >= count,
            Self::HeadEnd => end.is_some(),
            Self::Body(count) => end.is_some_and(|end| seen.len() >= end + count),
            Self::BeforeLast => whole.is_some_and(|whole| seen.len() + 1 >= whole),
            Self::Whole | Self::Answering(_) | Self::Never => false,
        }
    }
}

/// What a [`CuttingSide`] does to a connection where it breaks off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It resets it, as the death of a process with unread data does.
    Reset,
    /// It closes it; the kernel still resets it if bytes were left unread.
    Close,
}

/// A plain side that breaks off after a given byte of what it gets.
#[derive(Debug)]
pub struct CuttingSide {
    addr: SocketAddr,
    desk: Arc<Desk>,
    script: watch::Sender<(Cut, End)>,
    tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Desk {
    ledger: Ledger,
    connections: AtomicU64,
    seen: AtomicUsize,
    last: Mutex<String>,
}

impl CuttingSide {
    /// Starts one that never cuts.
    pub async fn start(ledger: &Ledger) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("bound");
        let (script, told) = watch::channel((Cut::Never, End::Close));
        let desk = Arc::new(Desk {
            ledger: ledger.clone(),
            connections: AtomicU64::new(0),
            seen: AtomicUsize::new(0),
            last: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&desk), told));
        Self {
            addr,
            desk,
            script,
            tasks,
        }
    }

    /// Where it breaks off from now on, also on connections that are open.
    pub fn cut(&self, cut: Cut, end: End) {
        self.desk.seen.store(0, Ordering::SeqCst);
        self.script.send_replace((cut, end));
    }

    /// Ends; from now on callers are refused.
    pub async fn stop(&mut self) {
        self.tasks.shutdown().await;
    }

    /// As `SideA` or `SideB` of an ini file.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            scheme: Scheme::Http,
            target: HostPort::from_addr(self.addr),
        }
    }

    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Bytes that it has read since [`CuttingSide::cut`].
    pub fn seen(&self) -> usize {
        self.desk.seen.load(Ordering::SeqCst)
    }

    /// Connections that it has accepted.
    pub fn connections(&self) -> u64 {
        self.desk.connections.load(Ordering::SeqCst)
    }

    /// The message that it carried out last.
    pub fn last(&self) -> String {
        self.desk.last.lock().expect("whole").clone()
    }
}

async fn accept(listener: TcpListener, desk: Arc<Desk>, told: watch::Receiver<(Cut, End)>) {
    let mut connections = JoinSet::new();
    loop {
        let (tcp, _) = listener.accept().await.expect("accepted");
        desk.connections.fetch_add(1, Ordering::SeqCst);
        connections.spawn(serve(tcp, Arc::clone(&desk), told.clone()));
    }
}

async fn serve(mut tcp: TcpStream, desk: Arc<Desk>, told: watch::Receiver<(Cut, End)>) {
    while exchange(&mut tcp, &desk, &told).await {}
    if told.borrow().1 == End::Reset {
        let _gone_already = tcp.set_zero_linger();
    }
}

/// Takes one message and answers it. Says whether the connection goes on.
async fn exchange(tcp: &mut TcpStream, desk: &Desk, told: &watch::Receiver<(Cut, End)>) -> bool {
    let mut seen = Vec::new();
    let cut = || told.borrow().0;
    while !cut().is_reached(&seen) {
        if whole_length(&seen).is_some_and(|whole| seen.len() >= whole) {
            return carry_out(tcp, desk, cut(), &seen).await;
        }
        // Byte by byte, so that it stops exactly where it has to.
        let Ok(byte) = tcp.read_u8().await else {
            return false;
        };
        seen.push(byte);
        desk.seen.fetch_add(1, Ordering::SeqCst);
    }
    false
}

async fn carry_out(tcp: &mut TcpStream, desk: &Desk, cut: Cut, message: &[u8]) -> bool {
    let id = id_in(message);
    if let Some(id) = id {
        desk.ledger.executed(id);
    }
    *desk.last.lock().expect("whole") = String::from_utf8_lossy(message).into_owned();
    let body = id.map_or_else(String::new, |id| format!("<id>{id}</id>"));
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let limit = match cut {
        Cut::Whole => 0,
        Cut::Answering(count) => count.min(answer.len()),
        Cut::Never
        | Cut::Accepted
        | Cut::After(_)
        | Cut::HeadEnd
        | Cut::Body(_)
        | Cut::BeforeLast => answer.len(),
    };
    let written = tcp.write_all(&answer.as_bytes()[..limit]).await;
    written.is_ok() && limit == answer.len()
}
