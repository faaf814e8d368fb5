//! What is said where one kind of value stands in place of another one, and what always holds.

use super::*;

#[test]
fn kinds_are_told_in_plain_words() {
    let owner_type = "resource has ownerType && resource.ownerType";
    let cases = [
        ("resource.model.contains(\"x\")", "this is a text, not a list", "`like`"),
        ("context.deviceCount.contains(1)", "this is a number, not a list", "such as [1, 2]"),
        ("principal.contains(1)", "this is the owner, not a list", "principal in Group::"),
        ("principal in resource.model", "this is a text, not a group", "principal in Group::"),
        ("resource.model in Group::\"x\"", "this is a text, not a group", "principal in Group::"),
        ("resource.model < \"x\"", "this is a text, not a number", "write a number here"),
        ("1 + true == 2", "this is a condition, not a number", "write a number here"),
        ("resource.model.x == 1", "a text has no attributes", "before the dot"),
        ("principal.otherMails", "this is a list, not a condition", ".contains("),
        ("principal", "this is the owner, not a condition", "its attributes"),
        ("Group::\"x\"", "this is a group, not a condition", "principal in"),
        ("principal.otherMails == \"x\"", "a text and a list cannot be compared", "of one kind"),
        (
            &format!("{owner_type} == \"company\""),
            "a text and a word of OwnerType cannot be compared",
            "OwnerType::\"company\"",
        ),
        (
            &format!("{owner_type} < 3"),
            "this is a word of OwnerType, not a number",
            "write a number here",
        ),
        (&format!("({owner_type}) && !!!!!true"), "more than 4 ! stand in a row", "two and two"),
    ];
    for (text, message, cure) in cases {
        let mistake = refused(text);
        assert_eq!(mistake.message, message, "{text}");
        assert!(mistake.suggestion.contains(cure), "{text}: {}", mistake.suggestion);
    }
}

#[test]
fn what_always_holds_is_known() {
    let always = |text| Expression::compile(text).unwrap().always_holds();
    for text in ["true", "1 == 1", "!false", "principal is User // )", "true || true"] {
        assert!(always(text), "{text}");
    }
    for text in [
        "resource.model like \"*\"",
        "principal in Group::\"Board\"",
        "resource has isEncrypted",
        "context.deviceCount == 1",
    ] {
        assert!(!always(text), "{text}");
    }
}

#[test]
fn groups_are_known_as_they_are_written() {
    let text = "principal in [Group::\"Mail Users\", Group::\"köln\"] || true";
    let expression = Expression::compile(text).unwrap();
    let found = expression.groups().iter();
    let found: Vec<_> =
        found.map(|it| (it.name.as_str(), text.get(it.offset..).unwrap())).collect();
    assert_eq!(found[0].0, "Mail Users");
    assert!(found[0].1.starts_with("\"Mail Users\""), "{found:?}");
    assert!(found[1].1.starts_with("\"köln\"]"), "{found:?}");
}
