//! The dates of a certificate.

use crate::certs::der::{self, NotDer, Reader};
use crate::model::WallTime;

/// Reads the next element as a date: `UTCTime` or `GeneralizedTime`, in UTC and to the second, as
/// RFC 5280 wants both.
pub(crate) fn time(reader: &mut Reader<'_>) -> Result<WallTime, NotDer> {
    let element = reader.element()?;
    let text = element.contents;
    let (year, rest) = match element.tag {
        // Two digits of a year mean the century around 2000.
        der::UTC_TIME => {
            let (year, rest) = digits(text)?;
            let century = if year < 50 { 2000 } else { 1900 };
            (century + year, rest)
        }
        der::GENERALIZED_TIME => {
            let (century, rest) = digits(text)?;
            let (year, rest) = digits(rest)?;
            (century * 100 + year, rest)
        }
        _ => return Err(NotDer),
    };
    let (month, rest) = digits(rest)?;
    let (day, rest) = digits(rest)?;
    let (hour, rest) = digits(rest)?;
    let (minute, rest) = digits(rest)?;
    let (second, rest) = digits(rest)?;
    let is_of_the_clock = hour < 24 && minute < 60 && second < 60;
    if rest != b"Z" || !is_of_the_clock || day < 1 || day > days_of(year, month).ok_or(NotDer)? {
        return Err(NotDer);
    }
    let seconds = (hour * 60 + minute) * 60 + second;
    Ok(WallTime(
        days_since_1970(year, month, day) * 86_400 + seconds,
    ))
}

fn digits(text: &[u8]) -> Result<(i64, &[u8]), NotDer> {
    match text {
        [ten @ b'0'..=b'9', one @ b'0'..=b'9', rest @ ..] => {
            Ok((i64::from(ten - b'0') * 10 + i64::from(one - b'0'), rest))
        }
        _ => Err(NotDer),
    }
}

fn days_of(year: i64, month: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    Some(match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return None,
    })
}

/// The year is counted from March, so that a leap day is its last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let before = year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1;
    before - DAYS_BEFORE_1970
}

/// From the first of March of the year 0.
const DAYS_BEFORE_1970: i64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tag: u8, text: &str) -> Result<i64, NotDer> {
        let length = u8::try_from(text.len()).expect("short");
        let bytes = [&[tag, length], text.as_bytes()].concat();
        time(&mut Reader::new(&bytes)).map(|time| time.0)
    }

    #[test]
    fn both_forms_are_read_to_the_second() {
        for (tag, text, seconds) in [
            (der::UTC_TIME, "700101000000Z", 0),
            (der::UTC_TIME, "491231235959Z", 2_524_607_999),
            (der::UTC_TIME, "500101000000Z", -631_152_000),
            (der::UTC_TIME, "000229120000Z", 951_825_600),
            (der::GENERALIZED_TIME, "20500101000000Z", 2_524_608_000),
            (der::GENERALIZED_TIME, "99991231235959Z", 253_402_300_799),
            (der::GENERALIZED_TIME, "00000101000000Z", -62_167_219_200),
        ] {
            assert_eq!(read(tag, text), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_of_that_form_is_refused() {
        for text in [
            "7001010000Z",
            "700101000000+0000",
            "700101000000",
            "701301000000Z",
            "700001000000Z",
            "700230000000Z",
            "010229000000Z",
            "700100000000Z",
            "700101240000Z",
            "700101006000Z",
            "700101000060Z",
            "7001010000 0Z",
            "",
        ] {
            assert_eq!(read(der::UTC_TIME, text), Err(NotDer), "{text}");
        }
        for text in ["20500101000000.5Z", "700101000000Z", "21000229000000Z"] {
            assert_eq!(read(der::GENERALIZED_TIME, text), Err(NotDer), "{text}");
        }
        assert_eq!(read(der::INTEGER, "700101000000Z"), Err(NotDer));
    }
}
