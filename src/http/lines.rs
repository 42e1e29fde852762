//! Line ends: where a head is complete, and whether each of its lines ends as it must.
//!
//! Servers disagree about a line feed or a carriage return that stands alone, so neither is let
//! through in any place.

/// Where a head ends: the length up to and with its empty line, once it is there.
///
/// `from` is how many bytes were looked at before; a line feed without its carriage return is
/// refused as soon as it is seen, so a peer that never sends a proper end is not waited for.
pub(super) fn find_end(input: &[u8], from: usize) -> Result<Option<usize>, BareLf> {
    let unseen = input.get(from..).unwrap_or_default();
    for at in memchr::memchr_iter(b'\n', unseen).map(|at| at.saturating_add(from)) {
        let before = input.get(..at).unwrap_or_default();
        if !before.ends_with(b"\r") {
            return Err(BareLf);
        }
        if before.ends_with(b"\r\n\r") {
            return Ok(at.checked_add(1));
        }
    }
    Ok(None)
}

/// A line feed without its carriage return.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BareLf;

/// Whether every line ends with CR LF and neither of the two stands alone.
pub(super) fn lines_end_properly(bytes: &[u8]) -> bool {
    memchr::memchr2_iter(b'\r', b'\n', bytes).all(|at| {
        let cr_before = at
            .checked_sub(1)
            .is_some_and(|before| bytes.get(before) == Some(&b'\r'));
        let lf_behind = bytes.get(at.saturating_add(1)) == Some(&b'\n');
        match bytes.get(at) {
            Some(b'\r') => lf_behind,
            _ => cr_before,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_carriage_return_or_a_line_feed_that_stands_alone_is_no_line_end() {
        assert!(lines_end_properly(b"GET / HTTP/1.1\r\nA: b\r\n\r\n"));
        assert!(lines_end_properly(b""));
        for bad in [
            &b"\n"[..],
            b"\r",
            b"a\r\r\n",
            b"a\n\r\n",
            b"a\rb\r\n",
            b"a\r\n\n",
            b"a\n\r",
        ] {
            assert!(!lines_end_properly(bad), "{bad:?}");
        }
    }

    #[test]
    fn the_end_of_a_head_is_found_wherever_the_reads_cut_it() {
        let text = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
        let end = text.len() - 4;
        assert_eq!(find_end(text, 0), Ok(Some(end)));
        for cut in 0..end {
            assert_eq!(find_end(&text[..cut], 0), Ok(None), "cut at {cut}");
            assert_eq!(find_end(text, cut), Ok(Some(end)), "looked at {cut} before");
        }
    }

    #[test]
    fn a_bare_line_feed_is_refused_before_the_head_is_complete() {
        assert_eq!(find_end(b"GET / HTTP/1.1\n", 0), Err(BareLf));
        assert_eq!(find_end(b"GET / HTTP/1.1\r\nHost: a\n", 16), Err(BareLf));
    }
}
