use super::*;
use crate::model::Clock;
use crate::tls::authority_uses::{Authority, AuthorityKey, AuthorityUse, Client};

/// A folder with the smallest configuration and these keys of `[Runtime]`.
fn configured(keys: &str) -> (tempfile::TempDir, Settings) {
    let dir = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: String| fs::write(dir.path().join(name), text);
    let system = "[StaticRoutes]\n44300=crm.example.com\n";
    write("CRMConnectorSAP_SAP1.ini", system.to_owned()).expect("a file");
    write("crmgate.ini", format!("[Runtime]\n{keys}\n")).expect("a file");
    let settings = crate::config::load(dir.path()).settings.expect("usable");
    (dir, settings)
}

fn used(last: WallTime) -> Vec<AuthorityUse> {
    vec![AuthorityUse {
        role: "SAP1".to_owned(),
        authority: Authority {
            key: AuthorityKey([7; 32]),
            name: "CN=Company CA,O=Example Ltd".to_owned(),
            not_after: WallTime(last.0 + 1_000),
        },
        clients: vec![Client {
            subject: "CN=crm 1,O=Example Ltd".to_owned(),
            serial: "01ab".to_owned(),
            fingerprint: Fingerprint([9; 32]),
            chain: vec![vec![1, 2, 3], vec![4]].into(),
            last,
        }],
        more: 3,
    }]
}

fn known(dir: &Path, settings: &Settings) -> (Vec<AuthorityUse>, Option<Problem>) {
    let uses = AuthorityUses::default();
    let problem = recall(dir, settings, &uses);
    (uses.since(WallTime(0), WallTime(0), 10), problem)
}

#[test]
fn what_was_written_is_known_to_the_next_process() {
    let (dir, settings) = configured("StateFile=./kept.state");
    let now = Clock::system().now();
    let uses = AuthorityUses::default();
    uses.remember(used(now));
    StateFile::of(dir.path()).write(&settings, &uses, Vec::new(), now);
    let (known, problem) = known(dir.path(), &settings);
    assert_eq!((known, problem), (used(now), None));
    let left: Vec<_> = fs::read_dir(dir.path()).expect("a folder").collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[test]
fn alarms_that_were_raised_are_known_to_the_next_process() {
    let (dir, settings) = configured("StateFile=./kept.state");
    let raised = vec![([3; 32], Step::left(30)), ([4; 32], Step::Ended)];
    let uses = AuthorityUses::default();
    let mut file = StateFile::of(dir.path());
    file.write(&settings, &uses, raised.clone(), WallTime(0));
    assert_eq!(recall_alarms(dir.path(), &settings), raised);
    fs::write(dir.path().join("kept.state"), "something else").expect("written");
    assert_eq!(recall_alarms(dir.path(), &settings), []);
}

#[test]
fn a_gateway_that_has_nothing_to_remember_writes_no_file() {
    let (dir, settings) = configured("StateFile=./kept.state");
    let mut file = StateFile::of(dir.path());
    file.write(
        &settings,
        &AuthorityUses::default(),
        Vec::new(),
        WallTime(0),
    );
    assert!(!dir.path().join("kept.state").exists());
}

#[test]
fn it_is_written_once_a_minute_at_the_most_unless_it_has_to_be() {
    let (dir, settings) = configured("StateFile=./kept.state");
    let now = Clock::system().now();
    let uses = AuthorityUses::default();
    let mut file = StateFile::of(dir.path());
    uses.remember(used(now));
    file.keep_up(&settings, &uses, Vec::new(), now);
    let path = dir.path().join("kept.state");
    let first = fs::read_to_string(&path).expect("written");
    let mut other = used(now);
    other[0].authority.key = AuthorityKey([8; 32]);
    uses.remember(other);
    file.keep_up(&settings, &uses, Vec::new(), now);
    assert_eq!(fs::read_to_string(&path).expect("kept"), first);
    file.write(&settings, &uses, Vec::new(), now);
    assert_ne!(fs::read_to_string(&path).expect("kept"), first);
}

#[test]
fn a_broken_file_is_told_and_begun_anew() {
    let (dir, settings) = configured("StateFile=./kept.state");
    let path = dir.path().join("kept.state");
    fs::write(&path, "something else\n").expect("written");
    let (nothing, problem) = known(dir.path(), &settings);
    let said = problem.expect("told").to_string();
    assert!(nothing.is_empty() && said.starts_with("warning"), "{said}");
    assert!(
        said.contains("the state file is not understood, so it is not known which authority is in use: its first line is not"),
        "{said}"
    );
    let now = WallTime(0);
    StateFile::of(dir.path()).write(&settings, &AuthorityUses::default(), Vec::new(), now);
    assert_eq!(known(dir.path(), &settings).1, None);
}

#[test]
fn a_file_that_cannot_be_read_is_told() {
    let (dir, settings) = configured("StateFile=./kept.state");
    fs::create_dir(dir.path().join("kept.state")).expect("a folder");
    let said = known(dir.path(), &settings).1.expect("told").to_string();
    assert!(
        said.contains(
            "the state file cannot be read, so it is not known which authority is in use: it is \
             not a file"
        ),
        "{said}"
    );
}

#[test]
fn of_several_places_the_first_that_can_be_read_counts() {
    let dir = tempfile::tempdir().expect("a folder");
    let [missing, closed, open] = ["missing", "closed", "open"].map(|name| dir.path().join(name));
    fs::create_dir(&closed).expect("a folder");
    fs::write(&open, "text").expect("written");
    let (path, text) = read(&[missing.clone(), closed.clone(), open.clone()]).expect("one");
    assert_eq!((path, text.expect("read")), (open, "text".to_owned()));
    let (path, text) = read(&[missing.clone(), closed.clone()]).expect("one");
    assert!(path == closed && text.is_err());
    assert!(read(&[missing]).is_none());
}

#[test]
fn a_place_that_cannot_be_written_to_leads_to_the_next_one_and_then_to_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let nowhere = dir.path().join("nowhere/x.state");
    let here = dir.path().join("x.state");
    write(&[nowhere.clone(), here.clone()], "text").expect("written");
    assert_eq!(fs::read_to_string(here).expect("written"), "text");
    let (path, _) = write(std::slice::from_ref(&nowhere), "text").expect_err("no folder");
    assert_eq!(path, nowhere);
}

#[test]
fn the_file_lies_where_it_is_wanted_or_in_a_folder_for_services_or_beside_the_configuration() {
    let (dir, settings) = configured("StateFile=./kept.state");
    assert_eq!(
        places(dir.path(), &settings),
        [dir.path().join("kept.state")]
    );
    let (dir, settings) = configured("");
    let places = places(dir.path(), &settings);
    assert_eq!(places.last(), Some(&dir.path().join("crmgate.state")));
    let (folder, missing) = (dir.path().to_owned(), dir.path().join("missing"));
    let among = places_among(dir.path(), vec![missing, folder.clone()]);
    let name = shared_name(dir.path());
    assert_eq!(among, [folder.join(&name), folder.join("crmgate.state")]);
    let (other, _) = configured("");
    assert_ne!(
        shared_name(other.path()),
        name,
        "one machine may run several"
    );
}
