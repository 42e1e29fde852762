//! [`Recent`]: a bounded store that keeps what is used.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// What was put in, up to a bound; what is asked for stays longest.
///
/// Everything waits in one line. When there is no room, whoever is at its front goes, unless it was
/// asked for since it came there: then it goes to the back and the next one is looked at. So a
/// lookup moves nothing, to put something in costs a few looks at most, and never is more than one
/// thing lost for one that is new.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    room: usize,
    known: HashMap<K, Kept<V>>,
    /// Every key once, the one that goes next in front.
    line: VecDeque<K>,
}

#[derive(Debug)]
struct Kept<V> {
    value: V,
    is_used: bool,
}

/// How many used ones are spared for one that is new. Somebody has to wait meanwhile, and if all
/// of so many are in use, there is not room enough for everybody anyway.
const SPARED: usize = 16;

impl<K: Hash + Eq + Clone, V> Recent<K, V> {
    /// A store with room for so many.
    pub(super) fn with_room_for(room: usize) -> Self {
        Self {
            room,
            known: HashMap::new(),
            line: VecDeque::new(),
        }
    }

    /// What is known under a key, which is used by that.
    pub(super) fn get(&mut self, key: &K) -> Option<&V> {
        let kept = self.known.get_mut(key)?;
        kept.is_used = true;
        Some(&kept.value)
    }

    /// Puts something in, in the place of what was there under its key.
    pub(super) fn put(&mut self, key: K, value: V) {
        if let Some(kept) = self.known.get_mut(&key) {
            kept.value = value;
            return;
        }
        if self.known.len() >= self.room {
            self.make_room();
        }
        self.line.push_back(key.clone());
        let is_used = false;
        self.known.insert(key, Kept { value, is_used });
    }

    fn make_room(&mut self) {
        for spared in 0..=SPARED {
            let Some(front) = self.line.pop_front() else {
                return;
            };
            match self.known.get_mut(&front) {
                Some(kept) if kept.is_used && spared < SPARED => {
                    kept.is_used = false;
                    self.line.push_back(front);
                }
                Some(_) | None => {
                    self.known.remove(&front);
                    return;
                }
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_used_outlives_any_number_of_others() {
        let mut recent = Recent::with_room_for(100);
        for number in 0..1_000 {
            recent.put(number, number);
            assert_eq!(recent.get(&0), Some(&0), "{number}");
        }
        assert_eq!(recent.get(&1), None);
    }

    #[test]
    fn for_one_that_is_new_one_goes_and_no_more() {
        let mut recent = Recent::with_room_for(100);
        for number in 0..150 {
            recent.put(number, ());
        }
        let there = |recent: &mut Recent<i32, ()>| {
            let kept = (0..200).filter(|number| recent.get(number).is_some());
            kept.count()
        };
        assert_eq!(there(&mut recent), 100);
        // All of them are in use now, and there is no room for another one.
        recent.put(150, ());
        assert_eq!(there(&mut recent), 100);
    }

    #[test]
    fn what_is_put_in_again_takes_the_place_of_the_former() {
        let mut recent = Recent::with_room_for(2);
        for value in 0..10 {
            recent.put('a', value);
        }
        recent.put('b', 10);
        assert_eq!(recent.get(&'a'), Some(&9));
        assert_eq!(recent.len(), 2);
    }

    proptest! {
        #[test]
        fn there_is_never_more_than_there_is_room_for_and_never_anything_else_than_was_put_in(
            steps in proptest::collection::vec((any::<bool>(), 0_u8..40), 0..400),
            room in 1_usize..20,
        ) {
            let mut recent = Recent::with_room_for(room);
            for (time, (is_new, key)) in steps.iter().enumerate() {
                if *is_new {
                    recent.put(*key, (*key, time));
                    prop_assert_eq!(recent.get(key), Some(&(*key, time)));
                } else if let Some((of, _)) = recent.get(key) {
                    prop_assert_eq!(of, key);
                }
                prop_assert!(recent.len() <= room && recent.line.len() == recent.len());
            }
        }
    }
}
