//! pypsrp signs in by NTLM, Kerberos and certificate, in clear inside TLS and sealed over http; and what
//! does not fit is refused.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpStream;

use exchange_sim::faults::Faults;
use exchange_sim::settings::Settings;
use exchange_sim::sign_in::{Method, Protection, SignIn};
use exchange_sim::winrm::Wire;

use crate::kdc::{Kdc, REALM};
use crate::rig::{ACCOUNT, PASSWORD, Peers, Rig, settings};

const LIMIT: Duration = Duration::from_secs(120);
const SPNEGO: &str = "application/HTTP-SPNEGO-session-encrypted";
const KERBEROS: &str = "application/HTTP-Kerberos-session-encrypted";
/// How many devices [`settings`] makes.
const DEVICES: u64 = 60;

fn offering(methods: &[Method]) -> Settings {
    let sign_in = SignIn { methods: methods.to_vec(), ..SignIn::default() };
    Settings { sign_in, plain_http: true, ..settings() }
}

/// A run over https.
fn secure(rig: &Rig, auth: &str, password: &str) -> Value {
    let reach = rig.reach("contoso");
    json!({ "host": reach["host"], "options": {
        "port": reach["port"], "ssl": true, "cert_validation": reach["ca"], "auth": auth,
        "username": ACCOUNT, "password": password } })
}

/// A run over plain http.
fn plain(rig: &Rig, auth: &str, password: &str) -> Value {
    let organization = rig.simulator.addresses().organization("contoso").unwrap();
    let port = organization.servers[0].http_port.expect("a port of plain http");
    json!({ "host": "localhost", "options": {
        "port": port, "ssl": false, "auth": auth, "username": ACCOUNT, "password": password } })
}

fn with(mut run: Value, name: &str, value: Value) -> Value {
    run[name] = value;
    run
}

fn option(mut run: Value, name: &str, value: Value) -> Value {
    run["options"][name] = value;
    run
}

/// What each run said; nothing of the machine's own Kerberos is used.
async fn said(peers: &Peers, runs: Vec<Value>) -> Vec<Value> {
    let environment = json!({ "KRB5_CONFIG": "/dev/null", "KRB5CCNAME": "MEMORY:none" });
    let input = json!({ "environment": environment, "runs": runs });
    peers.run("sign_in.py", &input, LIMIT).await.as_array().expect("a list").clone()
}

#[track_caller]
fn listed(said: &Value, protocol: Option<&str>) {
    assert_eq!(said["error"], Value::Null, "{said}");
    assert_eq!(said["listed"], DEVICES, "{said}");
    assert_eq!(said["protocol"].as_str(), protocol, "{said}");
}

