//! Every refusal has its own error, and only those that could lock an account are final.

use exgate_exchange::credentials::{Credentials, CredentialsError, Key, KeytabError, Principal};
use exgate_exchange::error::Retry;
use exgate_exchange::http::{Authentication, HttpError, KerberosAccount, SignInError};
use exgate_tests::kdc::REALM;
use exgate_tests::ports::free_port;
use exgate_tests::scenario;
use tokio::net::TcpListener;

use super::realm::{Over, PASSWORD, Realm, Server, ntlm};

/// Whether the agent must not try again by itself.
fn is_final(source: SignInError) -> bool {
    let error = HttpError::SignIn { host: "localhost".into(), source };
    assert_eq!(error.retry(), Retry::Never);
    error.refuses_account()
}

#[test]
fn every_refusal_of_the_directory_has_its_own_error() {
    scenario(async {
        let folder = tempfile::tempdir().unwrap();
        let Some(realm) = Realm::start("refusals of a KDC", folder.path()).await else { return };
        let failed = async |account: KerberosAccount| {
            realm.server.refusal(Over::Http, "", Authentication::Kerberos(account)).await
        };
        let account = |name: &str| realm.account(name, PASSWORD);

        let error = failed(realm.account("svc-exgate", "wrong")).await;
        assert!(matches!(error, SignInError::BadCredentials { .. }) && is_final(error));
        let error = failed(account("nobody")).await;
        assert!(matches!(error, SignInError::UnknownAccount { .. }) && is_final(error));
        let error = failed(account("locked")).await;
        assert!(matches!(error, SignInError::AccountLocked { .. }) && is_final(error));
        let error = failed(account("expired")).await;
        assert!(matches!(error, SignInError::AccountExpired { .. }) && is_final(error));
        let error = failed(account("stale")).await;
        assert!(matches!(error, SignInError::PasswordExpired { .. }) && is_final(error));
        let error = failed(account("careless")).await;
        assert!(matches!(error, SignInError::NoPreauthentication { .. }) && !is_final(error));
        let error = failed(account("svc-exgate").for_service("HTTP/nobody.contoso.test")).await;
        assert!(
            matches!(&error, SignInError::WrongSpn { spn } if spn == "HTTP/nobody.contoso.test")
        );
        assert!(!is_final(error));
        let error = failed(account("svc-exgate").for_service("HTTP/elsewhere")).await;
        assert!(matches!(error, SignInError::TicketRefused { .. }) && !is_final(error));
        // A password that is right, of an account without an AES256 key: the KDC cannot tell.
        let error = failed(account("weak")).await;
        assert!(matches!(error, SignInError::BadCredentials { .. }) && is_final(error));
        let error = failed(account("svc-exgate").for_service("HTTP/weak")).await;
        assert!(
            matches!(error, SignInError::NoAes256 { .. }) && !is_final(error),
            "AES128 session"
        );

        let table = std::fs::read(realm.path("weak.keytab")).unwrap();
        let error = Key::find(&table, &Principal::parse("weak", Some(REALM)).unwrap()).unwrap_err();
        assert!(
            matches!(error, CredentialsError::Keytab { source: KeytabError::Type { .. } }),
            "{error:?}"
        );
    });
}

#[test]
fn a_kdc_that_is_down_or_silent_is_named() {
    scenario(async {
        let folder = tempfile::tempdir().unwrap();
        let Some(server) = Server::start("an unreachable KDC", folder.path(), None).await else {
            return;
        };
        // Takes the connection, says nothing.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (down, silent) = (free_port(), silent.local_addr().unwrap().port());
        let credentials = Credentials::new(format!("svc@{REALM}"), PASSWORD).unwrap();
        let kdcs = [down, silent].map(|port| format!("127.0.0.1:{port}").parse().unwrap());
        let account = KerberosAccount::with_password(&credentials, None).unwrap().at(kdcs.to_vec());
        let error = server.refusal(Over::Http, "", Authentication::Kerberos(account)).await;
        let SignInError::KdcUnreachable { realm, tried, .. } = &error else { panic!("{error:?}") };
        assert_eq!(realm, REALM);
        assert_eq!(*tried, format!("127.0.0.1:{down}, 127.0.0.1:{silent}"));
        let error = HttpError::SignIn { host: "localhost".into(), source: error };
        assert!(matches!(error.retry(), Retry::After(_)) && !error.refuses_account());
    });
}

#[test]
fn ntlm_refusals_and_a_foreign_channel_are_told_apart_from_a_scheme_that_is_not_offered() {
    scenario(async {
        let folder = tempfile::tempdir().unwrap();
        let Some(server) = Server::start("refusals of NTLM", folder.path(), None).await else {
            return;
        };
        for (account, password) in [(r"CONTOSO\svc-exgate", "wrong"), (r"CONTOSO\nobody", PASSWORD)]
        {
            let credentials = Credentials::new(account, password).unwrap();
            let error = server.refusal(Over::Http, "", Authentication::Ntlm(credentials)).await;
            assert!(matches!(error, SignInError::BadCredentials { .. }) && is_final(error));
        }
        // Bound to this channel, checked against another: what a relay would meet.
        let by = Authentication::Ntlm(ntlm());
        let error = server.refusal(Over::Https, "bound-elsewhere", by).await;
        assert!(matches!(error, SignInError::BadCredentials { .. }), "{error:?}");
        let error = server.refusal(Over::Http, "basic", Authentication::Ntlm(ntlm())).await;
        assert!(
            matches!(&error, SignInError::NotOffered { offered, .. } if offered == "Basic"),
            "{error:?}"
        );
        // A KDC that is down never turns Kerberos into NTLM.
        let account = KerberosAccount::with_password(&ntlm(), Some(REALM)).unwrap();
        let by = Authentication::Kerberos(account.at(vec!["127.0.0.1:1".parse().unwrap()]));
        let error = server.refusal(Over::Http, "", by).await;
        assert!(matches!(error, SignInError::KdcUnreachable { .. }), "{error:?}");
    });
}
