//! What it runs on: cores, and which of them are whose; limits; what the report says of it.

use crmgate::model::Clock;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::programs::path_of;

/// The cores that some processes run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cores(Option<String>);

impl Cores {
    /// All that there are.
    pub const ANY: Self = Self(None);

    /// What a command begins with to run on them.
    pub fn prefix(&self) -> Vec<String> {
        let Some(list) = &self.0 else {
            return Vec::new();
        };
        ["taskset", "-c", list].map(str::to_owned).to_vec()
    }
}

/// The machine.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The one core of the server that is measured.
    pub servers: Cores,
    /// The rest, for clients and backend.
    pub others: Cores,
    /// What its processor is called.
    model: String,
    count: usize,
    kernel: String,
}

impl Machine {
    /// Looks around. Says so if servers and clients cannot be kept apart.
    pub fn look() -> Self {
        let status = read("/proc/self/status");
        let allowed = value_of(&status, "Cpus_allowed_list:");
        let cores = cores_of(&allowed);
        let (servers, others) = match cores.split_first() {
            Some((first, rest)) if !rest.is_empty() && path_of("taskset").is_some() => {
                let rest: Vec<_> = rest.iter().map(ToString::to_string).collect();
                let list = |list: String| Cores(Some(list));
                (list(first.to_string()), list(rest.join(",")))
            }
            _ => {
                eprintln!(
                    "servers and clients share their cores here, which takes a second core and \
                     taskset (of util-linux) to avoid: the figures are of little use"
                );
                (Cores::ANY, Cores::ANY)
            }
        };
        let model = value_of(&read("/proc/cpuinfo"), "model name");
        Self {
            servers,
            others,
            model: model.trim_start_matches([':', ' ', '\t']).to_owned(),
            count: cores.len(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }

    /// In a line.
    pub fn describe(&self) -> String {
        let Self {
            model,
            count,
            kernel,
            ..
        } = self;
        let placed = match (&self.servers.0, &self.others.0) {
            (Some(servers), Some(others)) => {
                format!("servers on core {servers}, clients and backend on {others}")
            }
            _ => "servers and clients on the same cores".to_owned(),
        };
        format!("{model}, {count} cores ({placed}), Linux {kernel}")
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn value_of(text: &str, key: &str) -> String {
    let found = text.lines().find_map(|line| line.strip_prefix(key));
    found.unwrap_or_default().trim().to_owned()
}

/// `0-2,5` is 0, 1, 2, 5.
fn cores_of(list: &str) -> Vec<usize> {
    let ranges = list.split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.trim().parse::<usize>().ok()?..=last.trim().parse().ok()?)
    });
    ranges.flatten().collect()
}

/// Lets this process, and all that it starts, open as many files as it may. Says how many.
pub fn open_all_files() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let _as_before = setrlimit(Resource::Nofile, raised);
    let now = getrlimit(Resource::Nofile).current;
    now.map_or(usize::MAX, |now| usize::try_from(now).unwrap_or(usize::MAX))
}

/// Today, as a date.
pub fn today() -> String {
    let now = jiff::Timestamp::from_second(Clock::system().now().0);
    let now = now.expect("a time of this era");
    now.strftime("%Y-%m-%d").to_string()
}
