//! A manual page for each command, made from its arguments, the exit codes and the signals.

use std::io;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::Page;
use crate::cli::args::{Args, SIGNALS};
use crate::cli::exit::Exit;

/// crmgate(1) first, then every command, and the daemon's own name in section 8.
pub(super) fn all() -> io::Result<Vec<Page>> {
    let mut program = Args::command().disable_help_flag(false);
    program.build();
    let mut pages = Vec::new();
    add(&program, &mut pages)?;
    pages.push(Page {
        name: "crmgate".to_owned(),
        section: "8",
        text: ".so man1/crmgate.1\n".to_owned(),
    });
    Ok(pages)
}

fn add(command: &Command, pages: &mut Vec<Page>) -> io::Result<()> {
    pages.push(page(command)?);
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        add(sub, pages)?;
    }
    Ok(())
}

fn page(command: &Command) -> io::Result<Page> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let is_program = name == "crmgate";
    let man = Man::new(command.clone());
    let mut text = heading(&name.to_uppercase(), "1").into_bytes();
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    let mut roff = Roff::default();
    if is_program || name == "crmgate-run" {
        table(&mut roff, "SIGNALS", SIGNALS);
    }
    let codes = Exit::rows();
    let codes = codes
        .iter()
        .map(|(code, meaning)| (code.to_string(), meaning));
    table(&mut roff, "EXIT STATUS", codes);
    if is_program {
        let files = [(
            "/etc/crmgate",
            "the configuration directory, unless --config or CRMGATE_CONFIG names another one",
        )];
        table(&mut roff, "FILES", files);
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(if is_program {
        "crmgate.ini(5), and a page for each command such as crmgate-status(1)"
    } else {
        "crmgate(1), crmgate.ini(5)"
    })]);
    roff.to_writer(&mut text)?;
    Ok(Page {
        name: name.to_owned(),
        section: "1",
        text: String::from_utf8_lossy(&text).into_owned(),
    })
}

/// The first line of a page. The library leaves an empty date out instead of empty, and the version
/// would stand in its place.
pub(super) fn heading(title: &str, section: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(".TH \"{title}\" \"{section}\" \"\" \"crmgate {version}\" \"crmgate\"\n")
}

/// Terms, each with what it means.
fn table(
    roff: &mut Roff,
    title: &str,
    rows: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
) {
    roff.control("SH", [title]);
    for (term, meaning) in rows {
        roff.control("TP", []);
        roff.text([bold(term)]);
        roff.text([roman(meaning)]);
    }
}
