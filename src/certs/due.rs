//! [`Due`]: what is about to end, said before it is too late.

use std::cmp::Reverse;
use std::fmt;

use crate::certs::digest::Digest;
use crate::certs::expiry::Validity;
use crate::config::problem::Problem;
use crate::model::WallTime;

/// How far something is from its end, the nearest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// It works for no more than so many days.
    Left(Reverse<i64>),
    /// It has ended.
    Ended,
    /// The grace that it was given has ended too.
    GraceEnded,
}

impl Step {
    /// No more than so many days are left.
    pub const fn left(days: i64) -> Self {
        Self::Left(Reverse(days))
    }

    /// The step that a certificate has reached, if any.
    pub const fn of(validity: Validity) -> Option<Self> {
        match validity {
            Validity::EndsSoon { step, .. } => Some(Self::left(step)),
            Validity::Expired { .. } => Some(Self::Ended),
            Validity::Good | Validity::NotYet => None,
        }
    }
}

impl fmt::Display for Step {
    /// As it stands in codes and in the state file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left(Reverse(days)) => write!(f, "{days}D"),
            Self::Ended => f.write_str("ENDED"),
            Self::GraceEnded => f.write_str("GRACE-ENDED"),
        }
    }
}

impl Step {
    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "ENDED" => Some(Self::Ended),
            "GRACE-ENDED" => Some(Self::GraceEnded),
            _ => text.strip_suffix('D')?.parse().ok().map(Self::left),
        }
    }
}

/// What is about to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DueKind {
    /// A certificate that we show.
    Own,
    /// A certificate of an authority that we believe.
    Authority,
    /// A revocation list.
    List,
}

impl DueKind {
    /// As it stands in codes.
    const fn word(self) -> &'static str {
        match self {
            Self::Own => "CERT",
            Self::Authority => "CA",
            Self::List => "CRL",
        }
    }
}

/// A certificate or a revocation list of which the next one is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// What it is.
    pub kind: DueKind,
    /// Whose it is, most specific part first.
    pub subject: String,
    /// Its last second.
    pub ends: WallTime,
    /// What tells it from every other one.
    pub item: [u8; 32],
    /// How far it is from its end.
    pub step: Step,
    /// The same in an operator's words.
    pub problem: Problem,
}

impl Due {
    /// The code of the alarm, such as `GW-ALARM-CERT-30D`; never to be changed again.
    pub fn code(&self) -> String {
        format!("GW-ALARM-{}-{}", self.kind.word(), self.step)
    }

    /// What tells the alarm from those about other things, and about the same in another file. A line
    /// that moves in its ini file makes no other alarm.
    pub fn about(&self) -> [u8; 32] {
        let place = &self.problem.place;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Digest::new("alarm")
            .part(&self.item)
            .part(place.file.as_os_str().as_encoded_bytes())
            .part(text(&place.section).as_bytes())
            .part(text(&place.key).as_bytes())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::certs::expiry::ALARM_DAYS;
    use crate::config::problem::Place;

    #[test]
    fn a_step_that_is_nearer_to_the_end_is_greater() {
        let each = ALARM_DAYS.map(Step::left);
        assert!(each.is_sorted());
        assert!(each.iter().all(|step| *step < Step::Ended));
        assert!(Step::Ended < Step::GraceEnded);
    }

    #[test]
    fn a_step_is_read_as_it_is_written() {
        for step in [Step::left(60), Step::left(1), Step::Ended, Step::GraceEnded] {
            assert_eq!(Step::parse(&step.to_string()), Some(step));
        }
        for odd in ["", "D", "60", "60d", "ended"] {
            assert_eq!(Step::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn each_alarm_has_a_code_of_its_own() {
        let due = |kind, step| Due {
            kind,
            subject: String::new(),
            ends: WallTime(0),
            item: [0; 32],
            step,
            problem: Problem::warning(Place::default(), "", ""),
        };
        let codes = [
            (DueKind::Own, Step::left(60), "GW-ALARM-CERT-60D"),
            (DueKind::Authority, Step::left(1), "GW-ALARM-CA-1D"),
            (DueKind::List, Step::Ended, "GW-ALARM-CRL-ENDED"),
            (DueKind::List, Step::GraceEnded, "GW-ALARM-CRL-GRACE-ENDED"),
        ];
        for (kind, step, code) in codes {
            assert_eq!(due(kind, step).code(), code);
        }
    }

    #[test]
    fn an_alarm_is_another_one_in_another_file_and_not_in_another_line() {
        let at = |file: &str, line| Due {
            kind: DueKind::Own,
            subject: String::new(),
            ends: WallTime(0),
            item: [0; 32],
            step: Step::Ended,
            problem: Problem::warning(Place::file(Path::new(file)).line(line), "", ""),
        };
        assert_eq!(at("ssl.ini", 1).about(), at("ssl.ini", 2).about());
        assert_ne!(at("ssl.ini", 1).about(), at("other.ini", 1).about());
    }
}
