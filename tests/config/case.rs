//! One golden case.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crmgate::config::{Key, Loaded, load};
use tempfile::TempDir;

use crate::flatten::flatten;

const DIVIDER: &str = "===";

/// Files and what they are expected to give.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) about: String,
    /// Everything before the divider, to be written back unchanged.
    input: String,
    files: Vec<CaseFile>,
    pub(crate) expected: String,
}

#[derive(Debug)]
struct CaseFile {
    name: String,
    written: Vec<String>,
    text: String,
}

const TLS: &[(&str, &str)] = &[
    (
        "ssl.ini",
        "[SSL]\nMETHOD=0\n[SSL_SERVER_CLIENT]\nCA_FILE=./ssl/company-ca.pem\nPEM_FILE=./ssl/side-a.pem\n",
    ),
    ("ssl/company-ca.pem", "a certificate\n"),
    ("ssl/side-a.pem", "a certificate and a key\n"),
];

impl Case {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let divider = format!("\n{DIVIDER}\n");
        let (input, expected) = text.split_once(&divider).ok_or("no line ===")?;
        let mut about = String::new();
        let mut files: Vec<CaseFile> = Vec::new();
        for line in input.lines() {
            if let Some(header) = line.strip_prefix("--- ") {
                files.push(CaseFile::named(header));
            } else if line == "+++ tls" {
                files.extend(TLS.iter().map(|(name, text)| CaseFile {
                    name: (*name).to_owned(),
                    written: Vec::new(),
                    text: (*text).to_owned(),
                }));
            } else if let Some(file) = files.last_mut().filter(|file| file.takes_lines()) {
                file.text.push_str(line);
                file.text.push('\n');
            } else if line.starts_with('#') {
                about.push_str(line);
            } else if !line.is_empty() {
                return Err(format!("a line outside of every file: {line}"));
            }
        }
        Ok(Self {
            about,
            input: input.to_owned(),
            files,
            expected: expected.to_owned(),
        })
    }

    /// Whether an error is expected.
    pub(crate) fn is_refused(&self) -> bool {
        self.expected
            .split("\n\n")
            .any(|part| part.starts_with("error: "))
    }

    /// Whether a file of the case writes that key in its section.
    pub(crate) fn writes(&self, key: &Key) -> bool {
        self.files.iter().any(|file| {
            let mut inside = false;
            file.text.lines().any(|line| {
                if let Some(section) = line.strip_prefix('[') {
                    inside = section.trim_end_matches(']').starts_with(key.section)
                        && (key.section != "SSL" || section == "SSL]");
                }
                inside
                    && line
                        .split_once('=')
                        .is_some_and(|(name, _)| name == key.name)
            })
        })
    }

    /// What the files give, as the case writes it.
    pub(crate) fn outcome(&self, baseline: &BTreeSet<String>) -> String {
        let dir = self.on_disk();
        let loaded = load(dir.path());
        let mut text = String::new();
        for problem in &loaded.problems {
            let problem = without_directory(&problem.to_string(), dir.path());
            let _ = writeln!(text, "{problem}\n");
        }
        if loaded.settings.is_some() {
            text.push_str("settings:\n");
            for line in self.lines(&loaded) {
                let line = without_directory(&line, dir.path());
                if !baseline.contains(&line) {
                    let _ = writeln!(text, "  {line}");
                }
            }
        }
        text
    }

    /// Every setting, one a line.
    pub(crate) fn settings(&self) -> Vec<String> {
        let dir = self.on_disk();
        let loaded = load(dir.path());
        assert!(loaded.settings.is_some(), "{}", loaded.problems);
        self.lines(&loaded)
            .into_iter()
            .map(|line| without_directory(&line, dir.path()))
            .collect()
    }

    fn lines(&self, loaded: &Loaded) -> Vec<String> {
        let says_threads = self
            .files
            .iter()
            .any(|file| file.text.contains("\nThreads="));
        loaded
            .settings
            .iter()
            .flat_map(|settings| flatten(&format!("{settings:#?}")))
            // The number of cores is the machine's and not the case's.
            .filter(|line| says_threads || !line.starts_with("runtime.threads"))
            // Places stand in the problems; here they would change with every line of a file.
            .filter(|line| !line.contains(".place"))
            .collect()
    }

    pub(crate) fn with_outcome(&self, outcome: &str) -> String {
        format!("{}\n{DIVIDER}\n{outcome}", self.input)
    }

    fn on_disk(&self) -> TempDir {
        let dir = tempfile::tempdir().expect("directory");
        for file in &self.files {
            file.put_into(dir.path());
        }
        dir
    }
}

impl CaseFile {
    fn named(header: &str) -> Self {
        let (name, written) = match header.rsplit_once(" (as ") {
            Some((name, how)) => (name, how.trim_end_matches(')')),
            None => (header, ""),
        };
        Self {
            name: name.to_owned(),
            written: written
                .split(", ")
                .filter(|w| !w.is_empty())
                .map(str::to_owned)
                .collect(),
            text: String::new(),
        }
    }

    fn takes_lines(&self) -> bool {
        !self.name.ends_with('/')
    }

    fn put_into(&self, dir: &Path) {
        let path = dir.join(&self.name);
        if !self.takes_lines() {
            fs::create_dir_all(path).expect("folder");
            return;
        }
        fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        let mut text = self.text.clone();
        let mut mode = 0o600;
        let mut encode: fn(&str) -> Vec<u8> = |text| text.as_bytes().to_vec();
        for how in &self.written {
            match how.as_str() {
                "crlf" => text = text.replace('\n', "\r\n"),
                "utf-8-bom" => encode = |text| [b"\xef\xbb\xbf", text.as_bytes()].concat(),
                "utf-16le" => {
                    encode = |text| {
                        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
                        [0xff, 0xfe].into_iter().chain(units).collect()
                    }
                }
                "windows-1252" => {
                    encode = |text| encoding_rs::WINDOWS_1252.encode(text).0.into_owned();
                }
                "zero byte" => encode = |text| [text.as_bytes(), b"\0"].concat(),
                "without last line end" => text.truncate(text.trim_end_matches('\n').len()),
                "2 MiB" => text.push_str(&";\n".repeat(1 << 20)),
                "mode 644" => mode = 0o644,
                other => panic!("{}: written how? {other}", self.name),
            }
        }
        fs::write(&path, encode(&text)).expect("file");
        set_mode(&path, mode);
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mode");
}

#[cfg(not(unix))]
fn set_mode(_path: &Path, _mode: u32) {}

fn without_directory(text: &str, dir: &Path) -> String {
    let dir = dir.to_str().expect("UTF-8");
    text.replace(&format!("{dir}/"), "").replace(dir, "DIR")
}
