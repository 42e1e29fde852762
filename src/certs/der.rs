//! [`Reader`]: what is signed, read strictly.
//!
//! Two readers that disagree about the same bytes are how a certificate comes to mean one thing to
//! its issuer and another to us. So there is one encoding of each length here and no other, and
//! whatever is not read to its end is refused.

/// Bytes that are not the DER that was expected there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not encoded as DER")]
pub(crate) struct NotDer;

/// One element: what it is, what is in it, and all of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    /// The identifier octet.
    pub(crate) tag: u8,
    /// The bytes in it.
    pub(crate) contents: &'a [u8],
    /// Identifier, length and contents.
    pub(crate) whole: &'a [u8],
}

/// Reads one element after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// A reader of these bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Reads bytes that are one element and nothing else.
    pub(crate) fn single(bytes: &'a [u8], tag: u8) -> Result<&'a [u8], NotDer> {
        let mut reader = Self(bytes);
        let contents = reader.contents(tag)?;
        reader.end()?;
        Ok(contents)
    }

    /// Whether nothing is left.
    pub(crate) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes sure that nothing is left.
    pub(crate) fn end(self) -> Result<(), NotDer> {
        if self.is_at_end() {
            Ok(())
        } else {
            Err(NotDer)
        }
    }

    /// The tag of the next element.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element, whatever it is.
    pub(crate) fn element(&mut self) -> Result<Element<'a>, NotDer> {
        let all = self.0;
        let (tag, rest) = all.split_first().ok_or(NotDer)?;
        // Tags of more than one byte occur nowhere in a certificate.
        if tag & HIGH_TAG == HIGH_TAG {
            return Err(NotDer);
        }
        let (length, rest) = length(rest)?;
        let (contents, rest) = rest.split_at_checked(length).ok_or(NotDer)?;
        let whole = all.len().checked_sub(rest.len()).ok_or(NotDer)?;
        let (whole, rest) = all.split_at_checked(whole).ok_or(NotDer)?;
        self.0 = rest;
        Ok(Element {
            tag: *tag,
            contents,
            whole,
        })
    }

    /// The contents of the next element, which has to be of this tag.
    pub(crate) fn contents(&mut self, tag: u8) -> Result<&'a [u8], NotDer> {
        if self.peek() != Some(tag) {
            return Err(NotDer);
        }
        self.element().map(|element| element.contents)
    }

    /// The next element with its header, which has to be of this tag.
    pub(crate) fn whole(&mut self, tag: u8) -> Result<&'a [u8], NotDer> {
        if self.peek() != Some(tag) {
            return Err(NotDer);
        }
        self.element().map(|element| element.whole)
    }

    /// The contents of the next element if it is of this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, NotDer> {
        if self.peek() == Some(tag) {
            self.contents(tag).map(Some)
        } else {
            Ok(None)
        }
    }

    /// A boolean that may be left out where it is false; one written out all the same is taken, as
    /// many issuers write it.
    pub(crate) fn boolean_or_false(&mut self) -> Result<bool, NotDer> {
        match self.optional(BOOLEAN)? {
            None | Some([0x00]) => Ok(false),
            Some([0xff]) => Ok(true),
            Some(_) => Err(NotDer),
        }
    }

    /// A bit string of whole bytes, as keys and signatures are.
    pub(crate) fn bytes_in_bits(&mut self) -> Result<&'a [u8], NotDer> {
        match self.contents(BIT_STRING)?.split_first() {
            Some((0, bytes)) => Ok(bytes),
            _ => Err(NotDer),
        }
    }
}

/// A number as it is written: at least one byte, and no more than it needs.
pub(crate) fn integer(contents: &[u8]) -> Result<&[u8], NotDer> {
    match contents {
        [] => Err(NotDer),
        [0x00, next, ..] if *next < 0x80 => Err(NotDer),
        [0xff, next, ..] if *next >= 0x80 => Err(NotDer),
        _ => Ok(contents),
    }
}

/// A number that cannot be negative. One too large to be counted to is as good as the largest.
pub(crate) fn count(contents: &[u8]) -> Result<u32, NotDer> {
    let bytes = integer(contents)?;
    if bytes.first().is_none_or(|first| *first >= 0x80) {
        return Err(NotDer);
    }
    let sum = bytes.iter().try_fold(0_u32, |sum, byte| {
        sum.checked_mul(256)?.checked_add(u32::from(*byte))
    });
    Ok(sum.unwrap_or(u32::MAX))
}

