//! The gate, without a network: which header does what on which channel.

use http::header::{AUTHORIZATION, HeaderMap};

use exgate_runtime::clock::Clock;

use super::ntlm::Target;
use super::*;
use crate::accounts::Accounts;

fn gate(methods: &[Method]) -> Gate {
    let offer = SignIn { methods: methods.to_vec(), ..SignIn::default() };
    let target = Target {
        domain: "CONTOSO".to_owned(),
        server: "EX01".to_owned(),
        dns_domain: "contoso.com".to_owned(),
        dns_server: "ex01.contoso.com".to_owned(),
    };
    let accounts = Accounts::only(vec![Account::new("CONTOSO\\svc-admin", "correct")]);
    Gate::new(&offer, accounts, target, Clock::system()).unwrap()
}

fn tls(client: Option<CertificateDer<'static>>) -> Caller {
    Caller::new(Channel::Tls { end_point: Arc::from(b"here".as_slice()), client })
}

fn with(authorization: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, authorization.parse().unwrap());
    headers
}

fn named(step: Step) -> (bool, Vec<String>) {
    let texts = |values: Vec<HeaderValue>| {
        values.iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    };
    match step {
        Step::Challenge(values) => (false, texts(values)),
        Step::Refused(values) => (true, texts(values)),
        Step::SignedIn { .. } => panic!("signed in"),
    }
}

#[test]
fn basic_is_for_tls_alone() {
    let gate = gate(&[Method::Basic]);
    let good = with(&format!("Basic {}", STANDARD.encode("svc-admin:correct")));
    let wrong = with(&format!("Basic {}", STANDARD.encode("svc-admin:wrong")));
    let mut caller = tls(None);
    let offered = "Basic realm=\"ex01.contoso.com\"".to_owned();
    assert_eq!(named(gate.step(&mut caller, &HeaderMap::new())), (false, vec![offered.clone()]));
    assert_eq!(named(gate.step(&mut caller, &wrong)), (true, vec![offered]));
    let step = gate.step(&mut caller, &good);
    assert!(
        matches!(step, Step::SignedIn { ref account, proof: None } if account.name == "CONTOSO\\svc-admin")
    );
    assert!(matches!(gate.step(&mut caller, &HeaderMap::new()), Step::Challenge(_)));
    let mut plain = Caller::new(Channel::Plain);
    assert_eq!(named(gate.step(&mut plain, &good)), (true, Vec::new()));
}

#[test]
fn what_is_offered_is_named_and_nothing_else_is_taken() {
    let gate = gate(&[Method::Ntlm]);
    let mut caller = Caller::new(Channel::Plain);
    let offered = vec!["Negotiate".to_owned(), "NTLM".to_owned()];
    assert_eq!(named(gate.step(&mut caller, &HeaderMap::new())), (false, offered.clone()));
    for header in
        ["Negotiate", "Negotiate !", "Negotiate TlRMTVNTUAA=", "Kerberos YAA=", "NTLM YAA="]
    {
        let step = gate.step(&mut caller, &with(header));
        assert_eq!(named(step).1, offered, "{header}");
        assert!(caller.sealer().is_none());
    }
    let basic = with(&format!("Basic {}", STANDARD.encode("svc-admin:correct")));
    assert_eq!(named(gate.step(&mut tls(None), &basic)), (true, offered));
}

#[test]
fn a_certificate_stands_for_its_principal() {
    let gate = gate(&[Method::Certificate]);
    let authority = crate::winrm::certificates::Authority::open(None).unwrap();
    let made = |principal: &str| {
        use rustls_pki_types::pem::PemObject;
        let made = authority.client(principal).unwrap();
        CertificateDer::from_pem_slice(made.certificate.as_bytes()).unwrap()
    };
    let known = made("svc-admin@contoso.com");
    assert_eq!(certificate::names(&known), ["svc-admin@contoso.com", "svc-admin@contoso.com"]);
    let step = gate.step(&mut tls(Some(known)), &HeaderMap::new());
    assert!(matches!(step, Step::SignedIn { proof: None, .. }));
    let step = gate.step(&mut tls(Some(made("nobody@contoso.com"))), &HeaderMap::new());
    assert!(matches!(step, Step::Refused(_)));
    assert!(matches!(gate.step(&mut tls(None), &HeaderMap::new()), Step::Challenge(_)));
}
