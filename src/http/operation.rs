//! Which SOAP operation a request calls, where that is cheap to see.

use crate::http::request::RequestHead;

/// The operation: the last part of `SOAPAction`, or else the name of the first element in the
/// SOAP body, looked for in what came with the head. For log lines only; no decision rests on it.
pub(super) fn operation_name<'a>(request: &'a RequestHead, early: &'a [u8]) -> Option<&'a [u8]> {
    request.soap()?;
    let name = match request.soap_action() {
        Some(action) => last_part(action),
        None => first_element_of_body(early)?,
    };
    Some(name.get(..NAME_AT_MOST).unwrap_or(name))
}

/// As far as an envelope with its header is worth looking through.
const LOOKED_THROUGH: usize = 4096;

/// Longer names exist only to fill logs.
const NAME_AT_MOST: usize = 64;

fn last_part(action: &[u8]) -> &[u8] {
    let start = action
        .iter()
        .rposition(|byte| matches!(byte, b'/' | b'#' | b':'));
    match start.and_then(|at| action.get(at.saturating_add(1)..)) {
        Some(part) if !part.is_empty() => part,
        Some(_) | None => action,
    }
}

fn first_element_of_body(text: &[u8]) -> Option<&[u8]> {
    let text = text.get(..LOOKED_THROUGH).unwrap_or(text);
    let mut in_body = false;
    for start in memchr::memchr_iter(b'<', text) {
        let tag = text.get(start.saturating_add(1)..)?;
        if matches!(tag.first()?, b'?' | b'!' | b'/') {
            continue;
        }
        let end = tag
            .iter()
            .position(|byte| matches!(byte, b'>' | b'/' | b' ' | b'\t' | b'\r' | b'\n'))?;
        let qualified = tag.get(..end)?;
        let local = qualified
            .iter()
            .rposition(|byte| *byte == b':')
            .map_or(0, |at| at.saturating_add(1));
        let local = qualified.get(local..)?;
        if in_body {
            return Some(local);
        }
        in_body = local == b"Body";
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_element_of_the_body_is_the_operation() {
        let envelope =
            b"<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"x\"><s:Header><a:b/></s:Header>\
            <s:Body><c:dial xmlns:c=\"urn:x\"><user>AG42</user></c:dial></s:Body></s:Envelope>";
        assert_eq!(first_element_of_body(envelope), Some(&b"dial"[..]));
    }

    #[test]
    fn a_body_that_has_not_arrived_has_no_operation() {
        assert_eq!(first_element_of_body(b"<s:Envelope><s:Body><c:di"), None);
        assert_eq!(first_element_of_body(b""), None);
    }

    #[test]
    fn an_action_is_named_by_its_last_part() {
        assert_eq!(last_part(b"urn:ici:phone#dial"), b"dial");
        assert_eq!(last_part(b"http://x/ici/dial"), b"dial");
        assert_eq!(last_part(b"dial"), b"dial");
        assert_eq!(last_part(b"http://x/"), b"http://x/");
    }
}
