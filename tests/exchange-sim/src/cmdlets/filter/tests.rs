//! Filters against one object, and the refusals.

use proptest::prelude::*;

use super::*;

const FILTERABLE: &[&str] = &["Name", "Has", "Guid", "WhenChangedUTC", "Ids"];

fn held(name: &str) -> Option<Held> {
    Some(match name {
        "name" => Held::Text("Jane O'Brien".to_owned()),
        "has" => Held::Flag(true),
        "guid" => Held::Guid(Uuid::from_u128(7)),
        "whenchangedutc" => Held::Time("2026-11-24T14:00:00Z".parse().unwrap()),
        "ids" => Held::Texts(vec!["AAA".to_owned(), "BBB".to_owned()]),
        _ => return None,
    })
}

#[test]
fn a_filter_says_which_objects_pass() {
    let guid = Uuid::from_u128(7).to_string();
    let rows = [
        ("Name -eq 'jane o''brien'", true),
        ("name -like 'jane*'", true),
        ("Name -like '*brien'", true),
        ("Name -like 'j*o*n'", true),
        ("Name -like 'brien'", false),
        ("-not Name -like 'CAS_{*'", true),
        ("Has -eq $true", true),
        ("Has -eq $false", false),
        ("Has -eq 'True' -and -not(Name -eq 'x')", true),
        ("WhenChangedUTC -gt '11/24/2026 13:59:59'", true),
        ("WhenChangedUTC -gt '11/24/2026 2:00:00 PM'", false),
        ("WhenChangedUTC -ge '11/24/2026 2:00:00 PM'", true),
        ("WhenChangedUTC -lt '2026-11-24T14:00:01Z'", true),
        ("WhenChangedUTC -gt '11/23/2026'", true),
        ("Ids -eq 'bbb'", true),
        ("Ids -ne $null", true),
        ("Ids -like 'C*'", false),
        ("Name -eq $null -or Has -eq $true", true),
        ("(Name -eq $null -or Has -eq $true) -and Has -ne $true", false),
        (&format!("Guid -eq '{guid}'"), true),
    ];
    for (text, passes) in rows {
        let filter = Filter::read(text, FILTERABLE).unwrap();

        assert_eq!(filter.passes(&held), passes, "{text}");
    }
}

#[test]
fn an_unfilterable_property_is_named() {
    let error = Filter::read("Has -eq $true -and LastSync -gt '1/1/2026'", FILTERABLE).unwrap_err();

    assert!(error.contains("\"LastSync\" is not a recognized filterable property"), "{error}");
}

#[test]
fn what_is_no_filter_is_refused() {
    let deep = format!("{}Has -eq $true{}", "(".repeat(99), ")".repeat(99));
    for text in ["", "Name", "Name -eq", "Name -is 'x'", "Name -eq 'x", "Name -eq 'x' )", &deep] {
        let error = Filter::read(text, FILTERABLE).unwrap_err();

        assert!(error.starts_with("Invalid filter syntax"), "{text}: {error}");
    }
}

proptest! {
    /// A text in single quotes, its own quotes doubled, means exactly itself.
    #[test]
    fn a_quoted_text_finds_itself(text in "[^\\x00]{1,40}") {
        let filter = Filter::read(&format!("Name -eq '{}'", text.replace('\'', "''")), FILTERABLE);
        let held = |name: &str| (name == "name").then(|| Held::Text(text.clone()));

        prop_assert!(filter.unwrap().passes(&held));
    }

    #[test]
    fn no_text_breaks_the_reader(text in any::<String>()) {
        drop(Filter::read(&text, FILTERABLE));
    }
}
