//! crmgate.ini(5): every file of a configuration directory with its sections and keys, made from the
//! one table of keys.

use clap_mangen::roff::{Roff, bold, roman};

use super::Page;
use super::pages::heading;
use crate::config::{IniFile, Key, Preset, keys};

/// The page.
pub(super) fn page() -> Page {
    let mut roff = Roff::default();
    roff.control("SH", ["NAME"]);
    roff.text([roman(
        "crmgate.ini, ssl.ini, CRMConnectorSAP_<name>.ini - the configuration of crmgate",
    )]);
    roff.control("SH", ["DESCRIPTION"]);
    roff.text([roman(
        "A configuration directory holds ssl.ini, one CRMConnectorSAP_<name>.ini for each SAP system, \
         and crmgate.ini, which may be absent. Names of sections and keys are read in any case; a \
         relative path starts at the folder of its ini file, and one that begins with \
         $CREDENTIALS_DIRECTORY/ at what systemd has read by LoadCredential=; a comment is a line of its own that \
         begins with ; or #.",
    )]);
    roff.text([roman(
        "crmgate check says what is wrong in them, each with file, line and what to do.",
    )]);
    for ini in IniFile::ALL {
        roff.control("SH", [format!("KEYS OF {ini}").as_str()]);
        for section in ini.sections() {
            roff.control("SS", [format!("[{}]", section.name).as_str()]);
            roff.text([roman(plain(section.doc))]);
            for key in keys::of_section(ini, section.name) {
                describe(&mut roff, key);
            }
        }
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman("crmgate(1), crmgate-check(1)")]);
    Page {
        name: "crmgate.ini".to_owned(),
        section: "5",
        text: heading("CRMGATE.INI", "5") + &roff.to_roff(),
    }
}

fn describe(roff: &mut Roff, key: &Key) {
    let default = match key.default {
        Preset::Value("") => "empty".to_owned(),
        Preset::Value(value) => value.to_owned(),
        Preset::Computed(what) | Preset::Absent(what) => what.to_owned(),
        Preset::Required => "none, the key is required".to_owned(),
    };
    roff.control("TP", []);
    roff.text([bold(key.name)]);
    roff.text([roman(plain(key.doc))]);
    let mut facts = vec![
        format!("allowed: {}", plain(&key.kind.allowed())),
        format!("default: {}", plain(&default)),
    ];
    if !key.example.is_empty() {
        facts.push(format!("example: {}={}", key.name, key.example));
    }
    for fact in facts {
        roff.control("br", []);
        roff.text([roman(fact)]);
    }
}

/// Without the marks of Markdown, in which the reference is written.
fn plain(text: &str) -> String {
    text.replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::KEYS;

    #[test]
    fn every_key_has_its_entry_with_what_may_be_written() {
        let text = page().text.replace('\\', "");
        for key in KEYS {
            assert!(text.contains(key.name), "{key:?}");
            let first = key.doc.split_whitespace().take(3);
            let first: Vec<&str> = first.collect();
            assert!(text.contains(&plain(&first.join(" "))), "{key:?}");
        }
    }
}
