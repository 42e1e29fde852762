//! [`When`]: for which moment a certificate is judged.

use crate::certs::due::{Due, DueKind, Step};
use crate::certs::expiry::Validity;
use crate::certs::inspect::CertificateFacts;
use crate::certs::pem::{error, warning};
use crate::config::problem::{Problem, Topic};
use crate::config::settings::FileRef;
use crate::model::WallTime;

/// The moment for which our own certificate is judged: when peers will see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// It is shown now.
    Now(WallTime),
    /// It is shown from a moment on that is still to come.
    From(WallTime),
    /// It was shown until now. It comes back only if the clock is set back, so its end is no
    /// problem any more.
    Former(WallTime),
}

impl When {
    /// The moment itself.
    pub const fn at(self) -> WallTime {
        match self {
            Self::Now(at) | Self::From(at) | Self::Former(at) => at,
        }
    }

    /// The step towards its end that a certificate has reached now, in the words of a load.
    ///
    /// One that is still to be shown is announced as well: it lasts until after that, and a load has
    /// said that it does not last long then.
    pub fn due(self, file: &FileRef, facts: &CertificateFacts, now: WallTime) -> Option<Due> {
        let validity = Validity::judge(facts.not_before, facts.not_after, now);
        Some(Due {
            kind: DueKind::Own,
            subject: facts.subject.clone(),
            ends: facts.not_after,
            item: facts.fingerprint.0,
            step: Step::of(validity)?,
            problem: self.judge_dates(file, facts)?,
        })
    }

    /// What peers would say, or soon say, of a certificate's dates.
    pub(super) fn judge_dates(self, file: &FileRef, facts: &CertificateFacts) -> Option<Problem> {
        let validity = Validity::judge(facts.not_before, facts.not_after, self.at());
        let (start, end) = (facts.not_before, facts.not_after);
        let told = |how: String| {
            format!(
                "holds the certificate of \"{}\" (serial {}), which {how}",
                facts.subject, facts.serial
            )
        };
        let problem = match (self, validity) {
            (Self::Former(_), _) | (_, Validity::Good) => return None,
            (Self::Now(_), Validity::EndsSoon { .. }) => warning(
                file,
                &told(format!("{validity} ({end}); then {REFUSED}")),
                RENEW,
            ),
            (Self::Now(_), Validity::Expired { .. }) => {
                error(file, &told(format!("{validity} ({end}); {REFUSED}")), RENEW)
            }
            (Self::Now(_), Validity::NotYet) => error(
                file,
                &told(format!("{validity} (from {start})")),
                "check this host's clock, or wait until then",
            ),
            (Self::From(from), Validity::EndsSoon { .. }) => warning(
                file,
                &told(format!("ends at {end}, soon after NEXT_FROM ({from})")),
                "have one issued that lasts longer",
            ),
            (Self::From(from), Validity::Expired { .. }) => error(
                file,
                &told(format!("ends at {end}, before NEXT_FROM ({from})")),
                "have one issued that lasts longer, or write an earlier NEXT_FROM",
            ),
            (Self::From(from), Validity::NotYet) => error(
                file,
                &told(format!("begins at {start}, after NEXT_FROM ({from})")),
                "write a later NEXT_FROM, or have one issued that begins earlier",
            ),
        };
        Some(problem.about(Topic::OwnDates))
    }
}

const REFUSED: &str = "peers refuse it";

const RENEW: &str = "have it renewed in time, exchange the file and reload";
