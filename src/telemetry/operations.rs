//! [`OperationNames`]: which SOAP operations have a figure of their own.
//!
//! A caller writes the name of an operation, so there may be as many names as it likes. The first
//! ones that the process sees get figures of their own, whichever thread sees them; all others
//! share one. So the number of figures has a bound that no traffic can move.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::OnceLock;

/// More operations than the interfaces between SAP CRM and a connector have together.
pub const MOST_OPERATIONS: usize = 64;

/// The longest name, before what is odd in it is escaped. Longer ones are cut.
const LONGEST: usize = 64;

/// What stands for all names beyond the first ones.
const OTHER: &str = "_other";

/// What stands where there is no operation: a request that is no SOAP.
const NONE: &str = "_none";

/// Which operation a figure is of; the text is with [`OperationNames::text`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Operation(Known);

impl Operation {
    /// Whether there is none: a request that is no SOAP.
    pub const fn is_none(self) -> bool {
        matches!(self.0, Known::None)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Known {
    None,
    Named(u8),
    Other,
}

/// The names of a process, in the order in which they were first seen.
///
/// A name is written once and never changes, so all threads read without a lock.
#[derive(Debug)]
pub struct OperationNames {
    names: [OnceLock<Box<str>>; MOST_OPERATIONS],
}

impl Default for OperationNames {
    fn default() -> Self {
        Self {
            names: std::array::from_fn(|_| OnceLock::new()),
        }
    }
}

impl OperationNames {
    /// The name of an operation as a label has it.
    pub fn text(&self, operation: Operation) -> &str {
        match operation.0 {
            Known::None => NONE,
            Known::Other => OTHER,
            Known::Named(place) => {
                let name = self.names.get(usize::from(place)).and_then(OnceLock::get);
                name.map_or(OTHER, |name| name)
            }
        }
    }

    /// The place of a name, which it gets now if it is new and there is one left.
    fn place(&self, name: &str) -> Operation {
        if name == NONE {
            return Operation(Known::None);
        }
        for (place, own) in self.names.iter().enumerate() {
            // Whoever comes second finds what the first one wrote.
            let held = match own.get() {
                Some(held) => held,
                None if name == OTHER => break,
                None => own.get_or_init(|| name.into()),
            };
            if **held == *name {
                let place = u8::try_from(place);
                return Operation(place.map_or(Known::Other, Known::Named));
            }
        }
        Operation(Known::Other)
    }
}

/// What one thread remembers of them, so that a name is looked for only once.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    by_bytes: HashMap<Box<[u8]>, Operation>,
    /// For the escaped name of the one that is looked for.
    text: String,
}

impl Remembered {
    /// The operation of a name as it came.
    pub(super) fn find(&mut self, names: &OperationNames, name: Option<&[u8]>) -> Operation {
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return Operation(Known::None);
        };
        let name = name.get(..LONGEST).unwrap_or(name);
        if let Some(known) = self.by_bytes.get(name) {
            return *known;
        }
        self.text.clear();
        escape(name, &mut self.text);
        let operation = names.place(&self.text);
        // What has no place is not remembered: of that there may be any amount.
        if matches!(operation.0, Known::Named(_)) {
            self.by_bytes.insert(name.into(), operation);
        }
        operation
    }
}

/// Writes a name so that it can stand anywhere: what is neither a letter, a digit nor usual in a
/// name is `%` with two hexadecimal digits. No two names become one.
fn escape(name: &[u8], out: &mut String) {
    for byte in name {
        let is_usual = byte.is_ascii_alphanumeric() || b"_-.:/#".contains(byte);
        if is_usual {
            out.push(char::from(*byte));
        } else {
            // Writing to a string cannot fail.
            let _infallible = write!(out, "%{byte:02x}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn ten_thousand_names_get_as_many_places_as_there_are_and_the_first_ones_keep_theirs() {
        let names = OperationNames::default();
        let (mut one, mut other) = (Remembered::default(), Remembered::default());
        let mut seen = HashSet::new();
        for number in 0..10_000 {
            let name = format!("operation{number}");
            let thread = if number % 2 == 0 {
                &mut one
            } else {
                &mut other
            };
            let operation = thread.find(&names, Some(name.as_bytes()));
            seen.insert(names.text(operation).to_owned());
        }
        assert_eq!(seen.len(), MOST_OPERATIONS + 1);
        for thread in [&mut one, &mut other] {
            for (name, text) in [("operation63", "operation63"), ("operation64", OTHER)] {
                let operation = thread.find(&names, Some(name.as_bytes()));
                assert_eq!(names.text(operation), text);
            }
            assert!(thread.by_bytes.len() <= MOST_OPERATIONS);
        }
    }

    #[test]
    fn two_threads_that_see_a_name_at_once_mean_the_same_operation() {
        let names = OperationNames::default();
        let found: Vec<HashSet<(String, Operation)>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let mut own = Remembered::default();
                        let find = |number: usize| {
                            let name = format!("operation{}", number % 40);
                            let operation = own.find(&names, Some(name.as_bytes()));
                            (name, operation)
                        };
                        (0..400).map(find).collect()
                    })
                })
                .collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, _>| thread.join().expect("done");
            threads.into_iter().map(join).collect()
        });
        assert!(found.iter().all(|of_thread| *of_thread == found[0]));
        assert_eq!(found[0].len(), 40);
    }

    #[test]
    fn a_name_that_could_break_a_line_or_fill_it_is_escaped_and_cut() {
        let names = OperationNames::default();
        let mut own = Remembered::default();
        let odd = own.find(&names, Some(b"a\"b\n%\xff"));
        assert_eq!(names.text(odd), "a%22b%0a%25%ff");
        let long = own.find(&names, Some(&[b'x'; 1_000]));
        assert_eq!(names.text(long).len(), LONGEST);
    }

    #[test]
    fn what_is_no_operation_has_a_word_of_its_own_and_so_has_whoever_uses_that_word() {
        let names = OperationNames::default();
        let mut own = Remembered::default();
        for name in [None, Some(&b""[..]), Some(b"_none")] {
            assert_eq!(own.find(&names, name), Operation(Known::None));
        }
        assert_eq!(own.find(&names, Some(b"_other")), Operation(Known::Other));
        let first = own.find(&names, Some(b"dial"));
        assert_eq!(first, Operation(Known::Named(0)));
    }

    proptest! {
        #[test]
        fn no_two_names_become_one(
            one in proptest::collection::vec(any::<u8>(), 0..LONGEST),
            other in proptest::collection::vec(any::<u8>(), 0..LONGEST),
        ) {
            let escaped = |name: &[u8]| {
                let mut text = String::new();
                escape(name, &mut text);
                text
            };
            prop_assert_eq!(one == other, escaped(&one) == escaped(&other));
        }
    }
}
