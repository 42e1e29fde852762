//! Writes out what fuzzing starts from: a folder for each target below the one that is named, or below
//! `corpus/`, where the fuzzer looks for it. What lies there already stays.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use crmgate_fuzz::containers;

#[path = "../../tests/support/corpus.rs"]
mod corpus;
#[path = "../../tests/support/more_hostile.rs"]
mod more_hostile;
#[path = "../seeds.rs"]
mod seeds;

fn main() -> io::Result<()> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let to = env::args_os()
        .nth(1)
        .map_or_else(|| own.join("corpus"), PathBuf::from);
    for (target, seeds) in seeds::all(&own.join("..")) {
        let folder = to.join(target);
        fs::create_dir_all(&folder)?;
        for (number, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:03}")), seed)?;
        }
        println!("{target}: {} seeds", seeds.len());
    }
    Ok(())
}
