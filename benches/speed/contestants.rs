//! Who takes part: found, installed where missing, asked for versions.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::options::Options;
use crate::programs::{path_of, present, said, version_in};
use crate::server::{Contestant, Make};

/// Everybody who is asked for, crmgate first and the relay last.
pub fn all(options: &Options) -> Result<Vec<Contestant>, String> {
    let theirs = ["nginx", "haproxy"];
    let wanted: Vec<_> = theirs
        .into_iter()
        .filter(|name| options.wants(name))
        .collect();
    let advice = "name the servers to measure: cargo bench --bench speed -- crmgate";
    present(&wanted, advice)?;
    let mut all = Vec::new();
    if options.wants("crmgate") {
        all.extend(ours(&options.crmgate)?);
    }
    let newer = options.openssl.as_deref().map(Some);
    for libraries in std::iter::once(None).chain(newer) {
        for name in &wanted {
            all.push(other(name, libraries)?);
        }
    }
    if options.servers.is_empty() {
        all.extend(envoy(options)?);
    }
    for (name, template) in &options.peers {
        all.push(Contestant {
            name: name.clone(),
            version: String::new(),
            make: Make::Command {
                template: template.clone(),
            },
            libraries: None,
        });
    }
    all.push(Contestant {
        name: "bare relay".to_owned(),
        version: String::new(),
        make: Make::Relay,
        libraries: None,
    });
    Ok(all)
}

/// crmgate, and once more with its access log on.
fn ours(program: &Path) -> Result<[Contestant; 2], String> {
    let path = program.display().to_string();
    let version = version_in(&said(&path, "--version")?);
    Ok(
        ["crmgate", "crmgate with its access log"].map(|name| Contestant {
            name: name.to_owned(),
            version: version.clone(),
            make: Make::Ours {
                program: program.to_owned(),
                access_log: name != "crmgate",
            },
            libraries: None,
        }),
    )
}

/// A server that the system brings, with these libraries instead of the system's.
fn other(program: &str, libraries: Option<&Path>) -> Result<Contestant, String> {
    let (name, make, option) = match program {
        "nginx" => ("nginx", Make::Nginx, "-V"),
        _ => ("HAProxy", Make::HaProxy, "-vv"),
    };
    let path = path_of(program).ok_or_else(|| format!("{program} is not there"))?;
    let mut asked = Command::new(path);
    asked.arg(option);
    if let Some(libraries) = libraries {
        asked.env("LD_LIBRARY_PATH", libraries);
    }
    let output = asked.output().map_err(|error| error.to_string())?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let own = version_in(&said);
    let own = own.split('-').next().unwrap_or_default();
    Ok(Contestant {
        name: name.to_owned(),
        version: format!("{own}, {}", openssl_in(&said)),
        make,
        libraries: libraries.map(Path::to_owned),
    })
}

/// The OpenSSL that it runs with: the last one that it names, since the one before is what it was
/// built with.
fn openssl_in(said: &str) -> String {
    let named = said.split("OpenSSL ").skip(1).filter_map(|rest| {
        let word = rest.split([' ', ')', '\n']).next()?;
        let is_number = word.starts_with(|first: char| first.is_ascii_digit());
        is_number.then_some(word)
    });
    named.last().map_or_else(
        || "OpenSSL".to_owned(),
        |version| format!("OpenSSL {version}"),
    )
}

/// Envoy, where it is. It is not in the system's packages, so it is never installed.
fn envoy(options: &Options) -> Result<Option<Contestant>, String> {
    let Some(program) = options.envoy.clone().or_else(|| path_of("envoy")) else {
        return Ok(None);
    };
    let program = absolute(&program)?;
    let said = said(&program.display().to_string(), "--version")?;
    // `envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`
    let version = said.split('/').find(|part| part.contains('.'));
    Ok(Some(Contestant {
        name: "Envoy".to_owned(),
        version: format!("{}, BoringSSL", version.unwrap_or("?")),
        make: Make::Envoy { program },
        libraries: None,
    }))
}

fn absolute(path: &Path) -> Result<PathBuf, String> {
    std::path::absolute(path).map_err(|error| error.to_string())
}
