//! Passphrases: from a file, from the environment or from the terminal, and never from an argument.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::failure::Failure;
use crate::certs::container::{Contents, Unread};
use crate::cli::exit::Exit;
use crate::model::Secret;

/// Where the passphrase of what is read comes from.
#[derive(Debug, Args)]
pub(super) struct PassphraseArgs {
    /// The first line of this file opens what is encrypted; else `CRMGATE_PASSPHRASE`, or the terminal.
    #[arg(long, value_name = "FILE")]
    pub(super) passphrase_file: Option<PathBuf>,
}

/// Reads a file of certificates or keys, asking for the passphrase if it needs one.
pub(super) fn read(path: &Path, args: &PassphraseArgs) -> Result<Contents, Failure> {
    let given = given(args.passphrase_file.as_deref(), "CRMGATE_PASSPHRASE")?;
    match Contents::read(path, given.as_ref()) {
        Ok(contents) => Ok(contents),
        Err(Unread::Locked) if std::io::stdin().is_terminal() => {
            let typed = typed(&format!("Passphrase of {}: ", path.display()))?;
            Contents::read(path, Some(&typed)).map_err(|why| Failure::unread(path, &why))
        }
        Err(why) => Err(Failure::unread(path, &why)),
    }
}

/// The passphrase that a file or the environment names, if one of them does.
pub(super) fn given(
    file: Option<&Path>,
    variable: &str,
) -> Result<Option<Secret<Vec<u8>>>, Failure> {
    if let Some(file) = file {
        let text = std::fs::read(file).map_err(|cause| {
            Failure::new(
                Exit::NoInput,
                format!(
                    "the passphrase file \"{}\" cannot be read: {cause}",
                    file.display()
                ),
                "name the file that holds the passphrase in its first line",
            )
        })?;
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
        let first = text.split(|byte| matches!(byte, b'\n' | b'\r')).next();
        return Ok(Some(Secret::new(first.unwrap_or_default().to_vec())));
    }
    let set = std::env::var_os(variable);
    Ok(set.map(|value| Secret::new(value.into_encoded_bytes())))
}

/// A new passphrase for what is written.
pub(super) fn new(file: Option<&Path>, what: &Path) -> Result<Secret<String>, Failure> {
    let chosen = match given(file, "CRMGATE_OUT_PASSPHRASE")? {
        Some(chosen) => chosen,
        None if std::io::stdin().is_terminal() => {
            let first = typed(&format!("New passphrase for {}: ", what.display()))?;
            let second = typed("The same once more: ")?;
            if first != second {
                let hint = "type it again; nothing was written";
                return Err(Failure::new(
                    Exit::Usage,
                    "the two passphrases differ",
                    hint,
                ));
            }
            first
        }
        None => {
            return Err(Failure::new(
                Exit::Usage,
                format!("there is no passphrase to lock \"{}\" with", what.display()),
                "name a file with --out-passphrase-file, or set CRMGATE_OUT_PASSPHRASE",
            ));
        }
    };
    match String::from_utf8(chosen.expose().clone()) {
        Ok(text) if !text.is_empty() => Ok(Secret::new(text)),
        Ok(_) | Err(_) => Err(Failure::new(
            Exit::Usage,
            "the passphrase to lock with is empty, or no UTF-8",
            "write it into the first line of the file, as plain text",
        )),
    }
}

fn typed(prompt: &str) -> Result<Secret<Vec<u8>>, Failure> {
    let line = rpassword::prompt_password(prompt).map_err(|cause| {
        Failure::new(
            Exit::Os,
            format!("no passphrase can be typed here: {cause}"),
            "name a file with --passphrase-file",
        )
    })?;
    Ok(Secret::new(line.into_bytes()))
}
