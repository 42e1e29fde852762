//! A responder of the tests: what it is asked, how often, and what is made of its answers.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::ExtendedKeyUsagePurpose;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;
use crate::certs::ocsp::DelegateDefect;
use crate::certs::ocsp::drafts::{Ca, Draft, revoked};
use crate::certs::path::Certificate;
use crate::config::settings::ResponderUrl;
use crate::model::HostPort;

/// Answers every request with the same bytes.
struct Office {
    at: SocketAddr,
    asked: Arc<AtomicUsize>,
    says: Arc<Mutex<Vec<u8>>>,
    _tasks: JoinSet<()>,
}

fn http(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

impl Office {
    async fn open(says: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let at = listener.local_addr().expect("bound");
        let (asked, says) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(says)));
        let (count, words) = (Arc::clone(&asked), Arc::clone(&says));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok((mut caller, _)) = listener.accept().await {
                // The head and the question come in one segment or two.
                let mut heard = Vec::new();
                while !is_whole(&heard) {
                    if caller
                        .read_buf(&mut heard)
                        .await
                        .is_ok_and(|count| count == 0)
                    {
                        break;
                    }
                }
                count.fetch_add(1, Ordering::Relaxed);
                let words = words.lock().expect("unbroken").clone();
                let _gone = caller.write_all(&words).await;
            }
        });
        Self {
            at,
            asked,
            says,
            _tasks: tasks,
        }
    }

    fn says(&self, bytes: Vec<u8>) {
        *self.says.lock().expect("unbroken") = bytes;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    fn responder(&self, unanswered: Unanswered, clock: &Clock) -> Responder {
        self.responder_after(Arc::default(), None, unanswered, clock)
    }

    /// One that has said something before, and lists beside it.
    fn responder_after(
        &self,
        said: Arc<Said>,
        lists: Option<RevocationLists>,
        unanswered: Unanswered,
        clock: &Clock,
    ) -> Responder {
        let settings = OcspSettings {
            responder: ResponderUrl {
                target: HostPort::from_addr(self.at),
                path: "/ocsp".to_owned(),
            },
            timeout: Duration::from_millis(500),
            unanswered,
            max_age: Duration::from_mins(10),
        };
        Responder::new(settings, clock.clone(), said, lists.map(Arc::new))
    }
}

fn is_whole(heard: &[u8]) -> bool {
    let Some(end) = memchr::memmem::find(heard, b"\r\n\r\n") else {
        return false;
    };
    let fields = String::from_utf8_lossy(&heard[..end]).to_lowercase();
    let length = fields.split("content-length: ").nth(1).expect("a length");
    let length = length.lines().next().and_then(|text| text.parse().ok());
    heard.len() >= end + 4 + length.unwrap_or(0_usize)
}

struct Case {
    ca: Ca,
    client: Certificate,
    subject: Subject,
}

fn case() -> Case {
    let ca = Ca::new("CA");
    let client = ca.client();
    let subject = Subject::below(&client, &ca.certificate, &[]);
    Case {
        subject: subject.expect("a key"),
        ca,
        client,
    }
}

impl Case {
    fn good(&self) -> Vec<u8> {
        http(
            "200 OK",
            &Draft::good(&self.ca, &self.client).signed_by(&self.ca),
        )
    }

    fn withdrawn(&self, since: WallTime) -> Vec<u8> {
        let mut draft = Draft::good(&self.ca, &self.client);
        draft.status = revoked(since);
        http("200 OK", &draft.signed_by(&self.ca))
    }
}

fn is_served(confirmation: Confirmation) -> bool {
    matches!(confirmation, Confirmation::Served { .. })
}

#[tokio::test]
async fn a_crowd_of_one_clients_connections_asks_once() {
    let case = case();
    let office = Office::open(case.good()).await;
    let clock = Clock::system();
    let responder = office.responder(Unanswered::Refuse, &clock);
    let asking = (0..50).map(|_| responder.ask(&case.subject));
    for confirmation in futures_of(asking).await {
        assert!(is_served(confirmation));
    }
    assert_eq!(office.asked(), 1);
    assert!(responder.known(&case.subject).is_some_and(is_served));
    assert!(responder.lock().asking.is_empty(), "nobody is left waiting");
}

