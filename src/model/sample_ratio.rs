//! [`SampleRatio`]: how many of all traces are recorded.

use std::fmt;

/// A part of the whole, to the millionth: kept as a whole number, so that two that are written alike
/// are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleRatio {
    millionths: u32,
}

/// The whole.
const WHOLE: u32 = 1_000_000;

/// As many digits behind the point as there are kept.
const DIGITS: usize = 6;

impl SampleRatio {
    /// All traces.
    pub const ALL: Self = Self { millionths: WHOLE };

    /// Reads a number from 0 to 1 with a point and up to six digits behind it; `None` for everything
    /// else.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !are_digits(whole) || !are_digits(part) || part.len() > DIGITS {
            return None;
        }
        let whole: u32 = whole.parse().ok()?;
        let part: u32 = format!("{part:0<DIGITS$}").parse().ok()?;
        let millionths = whole.checked_mul(WHOLE)?.checked_add(part)?;
        (millionths <= WHOLE).then_some(Self { millionths })
    }

    /// Whether a trace with that random number is one of them: of many, this part is.
    pub const fn takes(self, random: u64) -> bool {
        // The upper half of the product is the number, spread over what is below the whole.
        let spread = (random as u128 * WHOLE as u128) >> u64::BITS;
        spread < self.millionths as u128
    }
}

impl fmt::Display for SampleRatio {
    /// Prints it as it may be written, such as `0.25`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!(
            "{}.{:0DIGITS$}",
            self.millionths / WHOLE,
            self.millionths % WHOLE
        );
        let short = text.trim_end_matches('0');
        f.write_str(short.strip_suffix('.').unwrap_or(short))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ratio(text: &str) -> SampleRatio {
        SampleRatio::parse(text).expect(text)
    }

    #[test]
    fn a_ratio_is_a_number_from_0_to_1_and_reads_back_as_it_is_printed() {
        for (text, printed) in [
            ("0", "0"),
            ("1", "1"),
            ("1.0", "1"),
            ("0.25", "0.25"),
            ("0.000001", "0.000001"),
            ("00.50", "0.5"),
        ] {
            assert_eq!(ratio(text).to_string(), printed);
            assert_eq!(ratio(printed), ratio(text));
        }
    }

    #[test]
    fn what_is_no_such_number_is_not_read() {
        for text in [
            "",
            ".",
            ".5",
            "1.",
            "1.000001",
            "2",
            "-0.1",
            "+0.1",
            "0,5",
            "10%",
            "1e-3",
            "NaN",
            "0.0000001",
            "99999999999",
        ] {
            assert_eq!(SampleRatio::parse(text), None, "{text}");
        }
    }

    #[test]
    fn none_of_all_numbers_is_taken_by_0_and_each_by_1() {
        for random in [0, 1, u64::MAX / 2, u64::MAX] {
            assert!(!ratio("0").takes(random));
            assert!(SampleRatio::ALL.takes(random));
        }
        assert!(ratio("0.5").takes(u64::MAX / 2 - 1));
        assert!(!ratio("0.5").takes(u64::MAX / 2 + 2));
    }

    proptest! {
        #[test]
        fn a_greater_ratio_takes_all_that_a_smaller_one_takes(
            one in 0_u32..=WHOLE, other in 0_u32..=WHOLE, random: u64,
        ) {
            let (small, large) = (one.min(other), one.max(other));
            let takes = |millionths| SampleRatio { millionths }.takes(random);
            prop_assert!(takes(large) || !takes(small));
        }
    }
}
