//! A peer that answers with given bytes over real TLS, so that every status and every way to break
//! off is met once.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::credentials::Credentials;

const LIMIT: Duration = Duration::from_secs(10);

/// Whom the peer's certificate is for and by.
const SELF: &str = "CN=rcgen self signed cert";
/// In place of an answer: the connection stays open and nothing is said.
const SILENCE: &str = "silence";

/// Serves one connection: for each answer one request is read; then the connection closes.
struct Peer {
    port: u16,
    folder: tempfile::TempDir,
    requests: JoinSet<Vec<String>>,
}

impl Peer {
    async fn answering(answers: Vec<String>) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), cert.pem()).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut requests = JoinSet::new();
        requests.spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = TlsAcceptor::from(Arc::new(config));
            let mut stream = acceptor.accept(stream).await.unwrap();
            let mut seen = Vec::new();
            for answer in answers {
                seen.push(read_request(&mut stream).await);
                if answer == SILENCE {
                    std::future::pending::<()>().await;
                }
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            drop(stream.shutdown().await);
            seen
        });
        Self { port, folder, requests }
    }

    fn transport(&self) -> Transport {
        let endpoint = format!("https://localhost:{}/PowerShell/", self.port).parse().unwrap();
        let authentication =
            Authentication::Basic(Credentials::new("EXAMPLE\\svc", "secret").unwrap());
        let anchors = TrustAnchors::File(self.folder.path().join("ca.pem"));
        Transport::new(endpoint, authentication, &anchors).unwrap()
    }

    async fn connect(&self) -> Connection {
        Connection::open(&self.transport(), Cookies::default()).await.unwrap()
    }
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let length = stream.read(&mut buffer).await.unwrap();
        bytes.extend_from_slice(&buffer[..length]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let lower = head.to_lowercase();
        let (_, rest) = lower.split_once("content-length: ").unwrap();
        if body.len() >= rest.split("\r\n").next().unwrap().parse().unwrap() {
            return text;
        }
    }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len())
}

async fn failure(reply: String) -> HttpError {
    let peer = Peer::answering(vec![reply]).await;
    let mut connection = peer.connect().await;
    connection.post("", Bytes::from_static(b"<x/>"), LIMIT).await.unwrap_err()
}

#[tokio::test]
async fn a_request_carries_name_account_and_cookies_on_one_connection() {
    let mut peer = Peer::answering(vec![
        answer("200 OK", "Set-Cookie: X-BackEndCookie=b1; path=/\r\nX-FEServer: CAS01\r\n", "<a/>"),
        answer("500 Fault", "", "<fault/>"),
    ])
    .await;

    let mut connection = peer.connect().await;
    let first = connection.post("a=b", Bytes::from_static(b"<one/>"), LIMIT).await.unwrap();
    let second = connection.post("", Bytes::from_static(b"<two/>"), LIMIT).await.unwrap();

    assert!(first.success && !second.success);
    assert_eq!(first.front_end.as_deref(), Some("CAS01"));
    assert_eq!((&*first.body, &*second.body), (&b"<a/>"[..], &b"<fault/>"[..]));
    let seen = peer.requests.join_next().await.unwrap().unwrap();
    assert!(seen[0].starts_with("POST /PowerShell/?a=b HTTP/1.1\r\n"), "{}", seen[0]);
    assert!(seen[0].contains(&format!("host: localhost:{}\r\n", peer.port)), "{}", seen[0]);
    assert!(seen[0].contains("authorization: Basic RVhBTVBMRVxzdmM6c2VjcmV0\r\n"), "{}", seen[0]);
    assert!(seen[0].contains("content-type: application/soap+xml;charset=UTF-8\r\n"));
    assert!(!seen[0].contains("cookie:"));
    assert!(seen[1].contains("cookie: X-BackEndCookie=b1\r\n"), "{}", seen[1]);
}

