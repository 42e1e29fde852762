//! Words of a text with their places, and where a code stands among them.

use std::ops::Range;

/// A text, taken apart. Words are letters and digits, compared without case; what joins them is
/// kept, since `timed-out` is a code where `timed out` is two words of a sentence.
#[derive(Debug)]
pub(super) struct Text<'a> {
    text: &'a str,
    words: Vec<Word>,
}

#[derive(Debug)]
struct Word {
    /// In lower case.
    word: String,
    place: Range<usize>,
}

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut words = Vec::new();
        let mut rest = text.char_indices().peekable();
        while let Some((start, char)) = rest.next() {
            if !char.is_alphanumeric() {
                continue;
            }
            let mut end = start.saturating_add(char.len_utf8());
            let mut word: String = char.to_lowercase().collect();
            while let Some((at, next)) = rest.next_if(|(_, next)| next.is_alphanumeric()) {
                end = at.saturating_add(next.len_utf8());
                word.extend(next.to_lowercase());
            }
            words.push(Word {
                word,
                place: start..end,
            });
        }
        Self { text, words }
    }

    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(|word| word.word.as_str())
    }

    /// Whether the text is this code and nothing else, however its words are joined.
    pub(super) fn is(&self, code: &str) -> bool {
        match (number(code), number(self.text.trim())) {
            (Some(one), Some(other)) => one == other,
            (Some(_), None) => false,
            (None, _) => self.words().eq(Text::new(code).words()),
        }
    }

    /// Where a code stands in the text, as the numbers of its first word and the one behind its last.
    pub(super) fn find(&self, code: &str) -> Option<Range<usize>> {
        if let Some(number) = number(code) {
            return self.find_number(number);
        }
        let wanted = Text::new(code);
        let count = wanted.words.len();
        if count == 0 || !wanted.is_distinct() {
            return None;
        }
        let starts = 0..=self.words.len().checked_sub(count)?;
        let mut found = starts.map(|start| start..start.saturating_add(count));
        found.find(|range| self.fits(range, &wanted))
    }

    /// Whether nobody writes it by chance: one short word of a sentence is no code.
    fn is_distinct(&self) -> bool {
        match self.words.as_slice() {
            [only] => only.word.len() >= SHORTEST || only.word.chars().any(|c| c.is_ascii_digit()),
            _ => true,
        }
    }

    fn fits(&self, range: &Range<usize>, wanted: &Text<'_>) -> bool {
        let Some(here) = self.words.get(range.clone()) else {
            return false;
        };
        let same = |(one, other): (&Word, &Word)| one.word == other.word;
        here.iter().zip(&wanted.words).all(same)
            && self.dashes(here).eq(wanted.dashes(&wanted.words))
    }

    /// Between which of these words a dash stands and nothing else.
    fn dashes(&self, words: &[Word]) -> impl Iterator<Item = bool> {
        words.windows(2).map(|pair| {
            let [one, next] = pair else { return false };
            self.text.get(one.place.end..next.place.start) == Some("-")
        })
    }

    /// A number with its sign: `(-102)`, `rc=-102`. One without a sign is a port or a status.
    fn find_number(&self, wanted: i32) -> Option<Range<usize>> {
        let digits = wanted.checked_abs()?.to_string();
        let is_it = |word: &Word| {
            let before = self.text.get(..word.place.start).unwrap_or_default();
            let mut before = before.chars().rev();
            wanted < 0
                && word.word == digits
                && before.next() == Some('-')
                && !before.next().is_some_and(char::is_alphanumeric)
        };
        let at = self.words.iter().position(is_it)?;
        Some(at..at.saturating_add(1))
    }
}

/// So many letters make a word that means only one thing.
const SHORTEST: usize = 9;

/// The number that a code is, if it is one.
pub(super) fn number(code: &str) -> Option<i32> {
    code.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(text: &str, code: &str) -> bool {
        Text::new(text).find(code).is_some()
    }

    #[test]
    fn a_code_is_found_in_a_line_in_any_case_and_joined_in_any_way() {
        let line = "[Thr 140] SSSLERR_PEER_CERT_UNTRUSTED(-102) in SapSSLSessionStartNB";
        assert!(finds(line, "SSSLERR_PEER_CERT_UNTRUSTED"));
        assert!(finds(
            "alert: tlsv1 Alert unknown_ca.",
            "tlsv1 alert unknown ca"
        ));
        assert!(!finds(line, "PEER_CERT_EXPIRED"));
    }

    #[test]
    fn a_code_with_dashes_is_none_where_its_words_stand_in_a_sentence() {
        assert!(finds("code=timed-out peer=1", "timed-out"));
        assert!(!finds("it has timed out", "timed-out"));
        assert!(!finds("code=certificate-expired", "certificate_expired"));
        assert!(Text::new("timed out").is("timed-out"));
    }

    #[test]
    fn one_short_word_is_a_code_by_itself_and_not_in_a_sentence() {
        assert!(!finds("an internal matter of io", "internal"));
        assert!(Text::new(" internal ").is("internal"));
    }

    #[test]
    fn a_number_needs_its_sign_unless_it_stands_alone() {
        assert!(finds("rc=-102", "-102") && finds("(-102)", "-102"));
        assert!(!finds("port 102, a-102", "-102"));
        assert!(Text::new("-102").is("-102") && !Text::new("102").is("-102"));
    }
}
