//! [`Recorder`]: a far end that keeps every byte it gets, and answers as a script says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crmgate::model::{Endpoint, HostPort, Scheme};
use crmgate::simulate::PeerTls;
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::message::{Kind, Message, Stream, read_message};

/// What a far end does next on a connection.
#[derive(Debug, Clone)]
pub enum Step {
    /// Sends bytes.
    Send(Vec<u8>),
    /// Sends bytes one by one, with a pause in front of each.
    Drip(Vec<u8>, Duration),
    /// Sends the same bytes again and again until nobody takes them.
    Flood(Vec<u8>),
    /// Waits until the test lets it go on.
    Wait(watch::Receiver<bool>),
    /// Stays silent until the other end closes.
    Silence,
    /// Closes in order; with TLS with a farewell.
    Close,
    /// Closes without a farewell of TLS.
    Drop,
    /// Resets the connection.
    Reset,
}

impl Step {
    pub fn send(text: &str) -> Self {
        Self::Send(text.as_bytes().to_vec())
    }
}

/// What is done after a complete request. Behind the last step the next request is read.
pub type Script = Arc<dyn Fn(&Message) -> Vec<Step> + Send + Sync>;

/// A script that answers every request the same way.
pub fn always(steps: Vec<Step>) -> Script {
    Arc::new(move |_| steps.clone())
}

/// A plain good answer.
pub const FINE: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 4\r\n\r\nfine";

/// A far end. Dropping it closes its port.
pub struct Recorder {
    addr: SocketAddr,
    scheme: Scheme,
    book: Arc<Mutex<Book>>,
    script: Arc<Mutex<Script>>,
    _tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Book {
    requests: Vec<(usize, Message)>,
    bytes: u64,
    connections: usize,
    closed: usize,
}

impl Recorder {
    /// Opens a free port. With TLS the gateway's certificate is demanded.
    pub async fn start(tls: Option<&PeerTls>, script: Script) -> Self {
        Self::greeting(tls, script, None).await
    }

    /// The same, with bytes that are sent before anything else, also before TLS.
    pub async fn greeting(
        tls: Option<&PeerTls>,
        script: Script,
        greeting: Option<&'static [u8]>,
    ) -> Self {
        let config = tls.map(|tls| tls.server().expect("a certificate"));
        Self::with(config, script, greeting).await
    }

    /// The same with TLS that a test has set up itself.
    pub async fn with(
        config: Option<ServerConfig>,
        script: Script,
        greeting: Option<&'static [u8]>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let acceptor = config.map(|config| TlsAcceptor::from(Arc::new(config)));
        let scheme = acceptor.as_ref().map_or(Scheme::Http, |_| Scheme::Https);
        let (book, script) = (Arc::default(), Arc::new(Mutex::new(script)));
        let house = House {
            acceptor,
            greeting,
            book: Arc::clone(&book),
            script: Arc::clone(&script),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, house));
        Self {
            addr,
            scheme,
            book,
            script,
            _tasks: tasks,
        }
    }

    /// Answers every request with [`FINE`].
    pub async fn fine(tls: Option<&PeerTls>) -> Self {
        Self::start(tls, always(vec![Step::send(FINE)])).await
    }

    /// From the next request on it answers like this.
    pub fn answer(&self, script: Script) {
        *self.script.lock().expect("unbroken") = script;
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// As a side or a CRM of an ini file.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            scheme: self.scheme,
            target: HostPort::from_addr(self.addr),
        }
    }

    /// The complete requests so far.
    pub fn requests(&self) -> Vec<Message> {
        let book = self.book();
        book.requests.iter().map(|(_, own)| own.clone()).collect()
    }

    /// The only request so far.
    pub fn only(&self) -> Message {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests[0].clone()
    }

    /// On which connection each request came.
    pub fn connections_of_requests(&self) -> Vec<usize> {
        let book = self.book();
        book.requests.iter().map(|(number, _)| *number).collect()
    }

    /// Bytes of requests, complete or not.
    pub fn bytes(&self) -> u64 {
        self.book().bytes
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.book().connections
    }

    /// Connections that have ended.
    pub fn closed(&self) -> usize {
        self.book().closed
    }

    /// Forgets what it has seen.
    pub fn forget(&self) {
        *self.book() = Book::default();
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("unbroken")
    }
}

#[derive(Clone)]
struct House {
    acceptor: Option<TlsAcceptor>,
    greeting: Option<&'static [u8]>,
    book: Arc<Mutex<Book>>,
    script: Arc<Mutex<Script>>,
}

