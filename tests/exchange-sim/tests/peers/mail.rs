//! Mail: exchangelib by Autodiscover, NTLM and Exchange Web Services, smtplib at the submission port.

use std::time::Duration;

use serde_json::{Value, json};

use exchange_sim::ews::code::Code;
use exchange_sim::faults::{
    AutodiscoverAnswer, AutodiscoverFault, EwsError, Faults, SmtpReply, SmtpStage,
};
use exchange_sim::mailboxes::{Folder, MailKind, Origin};
use exchange_sim::settings::Settings;
use exchange_sim::sign_in::{Method, SignIn};

use crate::rig::{ACCOUNT, PASSWORD, Peers, Rig, settings};

const PATIENCE: Duration = Duration::from_secs(180);

/// As Exchange is out of the box: NTLM, not Basic; and a port of plain http.
fn with_ntlm() -> Settings {
    let sign_in = SignIn { methods: vec![Method::Ntlm], ..SignIn::default() };
    Settings { sign_in, plain_http: true, account_mailboxes: true, ..settings() }
}

/// A mailbox's user, as a script's step names one.
fn user(rig: &Rig, organization: &str, number: usize) -> Value {
    let mailbox = rig.control().mailboxes(organization).unwrap().swap_remove(number);
    json!({
        "address": mailbox.primary_smtp_address,
        "account": format!("{}\\{}", organization.to_uppercase(), mailbox.sam_account_name),
        "password": PASSWORD,
    })
}

/// A step of a script: a user, and what they do.
fn step(user: &Value, does: Value) -> Value {
    let (mut step, does) = (user.clone(), does);
    step.as_object_mut().unwrap().extend(does.as_object().unwrap().clone());
    step
}

fn address(user: &Value) -> String {
    user["address"].as_str().unwrap().to_owned()
}

/// Runs exchangelib, `names` being where the names of its world lead.
async fn exchangelib(peers: &Peers, rig: &Rig, names: Value, steps: Value) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let ca = rig.reach("contoso")["ca"].clone();
    let input = json!({ "ca": ca, "folder": folder.path(), "names": names, "steps": steps });
    let said = peers.run("exchangelib_mail.py", &input, PATIENCE).await;
    said.as_array().expect("an answer for each step").clone()
}

/// The ports of an organization's first server: https, http and submission.
fn ports(rig: &Rig, organization: &str) -> (u16, u16, u16) {
    let endpoint = rig.simulator.addresses().organization(organization).unwrap();
    let plain = endpoint.servers[0].http_port.expect("a port of plain http");
    (endpoint.port, plain, endpoint.smtp_port)
}

