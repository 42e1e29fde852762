//! [`OtlpCollector`]: a collector of OpenTelemetry that reads what it is sent with the messages that
//! the OpenTelemetry project generates, and answers as the test says.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// What the collector does with one post. Without an order it takes it.
#[derive(Debug, Clone, Copy)]
pub enum Order {
    /// It answers so.
    Status(u16),
    /// It answers so, and wants to be left alone.
    Busy(u16, &'static str),
    /// It takes all but so many spans.
    Partly(i64),
    /// It never answers.
    Hang,
}

/// A post.
#[derive(Debug, Clone)]
pub struct Post {
    pub path: String,
    pub fields: Vec<(String, String)>,
    pub request: ExportTraceServiceRequest,
}

impl Post {
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut named = self.fields.iter().filter(|(own, _)| own == name);
        named.next().map(|(_, value)| value.as_str())
    }

    /// What is said of who sends.
    pub fn resource(&self) -> BTreeMap<String, String> {
        let spans = &self.request.resource_spans[0];
        attributes(&spans.resource.as_ref().expect("a resource").attributes)
    }
}

/// A collector. Dropping it closes its port.
pub struct OtlpCollector {
    pub addr: SocketAddr,
    book: Arc<Book>,
    _task: JoinSet<()>,
}

#[derive(Default)]
struct Book {
    posts: Mutex<Vec<Post>>,
    taken: Mutex<Vec<Span>>,
    orders: Mutex<VecDeque<Order>>,
    connections: Mutex<usize>,
}

impl OtlpCollector {
    /// Opens a free port; with TLS no certificate is asked for.
    pub async fn start(tls: Option<ServerConfig>) -> Self {
        Self::at("127.0.0.1:0".parse().expect("an address"), tls).await
    }

    /// The same on a port that is free now.
    pub async fn at(addr: SocketAddr, tls: Option<ServerConfig>) -> Self {
        let listener = TcpListener::bind(addr).await.expect("a port");
        let addr = listener.local_addr().expect("bound");
        let acceptor = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        let book = Arc::<Book>::default();
        let of_task = Arc::clone(&book);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (tcp, _) = listener.accept().await.expect("a connection");
                *of_task.connections.lock().expect("whole") += 1;
                let (book, acceptor) = (Arc::clone(&of_task), acceptor.clone());
                connections.spawn(async move {
                    match acceptor {
                        None => serve(tcp, book).await,
                        Some(acceptor) => {
                            // Who does not believe us leaves in the handshake.
                            if let Ok(stream) = acceptor.accept(tcp).await {
                                serve(stream, book).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            addr,
            book,
            _task: task,
        }
    }

    /// Has it do this with the posts that come, one after the other.
    pub fn order(&self, orders: &[Order]) {
        self.book.orders.lock().expect("whole").extend(orders);
    }

    /// Every post, whatever became of it.
    pub fn posts(&self) -> Vec<Post> {
        self.book.posts.lock().expect("whole").clone()
    }

    /// The spans that it has taken.
    pub fn spans(&self) -> Vec<Seen> {
        let taken = self.book.taken.lock().expect("whole");
        taken.iter().map(Seen::of).collect()
    }

    pub fn connections(&self) -> usize {
        *self.book.connections.lock().expect("whole")
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, book: Arc<Book>) {
    let service = service_fn(|request| take(request, Arc::clone(&book)));
    let served =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // Whoever posts may hang up at any time.
    let _hung_up = served.await;
}

async fn take(
    request: Request<Incoming>,
    book: Arc<Book>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Ok(Response::new(Full::default()));
    };
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let each = head.headers.iter();
    let post = Post {
        path: format!("{} {}", head.method, head.uri),
        fields: each
            .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
            .collect(),
        request: ExportTraceServiceRequest::decode(body.to_bytes()).expect("OTLP"),
    };
    let order = book.orders.lock().expect("whole").pop_front();
    let spans = spans_of(&post.request);
    book.posts.lock().expect("whole").push(post);
    let answer = match order {
        None => (200, None, None),
        Some(Order::Partly(rejected)) => (200, None, Some(rejected)),
        Some(Order::Status(status)) => (status, None, None),
        Some(Order::Busy(status, after)) => (status, Some(after), None),
        Some(Order::Hang) => std::future::pending().await,
    };
    let (status, after, rejected) = answer;
    if status == 200 {
        book.taken.lock().expect("whole").extend(spans);
    }
    let said = ExportTraceServiceResponse {
        partial_success: rejected.map(|rejected_spans| ExportTracePartialSuccess {
            rejected_spans,
            error_message: "too many of them".to_owned(),
        }),
    };
    let mut answer = Response::builder().status(status);
    if let Some(after) = after {
        answer = answer.header("Retry-After", after);
    }
    let answer = answer.header("Content-Type", "application/x-protobuf");
    Ok(answer
        .body(Full::new(said.encode_to_vec().into()))
        .expect("an answer"))
}

fn spans_of(request: &ExportTraceServiceRequest) -> Vec<Span> {
    let scopes = request
        .resource_spans
        .iter()
        .flat_map(|own| &own.scope_spans);
    scopes.flat_map(|own| own.spans.clone()).collect()
}

/// A span, as a test compares it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub trace: String,
    pub id: String,
    /// Empty for one without.
    pub parent: String,
    pub state: String,
    pub name: String,
    /// 2 is a server, 3 a client.
    pub kind: i32,
    pub flags: u32,
    pub began: u64,
    pub ended: u64,
    /// 2 is an error.
    pub status: i32,
    pub why: String,
    pub attributes: BTreeMap<String, String>,
}

impl Seen {
    fn of(span: &Span) -> Self {
        let status = span.status.clone().unwrap_or_default();
        let seen = attributes(&span.attributes);
        assert_eq!(seen.len(), span.attributes.len(), "no key comes twice");
        Self {
            trace: hex(&span.trace_id),
            id: hex(&span.span_id),
            parent: hex(&span.parent_span_id),
            state: span.trace_state.clone(),
            name: span.name.clone(),
            kind: span.kind,
            flags: span.flags,
            began: span.start_time_unix_nano,
            ended: span.end_time_unix_nano,
            status: status.code,
            why: status.message,
            attributes: seen,
        }
    }

    /// An attribute; what is not there is empty.
    pub fn get(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", String::as_str)
    }
}

/// Values as texts: `text`, `7`, `true`.
fn attributes(all: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Value| {
        if let Value::StringValue(text) = value {
            return text.clone();
        }
        if let Value::BoolValue(flag) = value {
            return flag.to_string();
        }
        let Value::IntValue(number) = value else {
            panic!("nothing else is sent: {value:?}");
        };
        number.to_string()
    };
    let each = all.iter().map(|own| {
        let value = own.value.as_ref().and_then(|any| any.value.as_ref());
        (own.key.clone(), text(value.expect("a value")))
    });
    each.collect()
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let _infallible = write!(text, "{byte:02x}");
    }
    text
}

/// Spans in the bytes of a post.
pub fn read(body: &[u8]) -> Vec<Seen> {
    let request = ExportTraceServiceRequest::decode(body).expect("OTLP");
    spans_of(&request).iter().map(Seen::of).collect()
}
