//! What a server offers, what is chosen, and what a token looks like.

use super::*;
use crate::credentials::Credentials;
use crate::http::KerberosAccount;

fn offering(values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn credentials() -> Credentials {
    Credentials::new("svc@contoso.test", "secret").unwrap()
}

fn kerberos() -> Authentication {
    Authentication::Kerberos(KerberosAccount::with_password(&credentials(), None).unwrap())
}

#[test]
fn the_best_offered_scheme_is_chosen_and_never_another() {
    let ntlm = Authentication::Ntlm(credentials());
    let negotiate = Authentication::Negotiate(credentials());
    let all = ["Negotiate", "Kerberos", "NTLM", "Basic realm=\"a, b\""];
    type Case<'c> = (&'c Authentication, &'c [&'c str], Option<Scheme>);
    let cases: [Case<'_>; 8] = [
        (&kerberos(), &all, Some(Scheme::Kerberos)),
        (&kerberos(), &["negotiate, NTLM"], Some(Scheme::Negotiate)),
        (&kerberos(), &["NTLM", "Basic realm=\"x\""], None),
        (&ntlm, &all, Some(Scheme::Negotiate)),
        (&ntlm, &["NTLM"], Some(Scheme::Ntlm)),
        (&ntlm, &["Kerberos"], None),
        (&negotiate, &all, Some(Scheme::Negotiate)),
        (&negotiate, &["NTLM"], None),
    ];
    for (authentication, offers, expected) in cases {
        let chosen = Scheme::choose(authentication, &offering(offers));
        assert_eq!(chosen.as_ref().ok().copied(), expected, "{authentication:?} {offers:?}");
        if let Err(error) = chosen {
            assert!(error.to_string().contains(&offered(&offering(offers))), "{error}");
        }
    }
}

#[test]
fn a_token_is_read_from_its_own_scheme() {
    let headers = offering(&["Basic realm=\"x\"", "Negotiate", "Kerberos YWJj"]);
    assert_eq!(token(&headers, Scheme::Kerberos).unwrap(), Some(b"abc".to_vec()));
    assert_eq!(token(&headers, Scheme::Negotiate).unwrap(), None);
    let broken = token(&offering(&["NTLM a b"]), Scheme::Ntlm).unwrap_err();
    assert!(matches!(broken, SignInError::Protocol { .. }), "{broken:?}");
    let long = format!("NTLM {}", "A".repeat(TOKEN_BYTES_MAX + 1));
    assert!(token(&offering(&[&long]), Scheme::Ntlm).is_err());
}

#[test]
fn the_service_is_the_name_in_the_address() {
    let endpoint = "https://CAS01.Contoso.com:8443/PowerShell/".parse().unwrap();
    assert_eq!(spn(&kerberos(), &endpoint), "HTTP/cas01.contoso.com");
    let account = KerberosAccount::with_password(&credentials(), None).unwrap();
    let other = Authentication::Kerberos(account.for_service("HTTP/mail.contoso.com"));
    assert_eq!(spn(&other, &endpoint), "HTTP/mail.contoso.com");
}

#[test]
fn no_secret_is_printed() {
    for authentication in [kerberos(), Authentication::Ntlm(credentials())] {
        let printed = format!("{authentication:?}");
        assert!(!printed.contains("secret"), "{printed}");
        let parties = Parties {
            account: authentication.account(),
            spn: "HTTP/cas01".into(),
            authentication: &authentication,
        };
        let mechanism = format!("{:?}", parties.mechanism(None).unwrap());
        assert!(mechanism == "Kerberos" || mechanism == "Ntlm", "{mechanism}");
    }
}
