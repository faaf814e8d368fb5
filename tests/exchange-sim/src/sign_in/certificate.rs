//! Owns which account a client certificate stands for.
//!
//! Exchange maps certificates to accounts of the directory (IIS' client certificate mapping): by the user
//! principal name among the subject's alternative names, else by the subject's common name, which is the
//! part of the mapping that needs no directory of certificates.

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// `szOID_NT_PRINCIPAL_NAME`.
const PRINCIPAL_NAME: &str = "1.3.6.1.4.1.311.20.2.3";

/// The names in a certificate, the best first.
pub(super) fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let mut names = Vec::new();
    if let Ok(Some(extension)) = certificate.subject_alternative_name() {
        for name in &extension.value.general_names {
            if let GeneralName::OtherName(id, value) = name
                && id.to_id_string() == PRINCIPAL_NAME
            {
                names.extend(text(value));
            }
        }
    }
    let common = certificate.subject().iter_common_name();
    names.extend(common.filter_map(|name| name.as_str().ok().map(str::to_owned)));
    names
}

/// The text in `[0] UTF8String`, as the name is encoded.
fn text(value: &[u8]) -> Option<String> {
    let [0xa0, _, 0x0c, length, text @ ..] = value else { return None };
    let text = text.get(..usize::from(*length))?;
    String::from_utf8(text.to_vec()).ok()
}
