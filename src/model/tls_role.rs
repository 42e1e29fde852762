//! [`TlsRole`]: whom a listener that ends TLS is for.

use std::fmt;

/// As what a listener ends TLS. Requests and events of a SAP system have rules of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TlsRole {
    /// SAP CRM calls.
    Requests,
    /// The connector calls.
    Events,
}

impl TlsRole {
    /// Both, in order.
    pub const BOTH: [Self; 2] = [Self::Requests, Self::Events];

    /// The stable word, that of the section with its keys in small letters.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Events => "events",
        }
    }

    /// The role of a word.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::BOTH.into_iter().find(|role| role.code() == code)
    }
}

impl fmt::Display for TlsRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_back_from_its_word() {
        for role in TlsRole::BOTH {
            assert_eq!(TlsRole::of_code(&role.to_string()), Some(role));
        }
        assert_eq!(TlsRole::of_code("Requests"), None);
    }
}
