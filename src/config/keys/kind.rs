//! [`Kind`]: what may be written as the value of a key.

use std::time::Duration;

use crate::config::value::{said_duration, said_size};

/// What may be written as the value of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An IP address to bind.
    Address,
    /// One word of several.
    Choice(&'static [&'static str]),
    /// Conditions on a client's certificate.
    ClientRule,
    /// A whole number.
    Count {
        /// The smallest.
        min: u64,
        /// The greatest.
        max: u64,
    },
    /// A span of time.
    Duration {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
    },
    /// What becomes of something that is overdue: refused, taken for a while, or taken.
    Expired {
        /// The shortest while.
        min: Duration,
        /// The longest while.
        max: Duration,
    },
    /// A file that has to be there.
    File,
    /// Files or folders that have to be there.
    Files,
    /// The value of a header field: visible ASCII and blanks; it may be empty.
    Header,
    /// SHA-256 digests of public keys, or the beginnings of such.
    KeyDigests,
    /// A log level, or a filter.
    Level,
    /// One listening address or several.
    Listeners,
    /// A date with a time of day.
    Moment,
    /// A file that is written.
    OutputFile,
    /// A part of the whole.
    Ratio,
    /// The target of a static route.
    Route,
    /// The path of a request.
    RequestPath,
    /// `http://` with host, and perhaps port and path.
    Responder,
    /// A number of bytes.
    Size {
        /// The smallest.
        min: u64,
        /// The greatest.
        max: u64,
    },
    /// HTTP statuses.
    Statuses,
    /// Cipher suites in SAP's syntax, judged where the suites are known.
    Suites,
    /// Yes or no.
    Switch,
    /// One or several hosts with ports.
    Targets,
    /// The vendor's blank-separated tokens.
    Tokens,
    /// `http://` or `https://` with host and port.
    Url,
    /// A TLS protocol version.
    Version,
    /// `http://` or `https://` with host, and perhaps port and path.
    Webhook,
    /// A daily window of time.
    Window,
}

impl Kind {
    /// What is accepted, for the `allowed:` line of a message and for the reference.
    pub fn allowed(self) -> String {
        match self {
            Self::Address => "an IP address such as 0.0.0.0, 127.0.0.1 or ::".to_owned(),
            Self::Choice(words) => words.join(" | "),
            Self::ClientRule => {
                "kind=value, or several with \" & \", where kind is subject, cn, dns, \
                 uri, ip, email, issuer, serial, sha256, key-sha256 or policy"
                    .to_owned()
            }
            Self::Count { min, max } => format!("a whole number from {min} to {max}"),
            Self::Duration { min, max } => format!(
                "a duration from {} to {}",
                said_duration(min),
                said_duration(max)
            ),
            Self::Expired { min, max } => format!(
                "refuse | grace and a duration from {} to {} | ignore",
                said_duration(min),
                said_duration(max)
            ),
            Self::File => "the path of a file that can be read and is not empty".to_owned(),
            Self::Files => {
                "the path of a file or of a folder; several with ; between them".to_owned()
            }
            Self::Header => "letters, digits, signs and blanks (ASCII), or nothing".to_owned(),
            Self::KeyDigests => "SHA-256 digests of public keys in hexadecimal, or their first 16 \
                 digits or more; several with commas"
                .to_owned(),
            Self::Level => "off | error | warn | info | debug | trace, or a filter such as \
                 info,crmgate::requests=debug"
                .to_owned(),
            Self::Listeners => {
                "ip:port, or a port alone for all IPv4 addresses; several with commas".to_owned()
            }
            Self::Moment => {
                "a date and a time such as 2026-12-01 06:00, in local time unless Z or \
                 an offset such as +01:00 follows"
                    .to_owned()
            }
            Self::OutputFile => "the path of a file in a folder that exists".to_owned(),
            Self::Ratio => "a number from 0 to 1 with a point, such as 0.25".to_owned(),
            Self::Route => "host or host:port; without a port, the same port as here".to_owned(),
            Self::RequestPath => "a path that begins with / and holds no blank".to_owned(),
            Self::Responder => "http://host, http://host:port or http://host:port/path".to_owned(),
            Self::Size { min, max } => {
                format!("a size from {} to {}", said_size(min), said_size(max))
            }
            Self::Statuses => {
                "any, or statuses and ranges from 100 to 599 with commas, such as 200,204,400-499"
                    .to_owned()
            }
            Self::Suites => {
                "SAP's cipher suite syntax, such as 150:PFS:HIGH::EC_P256:EC_HIGH".to_owned()
            }
            Self::Switch => "yes | no".to_owned(),
            Self::Targets => "host:port; several with commas".to_owned(),
            Self::Tokens => {
                "SSL, or SSL PROXY=host:port, separated by blanks; or nothing".to_owned()
            }
            Self::Url => "http://host:port or https://host:port, without a path".to_owned(),
            Self::Version => "1.2 | 1.3".to_owned(),
            Self::Webhook => {
                "https://host, https://host:port or https://host:port/path; or the same with http://"
                    .to_owned()
            }
            Self::Window => "hh:mm-hh:mm in local time; it may cross midnight".to_owned(),
        }
    }

    /// What to do about a value that is not accepted.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Address => "write the address itself; a host name is not resolved here",
            Self::Choice(_) | Self::Switch => "write one of the allowed words",
            Self::ClientRule => "write terms such as cn=sap-crm, with \" & \" between two of them",
            Self::Count { .. } => "write digits only, within the range",
            Self::Duration { .. } => {
                "write a number with ms, s, m or h, such as 500ms or 8h; a number alone means seconds"
            }
            Self::Expired { .. } => {
                "write one of the words, grace with a duration behind it, such as grace 48h"
            }
            Self::File | Self::Files | Self::OutputFile => {
                "write a path; a relative one starts at the folder of this ini file"
            }
            Self::Header => {
                "write it in ASCII; accents and control characters have no place in a header"
            }
            Self::KeyDigests => {
                "copy the digest from the message that names the authority, or make it with openssl"
            }
            Self::Level => "write one level, or target=level pairs with commas",
            Self::Listeners => {
                "write the address to listen on, such as 0.0.0.0:8443 or 127.0.0.1:8081"
            }
            Self::Moment => "write year-month-day hours:minutes, such as 2026-12-01 06:00",
            Self::Ratio => "write 1 for all, 0 for none, or a part such as 0.1",
            Self::Route => "write the CRM host, such as crm.example.com or crm.example.com:44300",
            Self::RequestPath => "write the path only, such as / or /health",
            Self::Responder => {
                "write http://; answers are signed, so https:// would prove nothing more"
            }
            Self::Size { .. } => {
                "write a number of bytes, or a number with KiB, MiB or GiB, such as 64MiB"
            }
            Self::Statuses => "write any, or a list such as 200,204,400-499",
            Self::Suites => "remove the line to offer every suite that is safe",
            Self::Targets => "write each host with its port, such as crm.example.com:44300",
            Self::Tokens => {
                "write SSL for TLS towards SAP, and PROXY=host:port behind it where a proxy stands between"
            }
            Self::Url => "write scheme, host and port only, such as https://side-a.example:8443",
            Self::Version => "write 1.2 or 1.3; older versions are not offered at all",
            Self::Webhook => {
                "write the address that the collector shows, such as https://alarms.example.com/hook"
            }
            Self::Window => "write two times of day, such as 02:00-04:00",
        }
    }
}
