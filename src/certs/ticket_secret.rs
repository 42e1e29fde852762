//! The file of `TicketSecretFile`: what gateways share to take up each other's sessions.

use crate::certs::pem::{error, read_bounded, strip_mark};
use crate::config::problem::Problems;
use crate::config::settings::FileRef;
use crate::model::Secret;

/// The base64 of 32 random bytes has 43 letters, digits and signs.
const SHORTEST: usize = 43;

/// One in use and one that comes or goes, for two replacements at the same time.
const MOST: usize = 4;

/// Reads the secrets: one a line, the one that seals first. Blank lines and lines that begin with
/// `#` are passed over.
pub fn read_ticket_secrets(file: &FileRef) -> Result<Vec<Secret<Vec<u8>>>, Problems> {
    let bytes = read_bounded(file)?;
    let mut secrets: Vec<Secret<Vec<u8>>> = Vec::new();
    for (index, line) in strip_mark(&bytes).split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let number = index.saturating_add(1);
        // No word of what is there: it is a secret, even a bad one.
        let refuse =
            |what: &str| Problems::from(error(file, &format!("{what} in line {number}"), MAKE));
        if line.len() < SHORTEST {
            return Err(refuse("holds a secret of less than 43 characters"));
        }
        if !line.iter().all(u8::is_ascii_graphic) {
            return Err(refuse(
                "holds a secret with a blank or a character beyond ASCII",
            ));
        }
        let distinct = (0..=u8::MAX).filter(|byte| line.contains(byte)).count();
        if distinct < FEWEST_DISTINCT {
            return Err(refuse("holds a secret that is not random"));
        }
        if secrets.iter().any(|known| known.expose() == line) {
            return Err(refuse("holds a secret for the second time"));
        }
        secrets.push(Secret::new(line.to_vec()));
    }
    if secrets.is_empty() {
        return Err(error(file, "holds no secret", MAKE).into());
    }
    if secrets.len() > MOST {
        let hint = "keep the one that seals and the one before it, and remove the others";
        return Err(error(file, "holds more than four secrets", hint).into());
    }
    Ok(secrets)
}

/// Among 43 random hexadecimal digits there are hardly ever fewer.
const FEWEST_DISTINCT: usize = 10;

const MAKE: &str = "make one with: openssl rand -base64 48";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certs::testdata::{file, text};

    const ONE: &str = "q0m5vGZyJx8rC1nT4bWkL7sHdF2uPaE9iOYQ6tNVh3M=";
    const TWO: &str = "Zr7kXw2Lq9TgB4nYcV1sMdJ8hPfE5uRa3oIWQ6tKy0U=";

    fn read(content: &str) -> Result<Vec<Secret<Vec<u8>>>, Problems> {
        let dir = tempfile::tempdir().expect("a folder");
        read_ticket_secrets(&file(dir.path(), "tickets.secret", content))
    }

    #[test]
    fn each_line_is_a_secret_and_the_first_one_comes_first() {
        let content = format!("\u{feff}# made on Monday\r\n{ONE}\r\n\r\n  {TWO}\n");
        let secrets = read(&content).expect("good");
        let texts: Vec<_> = secrets
            .iter()
            .map(|secret| secret.expose().as_slice())
            .collect();
        assert_eq!(texts, [ONE.as_bytes(), TWO.as_bytes()]);
    }

    #[test]
    fn what_is_no_good_secret_is_refused_without_a_word_of_it() {
        let many: Vec<_> = (0..5).map(|n| format!("{n}{ONE}\n")).collect();
        let many = many.concat();
        for (content, said) in [
            ("# nothing\n", "holds no secret"),
            ("hunter2-hunter2\n", "less than 43 characters in line 1"),
            (
                &format!("{ONE}\nab cd{TWO}\n"),
                "with a blank or a character beyond ASCII in line 2",
            ),
            (&format!("{ONE}ä\n"), "beyond ASCII in line 1"),
            (&"ab".repeat(40), "that is not random in line 1"),
            (&format!("{ONE}\n{ONE}\n"), "for the second time in line 2"),
            (&many, "more than four secrets"),
        ] {
            let problems = text(&read(content).expect_err(said));
            assert!(problems.contains(said), "{said}: {problems}");
            assert!(
                !problems.contains("hunter2") && !problems.contains(ONE),
                "{problems}"
            );
        }
    }
}
