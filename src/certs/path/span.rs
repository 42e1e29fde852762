//! [`Span`]: a piece of a certificate, remembered by where it stands.

/// Where some bytes stand within others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    at: usize,
    length: usize,
}

impl Span {
    /// Where `inner`, which has to be a piece of `outer`, stands in it.
    pub(super) fn of(outer: &[u8], inner: &[u8]) -> Self {
        let at = inner.as_ptr().addr().saturating_sub(outer.as_ptr().addr());
        let length = inner.len();
        Self { at, length }
    }

    /// Whether there are none.
    pub(super) fn is_empty(self) -> bool {
        self.length == 0
    }

    /// The bytes; nothing if they are no piece of `outer`.
    pub(super) fn read(self, outer: &[u8]) -> &[u8] {
        let end = self.at.saturating_add(self.length);
        outer.get(self.at..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_found_again_in_a_copy_of_the_whole() {
        let outer = b"certificate".to_vec();
        let span = Span::of(&outer, &outer[4..6]);
        let copy = outer.to_ascii_uppercase();
        assert_eq!(span.read(&copy), b"IF");
        assert_eq!(Span::of(&outer, &outer[11..]).read(&outer), b"");
        assert_eq!(span.read(b"cert"), b"");
    }
}
