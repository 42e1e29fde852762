//! [`glance`]: one request of our own without a body, for the head of its answer alone.
//!
//! For whoever wants to know whether HTTP is spoken at the far end, and how. It sends no credentials,
//! follows no redirect, and the connection is of no use afterwards.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};

use crate::http::answer_head::head_end;
use crate::http::head::HeadLimits;
use crate::http::refusal::BadAnswer;
use crate::http::response::AnswerHead;
use crate::model::WallTime;
use crate::tls::{HandshakeFailure, Wire};

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The method; one that has no effect.
    pub method: &'a str,
    /// The path, with its first slash.
    pub path: &'a str,
    /// What `Host` says.
    pub host: &'a str,
    /// How large the head of the answer may be.
    pub limits: HeadLimits,
}

/// The head of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// The status.
    pub status: u16,
    /// What time it is there.
    pub date: Option<WallTime>,
    /// Where a redirect leads to.
    pub location: Option<String>,
    /// What the server calls itself.
    pub server: Option<String>,
}

/// Why there is no answer to look at.
#[derive(Debug)]
pub enum NoGlance {
    /// Nothing came in time.
    Silent,
    /// The far end closed the connection first.
    Closed,
    /// The connection broke.
    Broken(io::Error),
    /// The far end's TLS refused us, which with TLS 1.3 it says only now.
    Refused(Box<HandshakeFailure>),
    /// What came is a record of TLS: the port is a TLS port.
    Tls,
    /// What came is no well-formed answer.
    Bad(BadAnswer),
}

/// Asks, and reads the head of the answer, until the deadline.
pub async fn glance(
    wire: &mut Wire,
    question: Question<'_>,
    deadline: Instant,
) -> Result<Glance, NoGlance> {
    let asked = timeout_at(deadline, ask(wire, question)).await;
    asked.unwrap_or(Err(NoGlance::Silent))
}

async fn ask(wire: &mut Wire, question: Question<'_>) -> Result<Glance, NoGlance> {
    let Question {
        method, path, host, ..
    } = question;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: crmgate-preflight\r\n\
         Accept: */*\r\nConnection: close\r\n\r\n"
    );
    // Who refuses us may have done so before this is sent, and then it is read below.
    let sent = async {
        wire.write_all(head.as_bytes()).await?;
        wire.flush().await
    };
    let sent = sent.await;
    let mut came = Vec::with_capacity(1024);
    let mut answer = AnswerHead::default();
    loop {
        if came.starts_with(TLS_ALERT) {
            return Err(NoGlance::Tls);
        }
        match head_end(&came, 0, question.limits).map_err(NoGlance::Bad)? {
            None => {}
            Some(end) => {
                let whole = came.get(..end).unwrap_or_default();
                let judged = answer.take(whole, question.limits, method == "HEAD");
                judged.map_err(NoGlance::Bad)?;
                if !answer.is_interim() {
                    return Ok(seen(&answer));
                }
                came.drain(..end);
                continue;
            }
        }
        match (wire.read_buf(&mut came).await, &sent) {
            (Ok(0), Ok(())) if came.is_empty() => return Err(NoGlance::Closed),
            (Ok(0), Ok(())) => return Err(NoGlance::Bad(BadAnswer::Truncated)),
            (Ok(0), Err(_)) => return Err(NoGlance::Closed),
            (Ok(_), _) => {}
            (Err(broken), _) => {
                return Err(match HandshakeFailure::in_stream(&broken) {
                    Some(refused) => NoGlance::Refused(Box::new(refused)),
                    None if broken.kind() == io::ErrorKind::UnexpectedEof => NoGlance::Closed,
                    None => NoGlance::Broken(broken),
                });
            }
        }
    }
}

/// Says whether the far end's TLS refuses us, where there is nothing to be asked: with TLS 1.3 it says
/// so only behind the handshake. Silence until the deadline is consent.
pub async fn refusal(wire: &mut Wire, deadline: Instant) -> Option<Box<HandshakeFailure>> {
    let mut byte = [0; 1];
    let heard = timeout_at(deadline, wire.read(&mut byte)).await;
    let broken = heard.ok()?.err()?;
    HandshakeFailure::in_stream(&broken).map(Box::new)
}

fn seen(answer: &AnswerHead) -> Glance {
    let text = |name: &str| {
        let value = answer.value(name)?;
        Some(
            value
                .chars()
                .take(MOST_SHOWN)
                .flat_map(char::escape_debug)
                .collect(),
        )
    };
    Glance {
        status: answer.status(),
        date: answer.value("Date").and_then(WallTime::parse_http),
        location: text("Location"),
        server: text("Server"),
    }
}

/// Longer ones are cut where they are shown.
const MOST_SHOWN: usize = 200;

/// The type of an alert's record and the first byte of every version of TLS: what a TLS port says to
/// whoever speaks something else.
const TLS_ALERT: &[u8] = &[0x15, 0x03];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::model::HostPort;
    use crate::net::dial;

    /// What comes of a far end that says this to whatever it is asked, and closes.
    async fn answered(says: &'static [u8]) -> Result<Glance, NoGlance> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let target = HostPort::from_addr(listener.local_addr().expect("bound"));
        let far_end = async move {
            let (mut tcp, _) = listener.accept().await.expect("a caller");
            let mut heard = vec![0; 4096];
            let count = tcp.read(&mut heard).await.expect("a question");
            heard.truncate(count);
            tcp.write_all(says).await.expect("an ear");
            heard
        };
        let deadline = Instant::now() + Duration::from_secs(5);
        let question = Question {
            method: "HEAD",
            path: "/x",
            host: "crm.example",
            limits: HeadLimits {
                max_size: 1024,
                max_fields: 10,
            },
        };
        let caller = async {
            let mut wire = Wire::Plain(dial(&target, deadline).await.expect("connected"));
            glance(&mut wire, question, deadline).await
        };
        let (heard, found) = tokio::join!(far_end, caller);
        let heard = String::from_utf8(heard).expect("text");
        assert!(
            heard.starts_with("HEAD /x HTTP/1.1\r\nHost: crm.example\r\n"),
            "{heard}"
        );
        assert!(!heard.contains("Authorization") && heard.ends_with("\r\n\r\n"));
        found
    }

    #[tokio::test]
    async fn the_head_of_an_answer_is_told() {
        let says = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 302 Found\r\nContent-Length: 0\r\n\
                     Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nLocation: /logon\r\nServer: SAP\r\n\r\n";
        let glance = answered(says).await.expect("an answer");
        assert_eq!(glance.status, 302);
        assert_eq!(glance.date, Some(WallTime(784_111_777)));
        assert_eq!(glance.location.as_deref(), Some("/logon"));
        assert_eq!(glance.server.as_deref(), Some("SAP"));
    }

    #[tokio::test]
    async fn what_is_no_answer_is_told_apart() {
        let found = answered(&[0x15, 0x03, 0x03, 0, 2, 2, 10]).await;
        assert!(matches!(found, Err(NoGlance::Tls)), "{found:?}");
        let found = answered(b"").await;
        assert!(matches!(found, Err(NoGlance::Closed)), "{found:?}");
        let found = answered(b"220 mail.example ESMTP\r\n\r\n").await;
        assert!(
            matches!(found, Err(NoGlance::Bad(BadAnswer::Head))),
            "{found:?}"
        );
        let found = answered(b"HTTP/1.1 200 OK\r\n").await;
        assert!(
            matches!(found, Err(NoGlance::Bad(BadAnswer::Truncated))),
            "{found:?}"
        );
    }
}