#[tokio::test]
async fn every_status_has_its_own_error() {
    let offers = "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: Kerberos\r\n";
    let error = failure(answer("401 No", offers, "")).await;
    assert!(!error.may_have_acted());
    assert_eq!(
        error.to_string(),
        "'localhost' refused to sign in 'EXAMPLE\\svc' by Basic (it offers: Negotiate, Kerberos)"
    );
    let error = failure(answer("403 No", "", "")).await;
    assert!(matches!(error, HttpError::Forbidden { .. }), "{error:?}");
    let error = failure(answer("302 Found", "Location: https://elsewhere/\r\n", "")).await;
    assert!(
        matches!(&error, HttpError::Redirected { location, .. } if location == "https://elsewhere/"),
        "{error:?}"
    );
    let error = failure(answer("503 Down", "Retry-After: 7\r\n", "")).await;
    assert!(
        matches!(error, HttpError::Unavailable { retry_after: Some(wait), .. } if wait.as_secs() == 7),
        "{error:?}"
    );
    let error = failure(answer("400 Bad", "", "")).await;
    assert!(matches!(error, HttpError::Status { status: 400, .. }) && !error.may_have_acted());
}

#[tokio::test]
async fn an_answer_that_breaks_off_may_have_taken_effect() {
    let cut = failure("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<half".to_owned()).await;
    assert!(matches!(cut, HttpError::Interrupted { .. }) && cut.may_have_acted(), "{cut:?}");
    let nothing = failure(String::new()).await;
    assert!(matches!(nothing, HttpError::Interrupted { .. }), "{nothing:?}");
    let huge = failure("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n".to_owned()).await;
    assert!(matches!(huge, HttpError::TooLarge { .. }), "{huge:?}");
}

#[tokio::test]
async fn a_silent_server_is_left_after_the_limit() {
    let peer = Peer::answering(vec![SILENCE.to_owned()]).await;
    let mut connection = peer.connect().await;
    let soon = Duration::from_millis(50);
    let error = connection.post("", Bytes::from_static(b"<x/>"), soon).await.unwrap_err();
    assert!(matches!(error, HttpError::TimedOut { .. }) && error.may_have_acted(), "{error:?}");
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_that_no_trusted_authority_vouches_for() {
    let mut peer = Peer::answering(vec![]).await;
    let stranger = Peer::answering(vec![]).await;
    let transport = Transport { tls: stranger.transport().tls, ..peer.transport() };
    let error = Connection::open(&transport, Cookies::default()).await.unwrap_err();
    let HttpError::Certificate { proxy: None, source, .. } = &error else { panic!("{error:?}") };
    assert!(source.is_of_stranger(), "{source}");
    assert_eq!((source.subject.as_str(), source.issuer.as_str()), (SELF, SELF));
    assert!(peer.requests.join_next().await.unwrap().is_err(), "the handshake failed there too");
}

#[tokio::test]
async fn a_closed_port_and_an_unknown_name_are_told_apart() {
    let peer = Peer::answering(vec![]).await;
    let port = {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        free.local_addr().unwrap().port()
    };
    let to = |url: String| Transport { endpoint: url.parse().unwrap(), ..peer.transport() };
    let closed = to(format!("https://localhost:{port}/"));
    let error = Connection::open(&closed, Cookies::default()).await.unwrap_err();
    assert!(matches!(error, HttpError::Connect { .. }), "{error:?}");
    let unknown = to("https://no-such-host.invalid/".to_owned());
    let error = Connection::open(&unknown, Cookies::default()).await.unwrap_err();
    assert!(
        matches!(error, HttpError::Resolve { .. } | HttpError::ConnectTimedOut { .. }),
        "{error:?}"
    );
}

#[test]
fn a_password_never_goes_over_plain_http() {
    let authentication = Authentication::Basic(Credentials::new("svc", "secret").unwrap());
    let endpoint = "http://cas01.example.com/PowerShell/".parse().unwrap();
    let error = Transport::new(endpoint, authentication, &TrustAnchors::Platform).unwrap_err();
    assert!(matches!(error, TransportError::PlainText { .. }), "{error:?}");
    assert!(!format!("{error:?}{error}").contains("secret"));
}
