//! Conversations without a network.

use super::*;
use crate::mailboxes::MailKind;
use crate::settings::{Account, Settings};
use crate::simulator::tests::a_live_organization;

const PASSWORD: &str = "correct horse";

fn session() -> (Session, Arc<Live>, String) {
    let account = Account::new("CONTOSO\\svc-admin", PASSWORD);
    let settings = Settings { mailboxes: 6, devices: 0, ..Settings::new(account) };
    let live = a_live_organization(&settings, "contoso");
    let accounts =
        Accounts::new(Arc::clone(&live), settings.accounts.clone(), settings.user_password.clone());
    let address = live.read(|world| world.mailboxes().nth(1).unwrap().primary_smtp_address.clone());
    (Session::new(Arc::clone(&live), accounts, "ex01.contoso.com".to_owned()), live, address)
}

fn told(session: &mut Session, line: &str) -> String {
    match session.line(format!("{line}\r\n").as_bytes()) {
        Next::Reply(text) | Next::Secure(text) | Next::Message(text) | Next::Close(text) => text,
    }
}

fn code(session: &mut Session, line: &str) -> u16 {
    told(session, line).get(..3).and_then(|code| code.parse().ok()).unwrap()
}

fn signed_in() -> (Session, Arc<Live>, String) {
    let (mut session, live, address) = session();
    session.secured();
    let name = STANDARD.encode(&address);
    for (line, expected) in [
        ("EHLO client".to_owned(), 250),
        (format!("AUTH LOGIN {name}"), 334),
        (STANDARD.encode(PASSWORD), 235),
    ] {
        assert_eq!(code(&mut session, &line), expected, "{line}");
    }
    (session, live, address)
}

#[test]
fn nothing_is_taken_before_its_time() {
    let (mut session, _, _) = session();
    assert_eq!(code(&mut session, "MAIL FROM:<a@b.test>"), 503, "no hello yet");
    let hello = told(&mut session, "EHLO client");
    assert!(hello.contains("STARTTLS") && !hello.contains("AUTH"), "{hello}");
    assert_eq!(code(&mut session, "AUTH LOGIN"), 504, "no credentials without TLS");
    assert_eq!(code(&mut session, "MAIL FROM:<a@b.test>"), 530);
    assert!(matches!(session.line(b"STARTTLS\r\n"), Next::Secure(_)));
    session.secured();
    assert_eq!(code(&mut session, "MAIL FROM:<a@b.test>"), 503, "said before TLS, forgotten");
    let hello = told(&mut session, "EHLO client");
    assert!(hello.contains("AUTH LOGIN") && !hello.contains("STARTTLS"), "{hello}");
}

#[test]
fn a_message_goes_the_whole_way() {
    let (mut session, live, address) = signed_in();
    assert_eq!(code(&mut session, "RCPT TO:<a@b.test>"), 503);
    assert_eq!(code(&mut session, &format!("MAIL FROM:<{address}> SIZE=99999999")), 552);
    assert_eq!(code(&mut session, &format!("MAIL FROM:<{address}> SIZE=100")), 250);
    assert_eq!(code(&mut session, "DATA"), 503);
    assert_eq!(code(&mut session, "RCPT TO:<nobody@contoso.com>"), 250);
    assert_eq!(code(&mut session, "RCPT TO:<a@b.test>"), 250);
    assert!(matches!(session.line(b"DATA\r\n"), Next::Message(_)));
    let next = session.message(b"Subject: s\r\nMessage-ID: <9@x>\r\n\r\nhello\r\n");
    let Next::Reply(text) = next else { panic!("{next:?}") };
    assert!(text.starts_with("250 2.6.0 <9@x> [InternalId=1, "), "{text}");
    let mails = live.read(|world| world.mails.clone());
    let kinds: Vec<_> = mails.iter().map(|mail| (mail.kind, mail.to.clone())).collect();
    assert_eq!(
        kinds,
        [(MailKind::Message, "a@b.test".to_owned()), (MailKind::NonDelivery, address.clone())]
    );
    assert_eq!(code(&mut session, "DATA"), 503, "the envelope is used up");
}

#[test]
fn mistakes_end_the_conversation() {
    let (mut session, _, _) = session();
    for _ in 0..ERRORS_MAX {
        assert_eq!(code(&mut session, "WHAT"), 500);
    }
    assert!(
        matches!(session.line(b"WHAT\r\n"), Next::Close(text) if text.starts_with("421 4.7.0"))
    );
    let (mut session, _, address) = signed_in();
    assert_eq!(code(&mut session, "AUTH LOGIN"), 503, "signed in before");
    assert_eq!(code(&mut session, &format!("MAIL FROM:<{address}>")), 250);
    assert_eq!(code(&mut session, "RCPT TO:<no address>"), 501);
    assert_eq!(code(&mut session, "RSET"), 250);
    assert_eq!(code(&mut session, "RCPT TO:<a@b.test>"), 503);
}
