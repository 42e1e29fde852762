//! [`Confinement`]: how much the kernel keeps from this process, at its own request.

/// How much the kernel keeps from this process, at its own request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Confinement {
    /// The version of Landlock's interface that files and signals are confined by; 0 where they are
    /// not.
    pub landlock: u8,
    /// Whether system calls are refused that a gateway never makes.
    pub seccomp: bool,
}

impl Confinement {
    /// `on`, `partial` or `off`.
    pub fn word(self) -> &'static str {
        if self == Self::default() {
            "off"
        } else if self.gaps().is_empty() {
            "on"
        } else {
            "partial"
        }
    }

    /// What is left to it, since this kernel cannot take it away or nobody has asked for that.
    pub fn gaps(self) -> Vec<&'static str> {
        let gaps = [
            (self.landlock < 1, "files"),
            ((1..TRUNCATE).contains(&self.landlock), "cutting off files"),
            (
                (1..DEVICES).contains(&self.landlock),
                "commands to devices that it may open",
            ),
            (self.landlock < SIGNALS, "signals to other processes"),
            (!self.seccomp, "system calls"),
        ];
        let open = gaps.into_iter().filter(|(is_open, _)| *is_open);
        open.map(|(_, gap)| gap).collect()
    }
}

/// Since Linux 6.2.
const TRUNCATE: u8 = 3;

/// Since Linux 6.10.
const DEVICES: u8 = 5;

/// Since Linux 6.12.
const SIGNALS: u8 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kernel_cannot_take_away_is_named() {
        let of = |landlock, seccomp| {
            let confinement = Confinement { landlock, seccomp };
            (confinement.word(), confinement.gaps())
        };
        assert_eq!(of(7, true), ("on", vec![]));
        assert_eq!(of(7, false), ("partial", vec!["system calls"]));
        assert_eq!(of(5, true), ("partial", vec!["signals to other processes"]));
        let old = [
            "cutting off files",
            "commands to devices that it may open",
            "signals to other processes",
        ];
        assert_eq!(of(1, true), ("partial", old.to_vec()));
        let all = ["files", "signals to other processes", "system calls"];
        assert_eq!(of(0, false), ("off", all.to_vec()));
    }
}