#[tokio::test(flavor = "multi_thread")]
async fn exchangelib_finds_signs_in_sends_and_reads() {
    let Some(peers) = Peers::find("exchangelib_finds_signs_in_sends_and_reads") else { return };
    let rig = Rig::start(with_ntlm()).await;
    for (organization, build) in [("contoso", "15.2."), ("fabrikam", "14.3.")] {
        let (https, ..) = ports(&rig, organization);
        let (ann, bob) = (user(&rig, organization, 3), user(&rig, organization, 5));
        let (from, to) = (address(&ann), address(&bob));
        let names = json!({
            format!("autodiscover.{organization}.com:443"): https,
            format!("mail.{organization}.com:443"): https,
        });
        let kept = json!({ "do": "send", "subject": "Grüße & <more>", "html": true, "keeps_copy": true,
            "body": "<p>Enrol at <a href=\"https://x.test/?a=1&b=2\">x</a></p>", "to": [to] });
        let gone = json!({ "do": "send", "subject": "second", "body": "plain\ntext", "to": [to], "cc": [from] });
        let said = exchangelib(
            &peers,
            &rig,
            names,
            json!([
                step(&ann, json!({ "do": "discover" })),
                step(&ann, kept),
                step(&ann, gone),
                step(&bob, json!({ "do": "read" })),
                step(&ann, json!({ "do": "read", "folder": "sent" })),
                step(&bob, json!({ "do": "read", "subject": "second" })),
                step(&ann, json!({ "do": "resolve", "name": to })),
                step(&ann, json!({ "do": "walk" })),
                step(
                    &json!({ "address": from, "account": bob["account"], "password": PASSWORD }),
                    json!({ "do": "read", "patient": false })
                ),
                step(
                    &json!({ "address": from, "account": ann["account"], "password": "wrong" }),
                    json!({ "do": "discover", "patient": false })
                ),
            ]),
        )
        .await;

        assert_eq!(said[0]["sign_in"], "NTLM", "{said:#?}");
        assert_eq!(said[0]["address"], from);
        let endpoint = format!("https://mail.{organization}.com/EWS/Exchange.asmx");
        assert_eq!(said[0]["endpoint"], endpoint);
        assert!(said[0]["build_of_answer"].as_str().unwrap().starts_with(build), "{}", said[0]);
        assert!(said[1]["error"].is_null() && said[2]["error"].is_null(), "{said:#?}");
        let mails = said[3]["mails"].as_array().unwrap();
        assert_eq!((mails.len(), &said[3]["total"]), (2, &json!(2)), "{said:#?}");
        assert_eq!(mails[0]["subject"], "second");
        assert_eq!(mails[0]["body"], "plain\ntext");
        assert_eq!((&mails[0]["to"], &mails[0]["cc"]), (&json!([to]), &json!([from])));
        assert_eq!(mails[1]["subject"], "Grüße & <more>");
        assert_eq!((&mails[1]["from"], &mails[1]["html"]), (&json!(from), &json!(true)));
        assert!(mails[1]["body"].as_str().unwrap().contains("a=1&b=2"), "{}", mails[1]);
        let sent = said[4]["mails"].as_array().unwrap();
        assert_eq!(sent.len(), 1, "only SendAndSaveCopy leaves one: {said:#?}");
        assert_eq!(sent[0]["message_id"], mails[1]["message_id"]);
        assert_eq!(said[5]["mails"].as_array().map(Vec::len), Some(1));
        assert_eq!(said[6]["addresses"], json!([to]));
        assert!(said[7]["folders"].as_array().unwrap().contains(&json!("Inbox")), "{}", said[7]);
        assert_eq!(said[8]["error"], "ErrorAccessDenied");
        assert!(!said[9]["error"].is_null(), "a wrong password finds nothing: {said:#?}");

        let held = rig.control().mails(organization, Some(&to)).unwrap();
        assert_eq!(held.len(), 2);
        assert!(held.iter().all(|mail| {
            (mail.kind, mail.origin, mail.folder) == (MailKind::Message, Origin::Ews, Folder::Inbox)
        }));
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exchangelib_follows_every_redirect() {
    let Some(peers) = Peers::find("exchangelib_follows_every_redirect") else { return };
    let rig = Rig::start(with_ntlm()).await;
    let (https, http, _) = ports(&rig, "contoso");
    let (ann, bob) = (user(&rig, "contoso", 3), user(&rig, "contoso", 5));
    let discover = json!([step(&ann, json!({ "do": "discover" }))]);
    let endpoint = "https://mail.contoso.com/EWS/Exchange.asmx";
    let usual = json!({ "autodiscover.contoso.com:443": https, "mail.contoso.com:443": https });
    let redirect = |answer| Faults {
        autodiscover: Some(AutodiscoverFault { answer, times: 1 }),
        ..Faults::default()
    };
    let elsewhere = "https://mail.contoso.com/autodiscover/autodiscover.svc".to_owned();

    // No https at autodiscover.contoso.com, and no SRV record: the answer is at plain http.
    let names = json!({ "autodiscover.contoso.com:80": http, "mail.contoso.com:443": https });
    let said = exchangelib(&peers, &rig, names, discover.clone()).await;
    assert_eq!(said[0]["endpoint"], endpoint, "{said:#?}");

    for answer in [
        AutodiscoverAnswer::RedirectUrl(elsewhere.clone()),
        AutodiscoverAnswer::HttpRedirect(elsewhere),
    ] {
        rig.control().set_faults("contoso", redirect(answer.clone())).unwrap();
        let said = exchangelib(&peers, &rig, usual.clone(), discover.clone()).await;
        assert_eq!(said[0]["endpoint"], endpoint, "{answer:?}: {said:#?}");
        assert_eq!(said[0]["address"], address(&ann));
        let left = rig.control().faults("contoso").unwrap().autodiscover.unwrap().times;
        assert_eq!(left, 0, "{answer:?} was given");
    }

    let answer = AutodiscoverAnswer::RedirectAddress(address(&bob));
    rig.control().set_faults("contoso", redirect(answer)).unwrap();
    let as_bob = json!([step(&bob, json!({ "do": "discover", "address": address(&ann) }))]);
    let said = exchangelib(&peers, &rig, usual, as_bob).await;
    assert_eq!(said[0]["address"], address(&bob), "{said:#?}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exchangelib_backs_off_for_as_long_as_it_is_told() {
    let Some(peers) = Peers::find("exchangelib_backs_off_for_as_long_as_it_is_told") else {
        return;
    };
    let rig = Rig::start(with_ntlm()).await;
    let (https, ..) = ports(&rig, "contoso");
    let (ann, bob) = (user(&rig, "contoso", 3), user(&rig, "contoso", 5));
    let names = json!({ "mail.contoso.com:443": https });
    let send = |patient: bool| {
        step(
            &ann,
            json!({ "do": "send", "subject": "late", "body": "x", "to": [address(&bob)],
            "patient": patient, "endpoint": "https://mail.contoso.com/EWS/Exchange.asmx" }),
        )
    };
    let busy = |code, in_message, times| EwsError {
        code: Some(code),
        http_status: None,
        retry_after_s: None,
        back_off_ms: Some(1500),
        operation: Some("CreateItem".to_owned()),
        in_message,
        times,
    };
    let set = |errors| {
        let faults = Faults { ews_errors: errors, ..Faults::default() };
        rig.control().set_faults("contoso", faults).unwrap();
    };

    set(vec![busy(Code::ErrorServerBusy, None, 2)]);
    let said = exchangelib(&peers, &rig, names.clone(), json!([send(true)])).await;
    let seconds = said[0]["seconds"].as_f64().unwrap();
    assert!(said[0]["error"].is_null(), "{said:#?}");
    assert!((3.0..20.0).contains(&seconds), "twice 1.5 s: {seconds} s");
    assert_eq!(rig.control().faults("contoso").unwrap().ews_errors[0].times, 0);
    assert_eq!(rig.control().mails("contoso", Some(&address(&bob))).unwrap().len(), 1, "once");

    // What each code becomes at the other end, as fault or as message.
    let codes = [
        Code::ErrorServerBusy,
        Code::ErrorMailboxMoveInProgress,
        Code::ErrorSendAsDenied,
        Code::ErrorNonExistentMailbox,
        Code::ErrorInvalidRecipients,
        Code::ErrorMessageSizeExceeded,
        Code::ErrorSubmissionQuotaExceeded,
        Code::ErrorImpersonateUserDenied,
        Code::ErrorExceededConnectionCount,
    ];
    let ways = [None, Some(true), Some(false)];
    let each = codes.into_iter().flat_map(|code| ways.map(|way| busy(code, way, 1)));
    set(each.collect());
    let steps: Vec<_> = std::iter::repeat_n(send(false), codes.len() * ways.len()).collect();
    let said = exchangelib(&peers, &rig, names.clone(), json!(steps)).await;
    for (seen, code) in said.iter().zip(codes.into_iter().flat_map(|code| [code; 3])) {
        assert_eq!(seen["error"], code.name(), "{seen}");
    }

    let mut unavailable = busy(Code::ErrorServerBusy, None, 1);
    (unavailable.code, unavailable.http_status) = (None, Some(503));
    set(vec![unavailable]);
    let said = exchangelib(&peers, &rig, names, json!([send(false), send(false)])).await;
    assert!(!said[0]["error"].is_null(), "{said:#?}");
    assert!(said[1]["error"].is_null(), "{said:#?}");
    assert_eq!(rig.control().mails("contoso", Some(&address(&bob))).unwrap().len(), 2);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exchangelib_impersonates_and_hears_what_was_not_delivered() {
    let test = "exchangelib_impersonates_and_hears_what_was_not_delivered";
    let Some(peers) = Peers::find(test) else { return };
    let rig = Rig::start(with_ntlm()).await;
    let (https, ..) = ports(&rig, "contoso");
    let names = json!({
        "autodiscover.contoso.com:443": https,
        "mail.contoso.com:443": https,
    });
    let (ann, bob) = (user(&rig, "contoso", 3), user(&rig, "contoso", 5));
    let service = json!({ "account": ACCOUNT, "password": PASSWORD });
    let own = step(&service, json!({ "address": "svc-admin@contoso.com" }));
    let as_ann = step(&service, json!({ "address": address(&ann), "impersonates": true }));
    let nobody = "nobody@contoso.com";
    let send = |to: Value| json!({ "do": "send", "subject": "news", "body": "x", "to": to });
    let said = exchangelib(
        &peers,
        &rig,
        names,
        json!([
            step(&own, send(json!([address(&bob), nobody, "someone@elsewhere.test"]))),
            step(&own, json!({ "do": "read" })),
            step(&as_ann, send(json!([address(&bob)]))),
            step(
                &step(&bob, json!({ "address": address(&ann), "impersonates": true })),
                json!({ "do": "read", "patient": false })
            ),
            step(
                &ann,
                json!({ "do": "send", "subject": "false", "body": "x", "to": [nobody],
            "author": address(&bob) })
            ),
            step(&own, send(json!(["no address"]))),
            step(&own, send(json!([]))),
            step(&bob, json!({ "do": "read" })),
        ]),
    )
    .await;

    assert!(said[0]["error"].is_null(), "{said:#?}");
    let report = &said[1]["mails"][0];
    assert_eq!(report["subject"], "Undeliverable: news", "{said:#?}");
    assert!(report["body"].as_str().unwrap().contains("550 5.1.10"), "{report}");
    assert!(said[2]["error"].is_null(), "{said:#?}");
    assert_eq!(said[3]["error"], "ErrorImpersonateUserDenied");
    assert_eq!(said[4]["error"], "ErrorSendAsDenied");
    assert_eq!(said[5]["error"], "ErrorInvalidRecipients");
    assert_eq!(said[6]["error"], "ErrorMissingRecipients");
    let senders: Vec<_> =
        said[7]["mails"].as_array().unwrap().iter().map(|mail| mail["from"].clone()).collect();
    assert_eq!(senders, [json!(address(&ann)), json!("svc-admin@contoso.com")]);
    let left = rig.control().mails("contoso", Some("someone@elsewhere.test")).unwrap();
    assert_eq!((left.len(), left[0].mailbox), (1, None));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn smtplib_submits_and_is_refused_as_by_exchange() {
    let test = "smtplib_submits_and_is_refused_as_by_exchange";
    let Some(peers) = Peers::find(test) else { return };
    let rig = Rig::start(with_ntlm()).await;
    let (_, _, port) = ports(&rig, "contoso");
    let (ann, bob) = (user(&rig, "contoso", 3), user(&rig, "contoso", 5));
    let (from, to) = (address(&ann), address(&bob));
    let mail = json!({ "from": from, "to": [to], "subject": "Grüße", "body": "one\n.\n..two\n" });
    let step = |more: Value| step(&step(&ann, mail.clone()), more);
    let faults = [
        (SmtpStage::Recipient, "451 4.7.0 Temporary server error. Please try again later. PRX5"),
        (SmtpStage::Message, "550 5.7.1 Message rejected as spam by Content Filtering."),
    ];
    let smtp_replies =
        faults.map(|(at, reply)| SmtpReply { at, reply: reply.to_owned(), times: 1 }).to_vec();
    rig.control().set_faults("contoso", Faults { smtp_replies, ..Faults::default() }).unwrap();
    let input = json!({
        "port": port,
        "host": "ex01.contoso.com",
        "ca": rig.reach("contoso")["ca"],
        "steps": [
            step(json!({})),
            step(json!({})),
            step(json!({})),
            { "from": from, "to": [to], "subject": "s", "body": "b" },
            step(json!({ "tls": false })),
            step(json!({ "password": "wrong" })),
            step(json!({ "mechanism": "PLAIN", "method": "auth_plain" })),
            step(json!({ "from": to })),
            step(json!({ "header_from": to })),
            step(json!({ "bytes": 11 * 1024 * 1024, "body": null })),
            step(json!({ "to": ["nobody@contoso.com"], "named": [to] })),
        ],
    });
    let mut input = input;
    input["steps"][9].as_object_mut().unwrap().remove("body");
    let said = peers.run("smtp_mail.py", &input, PATIENCE).await;
    let code = |number: usize| {
        (said[number]["code"].as_u64().unwrap_or(0), said[number]["text"].as_str().unwrap_or(""))
    };

    assert_eq!(code(0).0, 451, "{said:#}");
    assert!(code(0).1.starts_with("4.7.0 Temporary server error"), "{said:#}");
    assert_eq!(code(1).0, 550);
    assert_eq!(said[2]["refused"], json!({}), "{said:#}");
    let features = said[2]["features"].as_array().unwrap();
    assert!(features.contains(&json!("auth")) && features.contains(&json!("size")), "{said:#}");
    assert_eq!(code(3).0, 530, "{said:#}");
    assert!(code(3).1.starts_with("5.7.57"), "{said:#}");
    assert_eq!(code(4).0, 504, "no credentials without TLS: {said:#}");
    assert_eq!((code(5).0, code(6).0), (535, 504), "{said:#}");
    assert!(code(7).1.starts_with("5.7.60") && code(8).1.starts_with("5.7.60"), "{said:#}");
    assert_eq!(code(9).0, 552, "{said:#}");
    assert_eq!(said[10]["refused"], json!({}), "{said:#}");

    let held = rig.control().mails("contoso", Some(&to)).unwrap();
    assert_eq!(held.len(), 1, "{held:#?}");
    assert_eq!((held[0].subject.as_str(), held[0].body.as_str()), ("Grüße", "one\n.\n..two\n"));
    assert_eq!((held[0].origin, held[0].from.as_str()), (Origin::Smtp, from.as_str()));
    assert_eq!(held[0].headers, [("X-Ticket".to_owned(), "77".to_owned())]);
    let reports = rig.control().mails("contoso", Some(&from)).unwrap();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].kind, MailKind::NonDelivery);
    assert!(reports[0].body.contains("nobody@contoso.com"), "{}", reports[0].body);
    rig.stop().await;
}
