//! What the gateway answers itself: a SOAP Fault in the caller's SOAP, or a plain status.

use crate::config::settings::FaultStyle;
use crate::http::error::{Blame, GatewayError};
use crate::http::head::Version;
use crate::http::request::Soap;
use crate::http::response::connection_field;
use crate::http::text::{push_decimal, push_field};
use crate::model::ExchangeId;

/// For whom an answer is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reply {
    /// The caller's version of HTTP.
    pub(super) version: Version,
    /// Which SOAP the caller speaks; `None` gets plain text.
    pub(super) soap: Option<Soap>,
    /// How faults look on this route.
    pub(super) style: FaultStyle,
    /// The exchange, to be found in the log.
    pub(super) id: ExchangeId,
    /// Whether the connection stays.
    pub(super) keep_alive: bool,
    /// The request was a `HEAD`: the length is told and no body follows.
    pub(super) to_head: bool,
}

/// Writes the whole answer for an error and returns its HTTP status.
pub(super) fn write_error(out: &mut Vec<u8>, error: &GatewayError, reply: &Reply) -> u16 {
    let soap = match reply.style {
        FaultStyle::Soap => reply.soap,
        FaultStyle::Http => None,
    };
    let (status, content_type, body) = match soap {
        None => (
            error.status(),
            "text/plain; charset=utf-8",
            plain_text(error, reply.id),
        ),
        Some(soap) => {
            // SOAP over HTTP knows one status for faults of the receiver. ICM passes a real 5xx on
            // unchanged, and SAP's SOAP runtime reads the Fault behind it.
            let status = if error.status() >= 500 {
                500
            } else {
                error.status()
            };
            let content_type = match soap {
                Soap::V1_1 => "text/xml; charset=utf-8",
                Soap::V1_2 => "application/soap+xml; charset=utf-8",
            };
            (status, content_type, soap_fault(error, soap, reply.id))
        }
    };
    out.extend_from_slice(match reply.version {
        Version::Http10 => b"HTTP/1.0 ",
        Version::Http11 => b"HTTP/1.1 ",
    });
    push_decimal(out, u64::from(status));
    out.push(b' ');
    out.extend_from_slice(reason(status).as_bytes());
    out.extend_from_slice(b"\r\n");
    push_field(out, "Content-Type", content_type);
    out.extend_from_slice(b"Content-Length: ");
    push_decimal(out, body.len() as u64);
    out.extend_from_slice(b"\r\n");
    push_field(out, "Cache-Control", "no-store");
    out.extend_from_slice(connection_field(reply.version, reply.keep_alive));
    out.extend_from_slice(b"\r\n");
    if !reply.to_head {
        out.extend_from_slice(body.as_bytes());
    }
    status
}

fn plain_text(error: &GatewayError, id: ExchangeId) -> String {
    format!(
        "crmgate: {error}\ncode: {}\noutcome: {}\nid: {id}\n",
        error.code(),
        error.outcome().code()
    )
}

fn soap_fault(error: &GatewayError, soap: Soap, id: ExchangeId) -> String {
    let text = escape(&format!("crmgate: {error}"));
    let (code, outcome) = (error.code(), error.outcome().code());
    let detail = format!(
        "<g:error xmlns:g=\"urn:crmgate:fault\" code=\"{code}\" outcome=\"{outcome}\" id=\"{id}\"/>"
    );
    let caller_is_to_blame = error.blame() == Blame::Caller;
    match soap {
        Soap::V1_1 => {
            let who = if caller_is_to_blame {
                "s:Client"
            } else {
                "s:Server"
            };
            format!(
                "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
                 <s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault>\
                 <faultcode>{who}</faultcode><faultstring>{text}</faultstring>\
                 <detail>{detail}</detail></s:Fault></s:Body></s:Envelope>"
            )
        }
        Soap::V1_2 => {
            let who = if caller_is_to_blame {
                "s:Sender"
            } else {
                "s:Receiver"
            };
            format!(
                "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
                 <s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body><s:Fault>\
                 <s:Code><s:Value>{who}</s:Value></s:Code>\
                 <s:Reason><s:Text xml:lang=\"en\">{text}</s:Text></s:Reason>\
                 <s:Detail>{detail}</s:Detail></s:Fault></s:Body></s:Envelope>"
            )
        }
    }
}

