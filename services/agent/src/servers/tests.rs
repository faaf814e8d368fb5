//! A house with three servers, of which some are down: who is asked, who takes over, who comes back.

use exgate_exchange::credentials::Credentials;
use exgate_exchange::http::{Authentication, HttpError, Transport, TrustAnchors};

use super::*;

const PRIMARY: &str = "ex01.contoso.com";
const SECOND: &str = "ex02.contoso.com";
const THIRD: &str = "ex03.contoso.com";

/// Servers of an organization with three of them, of which some are down.
struct House {
    servers: Arc<Servers>,
    folder: tempfile::TempDir,
}

fn settings() -> Settings {
    Settings { failover: true, discover: true, primary_retry: Duration::from_secs(1) }
}

impl House {
    fn with(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { servers: Arc::new(start(settings, folder.path())), folder }
    }

    /// All three, found in the organization.
    fn found() -> Self {
        let house = Self::with(settings());
        house.servers.learn(&[row(THIRD), row(PRIMARY), row(SECOND)], Some("EX01"));
        house
    }

    async fn open(&self, down: &[&str]) -> Result<String, SessionError> {
        open(&self.servers, down).await
    }
}

fn start(settings: Settings, spool: &Path) -> Servers {
    exgate_runtime::install_crypto_provider();
    let credentials = Credentials::new(r"CONTOSO\svc", "secret").unwrap();
    let endpoint = format!("https://{PRIMARY}/").parse().unwrap();
    let authentication = Authentication::Basic(credentials);
    let ca = spool.join("ca.pem");
    let authority = rcgen::generate_simple_self_signed([PRIMARY.to_owned()]).unwrap();
    std::fs::write(&ca, authority.cert.pem()).unwrap();
    let anchors = TrustAnchors::File(ca);
    let transport = Transport::new(endpoint, authentication, &anchors).unwrap();
    Servers::new(Options::new(transport), settings, spool, Metrics::new())
}

/// Opens a session where the named hosts are down; tells where it was opened.
async fn open(servers: &Servers, down: &[&str]) -> Result<String, SessionError> {
    let opened = servers.open(async |options: Options| {
        let host = options.transport.endpoint().host().to_owned();
        if down.contains(&host.as_str()) { Err(gone(&host)) } else { Ok(host) }
    });
    let (host, named) = opened.await?;
    assert_eq!(host, named);
    assert!(servers.is_current(&host));
    Ok(host)
}

fn gone(host: &str) -> SessionError {
    let source = std::io::ErrorKind::ConnectionRefused.into();
    HttpError::Connect { host: host.to_owned(), port: 443, source }.into()
}

fn refused() -> SessionError {
    let (host, account) = (PRIMARY.to_owned(), "svc".to_owned());
    HttpError::Unauthorized { host, account, scheme: "Basic", offered: "Basic".to_owned() }.into()
}

fn row(host: &str) -> ServerRow {
    ServerRow {
        name: Some(host.split('.').next().unwrap().to_uppercase()),
        fqdn: Some(host.to_owned()),
        version: Some("Version 15.2 (Build 1748.10)".parse().unwrap()),
        is_client_access_server: Some(true),
        ..ServerRow::default()
    }
}

fn good_probes(servers: &Servers) {
    let mut state = servers.state();
    state.good_probes = PROBES_GOOD_MIN;
    servers.return_if_due(&mut state);
}

