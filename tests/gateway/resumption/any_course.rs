//! Whatever happens in whatever order, a session opens no door that a full handshake would not.

use std::cell::Cell;

use crmgate::certs::issue::{Authority, Issued, LeafSpec, ListSpec};
use crmgate::gateway::Gateway;
use crmgate::model::WallTime;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;

use crate::support::scene::{Keeping, Scene, end};
use crate::support::trials;
use crate::support::visitor::{Visit, Visitor, Way};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A client comes with the session it has, if any, and keeps the one that it gets.
    Visit { client: usize, way: usize },
    /// The list names a client, or does so no more.
    Revoke { client: usize, named: bool },
    /// The file of authorities holds the second one, or does not.
    Second { believed: bool },
    /// The first authority has another key under the same name, or its own one again.
    Twin { in_place: bool },
    /// Whether a certificate is required, or only asked for.
    Require { required: bool },
    /// So many hours pass, or the clock is put back.
    Hours(i64),
    /// Nothing has changed, and it is read again.
    Reload,
    /// The gateway ends and another one begins.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let visit = (0..CLIENTS, 0..WAYS).prop_map(|(client, way)| Step::Visit { client, way });
    prop_oneof![
        12 => visit,
        2 => (0..CLIENTS, any::<bool>()).prop_map(|(client, named)| Step::Revoke { client, named }),
        1 => any::<bool>().prop_map(|believed| Step::Second { believed }),
        1 => any::<bool>().prop_map(|in_place| Step::Twin { in_place }),
        1 => any::<bool>().prop_map(|required| Step::Require { required }),
        2 => (-6_i64..24).prop_map(Step::Hours),
        1 => Just(Step::Reload),
        1 => Just(Step::Restart),
    ]
}

/// Two of the first authority, of which one soon ends, one of the second, one without certificate.
const CLIENTS: usize = 4;

/// Of the ways to take up a session those of one library: the other one takes ten times as long,
/// and goes through every change in the tests beside.
const WAYS: usize = 2;

/// How far the clock may go back and forth: the certificates begin a day before, the lists long
/// before that.
const REACH: std::ops::RangeInclusive<i64> = -20..=900;

/// How long the certificate of the second client lasts. It ends at no full hour, where a second that
/// passes meanwhile would decide.
const SHORT: i64 = 30 * HOUR + HOUR / 2;

/// What holds at the moment, as the files and the clock say it.
struct Course {
    scene: Scene,
    gateway: Option<Gateway>,
    begun: WallTime,
    second: Authority,
    twin: Authority,
    certificates: [Option<Issued>; 3],
    /// By client and way.
    visitors: Vec<Vec<(Way, Visitor)>>,
    revoked: [bool; CLIENTS],
    second_believed: bool,
    twin_in_place: bool,
    required: bool,
    hours: i64,
    resumed: usize,
}

impl Course {
    async fn begin(keeping: Keeping) -> Self {
        let mut scene = Scene::new(keeping).await;
        let begun = scene.world.clock.now();
        let authority = |name| Authority::new(name, begun).expect("an authority");
        let (second, twin) = (authority("Second CA"), authority("Company CA"));
        let mut short = LeafSpec::for_name("short", begun);
        short.not_after = WallTime(begun.0 + SHORT);
        let short = scene.company().issue(&short).expect("a certificate");
        let long = scene.issue(scene.company(), "long");
        let foreign = scene.issue(&second, "foreign");
        let certificates = [Some(long), Some(short), Some(foreign)];
        let trusted = scene.company().pem();
        let own = certificates.iter().map(Option::as_ref).chain([None]);
        let visitors = own.map(|own| scene.visitors(own, &trusted)).collect();
        scene.set("", "CRL_FILE", "./ssl/lists.crl");
        let mut course = Self {
            scene,
            gateway: None,
            begun,
            second,
            twin,
            certificates,
            visitors,
            revoked: [false; CLIENTS],
            second_believed: true,
            twin_in_place: false,
            required: true,
            hours: 0,
            resumed: 0,
        };
        course.write();
        course.gateway = Some(course.scene.serve().await);
        course
    }

