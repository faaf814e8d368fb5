//! How Exchange is reached: through a proxy that nobody here wrote, by redirects that may or may not be
//! followed, and past something that breaks TLS open.

use std::path::Path;

use exgate_agent::Agent;
use exgate_agent::config::Config;
use exgate_runtime::config::SecretFile;
use exgate_runtime::{Asked, Findings};
use exgate_tests::operator::SOON;
use exgate_tests::peers::{Peer, Peers};
use exgate_tests::setup::{load, write_secret};
use exgate_tests::world::{Options, Part, World};
use exgate_tests::{eventually, is, scenario};
use serde_json::Value;

const ORGANIZATION: &str = "contoso";
const PROXY_USER: &str = "proxy-svc";
const PROXY_PASSWORD: &str = "proxy horse battery";

/// A house that has an Exchange and nobody else yet.
async fn exchange_alone() -> World {
    let mut world = World::empty(Options::default()).await;
    world.begin(Part::Exchange).await;
    world
}

/// The agent's settings in this house, changed a little.
fn settings(world: &World, change: impl FnOnce(&mut Config)) -> Config {
    let mut config = load::<Config>(world.setup.agent(ORGANIZATION));
    change(&mut config);
    config
}

/// Goes the whole way to Exchange once.
async fn preflight(config: Config) -> Findings {
    exgate_runtime::install_crypto_provider();
    Agent::doctor(config, Asked::default()).await
}

/// Asserts that the way ended at this step, with all of these texts in its one line.
#[track_caller]
fn ended(findings: &Findings, step: &str, texts: &[&str]) {
    assert!(!findings.is_well, "{findings:#?}");
    let last = findings.lines.iter().rfind(|line| line.starts_with("failed")).expect("a line");
    assert!(last.starts_with(&format!("failed  {step}: ")), "{findings:#?}");
    for text in texts {
        assert!(last.contains(text), "{text:?} is missing in {last}");
    }
}

/// A proxy and its address.
async fn proxy(peers: &Peers, arguments: &[&str], folder: &Path) -> (Peer, String) {
    let mut peer = peers.start("http_proxy.py", arguments, folder);
    let port = peer.first().await["port"].as_u64().unwrap();
    (peer, format!("http://127.0.0.1:{port}"))
}

/// The tunnels that a proxy was asked for.
fn tunnels(proxy: &Peer) -> Vec<Value> {
    proxy.said().into_iter().skip(1).collect()
}

#[test]
fn a_proxy_tunnels_and_each_way_to_fail_has_its_own_cure() {
    scenario(async {
        let Some(peers) = Peers::find("a proxy") else { return };
        let world = exchange_alone().await;
        let (proxy, address) = proxy(&peers, &[], world.folder()).await;
        let port = world.setup.organizations[0].2;

        let through = |change: fn(&mut Config)| {
            settings(&world, |config| {
                config.exchange.proxy.clone_from(&address);
                change(config);
            })
        };
        let findings = preflight(through(|_| {})).await;
        assert!(findings.is_well, "{findings:#?}");
        let asked = tunnels(&proxy);
        assert!(!asked.is_empty());
        let tunnel = serde_json::json!({"host": "localhost", "port": port});
        assert!(asked.iter().all(|it| *it == tunnel), "{asked:?}");

        // A host that needs no proxy is reached without it.
        let direct = through(|config| config.exchange.no_proxy = vec!["localhost".into()]);
        assert!(preflight(direct).await.is_well);
        assert_eq!(tunnels(&proxy).len(), asked.len());

        // A fixed address is what the proxy is asked for.
        let fixed = through(|config| {
            let port = config.exchange.port;
            config.exchange.server = "ex01.contoso.com".into();
            config.exchange.addresses =
                [("ex01.contoso.com".to_owned(), format!("127.0.0.1:{port}"))].into();
        });
        let findings = preflight(fixed).await;
        assert!(findings.is_well, "{findings:#?}");
        assert_eq!(tunnels(&proxy).last().unwrap()["host"], "127.0.0.1");

        // Nobody is where the proxy connects to.
        let nobody = through(|config| config.exchange.port = 1);
        ended(&preflight(nobody).await, "tcp", &["refused a tunnel", "localhost:1", "no_proxy"]);
        drop(proxy);
        let gone = preflight(through(|_| {})).await;
        ended(&gone, "tcp", &["cannot connect to the proxy", &address, "empty the setting"]);
        let unknown = settings(&world, |config| {
            config.exchange.proxy = "http://no-such-proxy.invalid:3128".into();
        });
        ended(&preflight(unknown).await, "tcp", &["cannot resolve the proxy", "exchange.proxy"]);
        let url = world.setup.coordinator_url();
        let no_proxy = settings(&world, |config| config.exchange.proxy = url);
        ended(&preflight(no_proxy).await, "tcp", &["proxy"]);
        world.close().await;
    });
}

