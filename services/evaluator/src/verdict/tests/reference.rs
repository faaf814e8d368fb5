//! A second opinion: random policies and cases, decided by the verdict and by a deliberately naive
//! reading of the same documents. Whoever changes what a key means changes it in both places.

mod dice;
mod documents;
mod expressions;
mod cases;
mod naive;

use std::collections::BTreeMap;

use exgate_domain::decision::{Compliance, Decision, Reason};
use exgate_domain::policy::Access;

use crate::bundles::{Bundle, PolicyFile};
use crate::verdict::decide;
pub(super) use cases::case as random_case;
pub(super) use dice::Dice;
pub(super) use documents::{GROUPS, documents, text};
use naive::Answer;

/// How many bundles are made.
const BUNDLES: u64 = 10_000;
/// How many threads share them.
const PARTS: u64 = 2;
/// How many cases each of them decides.
const CASES: u64 = 2;
/// How many random bundles may be refused, such as for a rule that can never match, of a hundred.
const REFUSED_PERCENT_MAX: u64 = 40;
/// How many of ten thousand cases each thing that can come out has to come out in at least.
const SEEN_MIN: u64 = 20;
/// The seed; another one can be tried with `EXGATE_SEED`.
const SEED: u64 = 20_260_310;

#[expect(clippy::print_stdout, reason = "whoever sees it fail needs the seed")]
#[test]
fn a_naive_reading_of_random_policies_agrees() {
    let seed = std::env::var("EXGATE_SEED").ok().map_or(SEED, |text| text.parse().unwrap());
    println!("EXGATE_SEED={seed}");
    let seen = std::thread::scope(|scope| {
        let parts: Vec<_> =
            (0..PARTS).map(|part| scope.spawn(move || compared(seed, part))).collect();
        parts.into_iter().map(|part| part.join().unwrap()).reduce(Seen::and).unwrap()
    });
    println!("{} bundles, {} refused, {} cases", seen.bundles, seen.refused, seen.cases);
    seen.check();
}

/// Every so many-th random bundle, each with some cases.
fn compared(seed: u64, part: u64) -> Seen {
    let mut seen = Seen::default();
    for number in (part..).step_by(PARTS as usize) {
        if seen.bundles == BUNDLES / PARTS {
            break;
        }
        let mut dice = Dice::new(seed, number);
        let documents = documents(&mut dice);
        let text = text(&documents);
        let content = text.clone().into_bytes();
        let file = PolicyFile { path: "random.yaml".to_owned(), content };
        let bundle = match Bundle::read(&[file]) {
            Ok(bundle) => bundle,
            Err(wrong) => {
                seen.refused += 1;
                assert!(
                    seen.refused * 100 <= REFUSED_PERCENT_MAX * BUNDLES / PARTS,
                    "{wrong:#?}\n{text}"
                );
                continue;
            }
        };
        seen.bundles += 1;
        for _ in 0..CASES {
            let case = random_case(&mut dice);
            let decision = decide(&bundle, &case);
            let answer = naive::answer(&documents, &case);
            let whose = || format!("EXGATE_SEED={seed}, bundle {number}\n{text}\n{case:#?}");
            assert_eq!(plain(&decision), sorted(answer), "{}", whose());
            seen.note(&decision);
        }
    }
    seen
}

/// A decision in the words of the second opinion. The first reason is the weightiest; the order of the
/// others is that of the telling.
fn plain(decision: &Decision) -> Answer {
    let words = decision.reasons.iter().map(|reason| reason.word().to_owned());
    sorted(Answer {
        access: decision.access.word().to_owned(),
        compliance: decision.compliance.word().to_owned(),
        reasons: words.collect(),
        policy: decision.policy.clone(),
        look_again_at: decision.look_again_at,
    })
}

fn sorted(mut answer: Answer) -> Answer {
    answer.reasons[1..].sort();
    answer
}

/// How often each thing came out: what never does is not tested.
#[derive(Default)]
struct Seen {
    bundles: u64,
    refused: u64,
    cases: u64,
    counts: BTreeMap<String, u64>,
}

impl Seen {
    fn and(mut self, other: Self) -> Self {
        self.bundles += other.bundles;
        self.refused += other.refused;
        self.cases += other.cases;
        for (what, count) in other.counts {
            *self.counts.entry(what).or_default() += count;
        }
        self
    }

    fn note(&mut self, decision: &Decision) {
        self.cases += 1;
        let mut count = |what: String| *self.counts.entry(what).or_default() += 1;
        count(format!("access {}", decision.access.word()));
        count(format!("compliance {}", decision.compliance.word()));
        for reason in &decision.reasons {
            count(format!("reason {}", reason.word()));
        }
        if decision.policy.ends_with("near") || decision.policy.ends_with("far") {
            count("by an overlay".to_owned());
        }
        if decision.look_again_at.is_some() {
            count("look again".to_owned());
        }
    }

    fn check(&self) {
        let mut wanted = vec!["by an overlay".to_owned(), "look again".to_owned()];
        wanted.extend(Access::ALL.iter().map(|it| format!("access {}", it.word())));
        wanted.extend(Compliance::ALL.iter().map(|it| format!("compliance {}", it.word())));
        wanted.extend(Reason::ALL.iter().map(|it| format!("reason {}", it.word())));
        for what in wanted {
            let count = self.counts.get(&what).copied().unwrap_or_default();
            let enough = count * 10_000 >= SEEN_MIN * self.cases;
            assert!(enough, "{what}: {count} of {} cases", self.cases);
        }
    }
}
