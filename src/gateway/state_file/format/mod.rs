//! The state file's text: one line for each authority, each of its clients, each kind of clients that
//! do not say who they are, and each server.
//!
//! ```text
//! crmgate state 3
//! written <when>
//! alarm <what it is about> <the last step that was told of it>
//! certificate <all of its bytes>
//! authority <role> <key> <its last second> <clients that are not listed> <name>
//! client <last time there> <fingerprint> <serial> <chain> <subject>
//! seen <requests or events> <last time there> <code by which it is refused by now>
//! nameless <SAP system> <requests or events> <what they lack> <last time there> <code as above>
//! server <SAP system> <target> <last time called> <chain> <code by which it is refused by now>
//! end <number of lines between the first and this one>
//! ```
//!
//! A chain is what a peer showed last: numbers of certificates, counted from 0, with commas in
//! between, or `-` where it is not known. Most chains share all but their first one. Whoever is not
//! refused has `-` in the place of a code.
//!
//! Names come last in their line, since they hold blanks; they hold no line ends, because every
//! text of a certificate is escaped where it is read.
//!
//! A line that begins with another word is left out, so that a later release may say more without
//! taking from this one what it knows. The form before this one had no `written`, `seen`, `nameless`
//! and `server`, and is read as well.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::Memory;
use crate::certs::Step;
use crate::model::{Fingerprint, TlsRole, WallTime};
use crate::tls::authority_uses::{Authority, AuthorityKey, AuthorityUse, Chain, Client, SeenAs};
use crate::tls::nameless_uses::{Lack, Nameless};
use crate::tls::server_uses::Server;

/// Raised when the lines change, so that those of another release are not misread.
const FIRST_LINE: &str = "crmgate state 3";

/// That of the form before.
const FIRST_LINE_BEFORE: &str = "crmgate state 2";

/// What a text tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::gateway) struct Recalled {
    /// When it was written; nothing where that was not said.
    pub(in crate::gateway) written: Option<WallTime>,
    /// What is remembered.
    pub(in crate::gateway) memory: Memory,
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
pub(super) fn text(memory: &Memory, written: WallTime) -> String {
    let mut table = Table::default();
    let mut lines = vec![format!("written {}", written.0)];
    for (about, step) in &memory.alarms {
        lines.push(format!("alarm {} {step}", Fingerprint(*about)));
    }
    for one in &memory.uses {
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
            lines.extend(lines_of(client, &mut table));
        }
    }
    for one in &memory.nameless {
        let Nameless {
            system,
            role,
            lack,
            last,
            refused,
        } = one;
        let (lack, refused) = (lack.code(), word_of(refused.as_deref()));
        lines.push(format!(
            "nameless {system} {role} {lack} {} {refused}",
            last.0
        ));
    }
    for server in &memory.servers {
        let Server {
            system,
            target,
            chain,
            last,
            refused,
        } = server;
        let (chain, refused) = (table.numbers_of(chain), word_of(refused.as_deref()));
        lines.push(format!(
            "server {system} {target} {} {chain} {refused}",
            last.0
        ));
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

/// A client, and below it as what it was there.
fn lines_of<'a>(client: &'a Client, table: &mut Table<'a>) -> Vec<String> {
    let Client {
        subject,
        serial,
        fingerprint,
        chain,
        last,
        roles,
    } = client;
    let chain = table.numbers_of(chain);
    let first = format!("client {} {fingerprint} {serial} {chain} {subject}", last.0);
    let below = roles.iter().map(|seen| {
        let SeenAs {
            role,
            last,
            refused,
        } = seen;
        format!("seen {role} {} {}", last.0, word_of(refused.as_deref()))
    });
    std::iter::once(first).chain(below).collect()
}

/// A code, as it stands in a line.
fn word_of(code: Option<&str>) -> &str {
    code.unwrap_or(UNKNOWN)
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

/// What stands in the place of a chain that is not known, and of a code where there is none.
const UNKNOWN: &str = "-";

/// Certificates of more bytes in all are not kept: with twice as many digits the file stays below
/// what is read.
const MOST_BYTES: usize = 24 << 20;

/// Reads a text back.
pub(super) fn parse(text: &str) -> Result<Recalled, Broken> {
    let mut lines = text.lines().enumerate();
    let first = lines.next().map(|(_, line)| line);
    if !first.is_some_and(|first| [FIRST_LINE, FIRST_LINE_BEFORE].contains(&first)) {
        return Err(Broken::FirstLine);
    }
    let mut recalled = Recalled::default();
    let Memory {
        uses,
        nameless,
        servers,
        alarms,
    } = &mut recalled.memory;
    let mut certificates: Vec<Vec<u8>> = Vec::new();
    for (index, line) in lines {
        let broken = Broken::Line(index.saturating_add(1));
        let (word, rest) = line.split_once(' ').ok_or(broken)?;
        match word {
            "written" => recalled.written = Some(time(rest).ok_or(broken)?),
            "alarm" => alarms.push(alarm(rest).ok_or(broken)?),
            "certificate" => certificates.push(bytes(rest).ok_or(broken)?),
            "authority" => uses.push(authority(rest).ok_or(broken)?),
            "client" => {
                let client = client(rest, &certificates).ok_or(broken)?;
                uses.last_mut().ok_or(broken)?.clients.push(client);
            }
            "seen" => {
                let seen = seen(rest).ok_or(broken)?;
                let clients = uses.last_mut().map(|one| &mut one.clients);
                let client = clients.and_then(|clients| clients.last_mut());
                client.ok_or(broken)?.roles.push(seen);
            }
            "nameless" => nameless.push(nameless_of(rest).ok_or(broken)?),
            "server" => servers.push(server(rest, &certificates).ok_or(broken)?),
            "end" => {
                // Counted from the first line, the lines before this one are one more.
                let is_whole = rest.parse() == Ok(index.saturating_sub(1));
                return if is_whole { Ok(recalled) } else { Err(broken) };
            }
            _of_a_later_release => {}
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
    let not_after = time(parts.next()?)?;
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
        last: time(parts.next()?)?,
        fingerprint: Fingerprint(digest(parts.next()?)?),
        serial: parts.next()?.to_owned(),
        chain: chain(parts.next()?, certificates)?,
        subject: parts.next()?.to_owned(),
        roles: Vec::new(),
    })
}

fn seen(rest: &str) -> Option<SeenAs> {
    let mut parts = rest.splitn(3, ' ');
    Some(SeenAs {
        role: TlsRole::of_code(parts.next()?)?,
        last: time(parts.next()?)?,
        refused: code(parts.next()?),
    })
}

fn nameless_of(rest: &str) -> Option<Nameless> {
    let mut parts = rest.splitn(5, ' ');
    Some(Nameless {
        system: parts.next()?.to_owned(),
        role: TlsRole::of_code(parts.next()?)?,
        lack: Lack::of_code(parts.next()?)?,
        last: time(parts.next()?)?,
        refused: code(parts.next()?),
    })
}

fn server(rest: &str, certificates: &[Vec<u8>]) -> Option<Server> {
    let mut parts = rest.splitn(5, ' ');
    Some(Server {
        system: parts.next()?.to_owned(),
        target: parts.next()?.parse().ok()?,
        last: time(parts.next()?)?,
        chain: chain(parts.next()?, certificates)?,
        refused: code(parts.next()?),
    })
}

fn code(word: &str) -> Option<String> {
    (word != UNKNOWN).then(|| word.to_owned())
}

fn time(text: &str) -> Option<WallTime> {
    text.parse().ok().map(WallTime)
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
mod tests;
