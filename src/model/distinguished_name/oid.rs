//! Object identifiers, as certificates carry them and as people write them.

use std::fmt::Write as _;

/// An object identifier, given without header, in numbers with dots. What is none, or has numbers
/// beyond counting, is shown in hexadecimal digits.
pub fn dotted(oid: &[u8]) -> String {
    numbers(oid).unwrap_or_else(|| {
        oid.iter().fold("#".to_owned(), |mut out, byte| {
            // Writing to a string cannot fail.
            let _ = write!(out, "{byte:02x}");
            out
        })
    })
}

fn numbers(oid: &[u8]) -> Option<String> {
    let mut out = String::new();
    let (mut number, mut is_begun) = (0_u128, false);
    for byte in oid {
        // A number has no leading zeros.
        if *byte == 0x80 && !is_begun {
            return None;
        }
        number = number.checked_mul(128)? | u128::from(byte & 0x7f);
        is_begun = byte & 0x80 != 0;
        if is_begun {
            continue;
        }
        let written = if out.is_empty() {
            let first = (number / 40).min(2);
            write!(out, "{first}.{}", number - first * 40)
        } else {
            write!(out, ".{number}")
        };
        written.ok()?;
        number = 0;
    }
    (!is_begun && !out.is_empty()).then_some(out)
}

/// An object identifier without header, from numbers with dots as [`dotted`] writes them.
pub(super) fn encoded(text: &str) -> Option<Vec<u8>> {
    let mut numbers = text.split('.').map(number);
    let (first, second) = (numbers.next()??, numbers.next()??);
    if first > 2 || (first < 2 && second >= 40) {
        return None;
    }
    let mut oid = Vec::new();
    push(&mut oid, second.checked_add(first * 40)?);
    for number in numbers {
        push(&mut oid, number?);
    }
    Some(oid)
}

/// A number that does not begin with a zero, unless it is that.
fn number(text: &str) -> Option<u128> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_shortest = text == "0" || !text.starts_with('0');
    (is_number && is_shortest).then(|| text.parse().ok())?
}

/// Appends a number in digits of seven bits, of which all but the last are marked.
fn push(oid: &mut Vec<u8>, number: u128) {
    let bits = u128::BITS - number.leading_zeros();
    for place in (0..bits.div_ceil(7).max(1)).rev() {
        let digit = u8::try_from((number >> (7 * place)) & 0x7f).unwrap_or_default();
        oid.push(if place > 0 { digit | 0x80 } else { digit });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_object_identifier_is_written_in_numbers_with_dots() {
        for (oid, text) in [
            (&[0x55, 4, 3][..], "2.5.4.3"),
            (
                &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1],
                "1.2.840.113549.1.9.1",
            ),
            (&[0], "0.0"),
            (&[0x88, 0x37, 3], "2.999.3"),
        ] {
            assert_eq!(dotted(oid), text);
            assert_eq!(encoded(text).as_deref(), Some(oid));
        }
    }

    #[test]
    fn what_is_none_is_shown_in_hexadecimal_digits() {
        for (oid, text) in [
            (&[][..], "#"),
            (&[0x55, 0x80], "#5580"),
            (&[0x55, 0x80, 1], "#558001"),
            (
                &[[0x55].as_slice(), &[0xff; 19], &[1]].concat(),
                "#55ffffffffffffffffffffffffffffffffffffff01",
            ),
        ] {
            assert_eq!(dotted(oid), text);
        }
        let too_large = format!("2.{}", u128::MAX);
        for text in [
            "", "2", "2.", "3.1", "1.40", "2.05", "2.+5", "2.a", &too_large,
        ] {
            assert_eq!(encoded(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            first in 0..3_u128,
            second in 0..40_u128,
            others in proptest::collection::vec(any::<u128>(), 0..4),
        ) {
            let numbers = [first, second].into_iter().chain(others);
            let text = numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(".");
            let oid = encoded(&text).expect("an object identifier");
            prop_assert_eq!(dotted(&oid), text);
        }

        #[test]
        fn no_bytes_make_it_panic(oid in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert!(!dotted(&oid).is_empty());
        }
    }
}
