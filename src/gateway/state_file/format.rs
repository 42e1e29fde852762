//! The state file's text: one line for each authority and each of its clients.
//!
//! ```text
//! crmgate state 1
//! authority <role> <key> <its last second> <clients that are not listed> <name>
//! client <last time there> <fingerprint> <serial> <subject>
//! end <number of lines between the first and this one>
//! ```
//!
//! Names come last in their line, since they hold blanks; they hold no line ends, because every
//! text of a certificate is escaped where it is read.

use std::fmt::Write as _;

use crate::model::{Fingerprint, WallTime};
use crate::tls::authority_uses::{Authority, AuthorityKey, AuthorityUse, Client};

/// Raised when the lines change, so that those of another release are not misread.
const FIRST_LINE: &str = "crmgate state 1";

/// Why a text is no state file of this release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    /// It begins with something else.
    #[error("its first line is not \"{FIRST_LINE}\"")]
    FirstLine,
    /// A line is not of its form.
    #[error("line {0} is not of its form")]
    Line(usize),
    /// It ends before its end.
    #[error("its end is missing")]
    Cut,
}

/// The file's text.
pub(super) fn text(uses: &[AuthorityUse]) -> String {
    let mut lines = Vec::new();
    for one in uses {
        let AuthorityUse {
            role,
            authority:
                Authority {
                    key,
                    name,
                    not_after,
                },
            clients,
            more,
        } = one;
        lines.push(format!(
            "authority {role} {key} {} {more} {name}",
            not_after.0
        ));
        for client in clients {
            let Client {
                subject,
                serial,
                fingerprint,
                last,
            } = client;
            lines.push(format!(
                "client {} {fingerprint} {serial} {subject}",
                last.0
            ));
        }
    }
    let mut text = format!("{FIRST_LINE}\n");
    for line in &lines {
        // Writing to a string cannot fail.
        let _written = writeln!(text, "{line}");
    }
    let _written = writeln!(text, "end {}", lines.len());
    text
}

/// Reads a text back.
pub(super) fn parse(text: &str) -> Result<Vec<AuthorityUse>, Broken> {
    let mut lines = text.lines().enumerate();
    if lines.next().is_none_or(|(_, line)| line != FIRST_LINE) {
        return Err(Broken::FirstLine);
    }
    let mut uses: Vec<AuthorityUse> = Vec::new();
    for (index, line) in lines {
        let broken = Broken::Line(index.saturating_add(1));
        match line.split_once(' ').ok_or(broken)? {
            ("authority", rest) => uses.push(authority(rest).ok_or(broken)?),
            ("client", rest) => {
                let client = client(rest).ok_or(broken)?;
                uses.last_mut().ok_or(broken)?.clients.push(client);
            }
            // Counted from the first line, the lines before this one are one more.
            ("end", count) if count.parse() == Ok(index.saturating_sub(1)) => return Ok(uses),
            _ => return Err(broken),
        }
    }
    Err(Broken::Cut)
}

fn authority(rest: &str) -> Option<AuthorityUse> {
    let mut parts = rest.splitn(5, ' ');
    let (role, key) = (parts.next()?.to_owned(), digest(parts.next()?)?);
    let not_after = WallTime(parts.next()?.parse().ok()?);
    let more = parts.next()?.parse().ok()?;
    Some(AuthorityUse {
        role,
        authority: Authority {
            key: AuthorityKey(key),
            not_after,
            name: parts.next()?.to_owned(),
        },
        clients: Vec::new(),
        more,
    })
}

fn client(rest: &str) -> Option<Client> {
    let mut parts = rest.splitn(4, ' ');
    Some(Client {
        last: WallTime(parts.next()?.parse().ok()?),
        fingerprint: Fingerprint(digest(parts.next()?)?),
        serial: parts.next()?.to_owned(),
        subject: parts.next()?.to_owned(),
    })
}

fn digest(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut digest = [0; 32];
    for (index, byte) in digest.iter_mut().enumerate() {
        let at = index.checked_mul(2)?;
        *byte = u8::from_str_radix(text.get(at..at.checked_add(2)?)?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn uses() -> impl Strategy<Value = Vec<AuthorityUse>> {
        let client = (
            any::<i64>(),
            any::<[u8; 32]>(),
            "[0-9a-f]{1,40}",
            "[^\\r\\n]{0,40}",
        );
        let client = client.prop_map(|(last, fingerprint, serial, subject)| Client {
            subject,
            serial,
            fingerprint: Fingerprint(fingerprint),
            last: WallTime(last),
        });
        let clients = proptest::collection::vec(client, 0..4);
        let one = (
            "[A-Za-z0-9_-]{1,8}",
            any::<[u8; 32]>(),
            any::<i64>(),
            any::<usize>(),
            "[^\\r\\n]{0,40}",
            clients,
        );
        let one = one.prop_map(|(role, key, not_after, more, name, clients)| AuthorityUse {
            role,
            authority: Authority {
                key: AuthorityKey(key),
                name,
                not_after: WallTime(not_after),
            },
            clients,
            more,
        });
        proptest::collection::vec(one, 0..4)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(uses in uses()) {
            prop_assert_eq!(parse(&text(&uses)), Ok(uses));
        }

        #[test]
        fn no_text_makes_reading_panic(lines in "(crmgate state 1\n)?((authority|client|end) [ 0-9a-f]{0,80}\n){0,4}") {
            let _either = parse(&lines).is_ok();
        }

        #[test]
        fn a_text_that_was_cut_is_not_read(uses in uses(), keep in 0.0..1.0) {
            let whole = text(&uses);
            let lines: Vec<&str> = whole.lines().collect();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of a small number")]
            let kept = (lines.len() as f64 * keep) as usize;
            prop_assert!(parse(&lines[..kept].join("\n")).is_err());
        }
    }

    #[test]
    fn what_is_wrong_with_a_text_is_said() {
        let said = |text: &str| parse(text).expect_err("broken").to_string();
        assert_eq!(
            said("crmgate state 2\nend 0\n"),
            "its first line is not \"crmgate state 1\""
        );
        assert_eq!(
            said("crmgate state 1\nclient 1 2\nend 1\n"),
            "line 2 is not of its form"
        );
        assert_eq!(
            said("crmgate state 1\nend 1\n"),
            "line 2 is not of its form"
        );
        assert_eq!(said("crmgate state 1\n"), "its end is missing");
    }
}