#[tokio::test]
async fn the_next_server_takes_over_and_keeps_it_until_the_primary_is_steady() {
    let house = House::found();
    assert_eq!(house.open(&[]).await.unwrap(), PRIMARY);
    assert_eq!(house.open(&[PRIMARY]).await.unwrap(), SECOND);
    let standing = house.servers.standing().borrow().clone();
    assert_eq!((standing.primary.as_str(), standing.current.as_str()), (PRIMARY, SECOND));
    assert!(standing.fallback_since.is_some());
    let [primary, second, _] = standing.servers.as_slice() else { panic!("{standing:?}") };
    assert_eq!((primary.breaker, second.breaker), (BreakerState::Open, BreakerState::Closed));
    assert!(primary.problem.contains("cannot connect to 'ex01"), "{primary:?}");
    // It is up again; nobody hurries back.
    assert_eq!(house.open(&[]).await.unwrap(), SECOND);
    assert_eq!(house.open(&[PRIMARY, SECOND]).await.unwrap(), THIRD);

    let looking = house.servers.look();
    good_probes(&house.servers);
    assert_eq!(house.servers.current(), THIRD, "in the middle of a look nobody returns");
    drop(looking);
    let standing = house.servers.standing().borrow().clone();
    assert_eq!((standing.current.as_str(), standing.fallback_since), (PRIMARY, None));
    assert_eq!(standing.servers[0].problem, "");
    assert_eq!(house.open(&[]).await.unwrap(), PRIMARY);
}

#[tokio::test]
async fn with_nobody_up_the_primary_is_tried_each_time() {
    let house = House::found();
    let all = [PRIMARY, SECOND, THIRD];
    for _ in 0..3 {
        let error = house.open(&all).await.unwrap_err();
        assert!(exgate_runtime::report(&error).contains("ex01"), "{error:?}");
    }
    assert_eq!(house.open(&[]).await.unwrap(), PRIMARY, "nothing is waited for");
}

#[tokio::test]
async fn a_refused_account_is_tried_nowhere_else() {
    let house = House::found();
    let tried = std::sync::atomic::AtomicU32::new(0);
    let opened = house.servers.open(async |_| {
        tried.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Err::<(), _>(refused())
    });
    opened.await.unwrap_err();
    assert_eq!(tried.into_inner(), 1);
    assert_eq!(house.servers.current(), PRIMARY);
}

#[tokio::test]
async fn without_failover_the_primary_is_waited_for() {
    let house = House::with(Settings { failover: false, ..settings() });
    house.servers.learn(&[row(PRIMARY), row(SECOND)], Some("EX01"));
    for _ in 0..3 {
        house.open(&[PRIMARY]).await.unwrap_err();
    }
    let standing = house.servers.standing().borrow().clone();
    assert_eq!((standing.current.as_str(), standing.failover), (PRIMARY, false));
    assert_eq!(standing.servers.len(), 1);
    assert_eq!(standing.servers[0].breaker, BreakerState::Open);
    assert_eq!(house.open(&[]).await.unwrap(), PRIMARY);
}

#[tokio::test]
async fn an_agent_that_starts_while_its_primary_is_down_knows_where_to_go() {
    let house = House::found();
    let again = start(settings(), house.folder.path());
    assert_eq!(open(&again, &[PRIMARY]).await.unwrap(), SECOND);
    std::fs::remove_file(house.folder.path().join("servers.json")).unwrap();
    let forgetful = start(settings(), house.folder.path());
    open(&forgetful, &[PRIMARY]).await.unwrap_err();
}

#[tokio::test]
async fn a_server_that_loses_its_sessions_is_left() {
    let house = House::found();
    for _ in 0..breaker::STUMBLES_MAX {
        assert_eq!(house.open(&[]).await.unwrap(), PRIMARY);
        house.servers.lost(PRIMARY);
    }
    assert_eq!(house.open(&[]).await.unwrap(), SECOND);
}

#[tokio::test]
async fn a_server_in_use_that_is_listed_no_more_is_kept_until_it_is_left() {
    let house = House::found();
    assert_eq!(house.open(&[PRIMARY]).await.unwrap(), SECOND);
    house.servers.learn(&[row(PRIMARY), row(THIRD)], Some("EX02"));
    assert_eq!(house.open(&[]).await.unwrap(), SECOND);
    assert_eq!(house.open(&[PRIMARY, SECOND]).await.unwrap(), THIRD);
}
