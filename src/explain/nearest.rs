//! Codes that are nearly what was typed.

/// The nearest codes, the best first.
pub(super) fn nearest<'a>(typed: &str, codes: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let typed = letters(typed);
    let mut near: Vec<(usize, &str)> = codes
        .filter_map(|code| Some((distance_to(&typed, &letters(code))?, code)))
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(MOST).map(|(_, code)| code).collect()
}

/// So many are shown; more is a list that nobody reads.
const MOST: usize = 5;

fn letters(text: &str) -> Vec<char> {
    let letters = text.chars().filter(|char| char.is_alphanumeric());
    letters.flat_map(char::to_lowercase).take(LONGEST).collect()
}

/// No code is longer; a pasted page has no neighbours.
const LONGEST: usize = 64;

/// How far a code is from what was typed; none if it is another word. One that holds what was typed
/// is near, whatever else it says.
fn distance_to(typed: &[char], code: &[char]) -> Option<usize> {
    if typed.len() < 3 {
        return None;
    }
    if code.windows(typed.len()).any(|part| part == typed) {
        return Some(1);
    }
    let edits = edits(typed, code);
    (edits.saturating_mul(3) <= typed.len().max(code.len())).then_some(edits)
}

/// How many letters to add, drop or change.
fn edits(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (line, of_a) in a.iter().enumerate() {
        let mut left = line.saturating_add(1);
        let mut next = vec![left];
        for (of_b, pair) in b.iter().zip(row.windows(2)) {
            let &[diagonal, above] = pair else { break };
            let replaced = diagonal.saturating_add(usize::from(of_a != of_b));
            left = above.min(left).saturating_add(1).min(replaced);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODES: [&str; 4] = [
        "unknown_ca",
        "GW-503-CUT",
        "SSSLERR_SSL_READ",
        "close_notify",
    ];

    #[test]
    fn a_slip_and_a_part_of_a_code_find_it() {
        assert_eq!(nearest("unkown ca", CODES.into_iter()), ["unknown_ca"]);
        assert_eq!(nearest("ssl_read", CODES.into_iter()), ["SSSLERR_SSL_READ"]);
        assert_eq!(nearest("GW503CUD", CODES.into_iter()), ["GW-503-CUT"]);
    }

    #[test]
    fn another_word_finds_nothing() {
        assert!(nearest("horse", CODES.into_iter()).is_empty());
        assert!(nearest("ca", CODES.into_iter()).is_empty());
        assert!(nearest("", CODES.into_iter()).is_empty());
    }
}