#[test]
fn a_proxy_signs_in_its_own_account_only() {
    scenario(async {
        let Some(peers) = Peers::find("a proxy with accounts") else { return };
        let world = exchange_alone().await;
        let (right, wrong) = (world.setup.path("proxy-password"), world.setup.path("proxy-wrong"));
        write_secret(&right, PROXY_PASSWORD);
        write_secret(&wrong, "not this one");
        let flags = ["--user", PROXY_USER, "--password-file", right.to_str().unwrap()];
        let (proxy, address) = proxy(&peers, &flags, world.folder()).await;

        let with = |user: &str, file: Option<&Path>| {
            settings(&world, |config| {
                config.exchange.proxy.clone_from(&address);
                config.exchange.proxy_user = user.to_owned();
                if let Some(file) = file {
                    config.exchange.proxy_password_file = SecretFile::new(file);
                }
            })
        };
        let findings = preflight(with(PROXY_USER, Some(&right))).await;
        assert!(findings.is_well, "{findings:#?}");
        let let_through = tunnels(&proxy).len();
        assert!(let_through > 0);

        let none = preflight(with("", None)).await;
        ended(&none, "tcp", &["the proxy wants an account", "exchange.proxy_user"]);
        let refused = preflight(with(PROXY_USER, Some(&wrong))).await;
        ended(&refused, "tcp", &["the proxy refused the account", "exchange.proxy_password_file"]);
        for findings in [&none, &refused] {
            let text = format!("{findings:?}");
            assert!(!text.contains(PROXY_PASSWORD) && !text.contains("not this one"), "{text}");
        }
        assert_eq!(tunnels(&proxy).len(), let_through);
        world.close().await;
    });
}

/// S21: the old connector had to be installed again for this.
#[test]
fn a_proxy_is_changed_without_a_new_installation() {
    scenario(async {
        let Some(peers) = Peers::find("a changed proxy") else { return };
        let mut world = World::start(Options::default()).await;
        let before = world.operator.connector(ORGANIZATION).await;
        let (first, address) = proxy(&peers, &[], world.folder()).await;
        let agent = Part::Agent(ORGANIZATION.to_owned());

        world.end(&agent).await;
        world.setup.agent_exchange = format!("proxy = {address:?}\n");
        world.begin(agent.clone()).await;
        world.operator.full(ORGANIZATION).await;
        let used = tunnels(&first).len();
        assert!(used > 0);

        // Another one, and the first goes away.
        let folder = world.folder().join("second");
        std::fs::create_dir(&folder).unwrap();
        let (second, address) = proxy(&peers, &[], &folder).await;
        world.end(&agent).await;
        drop(first);
        world.setup.agent_exchange = format!("proxy = {address:?}\n");
        world.begin(agent).await;
        world.operator.full(ORGANIZATION).await;
        assert!(!tunnels(&second).is_empty());

        let after = world.operator.connector(ORGANIZATION).await;
        assert_eq!(after.agent_id, before.agent_id, "the same agent, nothing set up anew");
        world.close().await;
    });
}

#[test]
fn something_that_breaks_tls_open_is_named() {
    scenario(async {
        let Some(peers) = Peers::find("a proxy that breaks TLS open") else { return };
        let world = exchange_alone().await;
        let trusted = world.setup.path("exchange").join("ca.pem");
        let flags = ["--intercept", "--upstream-ca", trusted.to_str().unwrap()];
        let (_proxy, address) = proxy(&peers, &flags, world.folder()).await;

        let through = settings(&world, |config| config.exchange.proxy.clone_from(&address));
        let findings = preflight(through).await;
        let suspect = format!("most likely the proxy {address}");
        let texts = ["CN=Breaks TLS open", "not trusted", &suspect, "exchange.ca_file"];
        ended(&findings, "tls", &texts);

        // Without a proxy that we know of, it may be anything in between.
        let other = settings(&world, |config| config.exchange.ca_file = "".into());
        let findings = preflight(other).await;
        let texts = ["CN=Exchange simulator authority", "something between us and Exchange"];
        ended(&findings, "tls", &texts);
        world.close().await;
    });
}

