//! The page "Why is this phone blocked?": situations that a help desk meets, explained live. The page in
//! the documentation is what this writes; it is out of date when it differs.

mod situations;

use std::fmt::Write as _;

use exgate_domain::policy::Access;

use super::{Explanation, Language, explain};
use crate::bundles::{Bundle, PolicyFile};
use situations::{POLICIES, SITUATIONS, Situation};

const PAGE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/help/why-is-this-phone-blocked.md");

const OPENING: &str = "\
# Why is this phone blocked?

For whoever picks up the telephone. Find the question that sounds like the caller's, and compare it with
what exgate says about the phone at hand:

```console
$ exgate why ann@contoso.example/ApplDLXH1234
$ exgate why ann@contoso.example/ApplDLXH1234 --language nl
```

`EXGATE_LANGUAGE=nl` makes Dutch the language of every explanation. The sentences stand under *decision*,
and what to do at the end. Each step has to be done; where several ways lead there, the others start with
\"or instead\". What is listed as a step was tried: with these facts changed, the same policies allow the
device. Where nothing of the kind would help, the explanation says so.

This page is written by a test from what exgate really says, with the policies at its end. Names, times
and ids are made up.
";

fn bundle() -> Bundle {
    let content = POLICIES.as_bytes().to_vec();
    Bundle::read(&[PolicyFile { path: "policies.yaml".to_owned(), content }]).unwrap()
}

/// How the steps are introduced.
fn label(explanation: &Explanation) -> &'static str {
    match (explanation.language, explanation.decision.access) {
        (Language::English, Access::Quarantine | Access::Block) => "What to do",
        (Language::English, Access::Allow) => "What to do, to keep the mail",
        (Language::English, Access::Leave) => "What would change that",
        (Language::Dutch, Access::Quarantine | Access::Block) => "Wat te doen",
        (Language::Dutch, Access::Allow) => "Wat te doen om de mail te houden",
        (Language::Dutch, Access::Leave) => "Wat dat zou veranderen",
    }
}

fn told(page: &mut String, question: &str, explanation: &Explanation) {
    writeln!(page, "**“{question}”**\n").unwrap();
    for sentence in &explanation.sentences {
        writeln!(page, "> {sentence}").unwrap();
    }
    if !explanation.cures.is_empty() {
        writeln!(page, ">\n> {}:\n>", label(explanation)).unwrap();
        for cure in &explanation.cures {
            writeln!(page, "> - {cure}").unwrap();
        }
    }
    page.push('\n');
}

fn page() -> String {
    let bundle = bundle();
    let mut page = OPENING.to_owned();
    for (index, situation) in SITUATIONS.iter().enumerate() {
        let Situation { title, asked, advice, .. } = situation;
        let case = situation.case();
        write!(page, "\n## {}. {title}\n\n", index + 1).unwrap();
        for (language, question) in Language::ALL.into_iter().zip(asked) {
            told(&mut page, question, &explain(&bundle, &case, language));
        }
        writeln!(page, "{advice}").unwrap();
    }
    write!(page, "\n## The policies of this page\n\n```yaml\n{}```\n", POLICIES.trim_start())
        .unwrap();
    page
}

/// `EXGATE_BLESS=1 cargo test -p exgate-evaluator help_page` writes the page anew.
#[test]
fn the_help_page_is_what_exgate_says() {
    let live = page();
    if std::env::var_os("EXGATE_BLESS").is_some() {
        std::fs::create_dir_all(std::path::Path::new(PAGE).parent().unwrap()).unwrap();
        std::fs::write(PAGE, &live).unwrap();
    }
    let written = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        written == live,
        "docs/help/why-is-this-phone-blocked.md is out of date; EXGATE_BLESS=1 cargo test -p \
         exgate-evaluator help_page writes it anew"
    );
}

#[test]
fn every_situation_of_the_page_comes_to_what_it_is_there_for() {
    let bundle = bundle();
    for situation in SITUATIONS {
        let case = situation.case();
        let [english, dutch] = Language::ALL.map(|language| explain(&bundle, &case, language));
        let found = (english.decision.access, english.decision.reasons[0]);
        assert_eq!(found, (situation.access, situation.reason), "{}", situation.title);
        assert_eq!(english.sentences.len(), dutch.sentences.len(), "{}", situation.title);
        assert_eq!(english.cures.len(), dutch.cures.len(), "{}", situation.title);
        for (one, other) in english.sentences.iter().zip(&dutch.sentences) {
            assert_ne!(one, other);
        }
    }
}