/// Escapes text for XML; characters that XML cannot hold at all become a replacement character.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => out.push(character),
            control if control.is_control() => out.push('\u{fffd}'),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
    out
}

/// The reason phrases of the statuses that the gateway sends.
const fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        403 => "Forbidden",
        408 => "Request Timeout",
        413 => "Content Too Large",
        417 => "Expectation Failed",
        431 => "Request Header Fields Too Large",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ConnectionId, Outcome};

    fn reply(soap: Option<Soap>) -> Reply {
        Reply {
            version: Version::Http11,
            soap,
            style: FaultStyle::Soap,
            id: ExchangeId {
                connection: ConnectionId(0x2a),
                number: 3,
            },
            keep_alive: true,
            to_head: false,
        }
    }

    fn answer(error: &GatewayError, reply: &Reply) -> String {
        let mut out = Vec::new();
        write_error(&mut out, error, reply);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_soap_1_1_caller_gets_a_fault_with_status_500_and_text_xml() {
        let text = answer(
            &GatewayError::Lost(Outcome::SentNoAnswer),
            &reply(Some(Soap::V1_1)),
        );
        assert!(
            text.starts_with(
                "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/xml; charset=utf-8\r\n"
            ),
            "{text}"
        );
        assert!(text.contains("<faultcode>s:Server</faultcode>"), "{text}");
        assert!(
            text.contains("code=\"GW-502-NO-ANSWER\" outcome=\"sent-no-answer\" id=\"2a.3\""),
            "{text}"
        );
    }

    #[test]
    fn a_soap_1_2_caller_gets_a_fault_of_its_own_version() {
        let text = answer(&GatewayError::Exhausted, &reply(Some(Soap::V1_2)));
        assert!(text.contains("application/soap+xml"), "{text}");
        assert!(text.contains("<s:Value>s:Receiver</s:Value>"), "{text}");
    }

    #[test]
    fn a_caller_that_speaks_no_soap_gets_the_plain_status() {
        let text = answer(&GatewayError::Exhausted, &reply(None));
        assert!(
            text.starts_with("HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain"),
            "{text}"
        );
    }

    #[test]
    fn the_plain_style_answers_a_soap_caller_with_the_plain_status() {
        let plain = Reply {
            style: FaultStyle::Http,
            ..reply(Some(Soap::V1_1))
        };
        let text = answer(&GatewayError::SideDown(Outcome::SentNoAnswer), &plain);
        assert!(
            text.starts_with("HTTP/1.1 504 Gateway Timeout\r\n"),
            "{text}"
        );
    }

    #[test]
    fn a_fault_that_the_caller_caused_keeps_its_status_and_says_so() {
        let text = answer(
            &GatewayError::BodyTooLarge(Outcome::NotSent),
            &reply(Some(Soap::V1_1)),
        );
        assert!(text.starts_with("HTTP/1.1 413 "), "{text}");
        assert!(text.contains("<faultcode>s:Client</faultcode>"), "{text}");
    }

    #[test]
    fn text_from_outside_cannot_break_out_of_the_fault() {
        let error = GatewayError::Unreachable("</faultstring>&\u{1}".to_owned());
        let text = answer(&error, &reply(Some(Soap::V1_1)));
        assert!(
            text.contains("&lt;/faultstring&gt;&amp;\u{fffd}</faultstring>"),
            "{text}"
        );
    }

    #[test]
    fn the_length_is_that_of_the_body_and_a_head_gets_none() {
        for to_head in [false, true] {
            let text = answer(
                &GatewayError::Exhausted,
                &Reply {
                    to_head,
                    ..reply(None)
                },
            );
            let (head, body) = text.split_once("\r\n\r\n").expect("head and body");
            let length: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("Content-Length: "))
                .and_then(|text| text.parse().ok())
                .expect("a length");
            assert_eq!(body.len(), if to_head { 0 } else { length });
        }
    }

    #[test]
    fn a_caller_of_http_1_0_that_keeps_its_connection_is_told_so() {
        let text = answer(
            &GatewayError::Exhausted,
            &Reply {
                version: Version::Http10,
                ..reply(None)
            },
        );
        assert!(text.starts_with("HTTP/1.0 503 "), "{text}");
        assert!(text.contains("\r\nConnection: keep-alive\r\n"), "{text}");
    }
}