    /// Writes all files as they have to be.
    fn write(&mut self) {
        let company = self.scene.company().pem();
        let first = if self.twin_in_place {
            self.twin.pem()
        } else {
            company
        };
        let second = self.second_believed.then(|| self.second.pem());
        let authorities = format!("{first}{}", second.unwrap_or_default());
        self.scene.put("company-ca.pem", &authorities);
        let listed = |of_second: bool| ListSpec {
            this_update: WallTime(self.begun.0 - 9 * DAY),
            next_update: WallTime(self.begun.0 + 99 * DAY),
            revoked: self.listed(of_second),
            ..ListSpec::empty(self.begun)
        };
        let lists = [
            self.scene.company().revocation_list(&listed(false)),
            self.twin.revocation_list(&listed(false)),
            self.second.revocation_list(&listed(true)),
        ];
        // A list that none of the authorities in force has signed would be an error.
        let in_force = [
            !self.twin_in_place,
            self.twin_in_place,
            self.second_believed,
        ];
        let lists = lists.into_iter().zip(in_force);
        let lists: String = lists
            .filter(|(_, in_force)| *in_force)
            .map(|(list, _)| list.expect("a list").pem)
            .collect();
        self.scene.put("lists.crl", &lists);
        let mode = if self.required { "require" } else { "request" };
        self.scene.set("", "CLIENT_AUTH", mode);
    }

    /// The certificates that the list of an authority names.
    fn listed(&self, of_second: bool) -> Vec<rustls::pki_types::CertificateDer<'static>> {
        let all = self.certificates.iter().flatten().enumerate();
        all.filter(|(client, _)| self.revoked[*client] && (*client == 2) == of_second)
            .map(|(_, issued)| issued.der.clone())
            .collect()
    }

    /// Whether a client is to be served now.
    fn may_come(&self, client: usize) -> bool {
        let is_over = self.hours * HOUR >= SHORT;
        match client {
            0 => !self.twin_in_place && !self.revoked[0],
            1 => !self.twin_in_place && !self.revoked[1] && !is_over,
            2 => self.second_believed && !self.revoked[2],
            _ => !self.required,
        }
    }

    async fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Visit { client, way } => return self.visit(client, way).await,
            Step::Revoke { client, named } => self.revoked[client] = named,
            Step::Second { believed } => self.second_believed = believed,
            Step::Twin { in_place } => self.twin_in_place = in_place,
            Step::Require { required } => self.required = required,
            Step::Hours(hours) => {
                if REACH.contains(&(self.hours + hours)) {
                    self.hours += hours;
                    self.scene.world.clock.shift(hours * HOUR);
                }
                return Ok(());
            }
            Step::Restart => {
                if let Some(gateway) = self.gateway.take() {
                    end(gateway).await;
                }
                self.gateway = Some(self.scene.serve().await);
                return Ok(());
            }
            Step::Reload => {}
        }
        self.write();
        let gateway = self.gateway.as_mut().expect("it runs");
        self.scene.reload(gateway).await;
        Ok(())
    }

    /// With a session and without, a client has to get the same.
    async fn visit(&mut self, client: usize, way: usize) -> Result<(), TestCaseError> {
        let (way, visitor) = &self.visitors[client][way];
        let visit = visitor.renew(self.scene.listen).await;
        let trusted = self.scene.company().pem();
        let own = self.certificates.get(client).and_then(Option::as_ref);
        let stranger = Visitor::new(way.library, way.version, own, trusted);
        let fresh = stranger.renew(self.scene.listen).await;
        let expected = self.may_come(client);
        self.resumed += usize::from(visit == Visit::Resumed);
        let at = format!(
            "{way:?}, client {client}, hour {}, {:?}",
            self.hours,
            self.gateway.as_ref().map(Gateway::figures)
        );
        prop_assert_eq!(fresh == Visit::Full, expected, "anew: {:?}, {}", fresh, at);
        prop_assert_eq!(!visit.is_refused(), expected, "{:?}, {}", visit, at);
        Ok(())
    }
}

/// How many sessions were taken up on the way.
async fn take_all(keeping: Keeping, steps: Vec<Step>) -> Result<usize, TestCaseError> {
    let mut course = Course::begin(keeping).await;
    for step in steps {
        course.take(step).await?;
    }
    end(course.gateway.take().expect("it runs")).await;
    Ok(course.resumed)
}

#[test]
fn r2_no_course_of_events_lets_a_session_in_where_a_full_handshake_would_be_refused() {
    let config = Config {
        cases: trials(8, 300),
        max_shrink_iters: 200,
        // What fails is printed, and shrunk enough to become a test of its own.
        failure_persistence: None,
        ..Config::default()
    };
    let runtime = Runtime::new().expect("a runtime");
    for keeping in Keeping::ALL {
        let mut runner = TestRunner::new(config.clone());
        let steps = proptest::collection::vec(step(), 20..120);
        let resumed = Cell::new(0);
        let done = runner.run(&steps, |steps| {
            let more = runtime.block_on(take_all(keeping, steps))?;
            resumed.set(resumed.get() + more);
            Ok(())
        });
        done.unwrap_or_else(|failure| panic!("{keeping:?}: {failure}"));
        assert!(
            resumed.get() > 0,
            "{keeping:?}: no session was ever taken up"
        );
    }
}
