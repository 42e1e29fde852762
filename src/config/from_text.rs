//! [`FromText`]: which type a kind of value becomes.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::keys::Kind;
use crate::config::settings::{
    ExpiredLists, KeyDigest, ResponderUrl, Term, TimeOfDay, TlsVersion, WebhookUrl,
};
use crate::config::value::{self, ValueError};
use crate::model::{Endpoint, HostPort, ListenAddr, SampleRatio, WallTime};

/// What a value becomes once it is read.
pub(super) trait FromText: Sized {
    /// Reads a text of that kind; `None` where this type is not what the kind becomes.
    fn from_text(kind: Kind, text: &str) -> Option<Result<Self, ValueError>>;
}

/// A type that one kind becomes, or several.
macro_rules! becomes {
    ($type:ty: $($kind:pat => |$text:ident| $read:expr),+ $(,)?) => {
        impl FromText for $type {
            fn from_text(kind: Kind, text: &str) -> Option<Result<Self, ValueError>> {
                $(if let $kind = kind {
                    let $text = text;
                    return Some($read);
                })+
                None
            }
        }
    };
}

becomes!(bool: Kind::Switch => |text| value::switch(text));
becomes!(Duration: Kind::Duration { min, max } => |text| value::duration(text, min, max));
becomes!(u64:
    Kind::Count { min, max } => |text| value::count(text, min, max),
    Kind::Size { min, max } => |text| value::size(text, min, max),
);
becomes!(ExpiredLists: Kind::Expired { min, max } => |text| value::expired(text, min, max));
becomes!(Vec<String>: Kind::Files => |text| value::files(text));
becomes!(&'static str: Kind::Choice(words) => |text| value::choice(text, words));
becomes!(ResponderUrl: Kind::Responder => |text| value::responder(text));
becomes!(WebhookUrl: Kind::Webhook => |text| value::webhook(text));
becomes!(SampleRatio: Kind::Ratio => |text| value::ratio(text));
becomes!(Vec<Term>: Kind::ClientRule => |text| value::rule(text));
becomes!(TlsVersion: Kind::Version => |text| value::version(text));
becomes!(Vec<KeyDigest>: Kind::KeyDigests => |text| value::key_digests(text));
becomes!(WallTime: Kind::Moment => |text| value::moment(text));
becomes!(Vec<ListenAddr>: Kind::Listeners => |text| value::listeners(text));
becomes!(Vec<HostPort>: Kind::Targets => |text| value::targets(text));
becomes!(Vec<RangeInclusive<u16>>: Kind::Statuses => |text| value::statuses(text));
becomes!(Endpoint: Kind::Url => |text| value::url(text));
becomes!(IpAddr: Kind::Address => |text| value::address(text));
becomes!((TimeOfDay, TimeOfDay): Kind::Window => |text| value::window(text));
becomes!(String:
    Kind::RequestPath => |text| value::request_path(text),
    Kind::Header => |text| value::header(text),
    Kind::Level => |text| value::level(text),
    Kind::File | Kind::OutputFile | Kind::Suites | Kind::Tokens => |text| value::plain(text),
);

/// Counts and sizes in the width that the settings want.
macro_rules! narrower {
    ($($type:ty),+) => {$(
        impl FromText for $type {
            fn from_text(kind: Kind, text: &str) -> Option<Result<Self, ValueError>> {
                let wide = u64::from_text(kind, text)?;
                Some(wide.and_then(|n| {
                    Self::try_from(n).map_err(|_too_great| ValueError::OutOfRange)
                }))
            }
        }
    )+};
}

narrower!(u32, usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_its_type_cannot_hold_is_out_of_range() {
        let kind = Kind::Count {
            min: 0,
            max: u64::MAX,
        };
        assert_eq!(
            u32::from_text(kind, "4294967296"),
            Some(Err(ValueError::OutOfRange))
        );
        assert_eq!(u32::from_text(kind, "4294967295"), Some(Ok(u32::MAX)));
    }

    #[test]
    fn a_kind_becomes_its_own_type_only() {
        assert_eq!(bool::from_text(Kind::Switch, "yes"), Some(Ok(true)));
        assert_eq!(bool::from_text(Kind::Version, "1.2"), None);
    }
}
