use super::*;
use crate::certs::issue::ListSpec;
use crate::certs::testdata::{AES_KEY, PASSPHRASE, authority, leaf, now};

fn passphrase(text: &str) -> Secret<Vec<u8>> {
    Secret::new(text.as_bytes().to_vec())
}

/// What is read of a file with these bytes.
fn read(bytes: impl AsRef<[u8]>, secret: Option<&str>) -> Result<Contents, Unread> {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("file");
    std::fs::write(&path, bytes).expect("written");
    let secret = secret.map(passphrase);
    Contents::read(&path, secret.as_ref())
}

fn counts(contents: &Contents) -> (Form, [usize; 4]) {
    let counts = [
        contents.certificates.len(),
        contents.keys.len(),
        contents.requests.len(),
        contents.lists.len(),
    ];
    (contents.form, counts)
}

fn unfit(bytes: impl AsRef<[u8]>) -> String {
    read(bytes, None).expect_err("unfit").to_string()
}

#[test]
fn every_form_is_known_by_its_bytes_and_gives_the_same() {
    let ca = authority("CA");
    let own = leaf(&ca, "gw.example.com");
    let list = ca.revocation_list(&ListSpec::empty(now())).expect("a list");
    let bag = write_pkcs7(&[own.der.clone(), ca.der().clone()]);
    let bare = own
        .certificate_pem
        .replace("-----BEGIN CERTIFICATE-----", "");
    let bare = bare
        .replace("-----END CERTIFICATE-----", "")
        .trim()
        .to_owned();
    for (bytes, form, found) in [
        (own.combined_pem().into_bytes(), Form::Pem, [1, 1, 0, 0]),
        (
            format!("\u{feff}{}", list.pem).into_bytes(),
            Form::Pem,
            [0, 0, 0, 1],
        ),
        (own.der.to_vec(), Form::DerCertificate, [1, 0, 0, 0]),
        (list.der.to_vec(), Form::DerList, [0, 0, 0, 1]),
        (own.key_der.clone(), Form::DerKey, [0, 1, 0, 0]),
        (bag.clone(), Form::Pkcs7, [2, 0, 0, 0]),
        (
            armoured(Label::Pkcs7, &bag).into_bytes(),
            Form::Pkcs7,
            [2, 0, 0, 0],
        ),
        (bare.into_bytes(), Form::BareBase64, [1, 0, 0, 0]),
    ] {
        let contents = read(&bytes, None).expect("read");
        assert_eq!(counts(&contents), (form, found));
        assert!(!contents.is_empty());
        if let Some(first) = contents.certificates.first() {
            assert_eq!(*first, own.der, "{form}");
        }
    }
}

#[test]
fn a_pfx_is_opened_by_its_passphrase_alone_whichever_way_it_is_locked() {
    let ca = authority("CA");
    let own = leaf(&ca, "gw.example.com");
    let chain = [own.der.clone(), ca.der().clone()];
    let secret = Secret::new(PASSPHRASE.to_owned());
    for cipher in [Cipher::Aes256, Cipher::TripleDes] {
        let key = PrivatePkcs8KeyDer::from(own.key_der.clone());
        let pfx = write_pkcs12(&chain, &key, "gw", &secret, cipher).expect("written");
        let contents = read(&pfx, Some(PASSPHRASE)).expect("opened");
        assert_eq!(counts(&contents), (Form::Pkcs12, [2, 1, 0, 0]));
        assert_eq!(contents.keys[0].secret_der(), own.key_der);
        assert!(matches!(read(&pfx, None), Err(Unread::Locked)));
        assert!(matches!(
            read(&pfx, Some("other")),
            Err(Unread::OtherPassphrase)
        ));
    }
}

#[test]
fn an_encrypted_key_wants_its_passphrase() {
    assert!(matches!(read(AES_KEY, None), Err(Unread::Locked)));
    assert!(matches!(
        read(AES_KEY, Some("other")),
        Err(Unread::OtherPassphrase)
    ));
    let contents = read(AES_KEY, Some(PASSPHRASE)).expect("opened");
    assert_eq!(contents.keys.len(), 1);
    assert_eq!(
        Unread::Locked.to_string(),
        "it is encrypted, and there is no passphrase for it"
    );
    assert_eq!(
        Unread::OtherPassphrase.to_string(),
        "it is locked with another passphrase"
    );
}

#[test]
fn what_is_damaged_or_something_else_is_said_to_be() {
    let own = leaf(&authority("CA"), "gw.example.com");
    let cut = &own.der[..own.der.len() - 9];
    for (bytes, said) in [
        (b"".to_vec(), "is empty"),
        (b"hello".to_vec(), "is text that holds no PEM block"),
        (
            cut.to_vec(),
            "seems to hold a certificate and cannot be read as one",
        ),
        (
            write_pkcs7(&[])[..9].to_vec(),
            "is a PKCS#7 container that cannot be read",
        ),
        (
            vec![0x30, 0x05, 2, 1, 3, 0x30, 0x00],
            "is a PKCS#12 container (PFX) that cannot be read",
        ),
    ] {
        let text = unfit(&bytes);
        assert!(text.contains(said), "{said}: {text}");
    }
    let other = read(
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        None,
    );
    let other = other.expect("read");
    assert!(other.is_empty());
    assert_eq!(
        other.others,
        ["holds a public key, not a certificate in line 1"]
    );
}

#[test]
fn a_pfx_of_bytes_that_are_no_certificate_is_not_made() {
    let key = leaf(&authority("CA"), "x").key_der;
    let secret = Secret::new("secret".to_owned());
    let error = write_pkcs12(
        &[vec![1, 2, 3].into()],
        &PrivatePkcs8KeyDer::from(key),
        "x",
        &secret,
        Cipher::Aes256,
    );
    let error = error.expect_err("no certificate").to_string();
    assert!(error.starts_with("the PFX could not be made: "), "{error}");
}
