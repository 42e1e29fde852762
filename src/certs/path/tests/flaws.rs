//! What is said about files before the first handshake that would be refused over them.

use super::forge::*;
use super::*;
use crate::certs::testdata::{file, text};
use crate::certs::{Identity, TrustStore};
use crate::config::settings::IdentityFiles;

/// What is said about a chain of our own.
fn said_of_identity(key: &str, chain: &[&CertificateDer<'static>]) -> String {
    let dir = tempfile::tempdir().expect("a folder");
    let chain: String = chain.iter().map(|der| pem(der)).collect();
    let own = file(dir.path(), "own.pem", format!("{chain}{key}"));
    let files = IdentityFiles::Combined(own);
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let (identity, problems) = Identity::load(&files, None, provider.key_provider, NOW);
    assert!(identity.is_some(), "{problems}");
    text(&problems)
}

#[test]
fn a_chain_of_our_own_that_strict_peers_refuse_is_told_with_the_reason() {
    let (root, sub, own) = (
        Holder::new("Root"),
        Holder::new("Sub"),
        Holder::new("gw.example"),
    );
    let key = own.key.serialize_pem();
    let leaf = || Draft::of_holder(&own).with(hosts(&["gw.example"]));
    let good = sub.issue(&leaf());
    let sub_der = root.issue(&Draft::of_authority(&sub));
    assert_eq!(said_of_identity(&key, &[&good, &sub_der]), "");
    let unable = root.issue(
        &Draft::of_authority(&sub)
            .without(KEY_USAGE)
            .with(key_usage(SIGN_LISTS)),
    );
    let said = said_of_identity(&key, &[&good, &unable]);
    assert!(
        said.contains(
            "holds the certificate of \"CN=Sub\", which strict peers refuse: its key usage does not \
             allow to sign certificates"
        ),
        "{said}"
    );
    let odd = root.issue(&Draft::of_authority(&sub).with(extension(99, true, &[5, 0])));
    let said = said_of_identity(&key, &[&good, &odd]);
    assert!(
        said.contains("its critical extension 2.5.29.99 is not understood"),
        "{said}"
    );
    let broken = sub.issue(&leaf().with(extension(INHIBIT_ANY, false, &[2, 0])));
    let said = said_of_identity(&key, &[&broken, &sub_der]);
    assert!(
        said.contains("its extension inhibitAnyPolicy cannot be read"),
        "{said}"
    );
}

#[test]
fn an_authority_that_is_read_and_never_believed_is_told() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = Holder::new("Root");
    let odd = root.issue(&Draft::of_authority(&root).with(extension(99, true, &[5, 0])));
    let (store, problems) = TrustStore::load(&file(dir.path(), "ca.pem", pem(&odd)), NOW);
    let said = text(&problems);
    assert!(
        store.is_some()
            && said.contains(
                "holds in line 1 the authority \"CN=Root\", and nothing that it issued is accepted: \
                 its critical extension 2.5.29.99 is not understood"
            ),
        "{said}"
    );
}

#[test]
fn an_authority_that_cannot_be_used_is_an_error_with_the_reason() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = Holder::new("Root");
    let broken =
        root.issue(&Draft::of_authority(&root).with(extension(INHIBIT_ANY, false, &[2, 0])));
    let (store, problems) = TrustStore::load(&file(dir.path(), "ca.pem", pem(&broken)), NOW);
    let said = text(&problems);
    assert!(
        store.is_none()
            && said.contains(
                "has a certificate in line 1 that cannot be used: its extension inhibitAnyPolicy \
                 cannot be read"
            ),
        "{said}"
    );
}
