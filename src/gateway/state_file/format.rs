//! The state file's text: one line for each authority and each of its clients.
//!
//! ```text
//! crmgate state 3
//! alarm <what it is about> <the last step that was said of it>
//! certificate <all of its bytes>
//! authority <role> <key> <its last second> <clients that are not listed> <name>
//! client <last time there> <fingerprint> <serial> <chain> <subject>
//! end <number of lines between the first and this one>
//! ```
//!
//! A chain is what a client showed last: numbers of certificates, counted from 0, with commas in
//! between, or `-` where it is not known. Most chains share all but their first one.
//!
//! A file of the release before this one has no alarms and begins with `crmgate state 2`.
//!
//! Names come last in their line, since they hold blanks; they hold no line ends, because every
//! text of a certificate is escaped where it is read.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::certs::Step;
use crate::model::{Fingerprint, WallTime};
use crate::tls::authority_uses::{Authority, AuthorityKey, AuthorityUse, Chain, Client};

/// Raised when the lines change, so that those of another release are not misread.
const FIRST_LINE: &str = "crmgate state 3";

/// What the release before this one wrote; it is read, so that an upgrade forgets nothing.
const FORMER_FIRST_LINE: &str = "crmgate state 2";

/// What is kept in the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct State {
    /// Which authority let in whom.
    pub(super) uses: Vec<AuthorityUse>,
    /// Which alarms have been raised.
    pub(super) alarms: Vec<([u8; 32], Step)>,
}

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
pub(super) fn text(state: &State) -> String {
    let mut table = Table::default();
    let alarms = state.alarms.iter();
    let mut lines: Vec<String> = alarms
        .map(|(about, step)| format!("alarm {} {step}", Fingerprint(*about)))
        .collect();
    for one in &state.uses {
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
                chain,
                last,
            } = client;
            let chain = table.numbers_of(chain);
            lines.push(format!(
                "client {} {fingerprint} {serial} {chain} {subject}",
                last.0
            ));
        }
    }
    let mut text = format!("{FIRST_LINE}\n");
    for line in table.lines.iter().chain(&lines) {
        // Writing to a string cannot fail.
        let _written = writeln!(text, "{line}");
    }
    let count = table.lines.len().saturating_add(lines.len());
    let _written = writeln!(text, "end {count}");
    text
}

/// Certificates, each written once.
#[derive(Default)]
struct Table<'a> {
    numbers: HashMap<&'a [u8], usize>,
    lines: Vec<String>,
    bytes: usize,
}

impl<'a> Table<'a> {
    /// A chain as it stands in the line of its client.
    fn numbers_of(&mut self, chain: &'a Chain) -> String {
        let length: usize = chain.each().map(<[u8]>::len).sum();
        self.bytes = self.bytes.saturating_add(length);
        if length == 0 || self.bytes > MOST_BYTES {
            return UNKNOWN.to_owned();
        }
        let numbers = chain.each().map(|certificate| self.number_of(certificate));
        let numbers: Vec<String> = numbers.map(|number| number.to_string()).collect();
        numbers.join(",")
    }

    fn number_of(&mut self, certificate: &'a [u8]) -> usize {
        let next = self.lines.len();
        let number = *self.numbers.entry(certificate).or_insert(next);
        if number == next {
            let mut line = String::from("certificate ");
            for byte in certificate {
                let _written = write!(line, "{byte:02x}");
            }
            self.lines.push(line);
        }
        number
    }
}

/// What stands in the place of a chain that is not known.
const UNKNOWN: &str = "-";

/// Certificates of more bytes in all are not kept: with twice as many digits the file stays below
/// what is read.
const MOST_BYTES: usize = 24 << 20;

/// Reads a text back.
pub(super) fn parse(text: &str) -> Result<State, Broken> {
    let mut lines = text.lines().enumerate();
    let first = lines.next().map(|(_, line)| line);
    if !first.is_some_and(|line| [FIRST_LINE, FORMER_FIRST_LINE].contains(&line)) {
        return Err(Broken::FirstLine);
    }
    let mut state = State::default();
    let mut certificates: Vec<Vec<u8>> = Vec::new();
    for (index, line) in lines {
        let broken = Broken::Line(index.saturating_add(1));
        match line.split_once(' ').ok_or(broken)? {
            ("certificate", digits) => certificates.push(bytes(digits).ok_or(broken)?),
            ("alarm", rest) => state.alarms.push(alarm(rest).ok_or(broken)?),
            ("authority", rest) => state.uses.push(authority(rest).ok_or(broken)?),
            ("client", rest) => {
                let client = client(rest, &certificates).ok_or(broken)?;
                let one = state.uses.last_mut().ok_or(broken)?;
                one.clients.push(client);
            }
            // Counted from the first line, the lines before this one are one more.
            ("end", count) if count.parse() == Ok(index.saturating_sub(1)) => return Ok(state),
            _ => return Err(broken),
        }
    }
    Err(Broken::Cut)
}

