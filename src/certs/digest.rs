//! [`Digest`]: content as identity, so that a reload keeps what has not changed.

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

/// The SHA-256 of some bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    to_array(digest(&SHA256, bytes).as_ref())
}

/// The SHA-1 of some bytes, where others name things by it. It proves nothing.
pub(super) fn sha1_for_names(bytes: &[u8]) -> [u8; 20] {
    let sum = digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes);
    sum.as_ref().first_chunk().copied().unwrap_or_default()
}

/// Collects the parts that something was built from into one digest.
///
/// Each part is preceded by its length, so that no two different lists of parts can ever hash the
/// same bytes.
#[derive(Debug)]
pub struct Digest(DigestContext);

impl Digest {
    /// Begins a digest; the purpose keeps digests of different things apart.
    pub fn new(purpose: &str) -> Self {
        Self(DigestContext(Context::new(&SHA256))).part(purpose.as_bytes())
    }

    /// Adds a part.
    #[must_use]
    pub fn part(mut self, bytes: &[u8]) -> Self {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.0.0.update(&length.to_be_bytes());
        self.0.0.update(bytes);
        self
    }

    /// Adds a list of digests; an empty list differs from no list.
    #[must_use]
    pub fn digests(self, digests: &[[u8; 32]]) -> Self {
        let count = u64::try_from(digests.len()).unwrap_or(u64::MAX);
        let counted = self.part(&count.to_be_bytes());
        digests.iter().fold(counted, |sum, digest| sum.part(digest))
    }

    /// The digest of all parts.
    pub fn finish(self) -> [u8; 32] {
        to_array(self.0.0.finish().as_ref())
    }
}

struct DigestContext(Context);

impl std::fmt::Debug for DigestContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SHA-256 in progress")
    }
}

fn to_array(bytes: &[u8]) -> [u8; 32] {
    let mut array = [0; 32];
    for (to, from) in array.iter_mut().zip(bytes) {
        *to = *from;
    }
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_a_byte_from_one_part_to_the_next_changes_the_digest() {
        let one = Digest::new("t").part(b"ab").part(b"c").finish();
        let other = Digest::new("t").part(b"a").part(b"bc").finish();
        assert_ne!(one, other);
    }

    #[test]
    fn the_purpose_and_an_empty_list_count() {
        assert_ne!(Digest::new("t").finish(), Digest::new("u").finish());
        let empty = Digest::new("t").digests(&[]).finish();
        assert_ne!(empty, Digest::new("t").finish());
    }

    #[test]
    fn the_digest_of_nothing_is_the_published_value() {
        assert_eq!(sha256(b"")[..4], [0xe3, 0xb0, 0xc4, 0x42]);
    }
}
