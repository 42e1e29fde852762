//! [`Lifecycle`]: where the daemon stands; only legal steps exist.

use std::fmt;

/// A state of the daemon as the service managers and the operator see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Reading, building, binding.
    Starting,
    /// Listeners are open.
    Serving,
    /// Serving, while the next generation is built.
    Reloading,
    /// No new connections; those inside finish.
    Draining,
    /// Nothing is left.
    Stopped,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Serving => "serving",
            Self::Reloading => "reloading",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
        })
    }
}

/// The phase, and the steps that may be taken from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifecycle(Phase);

impl Lifecycle {
    /// A daemon that has just been started.
    pub const fn starting() -> Self {
        Self(Phase::Starting)
    }

    /// Where it stands.
    pub const fn phase(self) -> Phase {
        self.0
    }

    /// Takes a step; an illegal one (a reload in a drain, anything after the stop) is refused and
    /// changes nothing.
    pub fn step(&mut self, to: Phase) -> bool {
        let legal = matches!(
            (self.0, to),
            (Phase::Starting | Phase::Reloading, Phase::Serving)
                | (Phase::Serving, Phase::Reloading)
                | (
                    Phase::Starting | Phase::Serving | Phase::Reloading,
                    Phase::Draining
                )
                | (Phase::Draining, Phase::Stopped)
        );
        if legal {
            self.0 = to;
        }
        legal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reload_is_refused_while_draining_and_nothing_follows_the_stop() {
        let mut life = Lifecycle::starting();
        assert!(life.step(Phase::Serving));
        assert!(life.step(Phase::Draining));
        assert!(!life.step(Phase::Reloading));
        assert!(!life.step(Phase::Serving));
        assert!(life.step(Phase::Stopped));
        for phase in [
            Phase::Starting,
            Phase::Serving,
            Phase::Reloading,
            Phase::Draining,
        ] {
            assert!(!life.step(phase));
        }
        assert_eq!(life.phase(), Phase::Stopped);
    }
}
