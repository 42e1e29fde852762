//! The programs that are tried: which, where they are, which versions.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A server under trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    Crmgate,
    Nginx,
    HaProxy,
}

impl Product {
    pub const ALL: [Self; 3] = [Self::Crmgate, Self::Nginx, Self::HaProxy];

    /// As it is written at the head of its column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crmgate => "crmgate",
            Self::Nginx => "nginx",
            Self::HaProxy => "HAProxy",
        }
    }

    /// The program, and the package that brings it.
    pub const fn program(self) -> &'static str {
        match self {
            Self::Crmgate => env!("CARGO_BIN_EXE_crmgate"),
            Self::Nginx => "nginx",
            Self::HaProxy => "haproxy",
        }
    }

    const fn version_option(self) -> &'static str {
        match self {
            Self::Crmgate => "--version",
            Self::Nginx | Self::HaProxy => "-v",
        }
    }
}

/// Half of the clients are made of it.
const CLIENT: &str = "openssl";

/// The products that the command line names; all of them if it names none.
pub fn asked_for(arguments: impl Iterator<Item = String>) -> Result<Vec<Product>, String> {
    let mut products = Vec::new();
    for argument in arguments {
        let named = |product: &&Product| product.name().eq_ignore_ascii_case(&argument);
        match Product::ALL.iter().find(named) {
            Some(product) => products.push(*product),
            // cargo's own word for "measure".
            None if argument == "--bench" => {}
            None => {
                let all = Product::ALL.map(Product::name).join(", ");
                return Err(format!(
                    "\"{argument}\" is none of the servers that can be tried: {all}"
                ));
            }
        }
    }
    if products.is_empty() {
        products.extend(Product::ALL);
    }
    Ok(products)
}

/// What each product says of its version. Has those installed that are not there.
pub fn versions(products: &[Product]) -> Result<Vec<(Product, String)>, String> {
    let programs = products.iter().map(|product| product.program());
    let missing: Vec<_> = programs
        .chain([CLIENT])
        .filter(|program| path_of(program).is_none())
        .collect();
    if !missing.is_empty() {
        install(&missing)?;
    }
    products.iter().map(|product| version(*product)).collect()
}

fn version(product: Product) -> Result<(Product, String), String> {
    let program = product.program();
    let path = path_of(program).ok_or_else(|| format!("{program} is not there"))?;
    let output = Command::new(path)
        .arg(product.version_option())
        .output()
        .map_err(|error| format!("{program} does not run: {error}"))?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let is_version =
        |word: &&str| word.contains('.') && word.contains(|c: char| c.is_ascii_digit());
    let number = said.split([' ', '/', '\n']).find(is_version);
    Ok((product, number.unwrap_or("?").to_owned()))
}

/// Where a program lies. Servers lie where only root looks for programs.
pub fn path_of(program: &str) -> Option<PathBuf> {
    if Path::new(program).is_absolute() {
        return Some(PathBuf::from(program));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// Installs packages by name, where the system is one that can.
fn install(packages: &[&str]) -> Result<(), String> {
    let names = packages.join(" ");
    let advice = format!(
        "install {names}, or name the servers to try: cargo bench --bench trust -- crmgate"
    );
    eprintln!("{names}: not there, so they are installed: apt-get install -y {names}");
    let Some(apt) = path_of("apt-get") else {
        return Err(format!("there is no apt-get here; {advice}"));
    };
    let mut commands = [
        vec!["update", "-q"],
        vec!["install", "-q", "-y", "--no-install-recommends"],
    ];
    commands[1].extend(packages);
    for arguments in commands {
        let mut command = as_root(&apt);
        command.args(&arguments).stdout(Stdio::null());
        let done = command.status().map_err(|error| error.to_string())?;
        if !done.success() {
            let what = arguments.join(" ");
            return Err(format!("apt-get {what} ends with {done}; {advice}"));
        }
    }
    Ok(())
}

/// A command that root has to give.
fn as_root(program: &Path) -> Command {
    let mut command = if is_root() {
        Command::new("env")
    } else {
        let mut command = Command::new("sudo");
        command.arg("env");
        command
    };
    command.arg("DEBIAN_FRONTEND=noninteractive").arg(program);
    command
}

/// Whether this process may do everything.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
