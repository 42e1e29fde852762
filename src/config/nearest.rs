//! The nearest known name to a misspelt one.

/// So many letters may be wrong, missing or too many; more is another word.
const MOST_EDITS: usize = 2;

/// The known name that is at most two edits away, in any case; none where half the word differs.
pub(super) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (distance(written, name), name))
        .filter(|(edits, name)| *edits <= MOST_EDITS && edits * 2 < name.chars().count())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, name)| name)
}

/// Whether a word is that name, or one letter away from it, in any case.
pub(super) fn is_slip_of(written: &str, name: &str) -> bool {
    distance(written, name) <= 1
}

/// How many letters to add, drop or change, capital or not.
fn distance(a: &str, b: &str) -> usize {
    let lower = |text: &str| -> Vec<char> { text.chars().flat_map(char::to_lowercase).collect() };
    let (a, b) = (lower(a), lower(b));
    if a.len().abs_diff(b.len()) > MOST_EDITS {
        return usize::MAX / 2;
    }
    // One row of the usual table at a time; `row` holds the distances to the prefixes of `b`.
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, of_a) in a.iter().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        let mut left = i + 1;
        next.push(left);
        for (of_b, pair) in b.iter().zip(row.windows(2)) {
            let &[diagonal, above] = pair else { break };
            left = (above + 1)
                .min(left + 1)
                .min(diagonal + usize::from(of_a != of_b));
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["CA_FILE", "CRT_FILE", "Fall", "SideA"];

    #[test]
    fn a_slip_of_two_letters_finds_the_name() {
        assert_eq!(nearest("CAFILE", KNOWN), Some("CA_FILE"));
        assert_eq!(nearest("crt_fiel", KNOWN), Some("CRT_FILE"));
        assert_eq!(nearest("Side_A", KNOWN), Some("SideA"));
    }

    #[test]
    fn a_different_word_finds_nothing() {
        assert_eq!(nearest("PEM_PATH", KNOWN), None);
        assert_eq!(nearest("Full", ["Fall"]), Some("Fall"));
        assert_eq!(nearest("Fun", ["Fall"]), None);
    }

    #[test]
    fn the_distance_counts_letters_added_dropped_and_changed() {
        assert_eq!(distance("SSL", "ssl"), 0);
        assert_eq!(distance("TLS", "SSL"), 3);
        assert_eq!(distance("kitten", "sitte"), 2);
        assert_eq!(distance("", "ab"), 2);
    }
}