fn alarm(rest: &str) -> Option<([u8; 32], Step)> {
    let (about, step) = rest.split_once(' ')?;
    Some((digest(about)?, Step::parse(step)?))
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

fn client(rest: &str, certificates: &[Vec<u8>]) -> Option<Client> {
    let mut parts = rest.splitn(5, ' ');
    Some(Client {
        last: WallTime(parts.next()?.parse().ok()?),
        fingerprint: Fingerprint(digest(parts.next()?)?),
        serial: parts.next()?.to_owned(),
        chain: chain(parts.next()?, certificates)?,
        subject: parts.next()?.to_owned(),
    })
}

fn chain(numbers: &str, certificates: &[Vec<u8>]) -> Option<Chain> {
    if numbers == UNKNOWN {
        return Some(Chain::from(Vec::new()));
    }
    let numbers = numbers.split(',');
    let chain = numbers.map(|number| certificates.get(number.parse::<usize>().ok()?).cloned());
    Some(Chain::from(chain.collect::<Option<Vec<_>>>()?))
}

fn digest(text: &str) -> Option<[u8; 32]> {
    bytes(text)?.try_into().ok()
}

/// Two digits for each byte.
fn bytes(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let starts = (0..text.len()).step_by(2);
    let byte = |at: usize| u8::from_str_radix(text.get(at..at.checked_add(2)?)?, 16).ok();
    starts.map(byte).collect()
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
            // A few certificates, so that some stand in several chains.
            proptest::collection::vec(proptest::collection::vec(1_u8..4, 1..3), 0..4),
            "[^\\r\\n]{0,40}",
        );
        let client = client.prop_map(|(last, fingerprint, serial, chain, subject)| Client {
            subject,
            serial,
            chain: chain.into(),
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

    fn state() -> impl Strategy<Value = State> {
        let step = prop_oneof![
            any::<i64>().prop_map(Step::left),
            Just(Step::Ended),
            Just(Step::GraceEnded),
        ];
        let alarms = proptest::collection::vec((any::<[u8; 32]>(), step), 0..4);
        (uses(), alarms).prop_map(|(uses, alarms)| State { uses, alarms })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(state in state()) {
            prop_assert_eq!(parse(&text(&state)), Ok(state));
        }

        #[test]
        fn no_text_makes_reading_panic(lines in "(crmgate state [23]\n)?((alarm|certificate|authority|client|end) [ 0-9a-f]{0,80}\n){0,4}") {
            let _either = parse(&lines).is_ok();
        }

        #[test]
        fn a_text_that_was_cut_is_not_read(state in state(), keep in 0.0..1.0) {
            let whole = text(&state);
            let lines: Vec<&str> = whole.lines().collect();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of a small number")]
            let kept = (lines.len() as f64 * keep) as usize;
            prop_assert!(parse(&lines[..kept].join("\n")).is_err());
        }
    }

    #[test]
    fn a_certificate_of_many_chains_is_written_once() {
        let client = |number: u8| Client {
            subject: String::new(),
            serial: "01".to_owned(),
            fingerprint: Fingerprint([number; 32]),
            chain: vec![vec![number], vec![0xca, 0xfe]].into(),
            last: WallTime(0),
        };
        let one = AuthorityUse {
            role: "SAP1".to_owned(),
            authority: Authority {
                key: AuthorityKey([0; 32]),
                name: String::new(),
                not_after: WallTime(0),
            },
            clients: (1..=9).map(client).collect(),
            more: 0,
        };
        let text = text(&State {
            uses: vec![one],
            alarms: Vec::new(),
        });
        assert_eq!(text.matches("certificate cafe\n").count(), 1, "{text}");
        assert_eq!(text.matches("\ncertificate ").count(), 10, "{text}");
        let strange = text.replace(" 0,1 ", " 0,77 ");
        assert!(parse(&text).is_ok() && parse(&strange).is_err());
    }

    #[test]
    fn what_is_wrong_with_a_text_is_said() {
        let said = |text: &str| parse(text).expect_err("broken").to_string();
        assert_eq!(
            said("crmgate state 1\nend 0\n"),
            "its first line is not \"crmgate state 3\""
        );
        assert_eq!(
            said("crmgate state 2\nclient 1 2\nend 1\n"),
            "line 2 is not of its form"
        );
        assert_eq!(
            said("crmgate state 2\ncertificate 300\nend 1\n"),
            "line 2 is not of its form"
        );
        assert_eq!(
            said("crmgate state 2\nend 1\n"),
            "line 2 is not of its form"
        );
        assert_eq!(said("crmgate state 2\n"), "its end is missing");
        assert_eq!(
            said("crmgate state 3\nalarm 00 30D\nend 1\n"),
            "line 2 is not of its form"
        );
    }

    #[test]
    fn what_the_release_before_has_written_is_read() {
        let empty = text(&State::default());
        let former = empty.replace(FIRST_LINE, FORMER_FIRST_LINE);
        assert_eq!(parse(&former), Ok(State::default()));
    }
}