#[track_caller]
fn refused(said: &Value, why: &str) {
    let error = said["error"].as_str().unwrap_or_default();
    assert!(error.contains(why), "{said}");
    assert_eq!(said["listed"], 0, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pypsrp_signs_in_by_ntlm() {
    let Some(peers) = Peers::find("pypsrp_signs_in_by_ntlm") else { return };
    let rig = Rig::start(offering(&[Method::Ntlm])).await;
    let ntlm = |run: fn(&Rig, &str, &str) -> Value| run(&rig, "ntlm", PASSWORD);
    let runs = vec![
        ntlm(secure),
        ntlm(plain),
        with(ntlm(plain), "scheme", json!("NTLM")),
        // Wrapped in SPNEGO; without a ticket its favourite is left out.
        plain(&rig, "negotiate", PASSWORD),
        secure(&rig, "negotiate", PASSWORD),
        option(ntlm(secure), "encryption", json!("always")),
        with(with(ntlm(plain), "times", json!(20)), "cmdlet", json!("Get-ExchangeServer")),
    ];
    let said = said(&peers, runs).await;
    let sealed = [None, Some(SPNEGO), Some(SPNEGO), Some(SPNEGO), None, Some(SPNEGO)];
    for (said, protocol) in said.iter().zip(sealed) {
        listed(said, protocol);
    }
    assert_eq!((&said[6]["error"], &said[6]["listed"]), (&Value::Null, &json!(20)));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_sealed_or_wrong_is_refused() {
    let Some(peers) = Peers::find("what_is_not_sealed_or_wrong_is_refused") else { return };
    let rig = Rig::start(offering(&[Method::Ntlm])).await;
    let ntlm = |password: &str| plain(&rig, "ntlm", password);
    let runs = vec![
        ntlm("wrong"),
        secure(&rig, "ntlm", "wrong"),
        secure(&rig, "basic", PASSWORD),
        option(ntlm(PASSWORD), "encryption", json!("never")),
        with(ntlm(PASSWORD), "harm", json!("tamper")),
        with(ntlm(PASSWORD), "harm", json!("replay")),
    ];
    let said = said(&peers, runs).await;
    for said in &said[..3] {
        refused(said, "AuthenticationError");
    }
    assert_eq!(said[3]["status"], 500, "{}", said[3]);
    for said in &said[4..] {
        assert_eq!(said["status"], 400, "{said}");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ntlm_can_be_bound_to_the_channel() {
    let Some(peers) = Peers::find("ntlm_can_be_bound_to_the_channel") else { return };
    let mut settings = offering(&[Method::Ntlm]);
    settings.sign_in.protection = Protection::Require;
    let rig = Rig::start(settings).await;
    let bound = secure(&rig, "ntlm", PASSWORD);
    let unbound = option(bound.clone(), "negotiate_send_cbt", json!(false));
    let said = said(&peers, vec![bound, unbound]).await;
    listed(&said[0], None);
    refused(&said[1], "AuthenticationError");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pypsrp_signs_in_by_a_certificate() {
    let Some(peers) = Peers::find("pypsrp_signs_in_by_a_certificate") else { return };
    let rig = Rig::start(offering(&[Method::Certificate, Method::Basic])).await;
    let with_certificate = |path: &str| {
        let run = option(
            secure(&rig, "certificate", ""),
            "certificate_pem",
            json!(rig.file(&format!("{path}.pem"))),
        );
        option(run, "certificate_key_pem", json!(rig.file(&format!("{path}.key"))))
    };
    let stranger = Rig::start(offering(&[Method::Certificate])).await;
    let mut foreign = with_certificate("clients/svc-admin");
    for (name, file) in [("certificate_pem", "pem"), ("certificate_key_pem", "key")] {
        foreign["options"][name] = json!(stranger.file(&format!("clients/svc-admin.{file}")));
    }
    let runs =
        vec![with_certificate("clients/svc-admin"), secure(&rig, "basic", PASSWORD), foreign];
    let said = said(&peers, runs).await;
    listed(&said[0], None);
    listed(&said[1], None);
    // Another authority's: TLS itself ends.
    assert!(said[2]["error"].is_string() && said[2]["listed"] == 0, "{}", said[2]);
    stranger.stop().await;
    rig.stop().await;
}

/// Two people and two services, each service's key in a table of its own.
fn populate(kdc: &Kdc, keytab: &Path, foreign: &Path) {
    kdc.administer(&[
        format!("addprinc +requires_preauth -pw \"{PASSWORD}\" svc-admin"),
        format!("addprinc +requires_preauth -pw \"{PASSWORD}\" stranger"),
        "addprinc -randkey HTTP/localhost".to_owned(),
        "addprinc -randkey HTTP/elsewhere".to_owned(),
        format!("ktadd -k {} HTTP/localhost", keytab.display()),
        format!("ktadd -k {} HTTP/elsewhere", foreign.display()),
    ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pypsrp_signs_in_with_a_ticket_of_a_real_kdc() {
    let name = "pypsrp_signs_in_with_a_ticket_of_a_real_kdc";
    let Some(peers) = Peers::find(name) else { return };
    if !peers.has(&["gssapi", "krb5"], name) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let Some(kdc) = Kdc::start(name, folder.path()) else { return };
    let keytab = folder.path().join("http.keytab");
    let foreign = folder.path().join("foreign.keytab");
    populate(&kdc, &keytab, &foreign);
    let mut settings = offering(&[Method::Kerberos]);
    settings.sign_in.keytab = Some(keytab);
    let rig = Rig::start(settings).await;
    let mut elsewhere = offering(&[Method::Kerberos, Method::Ntlm]);
    elsewhere.sign_in.keytab = Some(foreign);
    let elsewhere = Rig::start(elsewhere).await;

    let cached = |mut run: Value| {
        run["options"]["username"] = Value::Null;
        run["options"]["password"] = Value::Null;
        option(run, "negotiate_service", json!("HTTP"))
    };
    let kerberos = |run: fn(&Rig, &str, &str) -> Value, rig: &Rig| cached(run(rig, "kerberos", ""));
    let by_password = |principal: &str, password: &str| {
        let run = option(plain(&rig, "kerberos", password), "username", json!(principal));
        option(run, "negotiate_service", json!("HTTP"))
    };
    let runs = vec![
        kerberos(plain, &rig),
        with(kerberos(plain, &rig), "scheme", json!("Kerberos")),
        with(kerberos(secure, &rig), "scheme", json!("Negotiate")),
        cached(plain(&rig, "negotiate", "")),
        with(
            with(kerberos(plain, &rig), "times", json!(100)),
            "cmdlet",
            json!("Get-ExchangeServer"),
        ),
        by_password(&format!("svc-admin@{REALM}"), PASSWORD),
        by_password(&format!("svc-admin@{REALM}"), "wrong"),
        by_password(&format!("stranger@{REALM}"), PASSWORD),
        kerberos(plain, &elsewhere),
        with(kerberos(plain, &rig), "harm", json!("tamper")),
        with(kerberos(plain, &rig), "harm", json!("replay")),
    ];
    let input = json!({
        "environment": {
            "KRB5_CONFIG": kdc.settings(),
            "KRB5CCNAME": format!("FILE:{}", folder.path().join("cache").display()),
            "KRB5RCACHENAME": "none:",
        },
        "ticket": { "principal": format!("svc-admin@{REALM}"), "password": PASSWORD },
        "runs": runs,
    });
    let said = peers.run("sign_in.py", &input, LIMIT).await;
    listed(&said[0], Some(SPNEGO));
    listed(&said[1], Some(KERBEROS));
    listed(&said[2], None);
    listed(&said[3], Some(SPNEGO));
    assert_eq!((&said[4]["error"], &said[4]["listed"]), (&Value::Null, &json!(100)));
    listed(&said[5], Some(SPNEGO));
    refused(&said[6], "");
    refused(&said[7], "AuthenticationError");
    refused(&said[8], "AuthenticationError");
    assert_eq!((&said[9]["status"], &said[10]["status"]), (&json!(400), &json!(400)), "{said}");
    elsewhere.stop().await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_cookie_loses_the_shell() {
    let Some(peers) = Peers::find("a_lost_cookie_loses_the_shell") else { return };
    let rig = Rig::start(settings()).await;
    let lenient = Wire { affinity: false, ..Wire::default() };
    let lenient = Rig::start(Settings { wire: lenient, ..settings() }).await;
    let lost = |rig: &Rig| with(secure(rig, "basic", PASSWORD), "harm", json!("cookies"));
    let said = said(&peers, vec![lost(&rig), lost(&lenient)]).await;
    refused(&said[0], "[ClientAccessServer=EX01,BackEndServer=");
    refused(&said[0], "[FailureCategory=WSMan-InvalidShellID]");
    listed(&said[1], None);
    lenient.stop().await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_an_envelope_is_refused() {
    let Some(peers) = Peers::find("too_large_an_envelope_is_refused") else { return };
    let small = Wire { envelope_kb_max: 64, ..Wire::default() };
    let mut settings = offering(&[Method::Basic, Method::Ntlm]);
    settings.wire = small;
    let rig = Rig::start(settings).await;
    let run = || secure(&rig, "basic", PASSWORD);
    let runs = vec![
        with(run(), "harm", json!(64 * 1024 + 1)),
        with(run(), "harm", json!(300_000)),
        // As large as is allowed, and no SOAP.
        with(run(), "harm", json!(64 * 1024)),
        run(),
        plain(&rig, "ntlm", PASSWORD),
    ];
    let said = said(&peers, runs).await;
    let statuses: Vec<_> = said.iter().map(|said| said["status"].clone()).collect();
    assert_eq!(statuses[..3], [json!(413), json!(413), json!(400)]);
    listed(&said[3], None);
    listed(&said[4], Some(SPNEGO));
    // 60 devices of about 4 kB do not fit into one answer of 64 kB.
    assert!(said[3]["requests"].as_u64() > Some(6), "{}", said[3]);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_server_answers_on_none_of_its_ports() {
    let rig = Rig::start(offering(&[Method::Ntlm])).await;
    let server = rig.simulator.addresses().organization("contoso").unwrap().servers[0].clone();
    let ports = [server.port, server.http_port.expect("a port of plain http")];
    let stopped = Faults { stop_servers: vec![server.name], ..Faults::default() };
    for (faults, answers) in [(stopped, false), (Faults::default(), true)] {
        rig.control().set_faults("contoso", faults).unwrap();
        for port in ports {
            let until = Instant::now() + LIMIT;
            while TcpStream::connect(("127.0.0.1", port)).await.is_ok() != answers {
                assert!(Instant::now() < until, "port {port} answers: {}", !answers);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    rig.stop().await;
}
