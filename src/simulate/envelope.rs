//! The SOAP texts of the simulated peers: our own wording in a namespace of our own, since SAP's
//! is not public. The gateway treats bodies as opaque, so only size and shape matter.

use std::fmt::Write as _;

use memchr::memmem;

use super::ledger::MessageId;
use crate::model::Outcome;

/// A report of the gateway, read from its SOAP Fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GatewayFault {
    pub(super) code: String,
    pub(super) outcome: Outcome,
}

/// A request of SAP CRM for an agent.
pub(super) fn request(id: MessageId, agent: usize) -> String {
    let turn = usize::try_from(id.0).unwrap_or(usize::MAX);
    let operation = OPERATIONS
        .get(turn % OPERATIONS.len())
        .unwrap_or(&"getStatus");
    let mut text =
        format!("{OPEN}<c:{operation} xmlns:c=\"{NAMESPACE}\"><id>{id}</id><user>AG{agent}</user>");
    // Attached data of a call makes some requests several times as long as others.
    for number in 0..turn % 11 {
        let _infallible = write!(
            text,
            "<item><name>CallVariable{number}</name><value>{:040}</value></item>",
            id.0.wrapping_mul(7_919)
        );
    }
    let _infallible = write!(text, "</c:{operation}>{CLOSE}");
    text
}

/// An event of a connector.
pub(super) fn event(id: MessageId, source: &str) -> String {
    format!(
        "{OPEN}<e:callChanged xmlns:e=\"{NAMESPACE}\"><id>{id}</id><source>{source}</source>\
         <apps><id>0050568A2B6C1ED</id></apps><state>RINGING</state></e:callChanged>{CLOSE}"
    )
}

/// The answer of a receiver, which names itself.
pub(super) fn answer(id: Option<MessageId>, receiver: &str) -> String {
    let echo = id.map_or_else(String::new, |id| format!("<id>{id}</id>"));
    format!(
        "{OPEN}<c:response xmlns:c=\"{NAMESPACE}\">{echo}<by>{receiver}</by></c:response>{CLOSE}"
    )
}

/// A receiver's own SOAP Fault.
pub(super) fn fault(id: Option<MessageId>, receiver: &str) -> String {
    let echo = id.map_or_else(String::new, |id| format!("<id>{id}</id>"));
    format!(
        "{OPEN}<s:Fault><faultcode>s:Server</faultcode>\
         <faultstring>the call is not known</faultstring>\
         <detail><c:problem xmlns:c=\"{NAMESPACE}\">{echo}<by>{receiver}</by></c:problem></detail>\
         </s:Fault>{CLOSE}"
    )
}

/// The first message id in a text.
pub(super) fn id_in(body: &[u8]) -> Option<MessageId> {
    let digits = between(body, b"<id>", b"</id>")?;
    std::str::from_utf8(digits)
        .ok()?
        .parse()
        .ok()
        .map(MessageId)
}

/// The name that a source of events gives itself.
pub(super) fn source_in(body: &[u8]) -> Option<&str> {
    std::str::from_utf8(between(body, b"<source>", b"</source>")?).ok()
}

/// The gateway's report, if the text is a SOAP Fault of the gateway.
pub(super) fn gateway_fault_in(body: &[u8]) -> Option<GatewayFault> {
    let element = between(body, b"<g:error ", b">")?;
    let attribute = |opening: &[u8]| {
        std::str::from_utf8(between(element, opening, b"\"")?)
            .ok()
            .map(str::to_owned)
    };
    let code = attribute(b"code=\"")?;
    let told = attribute(b"outcome=\"")?;
    let outcome = Outcome::ALL
        .into_iter()
        .find(|outcome| outcome.code() == told)?;
    Some(GatewayFault { code, outcome })
}

/// Whether a text is a SOAP Fault.
pub(super) fn is_fault(body: &[u8]) -> bool {
    memmem::find(body, b":Fault>").is_some()
}

fn between<'a>(text: &'a [u8], opening: &[u8], closing: &[u8]) -> Option<&'a [u8]> {
    let start = memmem::find(text, opening)?.checked_add(opening.len())?;
    let rest = text.get(start..)?;
    rest.get(..memmem::find(rest, closing)?)
}

const OPEN: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
    <s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>";
const CLOSE: &str = "</s:Body></s:Envelope>";
const NAMESPACE: &str = "urn:crmgate:simulate";

/// What an agent does, roughly in the order of a call.
const OPERATIONS: [&str; 7] = [
    "getStatus",
    "dial",
    "answer",
    "hold",
    "retrieve",
    "transfer",
    "setAttachedData",
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_report_of_the_gateway_is_read_from_its_fault() {
        let body = b"<s:Fault><detail><g:error xmlns:g=\"urn:crmgate:fault\" \
            code=\"GW-504-SIDE-DOWN\" outcome=\"sent-no-answer\" id=\"2a.3\"/></detail></s:Fault>";
        let fault = gateway_fault_in(body).expect("a report");
        assert_eq!(fault.code, "GW-504-SIDE-DOWN");
        assert_eq!(fault.outcome, Outcome::SentNoAnswer);
    }

    #[test]
    fn a_fault_of_the_receiver_is_no_report_of_the_gateway() {
        let body = fault(Some(MessageId(3)), "A");
        assert!(is_fault(body.as_bytes()));
        assert_eq!(gateway_fault_in(body.as_bytes()), None);
    }

    #[test]
    fn an_event_names_its_message_and_its_source() {
        let body = event(MessageId(9), "A");
        assert_eq!(id_in(body.as_bytes()), Some(MessageId(9)));
        assert_eq!(source_in(body.as_bytes()), Some("A"));
    }

    proptest! {
        #[test]
        fn the_id_of_every_text_reads_back(id: u64, agent in 0_usize..100_000) {
            let id = MessageId(id);
            for text in [request(id, agent), answer(Some(id), "B"), fault(Some(id), "B")] {
                prop_assert_eq!(id_in(text.as_bytes()), Some(id));
            }
        }

        #[test]
        fn reading_survives_any_text(body: Vec<u8>) {
            let _whatever = (id_in(&body), source_in(&body), gateway_fault_in(&body));
        }
    }
}
