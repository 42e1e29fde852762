//! What is said of files before anybody comes.

use super::*;
use crate::certs::testdata::text;
use crate::config::problem::Severity;

fn refused(desk: &Desk, anchors: &[&Authority]) -> String {
    let (lists, problems) = desk.load(anchors, now());
    assert!(lists.is_none() && problems.has_errors(), "{problems}");
    text(&problems)
}

/// A desk with a folder in `CRL_FILE`, and the folder.
fn with_folder() -> (Desk, std::path::PathBuf) {
    let mut desk = Desk::new().with("lists", "");
    let folder = desk.dir.path().join("folder");
    std::fs::create_dir(&folder).expect("a folder");
    desk.settings.lists[0].path.clone_from(&folder);
    (desk, folder)
}

fn put(folder: &std::path::Path, name: &str, content: impl AsRef<[u8]>) {
    std::fs::write(folder.join(name), content).expect("a file");
}

#[test]
fn a_list_is_read_in_pem_and_in_der_and_several_in_one_file() {
    let (one, other) = (authority("One"), authority("Other"));
    let der = one
        .revocation_list(&ListSpec::empty(now()))
        .expect("a list")
        .der;
    let lists = Desk::new()
        .with("a.crl", revoking(&one, &[]))
        .lists(&[&one]);
    assert_eq!(lists.len(), 1);
    assert_eq!(Desk::new().with("a.crl", &der).lists(&[&one]).len(), 1);
    let bundle = format!(
        "text before\n{}\n{}",
        revoking(&one, &[]),
        revoking(&other, &[])
    );
    let desk = Desk::new().with("a.crl", bundle.replace('\n', "\r\n"));
    assert_eq!(desk.lists(&[&one, &other]).len(), 2);
}

#[test]
fn every_file_of_a_folder_is_read_but_hidden_ones() {
    let (one, other) = (authority("One"), authority("Other"));
    let (desk, folder) = with_folder();
    put(&folder, "one.pem", revoking(&one, &[]));
    let der = other
        .revocation_list(&ListSpec::empty(now()))
        .expect("a list")
        .der;
    put(&folder, "other.crl", &der);
    put(&folder, "other (copy).crl", &der);
    put(&folder, ".other.crl.part", "half a li");
    std::fs::create_dir(folder.join("old")).expect("a folder");
    assert_eq!(desk.lists(&[&one, &other]).len(), 2);
    put(&folder, "README.txt", "where these lists come from");
    let said = refused(&desk, &[&one, &other]);
    assert!(
        said.contains("README.txt\" is text that holds no PEM block"),
        "{said}"
    );
}

#[test]
fn a_folder_without_a_file_is_an_error() {
    let (desk, _folder) = with_folder();
    let said = refused(&desk, &[&authority("CA")]);
    assert!(said.contains("is a folder without a file in it"), "{said}");
}

#[test]
fn what_is_no_list_is_an_error_that_says_what_it_is() {
    let ca = authority("CA");
    let list = ca.revocation_list(&ListSpec::empty(now())).expect("a list");
    let cut = &list.der[..list.der.len() - 9];
    let blocks = list.pem.replace("X509 CRL", "PKCS7");
    let own = ca.pem();
    let files: [(&str, &[u8], &str); 8] = [
        ("empty", b" \n", "is empty"),
        (
            "html",
            b"<html>404</html>",
            "is text that holds no PEM block",
        ),
        (
            "certificate",
            ca.der(),
            "is a certificate in DER, not in PEM",
        ),
        ("pem", own.as_bytes(), "holds no revocation list"),
        ("cut", cut, "holds a revocation list that is damaged"),
        (
            "ones",
            &[1; 64],
            "is neither PEM nor a certificate container",
        ),
        (
            "half",
            &list.pem.as_bytes()[..99],
            "has no END for the \"X509 CRL\"",
        ),
        ("other", blocks.as_bytes(), "holds a PKCS#7 container"),
    ];
    for (name, content, said) in files {
        // A good list beside it does not make up for it.
        let desk = Desk::new().with("good.crl", &list.pem).with(name, content);
        let problems = refused(&desk, &[&ca]);
        assert!(problems.contains(said), "{name}: {problems}");
        assert!(problems.contains(&format!("{name}\"")), "{problems}");
    }
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let ca = authority("CA");
    let desk = Desk::new().with("a.crl", "");
    std::fs::remove_file(&desk.settings.lists[0].path).expect("removed");
    assert!(refused(&desk, &[&ca]).contains("cannot be read"));
}

