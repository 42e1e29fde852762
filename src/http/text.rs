//! Numbers and fields as they are written in a head.

use std::io::Write as _;
use std::net::IpAddr;

/// A plain decimal number, as lengths are written: digits only, and few enough not to overflow.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    let plain = (1..=18).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    plain.then(|| {
        text.iter()
            .fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
    })
}

/// Appends a number in decimal.
pub(super) fn push_decimal(out: &mut Vec<u8>, mut number: u64) {
    let start = out.len();
    loop {
        out.push(b'0' + u8::try_from(number % 10).unwrap_or_default());
        number /= 10;
        if number == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

/// Appends a field of ours that is an address.
pub(super) fn push_address(out: &mut Vec<u8>, name: &str, address: IpAddr) {
    // Memory takes all of it, and a text made first would be one to throw away.
    let _taken = write!(out, "{name}: {address}\r\n");
}

/// Appends a field of ours.
pub(super) fn push_field(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_length_is_plain_digits_and_nothing_else() {
        assert_eq!(decimal(b"0"), Some(0));
        assert_eq!(decimal(b"007"), Some(7));
        assert_eq!(
            decimal(b"999999999999999999"),
            Some(999_999_999_999_999_999)
        );
        for text in [
            &b""[..],
            b"+1",
            b"-1",
            b"1,1",
            b"1 1",
            b"0x10",
            b"1e3",
            b"1.0",
            b"1_000",
            b"1000000000000000000",
        ] {
            assert_eq!(decimal(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_number_that_was_written_reads_back(number in 0_u64..1_000_000_000_000_000_000) {
            let mut out = Vec::new();
            push_decimal(&mut out, number);
            prop_assert_eq!(decimal(&out), Some(number));
        }
    }
}
