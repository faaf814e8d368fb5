//! Owns the tests of the bounded token stream: each limit has its own error.

use super::*;

fn drain(xml: &str) -> Result<usize, XmlError> {
    let mut scanner = Scanner::new(xml);
    let mut tokens = 0;
    loop {
        match scanner.next()? {
            Token::End => return Ok(tokens),
            Token::Open(_) | Token::Close | Token::Text(_) | Token::Char(_) => tokens += 1,
        }
    }
}

fn nested(depth: usize) -> String {
    format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth))
}

#[test]
fn nesting_is_bounded() {
    assert_eq!(drain(&nested(DEPTH_MAX)).unwrap(), 2 * DEPTH_MAX);
    assert!(matches!(drain(&nested(DEPTH_MAX + 1)), Err(XmlError::TooDeep)));
    assert!(matches!(drain(&"<a>".repeat(1_000_000)), Err(XmlError::TooDeep)));
}

#[test]
fn attributes_are_bounded() {
    let with = |count: usize| {
        let attributes: String = (0..count).map(|n| format!(" a{n}=\"\"")).collect();
        format!("<a{attributes}/>")
    };
    assert_eq!(drain(&with(ATTRIBUTES_MAX)).unwrap(), 2);
    assert!(matches!(drain(&with(ATTRIBUTES_MAX + 1)), Err(XmlError::TooManyAttributes)));
}

#[test]
fn texts_are_bounded_also_in_pieces() {
    let text = "x".repeat(TEXT_BYTES_MAX);
    let mut scanner = Scanner::new("");
    assert!(matches!(scanner.next(), Ok(Token::End)));
    assert_eq!(drain(&format!("<a>{text}</a>")).unwrap(), 3);
    assert!(matches!(drain(&format!("<a>{text}x</a>")), Err(XmlError::TextTooLong { .. })));
    let pieces = format!("<a>{}</a>", format!("{}&amp;", "y".repeat(1023)).repeat(1025));
    let mut scanner = Scanner::new(&pieces);
    assert!(matches!(scanner.next(), Ok(Token::Open(_))));
    assert!(matches!(scanner.text(), Err(XmlError::TextTooLong { .. })));
}

#[test]
fn dangerous_constructs_are_refused() {
    let bomb = "<!DOCTYPE a [<!ENTITY b \"bb\">]><a>&b;</a>";
    assert!(matches!(drain(bomb), Err(XmlError::DocumentType)));
    assert!(matches!(drain("<a>&b;</a>"), Err(XmlError::UnknownEntity(name)) if name == "b"));
    assert!(matches!(drain("<?php x?><a/>"), Err(XmlError::ProcessingInstruction)));
    assert!(matches!(drain("<a><b></a>"), Err(XmlError::Malformed { .. })));
    assert!(matches!(drain("<a>"), Err(XmlError::Truncated)));
    assert!(matches!(drain("<a"), Err(XmlError::Malformed { .. })));
    assert!(drain("<?xml version=\"1.0\"?><a><!-- c --></a>").is_ok());
}

#[test]
fn text_is_joined_over_references_and_sections() {
    let mut scanner = Scanner::new("<a>x &lt;&#x41;&#66; <![CDATA[<&]]>&amp;</a>");
    assert!(matches!(scanner.next(), Ok(Token::Open(_))));
    assert_eq!(scanner.text().unwrap(), "x <AB <&&");
    let mut scanner = Scanner::new("<a>plain</a>");
    assert!(matches!(scanner.next(), Ok(Token::Open(_))));
    assert!(matches!(scanner.text().unwrap(), Cow::Borrowed("plain")));
}

#[test]
fn attributes_are_found_by_local_name_and_unescaped() {
    let mut scanner = Scanner::new(r#"<a x:Name="1 &amp; 2" N=''/>"#);
    let Ok(Token::Open(tag)) = scanner.next() else { panic!("no element") };
    assert_eq!(attribute(&tag, "Name").unwrap().as_deref(), Some("1 & 2"));
    assert_eq!(attribute(&tag, "N").unwrap().as_deref(), Some(""));
    assert_eq!(attribute(&tag, "None").unwrap(), None);
}

#[test]
fn skipping_ends_where_the_element_ends() {
    for inside in [
        "",
        "text &amp; more",
        "<b/>",
        "<b />text<c></c>",
        "<b x=\"a>b</a>\" y='/>'>deep<b><b/></b></b>",
        "<b x=\"it's\"/><b y='say \"x\"'/>",
        "<!-- </a> --><b/>",
        "<![CDATA[</a>]]><b></b>",
        "<b><c><d/></c></b\n>",
    ] {
        let xml = format!("<r><a k='v'>{inside}</a><after/></r>");
        let mut scanner = Scanner::new(&xml);
        assert!(scanner.next_child().unwrap().is_some_and(|tag| tag.name().0 == "r"));
        assert!(scanner.next_child().unwrap().is_some_and(|tag| tag.name().0 == "a"));
        scanner.skip().unwrap();
        assert!(xml.as_bytes()[..scanner.position()].ends_with(b"</a>"), "{inside}");
        let after = scanner.next_child().unwrap().unwrap();
        assert_eq!(after.name().0, "after", "{inside}");
        scanner.skip().unwrap();
        assert!(scanner.next_child().unwrap().is_none());
        assert!(matches!(scanner.next(), Ok(Token::End)), "{inside}");
    }
}

#[test]
fn skipping_keeps_the_limits() {
    let skip = |inside: &str| {
        let xml = format!("<r>{inside}</r>");
        let mut scanner = Scanner::new(&xml);
        scanner.next_child()?;
        scanner.skip()
    };
    assert!(skip(&nested(DEPTH_MAX - 1)).is_ok());
    assert!(matches!(skip(&nested(DEPTH_MAX)), Err(XmlError::TooDeep)));
    let long = "x".repeat(TEXT_BYTES_MAX + 1);
    assert!(matches!(skip(&format!("<a>{long}</a>")), Err(XmlError::TextTooLong { .. })));
    let wide: String = (0..=ATTRIBUTES_MAX).map(|n| format!(" a{n}=''")).collect();
    assert!(matches!(skip(&format!("<a{wide}/>")), Err(XmlError::TooManyAttributes)));
    assert!(matches!(skip("<!DOCTYPE a>"), Err(XmlError::DocumentType)));
    assert!(matches!(skip("<?pi?>"), Err(XmlError::ProcessingInstruction)));
    for broken in ["<a>", "</r><a>", "<a", "<a b='", "<"] {
        let xml = format!("<r><s>{broken}");
        let mut scanner = Scanner::new(&xml);
        scanner.next_child().unwrap();
        scanner.next_child().unwrap();
        assert!(scanner.skip().is_err(), "{broken}");
    }
}
