//! A value in the words of `tests/interop/clixml_values.py`, and one of ours for every type there is.

use exgate_exchange::clixml::value::SecureText;
use exgate_exchange::clixml::{Content, DateTime, ListKind, Object, TimeSpan, Value};
use serde_json::{Value as Json, json};
use uuid::Uuid;

/// Texts that try an XML document, the escape of CLIXML and UTF-16, by name.
pub fn texts() -> Vec<(&'static str, String)> {
    let plain = [
        ("empty", ""),
        ("plain", "plain"),
        ("section", "iPhone\u{a7}ApplDNPGW0ABFF9R"),
        ("markup", "<&>\"' ]]> &amp; <!-- -->"),
        ("control", "\0\u{1}\t\n\r\u{1f}\u{7f}\u{80}\u{85}\u{9f}"),
        ("escape", "_x0041_ _x005F_ _x _X0041_ __x0041__ _x004 _xD83D_"),
        ("surrogates", "\u{1f4f1}\u{10000}\u{10ffff}"),
        ("borders", "\u{d7ff}\u{e000}\u{fffd}\u{fffe}\u{ffff}"),
        ("scripts", "\u{41f}\u{43e}\u{447}\u{442}\u{430} \u{30e1}\u{30fc}\u{30eb} e\u{301}"),
        ("spaces", "  two  \u{a0}\u{2028} spaces  "),
    ];
    let long = ("long", "0123456789abcde\u{a7}".repeat(30_000));
    plain.into_iter().map(|(name, text)| (name, text.to_owned())).chain([long]).collect()
}

/// One value of every type, its borders included, and every container, by name.
pub fn values() -> Vec<(String, Value)> {
    let mut values: Vec<(String, Value)> = texts()
        .into_iter()
        .map(|(name, text)| (format!("text {name}"), Value::String(text)))
        .collect();
    values.extend(primitives().into_iter().map(|(name, value)| (name.to_owned(), value)));
    values.extend(containers().into_iter().map(|(name, value)| (name.to_owned(), value)));
    values
}

fn primitives() -> Vec<(&'static str, Value)> {
    let date = |text: &str| Value::DateTime(DateTime(text.to_owned()));
    let span = |text: &str| Value::TimeSpan(TimeSpan(text.to_owned()));
    let decimal = |text: &str| Value::Decimal(text.to_owned());
    vec![
        ("nil", Value::Nil),
        ("char", Value::Char(0xe9)),
        ("char of one surrogate", Value::Char(0xd83d)),
        ("true", true.into()),
        ("false", false.into()),
        ("date", date("2021-09-28T17:32:01.1234567Z")),
        ("date with offset", date("2021-09-28T19:32:01+02:00")),
        ("date without offset", date("2021-09-28T17:32:01")),
        ("first date", date("0001-01-01T00:00:00")),
        ("span", span("PT3605S")),
        ("negative span", span("-P1DT1.0000001S")),
        ("u8", Value::U8(u8::MAX)),
        ("i8", Value::I8(i8::MIN)),
        ("u16", Value::U16(u16::MAX)),
        ("i16", Value::I16(i16::MIN)),
        ("u32", Value::U32(u32::MAX)),
        ("i32", Value::I32(i32::MIN)),
        ("u64", Value::U64(u64::MAX)),
        ("i64", Value::I64(i64::MIN)),
        ("f32", Value::F32(0.1)),
        ("f32 without end", Value::F32(f32::INFINITY)),
        ("f64", Value::F64(-1.25e300)),
        ("small f64", Value::F64(5e-324)),
        ("negative f64 without end", Value::F64(f64::NEG_INFINITY)),
        ("decimal", decimal("79228162514264337593543950335")),
        ("decimal with zeros", decimal("-1.500")),
        ("bytes", Value::Bytes((0..=255).collect())),
        ("no bytes", Value::Bytes(Vec::new())),
        ("guid", Value::Guid(Uuid::from_u128(0x7f0e_2b3c_1111_4222_8333_4444_5555_6666))),
        ("uri", Value::Uri("http://h\u{f6}st/?a=1&b=<2>".to_owned())),
        ("version", Value::Version("15.2.986.5".to_owned())),
        ("xml", Value::Xml("<a>b &amp; c</a>".to_owned())),
        ("script block", Value::ScriptBlock("Get-Item '\u{a7}'".to_owned())),
        ("secure string", Value::SecureString(SecureText("QUFBQQ==".to_owned()))),
    ]
}

