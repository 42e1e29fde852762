//! [`Cell`]: what was seen of one server in one row, in words. [`Table`]: all of them.

use std::fmt::{self, Write as _};

use crate::ground::Client;
use crate::support::visitor::Library;
use crate::tools::Product;

/// How many of those whom the change did not concern went on resuming.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    pub resumed: usize,
    pub of: usize,
}

impl Share {
    pub const fn count(&mut self, resumed: bool) {
        self.of += 1;
        if resumed {
            self.resumed += 1;
        }
    }

    const fn and(self, other: Self) -> Self {
        Self {
            resumed: self.resumed + other.resumed,
            of: self.of + other.of,
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.resumed * 100 {
            _ if self.of == 0 => f.write_str("-"),
            hundredfold => write!(f, "{} %", hundredfold / self.of),
        }
    }
}

/// What was seen of one server in one row.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    text: String,
    others: Share,
    is_good: bool,
}

impl Cell {
    /// What was seen. `is_good`: nobody was let in who is not to be, and nothing else went wrong.
    pub fn new(text: impl Into<String>, is_good: bool) -> Self {
        Self {
            text: text.into(),
            others: Share::default(),
            is_good,
        }
    }

    /// The server knows nothing of the kind.
    pub fn not_there(what: &str) -> Self {
        Self::new(what, true)
    }

    /// Says how the others fared.
    pub fn beside(mut self, others: Share) -> Self {
        self.others = others;
        self.is_good &= others.resumed == others.of;
        self
    }
}

/// What was seen with each client in one text, which tells them apart where they differ.
pub fn summary(seen: &[(&Client, String)]) -> String {
    let mut texts: Vec<&str> = seen.iter().map(|(_, text)| text.as_str()).collect();
    texts.sort_unstable();
    texts.dedup();
    if let [only] = texts[..] {
        return only.to_owned();
    }
    let part = |text: &&str| {
        let with: Vec<_> = seen.iter().filter(|(_, own)| own == text).collect();
        let clients: Vec<_> = with.iter().map(|(client, _)| *client).collect();
        format!("{text} ({})", names(&clients, seen))
    };
    texts.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// By version alone where the library makes no difference.
fn names(clients: &[&Client], seen: &[(&Client, String)]) -> String {
    let all_of = |client: &Client| {
        let same = |other: &&Client| other.version == client.version;
        let of_version = seen.iter().filter(|(other, _)| same(other)).count();
        clients.iter().filter(|other| same(other)).count() == of_version
    };
    let mut names: Vec<_> = clients
        .iter()
        .map(|client| match (all_of(client), client.library) {
            (true, _) => client.version.name().to_owned(),
            (false, Library::Rustls) => format!("{} of rustls", client.version.name()),
            (false, Library::OpenSsl) => format!("{} of OpenSSL", client.version.name()),
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

/// One row.
#[derive(Debug)]
pub struct Row {
    pub title: &'static str,
    pub cells: Vec<(Product, Cell)>,
}

/// All rows.
#[derive(Debug, Default)]
pub struct Table {
    pub rows: Vec<Row>,
}

impl Table {
    /// As it stands in a document.
    pub fn markdown(&self, versions: &[(Product, String)]) -> String {
        let mut text = String::from("| what is tried |");
        for (product, version) in versions {
            write!(text, " {} {version} |", product.name()).expect("a text grows");
        }
        text.push_str("\n|---|");
        text.push_str(&"---|".repeat(versions.len()));
        for row in &self.rows {
            write!(text, "\n| {} |", row.title).expect("a text grows");
            for (_, cell) in &row.cells {
                write!(text, " {}", cell.text).expect("a text grows");
                if cell.others.of > 0 {
                    write!(text, "; others resume: {}", cell.others).expect("a text grows");
                }
                text.push_str(" |");
            }
        }
        text.push_str("\n| **others that went on resuming, in all** |");
        for (product, _) in versions {
            write!(text, " {} |", self.others(*product)).expect("a text grows");
        }
        text
    }

    fn others(&self, product: Product) -> Share {
        let cells = self.rows.iter().flat_map(|row| &row.cells);
        cells
            .filter(|(own, _)| *own == product)
            .fold(Share::default(), |sum, (_, cell)| sum.and(cell.others))
    }

    /// What is not as it has to be in our own column.
    pub fn broken_promises(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for row in &self.rows {
            for (product, cell) in &row.cells {
                if *product == Product::Crmgate && !cell.is_good {
                    broken.push(format!(
                        "{}: {}; others: {}",
                        row.title, cell.text, cell.others
                    ));
                }
            }
        }
        broken
    }
}