async fn accept(listener: TcpListener, house: House) {
    let mut connections = JoinSet::new();
    while let Ok((tcp, _)) = listener.accept().await {
        let house = house.clone();
        connections.spawn(async move {
            let number = {
                let mut book = house.book.lock().expect("unbroken");
                book.connections += 1;
                book.connections
            };
            connection(tcp, number, &house).await;
            house.book.lock().expect("unbroken").closed += 1;
        });
    }
}

async fn connection(mut tcp: TcpStream, number: usize, house: &House) {
    // Only `Reset` changes it; every other end is in order.
    let socket = socket2::SockRef::from(&tcp);
    let _loopback_allows_it = socket.set_tcp_nodelay(true);
    if let Some(greeting) = house.greeting {
        let _gone = tcp.write_all(greeting).await;
    }
    match &house.acceptor {
        None => {
            let ends = serve(&mut tcp, number, house).await;
            end(&tcp, ends);
        }
        Some(acceptor) => {
            if let Ok(mut tls) = acceptor.accept(tcp).await {
                let ends = serve(&mut tls, number, house).await;
                if ends == Ends::InOrder {
                    let _gone = tls.shutdown().await;
                }
                end(tls.get_ref().0, ends);
            }
        }
    }
}

fn end(tcp: &TcpStream, ends: Ends) {
    if ends == Ends::Reset {
        let socket = socket2::SockRef::from(tcp);
        socket
            .set_linger(Some(Duration::ZERO))
            .expect("a live socket");
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    InOrder,
    Dropped,
    Reset,
}

async fn serve<S: Stream>(stream: &mut S, number: usize, house: &House) -> Ends {
    let mut counted = Counted {
        stream,
        book: Arc::clone(&house.book),
    };
    let mut buffer = Vec::new();
    loop {
        let Ok(request) = read_message(&mut counted, &mut buffer, Kind::Request).await else {
            return Ends::InOrder;
        };
        let steps = {
            let script = Arc::clone(&house.script.lock().expect("unbroken"));
            script(&request)
        };
        house
            .book
            .lock()
            .expect("unbroken")
            .requests
            .push((number, request));
        for step in steps {
            if let Some(ends) = perform(&mut counted, step).await {
                return ends;
            }
        }
    }
}

/// Performs a step; `Some` if it was the last one of the connection.
async fn perform<S: Stream>(stream: &mut S, step: Step) -> Option<Ends> {
    match step {
        Step::Send(bytes) => {
            let sent = async {
                stream.write_all(&bytes).await?;
                stream.flush().await
            };
            sent.await.is_err().then_some(Ends::Dropped)
        }
        Step::Drip(bytes, pause) => {
            for byte in bytes {
                tokio::time::sleep(pause).await;
                if stream.write_all(&[byte]).await.is_err() || stream.flush().await.is_err() {
                    return Some(Ends::Dropped);
                }
            }
            None
        }
        Step::Flood(bytes) => {
            while stream.write_all(&bytes).await.is_ok() && stream.flush().await.is_ok() {}
            Some(Ends::Dropped)
        }
        Step::Wait(mut goes_on) => {
            // A test that is over lets everybody go on.
            let _over = goes_on.wait_for(|goes_on| *goes_on).await;
            None
        }
        Step::Silence => {
            let mut bytes = [0; 1024];
            while stream.read(&mut bytes).await.is_ok_and(|count| count > 0) {}
            Some(Ends::InOrder)
        }
        Step::Close => Some(Ends::InOrder),
        Step::Drop => Some(Ends::Dropped),
        Step::Reset => Some(Ends::Reset),
    }
}

/// Counts what is read.
struct Counted<'a, S> {
    stream: &'a mut S,
    book: Arc<Mutex<Book>>,
}

mod counted {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll, ready};

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::{Counted, Stream};

    impl<S: Stream> AsyncRead for Counted<'_, S> {
        fn poll_read(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let own = self.get_mut();
            let before = buf.filled().len();
            let read = ready!(Pin::new(&mut *own.stream).poll_read(cx, buf));
            let count = buf.filled().len() - before;
            own.book.lock().expect("unbroken").bytes += count as u64;
            Poll::Ready(read)
        }
    }

    impl<S: Stream> AsyncWrite for Counted<'_, S> {
        fn poll_write(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            Pin::new(&mut *self.get_mut().stream).poll_write(cx, buf)
        }

        fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut *self.get_mut().stream).poll_flush(cx)
        }

        fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut *self.get_mut().stream).poll_shutdown(cx)
        }
    }
}