fn containers() -> Vec<(&'static str, Value)> {
    let text = |text: &str| Value::from(text);
    let list = |kind, items: Vec<Value>| {
        Value::object(Object { content: Content::List(kind, items), ..Object::default() })
    };
    let member = || Value::object(Object::enumeration("Example.OfNobody", "Held", 3));
    let inner = Value::object(
        Object::of_type(["Example.Inner", "System.Object"])
            .with_text("example.com/Users/x\u{a7}")
            .with("Name", "x")
            .with_extended("Guid", Uuid::from_u128(7)),
    );
    let mut deep = text("bottom");
    for _ in 0..12 {
        deep = list(ListKind::List, vec![deep]);
    }
    let entries = vec![(1.into(), Value::Nil), (2.into(), inner.clone())];
    let numbers = Object { content: Content::Dictionary(entries), ..Object::default() };
    let outer = Object::of_type(["Example.Outer"]).with_text("o");
    vec![
        ("list", list(ListKind::List, vec![text("a"), 1.into(), Value::Nil, true.into()])),
        ("empty list", list(ListKind::List, Vec::new())),
        ("list in lists", deep),
        ("array", Value::array([text("a")])),
        ("stack", list(ListKind::Stack, vec![text("a"), text("b")])),
        ("queue", list(ListKind::Queue, vec![text("a"), 1.into()])),
        ("enumerable", list(ListKind::Enumerable, vec![1.into(), text("b")])),
        ("dictionary", Value::hashtable([("Add", Value::array([text("67AE\u{a7}")]))])),
        ("dictionary of numbers", Value::object(numbers)),
        ("empty dictionary", Value::hashtable::<&str>([])),
        ("member", member()),
        ("object", outer.with("A", "1").with("B", Value::Nil).with_extended("C", 3).into()),
        ("object twice", Value::array([inner.clone(), inner])),
        ("members", Value::array([member(), member()])),
    ]
}

/// Describes a value.
pub fn describe(value: &Value) -> Json {
    if let Some(object) = value.as_object() {
        return describe_object(object, value);
    }
    let element = value.primitive().expect("no object").element();
    let text = match value {
        Value::Nil => String::new(),
        Value::Bool(flag) => flag.to_string(),
        Value::Char(unit) => unit.to_string(),
        Value::DateTime(date) => {
            let text = format!("{:.7}", date.timestamp().expect("a date"));
            if date.has_offset() { text } else { text.trim_end_matches('Z').to_owned() }
        }
        Value::TimeSpan(span) => span.duration().expect("a span").as_nanos().to_string(),
        Value::F32(number) => format!("{:08x}", number.to_bits()),
        Value::F64(number) => format!("{:016x}", number.to_bits()),
        Value::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Value::SecureString(SecureText(text)) => text.clone(),
        _ => value.to_text().expect("a text").into_owned(),
    };
    json!([element, text])
}

fn describe_object(object: &Object, value: &Value) -> Json {
    match &object.content {
        Content::List(kind, items) => {
            let kind = match kind {
                ListKind::List => "LST",
                ListKind::Enumerable => "IE",
                ListKind::Queue => "QUE",
                ListKind::Stack => "STK",
            };
            json!({ "kind": kind, "items": items.iter().map(describe).collect::<Vec<_>>() })
        }
        Content::Dictionary(entries) => {
            let entries: Vec<_> =
                entries.iter().map(|(key, held)| json!([describe(key), describe(held)])).collect();
            json!({ "entries": entries })
        }
        Content::Primitive(inner) => {
            json!({ "types": &*object.type_names, "text": value.to_text(), "inner": describe(inner) })
        }
        Content::None => {
            let mut props: Vec<_> = object
                .properties()
                .map(|held| (held.name.as_str(), describe(&held.value)))
                .collect();
            props.sort_by_key(|(name, _)| *name);
            json!({ "types": &*object.type_names, "text": value.to_text(), "props": props })
        }
    }
}
