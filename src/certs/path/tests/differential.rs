//! The library's path builder as an oracle: where the two differ, the reason has a name. And OpenSSL,
//! where we promise to let in whom it lets in.

use proptest::prelude::*;
use rustls::pki_types::UnixTime;
use webpki::{EndEntityCert, KeyUsage};

use super::forge::*;
use super::*;
use crate::certs::testdata::file;

/// How an authority of a random family is made.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is thrown for itself")]
struct Member {
    /// Who issued it; itself, if that is its own place.
    issuer: usize,
    /// Of a few names, so that some are shared.
    name: u8,
    is_ca: Option<bool>,
    below: Option<u8>,
    usage: Option<u8>,
    purposes: Option<Vec<u8>>,
    limits: Option<(bool, u8)>,
    is_expired: bool,
    is_forged: bool,
    is_anchor: bool,
    is_sent: bool,
}

fn rarely<T: Clone + std::fmt::Debug + 'static>(usual: T, other: T) -> impl Strategy<Value = T> {
    prop_oneof![9 => Just(usual), 1 => Just(other)]
}

fn member() -> impl Strategy<Value = Member> {
    let usage = prop_oneof![
        3 => Just(None),
        9 => Just(Some(SIGN_CERTIFICATES | SIGN_LISTS)),
        1 => Just(Some(SIGN_LISTS))
    ];
    let is_ca = prop_oneof![12 => Just(Some(true)), 1 => Just(Some(false)), 1 => Just(None)];
    let below = prop_oneof![6 => Just(None), 2 => Just(Some(0)), 2 => Just(Some(1))];
    let purposes = prop_oneof![8 => Just(None), 1 => Just(Some(vec![2])), 1 => Just(Some(vec![1]))];
    let limits = prop_oneof![5 => Just(None), 1 => (any::<bool>(), 0..3_u8).prop_map(Some)];
    (
        (0..6_usize, 0..5_u8, is_ca, below, usage, purposes, limits),
        (
            rarely(false, true),
            rarely(false, true),
            any::<bool>(),
            rarely(true, false),
        ),
    )
        .prop_map(
            |(
                (issuer, name, is_ca, below, usage, purposes, limits),
                (is_expired, is_forged, is_anchor, is_sent),
            )| Member {
                issuer,
                name,
                is_ca,
                below,
                usage,
                purposes,
                limits,
                is_expired,
                is_forged,
                is_anchor,
                is_sent,
            },
        )
}

const HOSTS: [&str; 3] = ["a.example.com", "b.example.com", "example.com"];

fn draft(holder: &Holder, member: &Member) -> Draft {
    let mut draft = Draft::of_authority(holder);
    draft.extensions.clear();
    draft.extensions.extend(member.is_ca.map(|is_ca| {
        // The library does not ask how long a path an anchor allows.
        let below = member.below.filter(|_| !member.is_anchor);
        if is_ca {
            authority(below)
        } else {
            extension(BASIC, true, &seq(&[]))
        }
    }));
    draft.extensions.extend(member.usage.map(key_usage));
    draft
        .extensions
        .extend(member.purposes.as_deref().map(purposes));
    draft
        .extensions
        .extend(member.limits.map(|(is_permitted, host)| {
            let base = [(DNS, HOSTS[usize::from(host)].as_bytes())];
            if is_permitted {
                constraints(&base, &[])
            } else {
                constraints(&[], &base)
            }
        }));
    if member.is_expired {
        draft = draft.dated("240101000000Z", "241231000000Z");
    }
    draft.is_forged = member.is_forged;
    draft
}

