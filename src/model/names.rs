//! Names that an operator gives.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Why a text cannot name a SAP system.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing stands between the underscore and the dot of the file's name.
    #[error("the name is empty")]
    Empty,
    /// A character that would be ambiguous in a log line, a metric or a section header.
    #[error("the name \"{0}\" holds a character other than letters, digits, '.', '-' and '_'")]
    BadCharacter(String),
}

/// The name of one SAP system, taken from the file `CRMConnectorSAP_<name>.ini`.
///
/// Cheap to clone: every log line and every upstream key carries it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SystemName(Arc<str>);

impl SystemName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SystemName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        {
            Ok(Self(text.into()))
        } else {
            Err(NameError::BadCharacter(text.to_owned()))
        }
    }
}

impl fmt::Display for SystemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_break_a_log_line_is_refused() {
        assert_eq!("".parse::<SystemName>(), Err(NameError::Empty));
        for text in ["SAP 1", "SAP]1", "SAP\n1", "SÄP"] {
            assert_eq!(
                text.parse::<SystemName>(),
                Err(NameError::BadCharacter(text.to_owned()))
            );
        }
        assert_eq!(
            "SAP1".parse::<SystemName>().expect("valid").to_string(),
            "SAP1"
        );
    }
}
