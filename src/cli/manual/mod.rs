//! What is made from the commands and the table of keys: completions for shells, and manual pages.
//!
//! | file | what |
//! |---|---|
//! | `pages` | crmgate(1), a page for each command, crmgate(8) |
//! | `keys` | crmgate.ini(5): every file, section and key |

mod keys;
mod pages;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::args::Args;
use super::exit::Exit;
use super::output::{complain, draw, say};

/// Options of `completions`.
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Options of `man`.
#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    /// Write all pages into folders of their sections below this one, such as /usr/local/share/man.
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// A page and where it belongs.
#[derive(Debug)]
struct Page {
    /// Such as `crmgate-status`.
    name: String,
    section: &'static str,
    text: String,
}

/// Prints what the shell reads.
pub(super) fn completions(args: &CompletionsArgs) -> Exit {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "crmgate", &mut text);
    draw(String::from_utf8_lossy(&text));
    Exit::Ok
}

/// Prints the first page, or writes all of them.
pub(super) fn man(args: &ManArgs) -> Exit {
    let pages = pages::all().map(|mut pages| {
        pages.push(keys::page());
        pages
    });
    // The pages are written to memory, which takes everything.
    let Ok(pages) = pages else {
        return Exit::Software;
    };
    let Some(dir) = &args.dir else {
        if let Some(first) = pages.first() {
            draw(&first.text);
        }
        return Exit::Ok;
    };
    for page in &pages {
        match write(dir, page) {
            Ok(file) => say(file.display()),
            Err((file, cause)) => {
                complain(format_args!(
                    "crmgate: the page \"{}\" cannot be written: {cause}\n  hint: name a folder that \
                     you may write to",
                    file.display()
                ));
                return Exit::CannotCreate;
            }
        }
    }
    Exit::Ok
}

fn write(dir: &Path, page: &Page) -> Result<PathBuf, (PathBuf, io::Error)> {
    let folder = dir.join(format!("man{}", page.section));
    let file = folder.join(format!("{}.{}", page.name, page.section));
    let written = fs::create_dir_all(&folder).and_then(|()| fs::write(&file, &page.text));
    match written {
        Ok(()) => Ok(file),
        Err(cause) => Err((file, cause)),
    }
}
