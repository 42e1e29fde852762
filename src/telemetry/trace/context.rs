//! [`TraceParent`]: the field `traceparent`, by which one program tells the next to which trace a
//! request belongs (W3C Trace Context, level 2).

use std::fmt;

/// Which trace.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TraceId(pub(super) [u8; 16]);

/// Which span in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SpanId(pub(super) [u8; 8]);

/// A span, as those are told that it has something done by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace.
    pub trace: TraceId,
    /// The span.
    pub span: SpanId,
    /// What is said of the trace; bits that nobody has explained are not among them.
    flags: u8,
}

/// The trace is recorded.
const SAMPLED: u8 = 1;

/// The id of the trace is random, so others can decide by it.
const RANDOM: u8 = 2;

/// As long as the field is in the version that is known, and as long as it is at least in every later
/// one.
const LENGTH: usize = 55;

impl TraceParent {
    /// A span of a trace that begins here.
    pub(super) const fn new(trace: TraceId, span: SpanId) -> Self {
        Self {
            trace,
            span,
            flags: SAMPLED | RANDOM,
        }
    }

    /// Reads the field. `None` for one that has to be ignored as a whole.
    pub fn read(value: &[u8]) -> Option<Self> {
        let (known, behind) = value.split_at_checked(LENGTH)?;
        let mut parts = known.split(|byte| *byte == b'-');
        let [version] = hex(parts.next()?)?;
        let trace: [u8; 16] = hex(parts.next()?)?;
        let span: [u8; 8] = hex(parts.next()?)?;
        let [flags] = hex(parts.next()?)?;
        let is_whole = match (version, behind) {
            (0xff, _) | (0, [_, ..]) => false,
            // A later version may have more to say, behind another dash.
            (_, [] | [b'-', ..]) => parts.next().is_none(),
            _ => false,
        };
        let is_something = trace != [0; 16] && span != [0; 8];
        (is_whole && is_something).then_some(Self {
            trace: TraceId(trace),
            span: SpanId(span),
            flags: flags & (SAMPLED | RANDOM),
        })
    }

    /// Whether the trace is recorded.
    pub const fn is_sampled(self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The same trace with another span in it.
    pub(super) const fn with_span(self, span: SpanId) -> Self {
        Self { span, ..self }
    }

    /// What is said of the trace.
    pub(super) const fn flags(self) -> u8 {
        self.flags
    }

    /// Appends the value of the field.
    pub fn write_to(self, out: &mut Vec<u8>) {
        let parts: [&[u8]; 4] = [&[0], &self.trace.0, &self.span.0, &[self.flags]];
        for (at, part) in parts.into_iter().enumerate() {
            if at > 0 {
                out.push(b'-');
            }
            for byte in part {
                out.extend_from_slice(&[letter(byte >> 4), letter(byte & 0xf)]);
            }
        }
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(LENGTH);
        self.write_to(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// Exactly so many bytes in hexadecimal, in lower case as the field has to be.
fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = (digit(*high)? << 4) | digit(*low)?;
    }
    Some(bytes)
}

const fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}

const fn letter(digit: u8) -> u8 {
    match digit {
        0..=9 => b'0' + digit,
        _ => b'a' + digit - 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn read(text: &str) -> Option<TraceParent> {
        TraceParent::read(text.as_bytes())
    }

    #[test]
    fn a_field_as_it_should_be_is_read_and_printed_as_it_came() {
        let parent = read(GOOD).expect("well formed");
        assert_eq!(
            (format!("{:?}", parent.trace), format!("{:?}", parent.span)),
            (
                "0af7651916cd43dd8448eb211c80319c".to_owned(),
                "b7ad6b7169203331".to_owned()
            )
        );
        assert!(parent.is_sampled());
        assert_eq!(parent.to_string(), GOOD);
        let not_sampled = GOOD.replace("-01", "-02");
        assert!(!read(&not_sampled).expect("well formed").is_sampled());
        assert_eq!(read(&not_sampled).expect("one").to_string(), not_sampled);
    }

    #[test]
    fn flags_that_nobody_has_explained_are_not_passed_on() {
        let parent = read(&GOOD.replace("-01", "-ff")).expect("well formed");
        assert_eq!(parent.to_string(), GOOD.replace("-01", "-03"));
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        for more in ["", "-", "-what the future will be like"] {
            let later = format!("cc{}{more}", GOOD.strip_prefix("00").expect("a version"));
            assert_eq!(read(&later), read(GOOD), "{later}");
        }
    }

    #[test]
    fn a_field_that_is_not_as_it_should_be_is_ignored() {
        for bad in [
            String::new(),
            "00".to_owned(),
            format!("{GOOD}-"),
            format!("{GOOD}-00"),
            format!("{GOOD}0"),
            GOOD.replace("00-", "ff-"),
            GOOD.replace("00-0a", "cc-0A"),
            GOOD.replace("00-", "0-0"),
            GOOD.replace("00-", ".0-"),
            GOOD.replace("0af7", "0AF7"),
            GOOD.replace("b7ad", "B7AD"),
            GOOD.replace("-b7ad", "_b7ad"),
            GOOD.replace("-01", "-0g"),
            GOOD.replace("-01", "01-"),
            GOOD.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            GOOD.replace("b7ad6b7169203331", &"0".repeat(16)),
            format!("cc{}.", GOOD.strip_prefix("00").expect("a version")),
        ] {
            assert_eq!(read(&bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(trace in 1_u128.., span in 1_u64.., flags in 0_u8..4) {
            let parent = TraceParent {
                trace: TraceId(trace.to_be_bytes()),
                span: SpanId(span.to_be_bytes()),
                flags,
            };
            prop_assert_eq!(read(&parent.to_string()), Some(parent));
        }

        #[test]
        fn no_bytes_are_too_odd_to_be_looked_at(value in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Some(parent) = TraceParent::read(&value) {
                prop_assert_eq!(parent.to_string().len(), LENGTH);
            }
        }
    }
}
