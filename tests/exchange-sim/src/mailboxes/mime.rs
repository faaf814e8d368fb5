//! Owns what an internet message (RFC 5322, MIME) says, as far as mailboxes here keep it: addresses,
//! subject, the first body, Message-ID and header fields of the sender's own.

use mail_parser::{Address, Message as Parsed, MessageParser, PartType};

use super::BodyType;
use super::delivery::Message;

/// How many header fields of its own a message keeps.
pub const HEADERS_MAX: usize = 64;

/// Reads an internet message; `None` where there is not even a header field.
pub fn read(bytes: &[u8]) -> Option<Message> {
    let parsed = MessageParser::default().parse(bytes)?;
    let (body, body_type) = body(&parsed);
    let message_id = parsed.message_id().map(|id| format!("<{id}>")).unwrap_or_default();
    Some(Message {
        from: addresses(parsed.from()).into_iter().next().unwrap_or_default(),
        to: addresses(parsed.to()),
        cc: addresses(parsed.cc()),
        bcc: addresses(parsed.bcc()),
        subject: parsed.subject().unwrap_or_default().to_owned(),
        body,
        body_type,
        message_id,
        headers: headers(&parsed),
        ..Message::default()
    })
}

/// HTML where the message has it, as a mailbox shows it; else text.
fn body(parsed: &Parsed<'_>) -> (String, BodyType) {
    let html = parsed.html_bodies().find_map(|part| match &part.body {
        PartType::Html(html) => Some(html.clone().into_owned()),
        PartType::Text(_)
        | PartType::Binary(_)
        | PartType::InlineBinary(_)
        | PartType::Message(_)
        | PartType::Multipart(_) => None,
    });
    match html {
        Some(html) => (html, BodyType::Html),
        None => {
            let text = parsed.body_text(0).unwrap_or_default();
            (text.replace("\r\n", "\n"), BodyType::Text)
        }
    }
}

fn addresses(field: Option<&Address<'_>>) -> Vec<String> {
    let all = field.into_iter().flat_map(|address| address.iter());
    all.filter_map(|held| held.address().map(str::to_owned)).collect()
}

/// Fields that begin with `X-`, which only the sender gives a meaning.
fn headers(parsed: &Parsed<'_>) -> Vec<(String, String)> {
    let own = parsed.headers().iter().filter_map(|header| {
        let name = header.name();
        let is_own = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-"));
        let text = header.value.as_text().filter(|_| is_own)?;
        Some((name.to_owned(), text.trim().to_owned()))
    });
    own.take(HEADERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_with_its_encodings() {
        let text = "From: =?utf-8?q?J=C3=BCrgen?= <juergen@contoso.com>\r\nTo: a@x.com, B <b@x.com>\r\n\
                    Cc: c@x.com\r\nSubject: =?utf-8?b?w4RwZmVs?=\r\nMessage-ID: <1@x>\r\nX-Ticket: 77\r\n\
                    MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
                    Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\nzwei\r\n";
        let read = read(text.as_bytes()).unwrap();
        assert_eq!(read.from, "juergen@contoso.com");
        assert_eq!(
            (read.to, read.cc),
            (vec!["a@x.com".into(), "b@x.com".into()], vec!["c@x.com".into()])
        );
        assert_eq!((read.subject.as_str(), read.message_id.as_str()), ("Äpfel", "<1@x>"));
        assert_eq!((read.body.as_str(), read.body_type), ("Grüße\nzwei\n", BodyType::Text));
        assert_eq!(read.headers, [("X-Ticket".to_owned(), "77".to_owned())]);
    }

    #[test]
    fn html_is_preferred_and_nonsense_does_no_harm() {
        let text = "Subject: x\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\
                    Content-Type: text/plain\r\n\r\nplain\r\n--b\r\nContent-Type: text/html\r\n\r\n\
                    <p>rich</p>\r\n--b--\r\n";
        let rich = read(text.as_bytes()).unwrap();
        assert_eq!((rich.body.trim(), rich.body_type), ("<p>rich</p>", BodyType::Html));
        for odd in [&b""[..], b"\r\n", b"no header at all", b"\xff\xfe:\r\n\r\n\xff"] {
            if let Some(message) = read(odd) {
                assert!(message.to.is_empty(), "{message:?}");
            }
        }
    }
}
