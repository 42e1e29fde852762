//! [`Turns`]: what holds now, and what takes its turn at a date.

use crate::model::WallTime;

/// Two of a kind: which of them counts is a question of the clock alone, so that a turn needs no
/// reload, and a clock that is set back brings the former one back.
#[derive(Debug, Clone)]
pub(super) struct Turns<T> {
    present: T,
    next: Option<(WallTime, T)>,
}

impl<T> Turns<T> {
    /// One, and perhaps another from its first second on.
    pub(super) const fn new(present: T, next: Option<(WallTime, T)>) -> Self {
        Self { present, next }
    }

    /// The one that counts at a time.
    pub(super) fn at(&self, now: WallTime) -> &T {
        match &self.next {
            Some((from, next)) if *from <= now => next,
            Some(_) | None => &self.present,
        }
    }

    /// All of them, with the time from which each counts.
    pub(super) fn each(&self) -> impl Iterator<Item = (Option<WallTime>, &T)> {
        let next = self.next.iter().map(|(from, next)| (Some(*from), next));
        std::iter::once((None, &self.present)).chain(next)
    }

    /// The same turns of something that is made of each.
    pub(super) fn map<U>(&self, mut make: impl FnMut(&T) -> U) -> Turns<U> {
        Turns {
            present: make(&self.present),
            next: self.next.as_ref().map(|(from, next)| (*from, make(next))),
        }
    }

    /// The same turns of something that is made of each; `None` once it cannot be made.
    pub(super) fn try_map<U>(&self, mut make: impl FnMut(&T) -> Option<U>) -> Option<Turns<U>> {
        let present = make(&self.present)?;
        let next = match &self.next {
            Some((from, next)) => Some((*from, make(next)?)),
            None => None,
        };
        Some(Turns { present, next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_one_counts_from_its_first_second_and_no_longer_once_the_clock_is_set_back() {
        let turns = Turns::new('a', Some((WallTime(10), 'b')));
        let seen = [9, 10, 11, 9].map(|second| *turns.at(WallTime(second)));
        assert_eq!(seen, ['a', 'b', 'b', 'a']);
        assert_eq!(*Turns::new('a', None).at(WallTime(i64::MAX)), 'a');
    }

    #[test]
    fn what_is_made_of_each_keeps_its_turn() {
        let turns = Turns::new(1, Some((WallTime(10), 2)));
        let made = turns.try_map(|n| Some(n * 2)).expect("made");
        assert_eq!((*made.at(WallTime(0)), *made.at(WallTime(10))), (2, 4));
        assert!(turns.try_map(|n| (*n == 1).then_some(())).is_none());
    }
}
