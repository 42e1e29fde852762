//! The preparation of texts before they are compared (RFC 4518): what two writings of the same name
//! may differ in.

use unicode_normalization::UnicodeNormalization as _;

/// The text without what does not count: capitals, compatibility forms, accents put together from
/// two characters, invisible characters, and blanks but for one between two words.
///
/// A rule that denies somebody must match however his name is written, so this is done in full.
pub fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    if is_plain(text) {
        words(text, |piece| out.push_str(piece));
        out.make_ascii_lowercase();
    } else {
        words(&passed(text), |piece| out.push_str(piece));
    }
    out
}

/// Appends a text to bytes as [`folded`] has it. Every certificate that is read goes through here,
/// so plain texts need no memory of their own.
pub(super) fn push_folded(out: &mut Vec<u8>, text: &str) {
    let begin = out.len();
    let mut push = |piece: &str| out.extend_from_slice(piece.as_bytes());
    if is_plain(text) {
        words(text, push);
        let added = out.get_mut(begin..).unwrap_or_default();
        added.make_ascii_lowercase();
    } else {
        words(&passed(text), &mut push);
    }
}

/// Whether nothing but capitals and blanks needs preparation, as in nearly all certificates.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'!'..=b'~' | b' '))
}

/// A compatibility form may hold a capital, and a capital an accent; after two passes nothing is
/// left.
fn passed(text: &str) -> String {
    pass(&pass(text))
}

fn pass(text: &str) -> String {
    let plain: String = text.nfkc().filter_map(mapped).collect();
    let small: String = plain.chars().flat_map(small).collect();
    small.nfkc().filter_map(mapped).collect()
}

/// Step 2: characters that count as a blank, or as nothing.
fn mapped(c: char) -> Option<char> {
    match c {
        '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' => Some(' '),
        _ if c.is_whitespace() => Some(' '),
        _ if c.is_control() => None,
        '\u{ad}'
        | '\u{34f}'
        | '\u{1806}'
        | '\u{180b}'..='\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffc}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0001}'
        | '\u{e0020}'..='\u{e007f}' => None,
        _ => Some(c),
    }
}

/// The case folding of Unicode. Beyond the small letter it knows two letters of living languages.
fn small(c: char) -> impl Iterator<Item = char> {
    let (one, two) = match c {
        'ß' | 'ẞ' => (None, Some(['s', 's'])),
        'ς' => (Some('σ'), None),
        _ => (Some(c), None),
    };
    one.into_iter()
        .flat_map(char::to_lowercase)
        .chain(two.into_iter().flatten())
}

/// Blanks at the ends do not count, and several in a row are one.
fn words(text: &str, mut push: impl FnMut(&str)) {
    let mut is_first = true;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !is_first {
            push(" ");
        }
        is_first = false;
        push(word);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn capitals_and_blanks_do_not_count() {
        assert_eq!(folded("  SAP   CRM\t01 "), "sap crm 01");
        assert_eq!(folded("\u{a0}Sap\u{2003}Crm"), "sap crm");
        assert_eq!(folded("   "), "");
    }

    #[test]
    fn two_ways_to_write_an_accent_are_one() {
        assert_eq!(folded("M\u{fc}ller"), folded("Mu\u{308}LLER"));
        assert_eq!(folded("Stra\u{df}e"), folded("STRASSE"));
        assert_eq!(folded("\u{ff33}\u{ff21}\u{ff30}"), "sap");
    }

    #[test]
    fn what_nobody_sees_does_not_count() {
        assert_eq!(folded("ad\u{ad}min\u{200b}\u{feff}\u{202e}"), "admin");
    }

    #[test]
    fn letters_that_only_look_alike_stay_apart() {
        assert_ne!(folded("\u{430}dmin"), folded("admin"));
        assert_ne!(folded("\u{131}da"), folded("ida"));
    }

    proptest! {
        #[test]
        fn what_is_folded_is_not_folded_further(text in any::<String>()) {
            let once = folded(&text);
            prop_assert_eq!(folded(&once), once);
        }

        #[test]
        fn the_short_way_for_plain_texts_leads_to_the_same_end(text in "[ -~]{0,40}") {
            let mut long = String::new();
            words(&passed(&text), |piece| long.push_str(piece));
            prop_assert_eq!(folded(&text), long);
        }

        #[test]
        fn what_is_appended_is_what_is_folded(text in any::<String>(), plain in "[ -~]{0,40}") {
            for text in [text, plain] {
                let mut out = b"Before".to_vec();
                push_folded(&mut out, &text);
                prop_assert_eq!(out, [b"Before", folded(&text).as_bytes()].concat());
            }
        }
    }
}
