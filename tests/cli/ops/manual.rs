//! Completions and manual pages.

use std::process::Command;

use super::Said;
use crate::crmgate;

/// Every command as the help lists it, sub-commands with their command.
fn commands() -> Vec<String> {
    let mut all = Vec::new();
    for name in listed(&[]) {
        for sub in listed(&[&name]) {
            all.push(format!("{name} {sub}"));
        }
        all.push(name);
    }
    all
}

fn listed(command: &[&str]) -> Vec<String> {
    let help = Said::of(crmgate().args(command).arg("--help")).out;
    let commands = help.split("Commands:\n").nth(1).unwrap_or_default();
    let commands = commands.lines().take_while(|line| line.starts_with("  "));
    // A text that is too long for its line goes on below, further in.
    let commands = commands.filter(|line| !line.starts_with("   "));
    let names = commands.filter_map(|line| line.split_whitespace().next());
    names.map(str::to_owned).collect()
}

#[test]
fn completions_of_every_shell_know_every_command() {
    let commands = commands();
    assert!(commands.contains(&"logs level".to_owned()), "{commands:?}");
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let said = Said::of(crmgate().args(["completions", shell]));
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{shell}");
        for command in &commands {
            let last = command.split(' ').next_back().expect("a word");
            assert!(said.out.contains(last), "{shell}: {command}");
        }
    }
}

#[test]
fn bash_takes_its_completions_and_offers_commands() {
    let said = Said::of(crmgate().args(["completions", "bash"]));
    let script = "eval \"$1\"; COMP_WORDS=(crmgate sw); COMP_CWORD=1; _crmgate crmgate sw crmgate; echo \"${COMPREPLY[@]}\"";
    let bash = Command::new("bash")
        .args(["-c", script, "bash", &said.out])
        .output();
    let bash = bash.expect("bash");
    let offered = String::from_utf8_lossy(&bash.stdout);
    assert_eq!(
        offered.trim(),
        "switch",
        "{}",
        String::from_utf8_lossy(&bash.stderr)
    );
}

#[test]
fn every_command_has_a_page_with_the_exit_codes_and_the_first_page_lists_them() {
    let dir = tempfile::tempdir().expect("a folder");
    let said = Said::of(crmgate().arg("man").arg(dir.path()));
    assert_eq!(said.code, 0, "{said:?}");
    let read = |file: String| {
        let path = dir.path().join(&file);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|gone| panic!("{file}: {gone}"));
        text.replace('\\', "")
    };
    let first = read("man1/crmgate.1".to_owned());
    let codes = ["69", "77", "78"];
    for command in commands() {
        let name = format!("crmgate-{}", command.replace(' ', "-"));
        let page = read(format!("man1/{name}.1"));
        let status = page.split(".SH \"EXIT STATUS\"").nth(1).unwrap_or_default();
        for code in codes {
            assert!(status.contains(&format!("fB{code}fR")), "{name}: {code}");
        }
        if !command.contains(' ') {
            assert!(first.contains(&name), "{name}");
        }
    }
    assert!(first.contains("SIGNALS") && first.contains("fBUSR1fR"));
    assert!(read("man5/crmgate.ini.5".to_owned()).contains("PEM_FILE"));
    assert_eq!(read("man8/crmgate.8".to_owned()), ".so man1/crmgate.1\n");
    // Without a folder it is the first page, for a pager.
    let printed = Said::of(crmgate().arg("man")).out;
    assert_eq!(printed.replace('\\', ""), first);
}

/// A program that judges manual pages, if there is one.
fn judge(page: &std::path::Path) -> Option<String> {
    let mandoc = Command::new("mandoc")
        .args(["-T", "lint", "-W", "warning"])
        .arg(page)
        .output();
    if let Ok(judged) = mandoc {
        return Some(String::from_utf8_lossy(&judged.stdout).into_owned());
    }
    // A long value cannot be broken into lines, and nobody minds.
    let mut groff = Command::new("groff");
    groff
        .args(["-man", "-Tutf8", "-ww", "-Wbreak", "-z", "-K", "utf8"])
        .arg(page);
    let judged = groff.output().ok()?;
    Some(String::from_utf8_lossy(&judged.stderr).into_owned())
}

#[test]
fn no_page_makes_a_formatter_warn() {
    let dir = tempfile::tempdir().expect("a folder");
    let said = Said::of(crmgate().arg("man").arg(dir.path()));
    for page in said.out.lines().filter(|page| !page.ends_with(".8")) {
        let Some(warnings) = judge(page.as_ref()) else {
            return;
        };
        assert_eq!(warnings, "", "{page}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_to_is_named() {
    let said = Said::of(crmgate().args(["man", "/dev/null/x"]));
    said.is(
        73,
        &[
            "/dev/null/x/man1/crmgate.1\" cannot be written: ",
            "hint: name a folder",
        ],
    );
}
