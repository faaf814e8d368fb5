//! Facts about keys. `openssl` reads what is written here, where it is installed; the vector is RFC 8032's.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn made() -> (tempfile::TempDir, PathBuf, SigningKey) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle-signing.key");
    let key = SigningKey::load_or_make(&path).unwrap();
    (folder, path, key)
}

#[test]
fn a_key_is_made_once_and_trusted_by_its_public_half() {
    let (_folder, path, key) = made();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let again = SigningKey::load_or_make(&path).unwrap();
    assert_eq!(again.id(), key.id());

    let trusted = TrustedKeys::read(key.public_file()).unwrap();
    let signature = again.sign(b"message");
    assert_eq!(trusted.verify(key.id().as_str(), b"message", &signature), Ok(()));
    let wrong = Err(SignatureError::Wrong(key.id().clone()));
    assert_eq!(trusted.verify(key.id().as_str(), b"massage", &signature), wrong);
    for cut in [&signature[1..], &signature[..63], &[]] {
        assert_eq!(trusted.verify(key.id().as_str(), b"message", cut), wrong);
    }
}

#[test]
fn a_rotation_trusts_the_old_and_the_new_key() {
    let ((_one, _, old), (folder, _, new), (_three, _, stranger)) = (made(), made(), made());
    let both = folder.path().join("trusted.pem");
    let text = [&old, &new].map(|key| fs::read_to_string(key.public_file()).unwrap()).concat();
    fs::write(&both, text).unwrap();
    let trusted = TrustedKeys::read(&both).unwrap();
    for key in [&old, &new] {
        assert_eq!(trusted.verify(key.id().as_str(), b"x", &key.sign(b"x")), Ok(()));
    }
    let refused = trusted.verify(stranger.id().as_str(), b"x", &stranger.sign(b"x"));
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("not among the trusted ones"), "{said}");
    assert!(said.contains(old.id().as_str()) && said.contains(new.id().as_str()), "{said}");
    let forged = trusted.verify(old.id().as_str(), b"x", &stranger.sign(b"x"));
    assert_eq!(forged, Err(SignatureError::Wrong(old.id().clone())));
}

#[test]
fn a_missing_public_half_is_written_again() {
    let (_folder, path, key) = made();
    let before = fs::read(key.public_file()).unwrap();
    fs::write(key.public_file(), "another's").unwrap();
    SigningKey::load_or_make(&path).unwrap();
    assert_eq!(fs::read(key.public_file()).unwrap(), before);
}

#[test]
fn what_is_no_key_is_refused_and_never_shown() {
    let (folder, path, key) = made();
    let text = fs::read_to_string(&path).unwrap();
    let secret = text.lines().nth(1).unwrap().to_owned();
    assert!(!format!("{key:?}").contains(&secret));

    fs::write(&path, text.replace("PRIVATE KEY", "SECRET KEY")).unwrap();
    let error = crate::report(&SigningKey::load_or_make(&path).unwrap_err());
    assert!(error.contains("holds no Ed25519 private key"), "{error}");
    assert!(!error.contains(&secret), "{error}");

    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let error = crate::report(&SigningKey::load_or_make(&path).unwrap_err());
    assert!(error.contains("chmod 600") && !error.contains(&secret), "{error}");

    let public = folder.path().join("key.pub");
    let error = SigningKey::load_or_make(&public).unwrap_err();
    assert!(matches!(error, SigningKeyError::Name { .. }), "{error}");
    let nowhere = SigningKey::load_or_make(&folder.path().join("none/key")).unwrap_err();
    assert!(nowhere.to_string().contains("its folder must exist"), "{nowhere}");
}

#[test]
fn a_file_of_trusted_keys_holds_public_keys_only() {
    let (folder, path, _) = made();
    let other = folder.path().join("other");
    let rsa = "-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAK\n-----END PUBLIC KEY-----\n";
    let cases = [
        (fs::read_to_string(&path).unwrap(), "a private key stands in it"),
        (String::new(), "no PUBLIC KEY section"),
        ("nothing of that kind\n".to_owned(), "no PUBLIC KEY section"),
        (rsa.to_owned(), "not of Ed25519"),
        (" ".repeat(TRUSTED_BYTES_MAX as usize + 1), "longer than 64 KiB"),
    ];
    for (text, expected) in cases {
        fs::write(&other, text).unwrap();
        let error = TrustedKeys::read(&other).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let missing = TrustedKeys::read(&folder.path().join("missing")).unwrap_err();
    assert!(crate::report(&missing).contains("No such file"), "{missing}");
}

#[test]
fn a_key_of_openssl_signs_as_the_standard_says() {
    // RFC 8032, section 7.1, test 2; in PKCS#8 as `openssl genpkey -algorithm ED25519` writes it.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pem");
    let seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
    let mut der = vec![0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];
    der.extend([0x04, 0x22, 0x04, 0x20]);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    der.extend(seed.as_bytes().chunks(2).map(byte));
    fs::write(&path, pem("PRIVATE KEY", &der)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();

    let key = SigningKey::load_or_make(&path).unwrap();
    let signature: String = key.sign(&[0x72]).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        signature,
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    );
}