/// The length of an element, in as few bytes as it takes.
fn length(bytes: &[u8]) -> Result<(usize, &[u8]), NotDer> {
    let (first, rest) = bytes.split_first().ok_or(NotDer)?;
    let (length, rest) = match (first, rest) {
        (0..=0x7f, rest) => return Ok((usize::from(*first), rest)),
        (0x81, [a, rest @ ..]) if *a >= 0x80 => (u32::from(*a), rest),
        (0x82, [a, b, rest @ ..]) if *a != 0 => (u32::from_be_bytes([0, 0, *a, *b]), rest),
        (0x83, [a, b, c, rest @ ..]) if *a != 0 => (u32::from_be_bytes([0, *a, *b, *c]), rest),
        (0x84, [a, b, c, d, rest @ ..]) if *a != 0 => (u32::from_be_bytes([*a, *b, *c, *d]), rest),
        _ => return Err(NotDer),
    };
    let length = usize::try_from(length).map_err(|_too_long| NotDer)?;
    Ok((length, rest))
}

/// Writes one element.
pub(crate) fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let length = contents.len().to_be_bytes();
    let significant = length.iter().position(|byte| *byte != 0);
    let significant = length.get(significant.unwrap_or(length.len())..);
    match significant.unwrap_or_default() {
        [] => bytes.push(0),
        [short @ 0..=0x7f] => bytes.push(*short),
        long => {
            bytes.push(0x80 | u8::try_from(long.len()).unwrap_or(u8::MAX));
            bytes.extend(long);
        }
    }
    bytes.extend(contents);
    bytes
}

/// Writes a sequence of elements.
pub(crate) fn sequence(elements: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, &elements.concat())
}

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// All these bits set: the tag goes on in further bytes.
const HIGH_TAG: u8 = 0x1f;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_length_is_taken_in_its_shortest_form_only() {
        let zeros = vec![0; 0x1_0000];
        let with = |header: &[u8], length: usize| [header, &zeros[..length]].concat();
        for good in [
            with(&[4, 0], 0),
            with(&[4, 0x7f], 0x7f),
            with(&[4, 0x81, 0x80], 0x80),
            with(&[4, 0x82, 1, 0], 0x100),
            with(&[4, 0x83, 1, 0, 0], 0x1_0000),
        ] {
            assert!(
                Reader::single(&good, OCTET_STRING).is_ok(),
                "{:?}",
                &good[..2]
            );
        }
        for bad in [
            with(&[4, 0x80], 0),
            with(&[4, 0x81, 0x7f], 0x7f),
            with(&[4, 0x82, 0, 0x80], 0x80),
            with(&[4, 0x83, 0, 1, 0], 0x100),
            with(&[4, 0x84, 0, 0, 1, 0], 0x100),
            with(&[4, 0x85, 0, 0, 0, 0, 1], 1),
            with(&[0x1f, 0x20, 0], 0),
        ] {
            let tag = bad.first().copied().unwrap_or_default();
            assert_eq!(Reader::single(&bad, tag), Err(NotDer), "{:?}", &bad[..2]);
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x1_0000] {
            let contents = vec![7; length];
            let written = element(OCTET_STRING, &contents);
            assert_eq!(Reader::single(&written, OCTET_STRING), Ok(&contents[..]));
        }
        let pair = sequence(&[&element(INTEGER, &[1]), &element(INTEGER, &[2])]);
        assert_eq!(pair, [0x30, 6, 2, 1, 1, 2, 1, 2]);
    }

    #[test]
    fn what_is_left_over_or_missing_is_refused() {
        assert_eq!(Reader::single(&[4, 1, 0, 0], OCTET_STRING), Err(NotDer));
        assert_eq!(Reader::single(&[4, 2, 0], OCTET_STRING), Err(NotDer));
        assert_eq!(Reader::single(&[4, 1, 0], SEQUENCE), Err(NotDer));
        assert_eq!(Reader::single(&[], SEQUENCE), Err(NotDer));
        assert_eq!(NotDer.to_string(), "it is not encoded as DER");
    }

    #[test]
    fn a_truth_is_all_ones_and_a_falsehood_may_be_left_out() {
        let read = |bytes: &[u8]| Reader::new(bytes).boolean_or_false();
        assert_eq!(read(&[]), Ok(false));
        assert_eq!(read(&[1, 1, 0]), Ok(false));
        assert_eq!(read(&[1, 1, 0xff]), Ok(true));
        assert_eq!(read(&[1, 1, 1]), Err(NotDer));
        assert_eq!(read(&[1, 0]), Err(NotDer));
    }

    #[test]
    fn a_number_has_no_byte_too_many_and_a_large_one_is_the_largest() {
        assert_eq!(count(&[0]), Ok(0));
        assert_eq!(count(&[0, 0x80]), Ok(128));
        assert_eq!(count(&[1, 0, 0, 0, 0]), Ok(u32::MAX));
        for bad in [&[][..], &[0x80], &[0, 0x7f], &[0xff, 0x80]] {
            assert_eq!(count(bad), Err(NotDer), "{bad:?}");
        }
        assert_eq!(integer(&[0x80]), Ok(&[0x80][..]));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&bytes);
            while reader.element().is_ok() {}
            let _either = Reader::new(&bytes).boolean_or_false();
            let _either = Reader::new(&bytes).bytes_in_bits();
            let _either = count(&bytes);
        }
    }
}
