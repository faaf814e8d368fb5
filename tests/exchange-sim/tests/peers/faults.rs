//! Every fault, switched on by its flag on the command line, and felt by a client that nobody here wrote.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::rig::Peers;
use crate::served::Served;

const LIST: &[&str] = &["Get-CASMailbox", "ResultSize=5"];

/// A fault's flags, a cmdlet, what the client says of it, and how long that takes at least.
struct Row {
    flags: &'static [&'static str],
    call: &'static [&'static str],
    said: &'static str,
    least_ms: u64,
    /// Whether the fault counts what it hits.
    is_counted: bool,
}

const fn row(flags: &'static [&'static str], said: &'static str) -> Row {
    Row { flags, call: LIST, said, least_ms: 0, is_counted: true }
}

const fn standing(flags: &'static [&'static str], said: &'static str) -> Row {
    Row { is_counted: false, ..row(flags, said) }
}

const ROWS: &[Row] = &[
    Row { least_ms: 400, ..row(&["--latency", "400ms"], "done: 5 objects") },
    Row { least_ms: 500, ..row(&["--object-latency", "100ms"], "done: 5 objects") },
    Row { least_ms: 400, ..row(&["--slow-dc", "dc01=400ms"], "done: 5 objects") },
    row(&["--unauthorized"], "refused: "),
    row(&["--unavailable", "--server", "EX01"], "Code: 503"),
    row(&["--drop-after", "4000"], "no answer"),
    row(&["--dead-shell", "--cmdlet", "get-casmailbox"], "refused: "),
    row(&["--throttle", "3s"], "at least 3000 milliseconds"),
    row(&["--lose-answer", "--cmdlet", "Get-CASMailbox", "--times", "1"], "no answer"),
    row(&["--truncate", "2"], "done: 2 objects"),
    row(&["--empty", "--probability", "0.999", "--seed", "7"], "done: 0 objects"),
    standing(&["--clock-skew", "-1h"], "done: 5 objects"),
    standing(&["--stop-server", "EX01"], "no answer"),
    standing(&["--stop-server-in", "EX01=3000", "--cmdlet", "Get-CASMailbox"], "no answer"),
    standing(&["--stop-all"], "no answer"),
    standing(&["--stop-dc", "dc01"], "done: 5 objects"),
    standing(&["--replication-lag", "30s"], "done: 5 objects"),
    standing(&["--hide-cmdlet", "Get-CASMailbox"], "not recognized"),
    standing(&["--hide-parameter", "Get-CASMailbox:ResultSize"], "refused: "),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_a_flag_and_is_felt() {
    let Some(peers) = Peers::find("every_fault_is_a_flag_and_is_felt") else { return };
    let served = Served::start(&["--organization", "contoso:2019", "--mailboxes", "30"]).await;
    assert_eq!(served.call(&peers, LIST).await, "done: 5 objects\n");
    for Row { flags, call, said, least_ms, is_counted } in ROWS {
        served.said(&[&["fault", "set"], *flags].concat()).await;
        let begun = Instant::now();

        let heard = served.call(&peers, call).await;

        let took = begun.elapsed();
        assert!(heard.contains(said), "{flags:?}: {heard}");
        assert!(took >= Duration::from_millis(*least_ms), "{flags:?}: {took:?}");
        let listed = served.said(&["fault", "list", "--json"]).await;
        let listed: Value = serde_json::from_str(&listed).expect("JSON");
        let hits = listed["script"][0]["hits"].as_u64();
        assert_eq!(hits.is_some_and(|hits| hits > 0), *is_counted, "{flags:?}: {listed}");
        assert_eq!(served.said(&["fault", "clear"]).await, "none\n", "{flags:?}");
        assert_eq!(served.call(&peers, LIST).await, "done: 5 objects\n", "after {flags:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_mailbox_fails_and_the_others_do_not() {
    let Some(peers) = Peers::find("one_mailbox_fails_and_the_others_do_not") else { return };
    let served = Served::start(&["--organization", "contoso:2019", "--mailboxes", "30"]).await;
    let listed = served.said(&["mailboxes", "--limit", "2", "--json"]).await;
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let named = |place: usize| listed[place]["alias"].as_str().expect("an alias").to_owned();
    let (failing, other) = (named(0), named(1));
    served.said(&["fault", "set", "--fail-mailbox", &failing]).await;

    let identity = |name: &str| format!("Identity={name}");
    let refused = served.call(&peers, &["Get-CASMailbox", &identity(&failing)]).await;
    let done = served.call(&peers, &["Get-CASMailbox", &identity(&other)]).await;
    let all = served.call(&peers, &["Get-CASMailbox"]).await;

    assert!(refused.contains("refused: Cannot open mailbox"), "{refused}");
    assert_eq!(done, "done: 1 objects\n");
    assert!(all.contains("refused: Cannot open mailbox"), "the listing says so too: {all}");
    let listed: Value =
        serde_json::from_str(&served.said(&["fault", "list", "--json"]).await).expect("JSON");
    assert_eq!(listed["script"][0]["hits"], 2, "{listed}");
}

/// What they do is held in `mail`, by clients of EWS and SMTP.
#[tokio::test(flavor = "multi_thread")]
async fn the_faults_of_mail_and_of_prompts_are_flags_too() {
    let served = Served::start(&["--organization", "contoso:2019", "--mailboxes", "30"]).await;
    for (flags, pointer, expected, told) in [
        (
            &["--ews-error", "ErrorServerBusy=2s", "--times", "3"][..],
            "/ews_errors/0/times",
            json!(3),
            "EWS answers ErrorServerBusy, 3 more times",
        ),
        (
            &["--ews-error", "ErrorServerBusy=2s"],
            "/ews_errors/0/back_off_ms",
            json!(2000),
            "ErrorServerBusy",
        ),
        (&["--ews-status", "503"], "/ews_errors/0/http_status", json!(503), "EWS answers HTTP 503"),
        (
            &["--autodiscover", "redirect-url=https://ex02/"],
            "/autodiscover/answer/redirect_url",
            json!("https://ex02/"),
            "Autodiscover answers to ask again at https://ex02/",
        ),
        (
            &["--autodiscover", "http-status=503"],
            "/autodiscover/answer/http_status",
            json!(503),
            "answers HTTP 503",
        ),
        (
            &["--smtp-reply", "recipient=451 4.7.0 Later"],
            "/smtp_replies/0/at",
            json!("recipient"),
            "at recipient",
        ),
        (&["--hang-unconfirmed"], "/hang_unconfirmed", json!(true), "waits for an answer for ever"),
    ] {
        served.said(&[&["fault", "set"], flags].concat()).await;

        let listed = served.said(&["fault", "list", "--json"]).await;

        let listed: Value = serde_json::from_str(&listed).expect("JSON");
        assert_eq!(listed.pointer(pointer), Some(&expected), "{flags:?}: {listed}");
        let table = served.said(&["fault", "list"]).await;
        assert!(table.contains(told), "{flags:?}: {table}");
        assert_eq!(served.said(&["fault", "clear"]).await, "none\n", "{flags:?}");
    }
    for flags in [&["--ews-error", "ErrorServerBored"][..], &["--smtp-reply", "lunch=451 Later"]] {
        let refused = served.ask(&[&["fault", "set"], flags].concat()).await;
        assert!(!refused.status.success(), "{flags:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_could_never_strike_is_refused_with_what_was_meant() {
    let served = Served::start(&["--organization", "contoso:2019", "--mailboxes", "30"]).await;
    for (flags, cure) in [
        (&["--empty", "--cmdlet", "Get-CASMailbx"][..], "did you mean Get-CASMailbox?"),
        (&["--stop-server", "EX07"], "there are EX01"),
        (&["--slow-dc", "dc9=1s"], "there are dc01, dc02"),
        (&["--fail-mailbox", "nobody"], "which is no mailbox"),
        (&["--latency", "11m"], "600000 ms"),
        (&["--dead-shell", "--probability", "1.5"], "must be above 0"),
        (&["--stop-all", "--times", "2"], "until it is cleared"),
    ] {
        let refused = served.ask(&[&["fault", "set"], flags].concat()).await;

        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains(cure), "{flags:?}: {said}");
    }
    assert_eq!(served.said(&["fault", "list"]).await, "none\n");
    let missing = served.ask(&["fault", "clear", "3"]).await;
    assert!(String::from_utf8_lossy(&missing.stderr).contains("there is no fault 3"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_looks_tells_and_moves_time() {
    let served = Served::start(&["--organization", "contoso:2019", "--mailboxes", "30"]).await;
    let listed = served.said(&["mailboxes", "--limit", "1", "--json"]).await;
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let mailbox = listed[0]["primary_smtp_address"].as_str().expect("an address").to_owned();

    let connect = ["connect", &mailbox, "--platform", "iphone", "--device-id", "REHEARSAL1"];
    assert!(served.said(&connect).await.contains("DeviceDiscovery"));
    assert!(served.said(&["advance", "14m"]).await.contains("stepped"));
    let sync = served.said(&["sync", "REHEARSAL1"]).await;
    assert!(sync.contains("HTTP 200, held"), "{sync}");
    let mails = served.said(&["mails", "--mailbox", &mailbox]).await;
    assert!(mails.contains("temporarily blocked"), "{mails}");
    let updated = served.said(&["os-update", "REHEARSAL1", "18.3 22D63"]).await;
    assert!(updated.contains("REHEARSAL1"), "{updated}");
    assert!(served.said(&["devices", "--id", "rehearsal1"]).await.contains("iOS 18.3 22D63"));

    assert!(served.said(&["speed", "60"]).await.contains("60 times"));
    let refused = served.ask(&["advance", "1m"]).await;
    assert!(String::from_utf8_lossy(&refused.stderr).contains("speed stepped"));
    assert!(served.said(&["speed", "stepped"]).await.contains("stepped"));
    assert!(served.said(&["status", "--organization", "contoso"]).await.contains("contoso"));
    let unknown = served.ask(&["devices", "--organization", "fabrikam"]).await;
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("there are contoso"));
}