#[test]
fn a_list_that_cannot_be_gone_by_is_an_error_with_line_reason_and_remedy() {
    let ca = authority("CA");
    let delta = Draft::of(&ca)
        .extension(27, true, &[2, 1, 1])
        .signed_by(&ca);
    let desk = Desk::new().with("delta.crl", &delta);
    let said = refused(&desk, &[&ca]);
    assert!(
        said.contains("holds a revocation list that is a delta list"),
        "{said}"
    );
    assert!(said.contains("name the complete list"), "{said}");
}

#[test]
fn a_list_that_its_anchor_did_not_sign_is_an_error() {
    let (ca, twin) = (authority("CA"), authority("CA"));
    let mut draft = Draft::of(&ca);
    let desk = Desk::new().with("a.crl", draft.signed_by(&twin));
    let said = refused(&desk, &[&ca]);
    assert!(
        said.contains("that the authority of this name in CA_FILE did not sign"),
        "{said}"
    );
    // Authorities that have changed their key publish a list for each; the one that is not of
    // the anchor's key does no harm beside the one that is.
    draft = draft.extension(35, false, &element(0x30, &element(0x80, b"another key")));
    let desk = Desk::new().with("a.crl", draft.signed_by(&twin));
    refused(&desk, &[&ca]);
    let (lists, problems) = desk.with("b.crl", revoking(&ca, &[])).load(&[&ca], now());
    assert!(
        lists.is_some() && problems.count(Severity::Warning) == 1,
        "{problems}"
    );
    assert!(text(&problems).contains("a key whose certificate is not at hand"));
}

#[test]
fn a_list_of_an_unknown_authority_is_a_warning_that_names_it() {
    let (ca, stranger) = (authority("CA"), authority("Stranger"));
    let bundle = format!("{}{}", revoking(&ca, &[]), revoking(&stranger, &[]));
    let (lists, problems) = Desk::new().with("a.crl", bundle).load(&[&ca], now());
    assert!(
        lists.is_some() && problems.count(Severity::Warning) == 1,
        "{problems}"
    );
    let said = text(&problems);
    assert!(
        said.contains("a revocation list of \"CN=Stranger,O="),
        "{said}"
    );
    assert!(
        said.contains("neither in CA_FILE nor in the gateway's own chain"),
        "{said}"
    );
}

#[test]
fn v3_an_anchor_without_a_list_is_named() {
    let (ca, other) = (authority("CA"), authority("Other"));
    let desk = Desk::new().with("a.crl", revoking(&ca, &[]));
    let (_, problems) = desk.load(&[&ca, &other], now());
    assert_eq!(problems.count(Severity::Notice), 1);
    assert!(text(&problems).contains("CRL_FILE has no revocation list of \"CN=Other,O="));
    let (_, problems) = desk.coverage(ListCoverage::Any).load(&[&ca, &other], now());
    assert!(problems.is_empty(), "{problems}");
}

#[test]
fn a_list_from_the_future_and_one_without_an_end_are_warnings() {
    let ca = authority("CA");
    let mut draft = Draft::of(&ca);
    (draft.this_update, draft.next_update) = (at(DAY), None);
    let (lists, problems) = Desk::new()
        .with("a.crl", draft.signed_by(&ca))
        .load(&[&ca], now());
    assert!(
        lists.is_some() && problems.count(Severity::Warning) == 2,
        "{problems}"
    );
    let said = text(&problems);
    assert!(said.contains("that is not valid before "), "{said}");
    assert!(
        said.contains("does not say when the next one is due"),
        "{said}"
    );
}

#[test]
fn a_private_key_beside_a_list_is_a_warning() {
    let ca = authority("CA");
    let bundle = format!("{}{}", revoking(&ca, &[]), leaf(&ca, "x").key_pem);
    let (lists, problems) = Desk::new().with("a.crl", bundle).load(&[&ca], now());
    assert!(lists.is_some() && text(&problems).contains("holds a private key"));
}

#[test]
fn the_digest_changes_with_a_list_and_with_how_much_it_is_asked() {
    let ca = authority("CA");
    let desk = || Desk::new().with("a.crl", revoking(&ca, &[]));
    let one = desk();
    let again = one.lists(&[&ca]).digest();
    assert_eq!(one.lists(&[&ca]).digest(), again);
    let list_changed = Desk::new().with("a.crl", revoking(&ca, &[&leaf(&ca, "x")]));
    let others = [
        list_changed.lists(&[&ca]).digest(),
        one.expired(ExpiredLists::Ignore).lists(&[&ca]).digest(),
        desk().coverage(ListCoverage::Chain).lists(&[&ca]).digest(),
    ];
    assert!(!others.contains(&again));
}
