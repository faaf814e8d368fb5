//! What somebody between could do, and a server that forgets who signed in.

use exgate_exchange::cmdlets::{self, DeviceFamily, DeviceSelection, ResultSize};
use exgate_exchange::error::{CmdletError, SessionError};
use exgate_exchange::http::{Authentication, HttpError, SignInError};
use exgate_tests::scenario;

use super::realm::{Over, Realm, Server, ntlm, sign_in_error};

/// Opens a session and lists devices; the server misbehaves on the way.
async fn cheated(server: &Server, word: &str, by: Authentication) -> SessionError {
    let session = match server.open(Over::Http, word, by).await {
        Ok(session) => session,
        Err(error) => return error,
    };
    let every = cmdlets::get_device(
        DeviceFamily::Mobile,
        DeviceSelection::All,
        ResultSize::Unlimited,
        None,
    );
    let cheated = match session.run(every).await {
        Ok(stream) => stream.collect().await.map(drop),
        Err(error) => Err(error),
    };
    match cheated.unwrap_err() {
        CmdletError::Session { source, .. } => source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_changed_a_cut_a_repeated_and_an_open_answer_end_the_session() {
    scenario(async {
        let folder = tempfile::tempdir().unwrap();
        let Some(realm) = Realm::start("cheating", folder.path()).await else { return };
        for by in
            [realm.by_password(), Authentication::Ntlm(ntlm()), Authentication::Negotiate(ntlm())]
        {
            let scheme = by.scheme();
            for word in ["tampered", "cut"] {
                let error = sign_in_error(cheated(&realm.server, word, by.clone()).await);
                assert!(matches!(error, SignInError::Tampered { .. }), "{scheme} {word} {error:?}");
            }
            let error = sign_in_error(cheated(&realm.server, "unsealed", by.clone()).await);
            assert!(matches!(error, SignInError::Unsealed), "{scheme} {error:?}");
            // The library refuses NTLM's repetition by its order; Kerberos's is ours to find.
            let error = sign_in_error(cheated(&realm.server, "replayed", by.clone()).await);
            let is_found = match by {
                Authentication::Kerberos(_) => matches!(error, SignInError::Replayed),
                _ => matches!(error, SignInError::Tampered { .. }),
            };
            assert!(is_found, "{scheme} {error:?}");
        }
    });
}

#[test]
fn a_server_that_does_not_prove_itself_gets_no_request() {
    scenario(async {
        let folder = tempfile::tempdir().unwrap();
        let Some(realm) = Realm::start("an unproved server", folder.path()).await else { return };
        for word in ["no-proof", "changed-proof", "cut-proof"] {
            for over in [Over::Http, Over::Https] {
                let error = realm.server.refusal(over, word, realm.by_password()).await;
                assert!(matches!(error, SignInError::MutualAuthFailed { .. }), "{word} {error:?}");
            }
        }
    });
}

#[test]
fn a_401_in_the_middle_of_a_session_signs_in_anew_and_a_second_is_final() {
    scenario(async {
        let folder = tempfile::tempdir().unwrap();
        let Some(realm) = Realm::start("a forgetful server", folder.path()).await else { return };
        let every = || {
            let selection = DeviceSelection::All;
            cmdlets::get_device(DeviceFamily::Mobile, selection, ResultSize::Unlimited, None)
        };
        for over in [Over::Http, Over::Https] {
            // The third request is the cmdlet's own.
            let session = realm.server.open(over, "forget", realm.by_password()).await.unwrap();
            assert_eq!(session.run(every()).await.unwrap().collect().await.unwrap().len(), 20);
            session.close().await.unwrap();

            let session = realm.server.open(over, "forget-all", realm.by_password()).await.unwrap();
            let error = session.run(every()).await.unwrap().collect().await.unwrap_err();
            assert!(
                matches!(
                    &error,
                    CmdletError::Session {
                        source: SessionError::Transport { source: HttpError::SignedOut { .. } },
                        ..
                    }
                ),
                "{over:?} {error:?}"
            );
        }
    });
}
