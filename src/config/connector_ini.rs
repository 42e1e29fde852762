//! `[Config]` of a system's file: the vendor's `TpiDllParameter`.

use crate::config::document::Document;
use crate::config::keys::IniFile;
use crate::config::nearest::is_slip_of;
use crate::config::problem::{Place, Problem, Problems};
use crate::config::reader::Reader;
use crate::model::HostPort;

/// What the vendor's tokens say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConnectorParameter {
    /// `SSL`: TLS towards SAP.
    pub(super) ssl: bool,
    /// `PROXY=host:port`.
    pub(super) proxy: Option<HostPort>,
    /// The key, or the section where the key is not written.
    pub(super) place: Place,
}

/// Reads `TpiDllParameter`.
pub(super) fn read(document: &Document, problems: &mut Problems) -> ConnectorParameter {
    const KEY: &str = "TpiDllParameter";
    let mut reader = Reader::new(document, IniFile::System, "Config", problems);
    let text: String = reader.value(KEY);
    let mut parameter = ConnectorParameter {
        ssl: false,
        proxy: None,
        place: reader.place(KEY),
    };
    for token in text.split_whitespace() {
        if let Some(problem) = parameter.take(token) {
            reader.report(problem);
        }
    }
    if parameter.proxy.is_some() && !parameter.ssl {
        reader.report(
            Problem::error(
                parameter.place.clone(),
                "TpiDllParameter has PROXY without SSL",
                "write SSL PROXY=host:port; for plain HTTP, name the proxy host in [Events] Crm",
            )
            .value(&text)
            .allowed("SSL, or SSL PROXY=host:port"),
        );
    }
    parameter
}

impl ConnectorParameter {
    /// Takes one token, in any case.
    fn take(&mut self, token: &str) -> Option<Problem> {
        if token.eq_ignore_ascii_case("SSL") {
            self.ssl = true;
            return None;
        }
        let refuse = |what: String, hint: &str| {
            Some(
                Problem::error(self.place.clone(), what, hint)
                    .value(token)
                    .allowed("SSL, or SSL PROXY=host:port"),
            )
        };
        match token.split_once('=') {
            Some((name, value)) if name.eq_ignore_ascii_case("PROXY") => {
                match value.parse::<HostPort>() {
                    Ok(_) if self.proxy.is_some() => refuse(
                        "TpiDllParameter has PROXY twice".to_owned(),
                        "keep the one that events take",
                    ),
                    Ok(proxy) => {
                        self.proxy = Some(proxy);
                        None
                    }
                    Err(error) => refuse(
                        format!("TpiDllParameter has a PROXY that is not an address: {error}"),
                        "write PROXY=host:port without blanks, such as PROXY=10.0.0.5:44300",
                    ),
                }
            }
            // A slip here would mean plain HTTP or no proxy, so it is not passed over.
            _ if token.to_ascii_uppercase().contains("PROXY") => refuse(
                "TpiDllParameter has PROXY in a word that is not PROXY=host:port".to_owned(),
                "write SSL PROXY=host:port, with one blank before PROXY and none behind it, such \
                 as SSL PROXY=10.0.0.5:44300",
            ),
            _ if is_near_ssl(token) => refuse(
                "TpiDllParameter has a word that is near to SSL".to_owned(),
                "write SSL by itself; without it the traffic towards SAP is plain HTTP",
            ),
            _ => Some(
                Problem::warning(
                    self.place.clone(),
                    "TpiDllParameter has a word that crmgate does not know",
                    "nothing to do if it belongs to the connector",
                )
                .value(token),
            ),
        }
    }
}

/// Whether a part of a word says TLS in some way, a version behind it or not (`SSL=1`, `TLSv1.2`).
/// Behind an equals sign stands the vendor's value, such as a path, which means nothing here.
fn is_near_ssl(token: &str) -> bool {
    let (name, _value) = token.split_once('=').unwrap_or((token, ""));
    name.split(|c: char| !c.is_alphanumeric())
        .map(|part| part.trim_end_matches(|c: char| c.is_ascii_digit()))
        .any(|part| {
            ["SSL", "TLS", "HTTPS"]
                .iter()
                .any(|name| is_slip_of(part, name))
        })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn parameter(value: &str) -> (ConnectorParameter, Problems) {
        let mut problems = Problems::new();
        let text = format!("[Config]\nTpiDllParameter={value}\n");
        let document = Document::parse(Path::new("x.ini"), &text, &mut problems);
        (read(&document, &mut problems), problems)
    }

    #[test]
    fn the_vendors_tokens_are_read_in_any_case_and_with_any_blanks() {
        let (read, problems) = parameter("  ssl\t proxy=10.0.0.5:44300 ");
        assert!(read.ssl && problems.is_empty());
        assert_eq!(read.proxy.expect("set").to_string(), "10.0.0.5:44300");
    }

    #[test]
    fn a_word_near_to_ssl_is_an_error_since_it_would_mean_plain_http() {
        for slip in ["TLS", "SLL", "SSL;", "SSL,"] {
            assert!(parameter(slip).1.has_errors(), "{slip}");
        }
    }

    #[test]
    fn a_word_that_holds_ssl_or_its_like_beside_other_signs_is_an_error() {
        for slip in [
            "SSL=1",
            "SSL=yes",
            "ssl:on",
            "USE_SSL=1",
            "\"SSL\" TRACE=1",
            "HTTPS",
            "https",
            "HTPS",
            "TLSv1.2",
            "SSLv3",
            "TLS_ON",
        ] {
            assert!(parameter(slip).1.has_errors(), "{slip}");
        }
    }

    #[test]
    fn a_proxy_that_is_joined_to_another_word_is_an_error() {
        for joined in [
            "SSL,PROXY=10.0.0.5:44300",
            "SSL;PROXY=10.0.0.5:44300",
            "SSL TRACE=1,proxy=10.0.0.5:44300",
            "SSL HTTPPROXY=10.0.0.5:44300",
        ] {
            assert!(parameter(joined).1.has_errors(), "{joined}");
        }
    }

    #[test]
    fn a_word_of_the_vendors_is_a_warning() {
        let (read, problems) = parameter("SSL TRACE=3 XYZ LOG=C:\\ssl\\calls.log");
        assert!(read.ssl && !problems.has_errors(), "{problems}");
        assert_eq!(problems.iter().count(), 3);
    }

    #[test]
    fn a_broken_proxy_is_an_error() {
        for broken in [
            "SSL PROXY=10.0.0.5",
            "SSL PROXY 1.2.3.4:5",
            "SSL PROXY=",
            "PROXY=a:1",
        ] {
            assert!(parameter(broken).1.has_errors(), "{broken}");
        }
        assert!(parameter("SSL PROXY=a:1 PROXY=b:1").1.has_errors());
    }
}
