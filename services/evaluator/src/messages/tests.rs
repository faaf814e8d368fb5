//! Both languages say the same things, and write numbers, lists and instants as their readers do.

use std::collections::{BTreeMap, BTreeSet};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};
use fluent_syntax::parser;
use jiff::SignedDuration;

use super::*;

/// The messages of a file, each with the values that it takes.
fn messages(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let resource = parser::parse(language.file());
    let resource = resource.unwrap_or_else(|(_, errors)| panic!("{language:?}: {errors:?}"));
    let mut messages = BTreeMap::new();
    for entry in &resource.body {
        match entry {
            Entry::Message(message) => {
                let mut values = BTreeSet::new();
                pattern(message.value.as_ref().unwrap(), &mut values);
                let twice = messages.insert(message.id.name.to_owned(), values);
                assert!(twice.is_none(), "{language:?} says {} twice", message.id.name);
            }
            Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => {}
            Entry::Term(_) | Entry::Junk { .. } => panic!("{language:?}: {entry:?}"),
        }
    }
    messages
}

fn pattern(of: &Pattern<&str>, values: &mut BTreeSet<String>) {
    for element in &of.elements {
        match element {
            PatternElement::TextElement { .. } => {}
            PatternElement::Placeable { expression: it } => expression(it, values),
        }
    }
}

fn expression(of: &Expression<&str>, values: &mut BTreeSet<String>) {
    match of {
        Expression::Inline(it) => inline(it, values),
        Expression::Select { selector, variants } => {
            inline(selector, values);
            variants.iter().for_each(|variant| pattern(&variant.value, values));
        }
    }
}

fn inline(of: &InlineExpression<&str>, values: &mut BTreeSet<String>) {
    match of {
        InlineExpression::VariableReference { id } => {
            values.insert(id.name.to_owned());
        }
        InlineExpression::Placeable { expression: it } => expression(it, values),
        InlineExpression::StringLiteral { .. } | InlineExpression::NumberLiteral { .. } => {}
        InlineExpression::FunctionReference { .. }
        | InlineExpression::MessageReference { .. }
        | InlineExpression::TermReference { .. } => panic!("{of:?} is not for this catalogue"),
    }
}

/// That every message is said is the compiler's to see: a key that nobody says is dead code.
#[test]
fn every_language_has_every_message_with_the_same_values() {
    let english = messages(Language::English);
    let keys: BTreeSet<_> = Key::ALL.iter().map(|key| key.id().to_owned()).collect();
    assert_eq!(english.keys().cloned().collect::<BTreeSet<_>>(), keys);
    assert_eq!(keys.len(), Key::ALL.len());
    for language in Language::ALL {
        assert_eq!(messages(language), english, "{language:?}");
    }
}

#[test]
fn a_message_can_become_a_sentence_or_a_line_of_a_trace() {
    for language in Language::ALL {
        let text = language.file();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert!(!line.trim_end().ends_with('.'), "{language:?}: {line}");
            // A name at the start would be changed by the capital letter of a sentence.
            assert!(!line.starts_with("fact-") || !line.contains("= {"), "{language:?}: {line}");
        }
    }
}

#[test]
fn a_tag_finds_its_language_whatever_the_region() {
    for (tag, language) in [
        ("en", Some(Language::English)),
        ("nl", Some(Language::Dutch)),
        ("NL-be", Some(Language::Dutch)),
        (" nl_NL ", Some(Language::Dutch)),
        ("en-GB", Some(Language::English)),
        ("fr", None),
        ("", None),
        ("not a tag", None),
    ] {
        assert_eq!(Language::find(tag), language, "{tag:?}");
    }
}

fn written(value: Value) -> [String; 2] {
    Language::ALL.map(|language| {
        let FluentValue::String(text) = value.in_language(language) else { panic!("{value:?}") };
        text.into_owned()
    })
}

#[test]
fn instants_days_spans_and_lists_are_written_as_their_readers_do() {
    let at: jiff::Timestamp = "2026-03-03T14:05:59Z".parse().unwrap();
    assert_eq!(written(at.into()), ["3 March 2026, 14:05 UTC", "3 maart 2026, 14:05 UTC"]);
    let day: jiff::civil::Date = "2026-10-31".parse().unwrap();
    assert_eq!(written(day.into()), ["31 October 2026", "31 oktober 2026"]);
    let span = |hours, minutes| {
        Value::Span(SignedDuration::from_hours(hours) + SignedDuration::from_mins(minutes))
    };
    assert_eq!(written(span(24, 0)), ["1 day", "1 dag"]);
    assert_eq!(
        written(span(14 * 24 + 1, 14)),
        ["14 days, 1 hour and 14 minutes", "14 dagen, 1 uur en 14 minuten"]
    );
    assert_eq!(written(Value::Span(SignedDuration::from_secs(1))), ["1 second", "1 seconde"]);
    assert_eq!(written(Value::Span(SignedDuration::ZERO)), ["0 seconds", "0 seconden"]);
    let list = |count| ["iOS", "android", "windows"][..count].iter().map(|it| (*it).to_owned());
    assert_eq!(written(Value::All(list(0).collect())), ["", ""]);
    assert_eq!(written(Value::All(list(1).collect())), ["iOS", "iOS"]);
    assert_eq!(written(Value::All(list(2).collect())), ["iOS and android", "iOS en android"]);
    assert_eq!(
        written(Value::Any(list(3).collect())),
        ["iOS, android or windows", "iOS, android of windows"]
    );
}

#[test]
fn numbers_are_parted_and_chosen_by() {
    let days =
        |count| Language::ALL.map(|it| it.say(Key::SpanDays, &[("count", Value::Count(count))]));
    assert_eq!(days(1), ["1 day", "1 dag"]);
    assert_eq!(days(12), ["12 days", "12 dagen"]);
    assert_eq!(days(1_234_567), ["1,234,567 days", "1.234.567 dagen"]);
}

#[test]
fn a_sentence_starts_large_and_ends() {
    let say = |text| Language::Dutch.sentence(text);
    assert_eq!(say("één toestel"), "Één toestel.");
    assert_eq!(say("echt?"), "Echt?");
    assert_eq!(say(""), ".");
}