/// A server that sends everybody on; it is trusted beside the house's own Exchange.
async fn redirector(peers: &Peers, world: &World, name: &str, arguments: &[&str]) -> (Peer, u16) {
    let folder = world.folder().join(name);
    std::fs::create_dir(&folder).unwrap();
    let mut peer = peers.start("redirector.py", arguments, &folder);
    let first = peer.first().await;
    let trusted = world.setup.path("exchange").join("ca.pem");
    let mut text = std::fs::read_to_string(&trusted).unwrap();
    text.push_str(first["ca"].as_str().unwrap());
    std::fs::write(&trusted, text).unwrap();
    let port = first["port"].as_u64().unwrap().try_into().unwrap();
    (peer, port)
}

/// Settings that lead to a redirector.
fn to_redirector(world: &World, port: u16, redirect_hosts: &[&str]) -> Config {
    settings(world, |config| {
        config.exchange.server = "127.0.0.1".into();
        config.exchange.port = port;
        config.exchange.redirect_hosts =
            redirect_hosts.iter().map(|host| (*host).to_owned()).collect();
    })
}

#[test]
fn a_redirect_is_followed_to_allowed_hosts_only() {
    scenario(async {
        let Some(peers) = Peers::find("redirects") else { return };
        let world = exchange_alone().await;
        let target = format!("https://localhost:{}/PowerShell/", world.setup.organizations[0].2);
        for status in ["301", "302", "307", "308"] {
            let flags = ["--to", &target, "--status", status];
            let (peer, port) = redirector(&peers, &world, status, &flags).await;
            let findings = preflight(to_redirector(&world, port, &["localhost"])).await;
            assert!(findings.is_well, "{status}: {findings:#?}");
            assert!(!tunnels(&peer).is_empty());

            let findings = preflight(to_redirector(&world, port, &["*.contoso.com"])).await;
            ended(&findings, "shell", &["'localhost' is not among", "exchange.redirect_hosts"]);
        }

        // The account's secret never reaches a host that is not allowed.
        let (stranger, port) = redirector(&peers, &world, "stranger", &[]).await;
        let to_stranger = format!("https://localhost:{port}/PowerShell/");
        let (_peer, port) = redirector(&peers, &world, "lure", &["--to", &to_stranger]).await;
        let findings = preflight(to_redirector(&world, port, &[])).await;
        ended(&findings, "shell", &[&to_stranger, "not followed", "exchange.redirect_hosts"]);
        assert_eq!(tunnels(&stranger), Vec::<Value>::new());
        // Allowed, it does: the stranger can tell.
        let findings = preflight(to_redirector(&world, port, &["localhost"])).await;
        assert!(!findings.is_well, "{findings:#?}");
        let [request] = tunnels(&stranger).try_into().expect("one request");
        assert!(request["authorization"].as_str().unwrap().starts_with("Basic "), "{request}");
        world.close().await;
    });
}

#[test]
fn redirects_end() {
    scenario(async {
        let Some(peers) = Peers::find("endless redirects") else { return };
        let world = exchange_alone().await;
        let own = ["--to", "https://127.0.0.1:PORT/again"];
        let (peer, port) = redirector(&peers, &world, "loop", &own).await;
        let findings = preflight(to_redirector(&world, port, &[])).await;
        ended(&findings, "shell", &["number 6 in a row"]);
        eventually(SOON, "six requests", async || is(tunnels(&peer).len(), |count| *count == 6))
            .await;

        let plain = ["--to", "http://127.0.0.1:PORT/PowerShell/"];
        let (peer, port) = redirector(&peers, &world, "plain", &plain).await;
        let findings = preflight(to_redirector(&world, port, &["127.0.0.1"])).await;
        ended(&findings, "shell", &["from https to http"]);
        // The peer may tell of a request a moment after it has answered it.
        eventually(SOON, "one request", async || is(tunnels(&peer).len(), |count| *count == 1))
            .await;
        world.close().await;
    });
}
