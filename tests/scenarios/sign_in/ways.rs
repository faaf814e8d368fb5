//! Every way in, over and over, and long conversations.

use std::time::Duration;

use uuid::Uuid;

use exgate_exchange::cmdlets::{self, DeviceFamily, DeviceSelection, ResultSize};
use exgate_exchange::http::{Authentication, ClientCertificate, Connection, Cookies, Transport};
use exgate_exchange::session::Session;
use exgate_exchange::wsman::Client;
use exgate_tests::scenario;

use super::realm::{Over, Realm, Server, ntlm};

/// Sessions a way, each on connections of its own.
const SESSIONS: usize = 100;
/// Fewer by password: turning it into a key is slow on purpose.
const SESSIONS_BY_PASSWORD: usize = 10;
/// Messages in one context.
const MESSAGES: usize = 2_000;
const LIMIT: Duration = Duration::from_secs(30);

/// Lists the server's devices, which fills several sealed answers.
async fn work(session: Session) {
    let every = cmdlets::get_device(
        DeviceFamily::Mobile,
        DeviceSelection::All,
        ResultSize::Unlimited,
        None,
    );
    assert_eq!(session.run(every).await.unwrap().collect().await.unwrap().len(), 20);
    session.close().await.unwrap();
}

/// Connections that are opened, signed in and used, one after the other.
async fn again_and_again(transport: &Transport, times: usize) {
    for _ in 0..times {
        let mut connection = Connection::open(transport, Cookies::default()).await.unwrap();
        say(&mut connection, transport).await;
    }
}

async fn say(connection: &mut Connection, transport: &Transport) {
    let client = Client::new(transport.endpoint().to_string(), Uuid::new_v4());
    let envelope = client.delete(Uuid::new_v4(), "none");
    assert!(connection.post("", envelope.into(), LIMIT).await.unwrap().success);
}

#[test]
fn kerberos_signs_in_by_password_and_by_key_sealed_and_inside_tls() {
    scenario(async {
        let folder = tempfile::tempdir().unwrap();
        let Some(realm) = Realm::start("Kerberos", folder.path()).await else { return };
        for (over, word) in [
            (Over::Http, ""),
            (Over::Https, ""),
            (Over::Http, "negotiate"),
            (Over::Https, "negotiate"),
        ] {
            for by in [realm.by_password(), realm.by_key()] {
                work(realm.server.open(over, word, by).await.unwrap()).await;
            }
        }
        // Another KDC first, which is down.
        let kdcs = ["127.0.0.1:1".parse().unwrap(), realm.kdc.address().parse().unwrap()];
        let account = realm.account("svc-exgate", super::realm::PASSWORD).at(kdcs.to_vec());
        work(realm.server.open(Over::Http, "", Authentication::Kerberos(account)).await.unwrap())
            .await;
    });
}

#[test]
fn kerberos_holds_a_hundred_sessions_and_thousands_of_messages() {
    scenario(async {
        let folder = tempfile::tempdir().unwrap();
        let Some(realm) = Realm::start("Kerberos, often", folder.path()).await else { return };
        let transport = realm.server.transport(Over::Http, "echo", realm.by_password());
        again_and_again(&transport, SESSIONS_BY_PASSWORD).await;
        let transport = realm.server.transport(Over::Http, "echo", realm.by_key());
        again_and_again(&transport, SESSIONS).await;
        let mut connection = Connection::open(&transport, Cookies::default()).await.unwrap();
        for _ in 0..MESSAGES {
            say(&mut connection, &transport).await;
        }
    });
}

#[test]
fn ntlm_signs_in_sealed_and_bound_to_its_channel() {
    scenario(async {
        let folder = tempfile::tempdir().unwrap();
        let Some(server) = Server::start("NTLM", folder.path(), None).await else { return };
        for over in [Over::Http, Over::Https] {
            for word in ["", "negotiate", "ntlm"] {
                let by = Authentication::Ntlm(ntlm());
                work(server.open(over, word, by).await.unwrap()).await;
            }
            let by = Authentication::Negotiate(ntlm());
            work(server.open(over, "", by).await.unwrap()).await;
        }
    });
}

#[test]
fn ntlm_holds_a_hundred_sessions_and_thousands_of_messages() {
    scenario(async {
        let folder = tempfile::tempdir().unwrap();
        let Some(server) = Server::start("NTLM, often", folder.path(), None).await else { return };
        for by in [Authentication::Ntlm(ntlm()), Authentication::Negotiate(ntlm())] {
            let transport = server.transport(Over::Http, "echo", by);
            again_and_again(&transport, SESSIONS).await;
            let mut connection = Connection::open(&transport, Cookies::default()).await.unwrap();
            for _ in 0..MESSAGES {
                say(&mut connection, &transport).await;
            }
        }
    });
}

#[test]
fn a_certificate_signs_in_inside_tls() {
    scenario(async {
        let folder = tempfile::tempdir().unwrap();
        let Some(server) = Server::start("a certificate", folder.path(), None).await else {
            return;
        };
        let (chain, key) =
            (std::fs::read(&server.client).unwrap(), std::fs::read(&server.client_key).unwrap());
        let own = ClientCertificate::from_pem("svc-exgate", &chain, &key).unwrap();
        let by = Authentication::Certificate(own);
        work(server.open(Over::Certificates, "", by).await.unwrap()).await;
        // Without it the server hangs up.
        let by = Authentication::Basic(ntlm());
        server.open(Over::Certificates, "", by).await.map(drop).unwrap_err();
    });
}
