use super::*;
use crate::model::{Clock, TlsRole};
use crate::tls::authority_uses::{Authority, AuthorityKey, Client, SeenAs};
use crate::tls::nameless_uses::Lack;

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
            roles: vec![SeenAs {
                role: TlsRole::Events,
                last,
                refused: None,
            }],
        }],
        more: 3,
    }]
}

fn called(last: WallTime) -> Vec<Server> {
    vec![Server {
        system: "SAP1".to_owned(),
        target: "crm.example.com:44300".parse().expect("a target"),
        chain: vec![vec![5]].into(),
        last,
        refused: None,
    }]
}

fn nameless(last: WallTime) -> Vec<Nameless> {
    vec![Nameless {
        system: "SAP1".to_owned(),
        role: TlsRole::Requests,
        lack: Lack::Question,
        last,
        refused: None,
    }]
}

fn memory(now: WallTime) -> Memory {
    Memory {
        uses: used(now),
        nameless: nameless(now),
        servers: called(now),
        alarms: Vec::new(),
    }
}

/// What the next process knows.
fn recalled(dir: &Path, settings: &Settings) -> (Memory, Option<Problem>) {
    let known = Known {
        uses: &AuthorityUses::default(),
        nameless: &NamelessUses::default(),
        servers: &ServerUses::default(),
    };
    let problem = recall(dir, settings, &known);
    (Memory::of(&known, WallTime(0)), problem)
}

#[test]
fn what_was_written_is_known_to_the_next_process() {
    let (dir, settings) = configured("StateFile=./kept.state");
    let now = Clock::system().now();
    StateFile::of(dir.path()).write(&settings, memory(now), now);
    let told = recalled(dir.path(), &settings);
    assert_eq!(told, (memory(now), None));
    let (path, file) = known(dir.path(), &settings)
        .expect("understood")
        .expect("a file");
    assert_eq!(path, dir.path().join("kept.state"));
    assert_eq!((file.written, file.memory), (Some(now), memory(now)));
    let left: Vec<_> = fs::read_dir(dir.path()).expect("a folder").collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[test]
fn alarms_that_were_raised_are_known_to_the_next_process() {
    let (dir, settings) = configured("StateFile=./kept.state");
    let raised = Memory {
        alarms: vec![([3; 32], Step::left(30)), ([4; 32], Step::Ended)],
        ..Memory::default()
    };
    let mut file = StateFile::of(dir.path());
    file.write(&settings, raised.clone(), WallTime(0));
    assert_eq!(recall_alarms(dir.path(), &settings), raised.alarms);
    fs::write(dir.path().join("kept.state"), "something else").expect("written");
    assert_eq!(recall_alarms(dir.path(), &settings), []);
}

#[test]
fn a_gateway_that_has_nothing_to_remember_writes_no_file() {
    let (dir, settings) = configured("StateFile=./kept.state");
    let mut file = StateFile::of(dir.path());
    file.write(&settings, Memory::default(), WallTime(0));
    assert!(!dir.path().join("kept.state").exists());
}

#[test]
fn it_is_written_once_a_minute_at_the_most_unless_it_has_to_be() {
    let (dir, settings) = configured("StateFile=./kept.state");
    let now = Clock::system().now();
    let mut file = StateFile::of(dir.path());
    assert!(file.is_due());
    file.write(&settings, memory(now), now);
    let path = dir.path().join("kept.state");
    let first = fs::read_to_string(&path).expect("written");
    assert!(!file.is_due());
    let later = WallTime(now.0 + 10);
    file.write(&settings, memory(now), later);
    assert_eq!(fs::read_to_string(&path).expect("kept"), first);
    file.write(&settings, memory(later), later);
    assert_ne!(fs::read_to_string(&path).expect("kept"), first);
}

#[test]
fn a_broken_file_is_told_and_begun_anew() {
    let (dir, settings) = configured("StateFile=./kept.state");
    let path = dir.path().join("kept.state");
    fs::write(&path, "something else\n").expect("written");
    let (nothing, problem) = recalled(dir.path(), &settings);
    let said = problem.expect("told").to_string();
    assert!(
        nothing == Memory::default() && said.starts_with("warning"),
        "{said}"
    );
    assert!(
        said.contains("the state file is not understood, so it is not known which authority is in use: its first line is not"),
        "{said}"
    );
    let now = WallTime(0);
    StateFile::of(dir.path()).write(&settings, Memory::default(), now);
    assert_eq!(recalled(dir.path(), &settings).1, None);
}

#[test]
fn a_file_that_cannot_be_read_is_told() {
    let (dir, settings) = configured("StateFile=./kept.state");
    fs::create_dir(dir.path().join("kept.state")).expect("a folder");
    let said = recalled(dir.path(), &settings).1.expect("told").to_string();
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
        state_places(dir.path(), &settings),
        [dir.path().join("kept.state")]
    );
    let (dir, settings) = configured("");
    let places = state_places(dir.path(), &settings);
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

#[test]
fn it_is_news_when_somebody_came_or_another_generation_is_in_force_and_not_else() {
    let (dir, _) = configured("");
    let mut file = StateFile::of(dir.path());
    let (now, first) = (WallTime(0), Generation::FIRST);
    assert!(file.is_news(&memory(now), first));
    assert!(!file.is_news(&memory(now), first));
    assert!(file.is_news(&memory(WallTime(1)), first));
    assert!(file.is_news(&memory(WallTime(1)), first.next()));
    assert!(!file.is_news(&memory(WallTime(1)), first.next()));
}

#[tokio::test(start_paused = true)]
async fn it_is_news_again_after_a_while_since_the_time_may_have_shut_somebody_out() {
    let (dir, _) = configured("");
    let mut file = StateFile::of(dir.path());
    assert!(file.is_news(&memory(WallTime(0)), Generation::FIRST));
    tokio::time::advance(PAUSE).await;
    assert!(file.is_news(&memory(WallTime(0)), Generation::FIRST));
}
