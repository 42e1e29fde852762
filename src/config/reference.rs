//! The table of keys as text: `config/README.md`, and commented example files.

use std::fmt::Write;

use crate::config::keys::{self, IniFile, Key, Preset};

/// What no table can say: the files, how values are written, and how to come from elsewhere.
const GUIDE: &str = include_str!("reference.md");

/// The whole of `config/README.md`.
pub fn readme() -> String {
    let mut text = GUIDE.to_owned();
    for ini in IniFile::ALL {
        line(&mut text, format_args!("\n## Keys of `{ini}`"));
        for section in ini.sections() {
            line(
                &mut text,
                format_args!("\n### `[{}]`\n\n{}", section.name, section.doc),
            );
            for key in keys::of_section(ini, section.name) {
                describe(&mut text, key);
            }
        }
    }
    text
}

/// An example of a file: every key with what it is for, and its default as a comment.
pub fn example(ini: IniFile) -> String {
    let mut text = format!("; {ini}: every key. A line that begins with ; shows a default.\n");
    for section in ini.sections() {
        line(&mut text, format_args!("\n; {}", wrapped(section.doc)));
        line(&mut text, format_args!("[{}]", section.name));
        for key in keys::of_section(ini, section.name) {
            line(&mut text, format_args!("\n; {}", wrapped(key.doc)));
            line(&mut text, format_args!("{}", example_line(key)));
        }
        if section.name == "StaticRoutes" {
            line(&mut text, format_args!("\n44300=crm.example.com"));
        }
    }
    text
}

fn describe(text: &mut String, key: &Key) {
    let default = match key.default {
        Preset::Value("") => "empty".to_owned(),
        Preset::Value(value) => format!("`{value}`"),
        Preset::Computed(what) | Preset::Absent(what) => what.to_owned(),
        Preset::Required => "none, the key is required".to_owned(),
    };
    line(text, format_args!("\n#### `{}`\n\n{}\n", key.name, key.doc));
    line(text, format_args!("- allowed: {}", key.kind.allowed()));
    line(text, format_args!("- default: {default}"));
    if key.example.is_empty() {
        line(text, format_args!("- since: {}", key.since));
    } else {
        line(
            text,
            format_args!("- example: `{}={}`", key.name, key.example),
        );
        line(text, format_args!("- since: {}", key.since));
    }
}

/// Keys that have to be there are written, and those that make the example whole; the rest is shown.
fn example_line(key: &Key) -> String {
    const WRITTEN: [&str; 6] = [
        "METHOD",
        "CA_FILE",
        "PEM_FILE",
        "TpiDllParameter",
        "SideB",
        "Crm",
    ];
    let written = key.default == Preset::Required && key.file != IniFile::Gateway
        || WRITTEN.contains(&key.name);
    let shown = match key.default {
        Preset::Value(value) => value,
        Preset::Computed(_) | Preset::Absent(_) | Preset::Required => key.example,
    };
    let comment = if written { "" } else { ";" };
    format!("{comment}{}={shown}", key.name)
}

/// Comment text in lines that fit beside a terminal's prompt.
fn wrapped(doc: &str) -> String {
    const WIDTH: usize = 96;
    let mut lines = vec![String::new()];
    for word in doc.split(' ') {
        if let Some(last) = lines.last_mut() {
            if last.is_empty() {
                last.push_str(word);
            } else if last.len() + word.len() < WIDTH {
                last.push(' ');
                last.push_str(word);
            } else {
                lines.push(word.to_owned());
            }
        }
    }
    lines.join("\n; ")
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _written = writeln!(text, "{arguments}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::KEYS;

    #[test]
    fn the_reference_tells_of_every_key_with_its_default() {
        let text = readme();
        for key in KEYS {
            assert!(text.contains(&format!("#### `{}`", key.name)), "{key:?}");
            assert!(text.contains(key.doc), "{key:?}");
            assert!(text.contains(&key.kind.allowed()), "{key:?}");
        }
    }

    #[test]
    fn an_example_file_shows_every_key_and_no_line_is_long() {
        for ini in IniFile::ALL {
            let text = example(ini);
            for key in KEYS.iter().filter(|key| key.file == ini) {
                assert!(text.contains(&format!("{}=", key.name)), "{key:?}");
            }
            assert!(text.lines().all(|line| line.chars().count() <= 100));
        }
    }
}
