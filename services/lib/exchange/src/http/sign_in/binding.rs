//! Owns the channel binding `tls-server-end-point` ([RFC 5929] 4): it ties a sign-in to the TLS
//! channel it was made in, so that nobody in the middle can pass it on.

use rustls_pki_types::CertificateDer;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::signature_algorithm::SignatureAlgorithm;

/// What stands before the hash.
const PREFIX: &[u8] = b"tls-server-end-point:";
/// The length of SEC_CHANNEL_BINDINGS (Windows SDK, sspi.h): eight counts and offsets.
const HEAD_BYTES: u32 = 32;

/// Signatures whose hash is larger than SHA-256: by RSA and by ECDSA ([RFC 4055] 5, [RFC 5758] 3.2), and
/// the hashes themselves ([RFC 4055] 2.1), which RSASSA-PSS names apart.
const SHA384: [&str; 3] =
    ["1.2.840.113549.1.1.12", "1.2.840.10045.4.3.3", "2.16.840.1.101.3.4.2.2"];
const SHA512: [&str; 3] =
    ["1.2.840.113549.1.1.13", "1.2.840.10045.4.3.4", "2.16.840.1.101.3.4.2.3"];

/// The binding to a server's certificate.
pub(crate) fn end_point(certificate: &CertificateDer<'_>) -> Vec<u8> {
    let der: &[u8] = certificate.as_ref();
    let algorithm = signature_algorithm(der).unwrap_or_default();
    let hash = if SHA384.contains(&algorithm.as_str()) {
        Sha384::digest(der).to_vec()
    } else if SHA512.contains(&algorithm.as_str()) {
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

/// The object identifier that tells the hash of a certificate's own signature ([RFC 5280] 4.1.1.2).
fn signature_algorithm(certificate: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let algorithm = &certificate.signature_algorithm;
    match SignatureAlgorithm::try_from(algorithm) {
        Ok(SignatureAlgorithm::RSASSA_PSS(parameters)) => {
            Some(parameters.hash_algorithm_oid().to_id_string())
        }
        Ok(_) | Err(_) => Some(algorithm.algorithm.to_id_string()),
    }
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
            assert_eq!(signature_algorithm(bytes), None);
        }
        assert_eq!(end_point(&CertificateDer::from(vec![0x30])).len(), PREFIX.len() + 32);
    }
}