/// Whether the library accepts a chain.
pub(super) fn oracle(
    anchors: &[CertificateDer<'static>],
    leaf: &CertificateDer<'static>,
    others: &[CertificateDer<'static>],
) -> Result<(), webpki::Error> {
    let anchors: Vec<_> = anchors
        .iter()
        .filter_map(|der| webpki::anchor_from_trusted_cert(der).ok())
        .collect();
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(NOW.0.unsigned_abs()));
    let usage = KeyUsage::client_auth();
    let leaf = EndEntityCert::try_from(leaf)?;
    let algorithms = webpki::ALL_VERIFICATION_ALGS;
    leaf.verify_for_usage(algorithms, &anchors, others, now, usage, None, None)
        .map(|_| ())
}

/// The rules of ours that the library does not have: an anchor is in force and an authority, and
/// whoever issues may sign certificates.
fn stands_by_our_rules(member: &Member) -> bool {
    let may_sign = member
        .usage
        .is_none_or(|usage| usage & SIGN_CERTIFICATES != 0);
    let by_usage = member.is_ca.is_none() && member.usage.is_some();
    let is_authority = member.is_ca == Some(true) || by_usage;
    may_sign && (!member.is_anchor || (!member.is_expired && is_authority))
}

/// Whether OpenSSL's own program accepts a leaf for a purpose.
fn openssl_accepts(
    purpose: Purpose,
    root: &CertificateDer<'static>,
    leaf: &CertificateDer<'static>,
) -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let [root, leaf] = [("root.pem", root), ("leaf.pem", leaf)]
        .map(|(name, der)| file(folder.path(), name, pem(der)).path);
    let name = match purpose {
        Purpose::Client => "sslclient",
        Purpose::Server => "sslserver",
    };
    let judged = std::process::Command::new("openssl")
        .args(["verify", "-purpose", name, "-attime", &NOW.0.to_string()])
        .arg("-CAfile")
        .args([root, leaf])
        .output()
        .expect("openssl runs");
    judged.status.success()
}

#[test]
#[cfg_attr(windows, ignore = "there is no openssl in the lane's prefix")]
fn of_a_key_usage_openssl_asks_the_same() {
    let root = Holder::new("Root");
    let root_der = root.root();
    // A usage in the second byte, one of each in the first, all of them, and none at all.
    let one = |bit: u8| key_usage(1 << bit);
    let usages = [
        extension(KEY_USAGE, true, &[3, 3, 7, 0, 0x80]),
        key_usage(0xff),
    ];
    let usages = usages.into_iter().chain((0..8).map(one)).map(Some);
    for usage in usages.chain([None]) {
        let mut draft = Draft::of_leaf("gw.example");
        draft.extensions.extend(usage.clone());
        let leaf = root.issue(&draft);
        for purpose in [Purpose::Client, Purpose::Server] {
            let ours = prove_as(purpose, &[&root_der], &leaf, &[], NOW).is_ok();
            let theirs = openssl_accepts(purpose, &root_der, &leaf);
            assert_eq!(ours, theirs, "{purpose:?} {usage:?}");
        }
    }
}

proptest! {
    #[test]
    fn whatever_differs_from_the_library_is_a_rule_of_ours(
        members in proptest::collection::vec(member(), 6),
        leaf_issuer in 0..6_usize,
        host in 0..3_usize,
        leaf_is_forged in rarely(false, true),
    ) {
        let holders: Vec<_> = members.iter().map(|one| Holder::new(&format!("CA {}", one.name))).collect();
        let ders: Vec<_> = members
            .iter()
            .zip(&holders)
            .map(|(member, holder)| holders[member.issuer].issue(&draft(holder, member)))
            .collect();
        let leaf = Draft { is_forged: leaf_is_forged, ..Draft::of_leaf(HOSTS[host]) };
        let leaf = holders[leaf_issuer].issue(&leaf);
        let chosen = |is_chosen: fn(&Member) -> bool| -> Vec<_> {
            let all = members.iter().zip(&ders);
            all.filter(|(member, _)| is_chosen(member)).map(|(_, der)| der.clone()).collect()
        };
        let (anchors, sent) = (chosen(|one| one.is_anchor), chosen(|one| one.is_sent));
        let ours = prove(&anchors.iter().collect::<Vec<_>>(), &leaf, &sent.iter().collect::<Vec<_>>());
        let theirs = oracle(
            &chosen(|one| one.is_anchor && stands_by_our_rules(one)),
            &leaf,
            &chosen(|one| one.is_sent && stands_by_our_rules(one)),
        );
        match (ours, theirs) {
            // The library gives up a tangle that we do not, since it checks signatures anew for
            // each path.
            (Ok(_), Ok(()) | Err(webpki::Error::MaximumSignatureChecksExceeded))
            | (Err(_), Err(_)) => {}
            // We give up other tangles sooner.
            (Err(refusal), Ok(())) => prop_assert_eq!(refusal.reason, Reason::TooManyPaths),
            // We leave what an authority says to itself out of lengths and limits.
            (Ok(proven), Err(error)) => {
                let self_issued = proven.path.iter().skip(1).any(Certificate::is_self_issued);
                prop_assert!(self_issued, "{error}");
            }
        }
    }
}
