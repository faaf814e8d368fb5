//! Owns the channel binding `tls-server-end-point` ([RFC 5929] 4): it ties a sign-in to the TLS
//! channel it was made in, so that nobody in the middle can pass it on.

use rustls_pki_types::CertificateDer;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// What stands before the hash.
const PREFIX: &[u8] = b"tls-server-end-point:";
/// The length of SEC_CHANNEL_BINDINGS ([MS-SPNG] and sspi.h): eight counts and offsets.
const HEAD_BYTES: u32 = 32;

/// Contents of the object identifiers of signatures whose hash is larger than SHA-256: RSA
/// (1.2.840.113549.1.1.12 and .13) and ECDSA (1.2.840.10045.4.3.3 and .4).
const SHA384: [&[u8]; 2] = [
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c],
    &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03],
];
const SHA512: [&[u8]; 2] = [
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d],
    &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04],
];

/// The binding to a server's certificate.
pub(crate) fn end_point(certificate: &CertificateDer<'_>) -> Vec<u8> {
    let der: &[u8] = certificate.as_ref();
    let algorithm = signature_algorithm(der).unwrap_or_default();
    let hash = if SHA384.contains(&algorithm) {
        Sha384::digest(der).to_vec()
    } else if SHA512.contains(&algorithm) {
        Sha512::digest(der).to_vec()
    } else {
        // SHA-256 itself, and in place of MD5 and SHA-1 as the RFC demands.
        Sha256::digest(der).to_vec()
    };
    [PREFIX, &hash].concat()
}

/// The binding as the library takes it.
pub(crate) fn sec_channel_bindings(application: &[u8]) -> Vec<u8> {
    let length = u32::try_from(application.len()).unwrap_or_default();
    let mut bytes = vec![0; 24];
    bytes.extend(length.to_le_bytes());
    bytes.extend(HEAD_BYTES.to_le_bytes());
    bytes.extend(application);
    bytes
}

/// The object identifier of a certificate's own signature ([RFC 5280] 4.1.1.2): the second element of
/// the outer sequence. The server picks the hash of RSASSA-PSS apart, which stays SHA-256 here.
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    let (certificate, _) = element(certificate)?;
    let (_, rest) = element(certificate)?;
    let (algorithm, _) = element(rest)?;
    let (identifier, _) = element(algorithm)?;
    Some(identifier)
}

/// The contents of the first DER element, and what follows it.
fn element(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(*first & 0x7f))?;
        if digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0, |sum, digit| (sum << 8) | usize::from(*digit)), rest)
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use rcgen::{
        CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
        PKCS_ECDSA_P521_SHA512, PKCS_ED25519, SignatureAlgorithm,
    };

    use super::*;

    fn certificate(algorithm: &'static SignatureAlgorithm) -> CertificateDer<'static> {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.self_signed(&key).unwrap().der().clone()
    }

    #[test]
    fn the_hash_is_that_of_the_certificates_own_signature() {
        for (algorithm, length) in [
            (&PKCS_ECDSA_P256_SHA256, 32),
            (&PKCS_ECDSA_P384_SHA384, 48),
            (&PKCS_ECDSA_P521_SHA512, 64),
            (&PKCS_ED25519, 32),
        ] {
            let binding = end_point(&certificate(algorithm));
            assert_eq!(binding.strip_prefix(PREFIX).unwrap().len(), length);
        }
    }

    #[test]
    fn the_library_reads_the_binding() {
        let written = sec_channel_bindings(b"tls-server-end-point:abc");
        let read = sspi::channel_bindings::ChannelBindings::from_bytes(&written).unwrap();
        assert_eq!(read.application_data, b"tls-server-end-point:abc");
        assert!(read.initiator.is_empty() && read.acceptor.is_empty());
    }

    #[test]
    fn what_is_no_certificate_is_still_hashed() {
        for bytes in [&[][..], &[0x30], &[0x30, 0x84, 1], &[0x30, 0x02, 0x30]] {
            assert!(signature_algorithm(bytes).is_none());
        }
        assert_eq!(end_point(&CertificateDer::from(vec![0x30])).len(), PREFIX.len() + 32);
    }
}
