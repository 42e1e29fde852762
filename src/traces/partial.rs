//! [`Rejected`]: what a collector says that it has not taken, in an answer that is good otherwise.

/// Spans that were not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// How many; none where the collector only has something to say.
    pub spans: u64,
    /// Why, in its own words.
    pub why: String,
}

/// Reads an answer; `None` where all was taken, or where nothing is understood.
pub(super) fn rejected(answer: &[u8]) -> Option<Rejected> {
    let partial = Fields(answer).find_map(|field| match field {
        (1, Value::Bytes(partial)) => Some(partial),
        _ => None,
    })?;
    let mut rejected = Rejected {
        spans: 0,
        why: String::new(),
    };
    for field in Fields(partial) {
        match field {
            (1, Value::Number(spans)) => rejected.spans = spans,
            (2, Value::Bytes(why)) => {
                let text = String::from_utf8_lossy(why);
                rejected.why = text.chars().take(MOST_SHOWN).collect();
            }
            _ => {}
        }
    }
    (rejected.spans > 0 || !rejected.why.is_empty()).then_some(rejected)
}

/// The value of a field.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// The fields of a message of Protocol Buffers, up to the first that is not well formed.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.number()?;
        let value = match key & 7 {
            0 => Value::Number(self.number()?),
            1 => self.part(8).map(|_| Value::Fixed)?,
            2 => {
                let length = self.number()?;
                Value::Bytes(self.part(usize::try_from(length).ok()?)?)
            }
            5 => self.part(4).map(|_| Value::Fixed)?,
            _ => return None,
        };
        Some((key >> 3, value))
    }
}

impl<'a> Fields<'a> {
    fn part(&mut self, length: usize) -> Option<&'a [u8]> {
        let (part, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(part)
    }

    /// Seven bits a byte, the lowest first.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let [byte] = *self.part(1)? else { return None };
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

/// Longer texts are cut where they are shown.
const MOST_SHOWN: usize = 200;

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceResponse,
    };
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;

    fn answer(spans: i64, why: &str) -> Vec<u8> {
        let partial = ExportTracePartialSuccess {
            rejected_spans: spans,
            error_message: why.to_owned(),
        };
        let answer = ExportTraceServiceResponse {
            partial_success: Some(partial),
        };
        answer.encode_to_vec()
    }

    #[test]
    fn what_a_collector_has_not_taken_is_read_with_its_reason() {
        let said = rejected(&answer(300, "too old")).expect("something was rejected");
        assert_eq!((said.spans, said.why.as_str()), (300, "too old"));
        let only_words = rejected(&answer(0, "switch to https")).expect("it has something to say");
        assert_eq!(only_words.spans, 0);
    }

    #[test]
    fn where_all_was_taken_there_is_nothing_to_say() {
        let all = ExportTraceServiceResponse::default().encode_to_vec();
        for answer in [all, answer(0, ""), b"<html>".to_vec(), vec![0xff; 40]] {
            assert_eq!(rejected(&answer), None, "{answer:?}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_is_too_odd_to_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let said = rejected(&bytes);
            prop_assert!(said.is_none_or(|said| said.spans > 0 || !said.why.is_empty()));
        }
    }
}