/// Runs them side by side.
async fn futures_of(
    futures: impl Iterator<Item = impl Future<Output = Confirmation>>,
) -> Vec<Confirmation> {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|cx| {
        futures.retain_mut(|future| match future.as_mut().poll(cx) {
            std::task::Poll::Ready(confirmation) => {
                done.push(confirmation);
                false
            }
            std::task::Poll::Pending => true,
        });
        if futures.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done
}

#[tokio::test]
async fn an_answer_is_asked_for_again_when_it_is_too_old() {
    let case = case();
    let office = Office::open(case.good()).await;
    let clock = Clock::system();
    let responder = office.responder(Unanswered::Refuse, &clock);
    assert!(is_served(responder.ask(&case.subject).await));
    clock.shift(599);
    assert!(is_served(responder.ask(&case.subject).await));
    assert_eq!(office.asked(), 1);
    let since = clock.now();
    office.says(case.withdrawn(since));
    clock.shift(2);
    let again = responder.ask(&case.subject).await;
    assert_eq!(again, Confirmation::Withdrawn { since });
    assert_eq!(office.asked(), 2);
}

#[tokio::test]
async fn who_is_known_stays_known_while_the_responder_is_away_and_its_word_holds() {
    let case = case();
    let office = Office::open(case.good()).await;
    let clock = Clock::system();
    let responder = office.responder(Unanswered::Refuse, &clock);
    assert!(is_served(responder.ask(&case.subject).await));
    office.says(http("503 Service Unavailable", b""));
    clock.shift(1_000);
    assert!(is_served(responder.ask(&case.subject).await));
    clock.shift(3_000);
    assert_eq!(
        responder.ask(&case.subject).await,
        Confirmation::Unconfirmed
    );
}

#[tokio::test]
async fn an_answer_that_names_no_end_counts_no_longer_than_its_greatest_age() {
    let case = case();
    let mut draft = Draft::good(&case.ca, &case.client);
    draft.until = None;
    let office = Office::open(http("200 OK", &draft.signed_by(&case.ca))).await;
    let clock = Clock::system();
    let responder = office.responder(Unanswered::Refuse, &clock);
    assert!(is_served(responder.ask(&case.subject).await));
    office.says(http("503 Service Unavailable", b""));
    clock.shift(599);
    assert!(is_served(responder.ask(&case.subject).await));
    clock.shift(2);
    let asked = responder.ask(&case.subject).await;
    assert_eq!(asked, Confirmation::Unconfirmed);
}

#[tokio::test]
async fn who_was_withdrawn_stays_so_while_the_responder_is_away() {
    let case = case();
    let clock = Clock::system();
    let since = clock.now();
    let office = Office::open(case.withdrawn(since)).await;
    let responder = office.responder(Unanswered::Serve, &clock);
    let withdrawn = Confirmation::Withdrawn { since };
    assert_eq!(responder.ask(&case.subject).await, withdrawn);
    office.says(http("503 Service Unavailable", b""));
    clock.shift(100_000);
    assert_eq!(responder.ask(&case.subject).await, withdrawn);
}

#[tokio::test]
async fn without_an_answer_clients_are_refused_or_served_as_it_is_written() {
    let case = case();
    let good = case.good();
    let (_head, answer) =
        good.split_at(memchr::memmem::find(&good, b"\r\n\r\n").expect("a head") + 4);
    let garbage = [
        http("200 OK", b"<html>"),
        http("404 Not Found", answer),
        b"SSH-2.0-OpenSSH\r\n".to_vec(),
        http("200 OK", &vec![0x30; MOST_BYTES + 1]),
        Vec::new(),
    ];
    for bytes in garbage {
        let office = Office::open(bytes).await;
        let clock = Clock::system();
        let strict = office.responder(Unanswered::Refuse, &clock);
        assert_eq!(strict.ask(&case.subject).await, Confirmation::Unconfirmed);
        let lenient = office.responder(Unanswered::Serve, &clock);
        assert!(is_served(lenient.ask(&case.subject).await));
    }
}

#[tokio::test]
async fn a_responder_that_cannot_be_asked_is_left_alone_for_a_while() {
    let case = case();
    let office = Office::open(http("503 Service Unavailable", b"")).await;
    let clock = Clock::system();
    let responder = office.responder(Unanswered::Serve, &clock);
    for _ in 0..20 {
        assert!(is_served(responder.ask(&case.subject).await));
    }
    assert_eq!(office.asked(), 1);
    clock.shift(REST + 1);
    office.says(case.withdrawn(clock.now()));
    let asked = responder.ask(&case.subject).await;
    assert!(matches!(asked, Confirmation::Withdrawn { .. }), "{asked:?}");
}

#[tokio::test]
async fn a_responder_that_speaks_something_else_is_said_to() {
    let case = case();
    let office = Office::open(b"SSH-2.0-OpenSSH\r\n".to_vec()).await;
    let responder = office.responder(Unanswered::Refuse, &Clock::system());
    let deadline = Instant::now() + Duration::from_secs(5);
    let error = responder.fetch(&case.subject, deadline).await;
    let text = error.expect_err("no answer").to_string();
    assert!(text.starts_with("it does not speak HTTP: "), "{text}");
}

#[test]
fn each_reason_for_no_answer_has_its_words() {
    let cases = [
        (
            NoAnswer::TimedOut(Duration::from_secs(2)),
            "it did not answer within 2000 ms",
        ),
        (NoAnswer::Status(404), "it answered with HTTP status 404"),
        (
            NoAnswer::Body,
            "its answer is longer than 65536 bytes or broke off",
        ),
        (NoAnswer::Request, "the request could not be written"),
        (
            NoAnswer::Defect(OcspDefect::Malformed),
            "its answer cannot be believed: it is not an OCSP response",
        ),
    ];
    for (reason, words) in cases {
        assert_eq!(reason.to_string(), words);
    }
}

#[tokio::test]
async fn what_somebody_has_said_whom_a_list_names_since_is_not_believed_any_more() {
    let case = case();
    let (signer, key) = case
        .ca
        .issue("responder", ExtendedKeyUsagePurpose::OcspSigning);
    let draft = Draft::good(&case.ca, &case.client).by(&signer);
    let forged = http("200 OK", &draft.signed(&key));
    let office = Office::open(forged).await;
    let clock = Clock::system();
    let said: Arc<Said> = Arc::default();
    let under =
        |lists| office.responder_after(Arc::clone(&said), lists, Unanswered::Refuse, &clock);
    assert!(is_served(under(None).ask(&case.subject).await));
    let harmless = under(Some(case.ca.list(&[], 2999)));
    assert!(is_served(harmless.ask(&case.subject).await));
    assert_eq!(office.asked(), 1);
    let strict = under(Some(case.ca.list(&[&signer], 2999)));
    assert_eq!(strict.known(&case.subject), None);
    let asked = strict.ask(&case.subject).await;
    assert_eq!(asked, Confirmation::Unconfirmed, "it says the same again");
    // The issuer's own word counts, although it is from before what was forged.
    clock.shift(SILENCE + 1);
    let since = WallTime(clock.now().0 - 100);
    let mut draft = Draft::good(&case.ca, &case.client);
    (draft.status, draft.from) = (revoked(since), since);
    office.says(http("200 OK", &draft.signed_by(&case.ca)));
    let asked = strict.ask(&case.subject).await;
    assert_eq!(asked, Confirmation::Withdrawn { since });
}

#[test]
fn what_to_do_about_an_answer_depends_on_what_is_wrong_with_it() {
    let hint = |defect| NoAnswer::Defect(defect).hint();
    let unnamed = hint(OcspDefect::NotNamed);
    assert!(
        unnamed.contains("issued to it for OCSP signing"),
        "{unnamed}"
    );
    let defect = DelegateDefect::NoSignatures;
    let subject = "CN=responder".to_owned();
    let refused = hint(OcspDefect::Delegate { subject, defect });
    assert!(
        refused.contains("another certificate for OCSP signing"),
        "{refused}"
    );
    let garbage = hint(OcspDefect::Malformed);
    assert!(garbage.contains("runs and can be reached"), "{garbage}");
}

#[tokio::test]
async fn an_older_answer_replaces_no_newer_one() {
    let case = case();
    let clock = Clock::system();
    let since = clock.now();
    let office = Office::open(case.withdrawn(since)).await;
    let responder = office.responder(Unanswered::Refuse, &clock);
    let withdrawn = Confirmation::Withdrawn { since };
    assert_eq!(responder.ask(&case.subject).await, withdrawn);
    let mut older = Draft::good(&case.ca, &case.client);
    older.from = WallTime(since.0 - 60);
    older.until = Some(WallTime(since.0 + 100_000));
    office.says(http("200 OK", &older.signed_by(&case.ca)));
    clock.shift(601);
    assert_eq!(responder.ask(&case.subject).await, withdrawn);
    assert_eq!(office.asked(), 2);
}

#[tokio::test]
async fn a_certificate_of_which_nothing_believable_is_said_is_not_asked_about_all_the_time() {
    let (case, other) = (case(), case());
    let clock = Clock::system();
    let office = Office::open(other.good()).await;
    let responder = office.responder(Unanswered::Serve, &clock);
    for _ in 0..20 {
        assert!(is_served(responder.ask(&case.subject).await));
    }
    assert_eq!(office.asked(), 1);
    assert!(is_served(responder.ask(&other.subject).await), "others are");
    assert_eq!(office.asked(), 2);
    clock.shift(SILENCE + 1);
    assert!(is_served(responder.ask(&case.subject).await));
    assert_eq!(office.asked(), 3);
}

#[tokio::test]
async fn each_question_is_counted_by_what_came_back_and_what_is_known_already_by_nothing() {
    let case = case();
    let office = Office::open(case.good()).await;
    let clock = Clock::system();
    let responder = office.responder(Unanswered::Refuse, &clock);
    let counted = || {
        let Said {
            good,
            withdrawn,
            unknown,
            failed,
            ..
        } = &*responder.said;
        [good, withdrawn, unknown, failed].map(crate::telemetry::Counter::value)
    };
    for _twice in 0..2 {
        assert!(is_served(responder.ask(&case.subject).await));
    }
    assert_eq!(counted(), [1, 0, 0, 0]);
    clock.shift(601);
    office.says(http("503 Service Unavailable", b""));
    responder.ask(&case.subject).await;
    assert_eq!(counted(), [1, 0, 0, 1]);
    clock.shift(601);
    office.says(case.withdrawn(clock.now()));
    responder.ask(&case.subject).await;
    assert_eq!(counted(), [1, 1, 0, 1]);
}
