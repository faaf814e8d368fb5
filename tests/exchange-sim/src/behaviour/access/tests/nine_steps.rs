//! The documented order as a table of its own, held against the decision over random worlds.
//!
//! Source: TechNet ff959225 ("Understanding access and quarantine for mobile devices", Exchange 2010
//! SP1 and later). Nothing here calls the code under test to learn a fact: worlds are written to JSON
//! and read back as text.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::*;
use crate::behaviour::contact::{self, Service};
use crate::behaviour::scene::Scene;
use crate::world::event::Event;
use crate::world::policy::MailboxPolicy;

/// What may be true of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fact {
    Stranger,
    SyncIsOff,
    PolicyUnmet,
    OnBlockedList,
    OnAllowedList,
    BlockRule,
    QuarantineRule,
    AllowRule,
    DefaultBlocks,
    DefaultQuarantines,
    DefaultAllows,
}

/// One line: the step's number, the fact that it asks for, the state and reason that follow, and the
/// status over HTTP. The first line whose fact holds decides.
type Line = (u8, Fact, &'static str, &'static str, u16);

const TABLE: [Line; 11] = [
    (1, Fact::Stranger, "", "", 401),
    (2, Fact::SyncIsOff, "", "", 403),
    (3, Fact::PolicyUnmet, "Blocked", "Policy", 403),
    (4, Fact::OnBlockedList, "Blocked", "Individual", 403),
    (5, Fact::OnAllowedList, "Allowed", "Individual", 200),
    (6, Fact::BlockRule, "Blocked", "DeviceRule", 403),
    (7, Fact::QuarantineRule, "Quarantined", "DeviceRule", 200),
    (8, Fact::AllowRule, "Allowed", "DeviceRule", 200),
    (9, Fact::DefaultBlocks, "Blocked", "Global", 403),
    (9, Fact::DefaultQuarantines, "Quarantined", "Global", 200),
    (9, Fact::DefaultAllows, "Allowed", "Global", 200),
];

const CASES: u32 = 10_000;
/// How many cases each line has to decide, so that the table is not held against nothing.
const CASES_PER_LINE_MIN: usize = 100;

/// A world around one request, before anything looks at it.
#[derive(Clone, Debug)]
struct Wild {
    is_stranger: bool,
    sync_is_on: bool,
    enforces_policy: bool,
    policy: Option<bool>,
    default_is_lenient: bool,
    allowed: Vec<String>,
    blocked: Vec<String>,
    rules: Vec<Value>,
    default: &'static str,
    told: [&'static str; 4],
}

const ID: &str = "ApplDLXH7NMRDVGK";
const LEVELS: [&str; 3] = ["Allow", "Block", "Quarantine"];

fn ids() -> impl Strategy<Value = Vec<String>> {
    let ours = [ID.to_owned(), ID.to_lowercase(), ID.to_uppercase()];
    let others = ["ApplDLXH7NMRDVG".to_owned(), format!("{ID}X"), "SEC1B2C3".to_owned()];
    let id =
        prop_oneof![prop::sample::select(ours.to_vec()), prop::sample::select(others.to_vec())];
    prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(id, 1..4)]
}

fn rules() -> impl Strategy<Value = Vec<Value>> {
    let characteristic = ["DeviceType", "DeviceModel", "DeviceOS", "UserAgent", "XMSWLHeader"];
    let query =
        ["iPhone", "IPHONE", "iPhone15,2", "iOS 17.4", "ios 17.4", "Apple-iPhone", "iOS", "*"];
    let rule = (
        prop::sample::select(characteristic.to_vec()),
        prop::sample::select(query.to_vec()),
        prop::sample::select(LEVELS.to_vec()),
    );
    let rules = prop::collection::vec(rule, 1..9);
    let named = rules.prop_map(|rules| {
        let named =
            rules.into_iter().enumerate().map(|(number, (characteristic, query, level))| {
                json!({ "name": format!("rule {number}"), "characteristic": characteristic,
                    "query_string": query, "access_level": level })
            });
        named.collect()
    });
    prop_oneof![1 => Just(Vec::new()), 2 => named]
}

fn wild() -> impl Strategy<Value = Wild> {
    let often = prop::bool::weighted(0.92);
    let told = (
        prop::sample::select(vec!["iPhone", "iPad"]),
        prop::sample::select(vec!["iPhone15,2", "iPhone"]),
        prop::sample::select(vec!["iOS 17.4", "iOS 18.1"]),
        prop::sample::select(vec!["Apple-iPhone", "Apple-iPhone15C2/2105.236"]),
    );
    let policy = (prop::bool::weighted(0.8), prop::option::of(any::<bool>()), any::<bool>());
    let sign_in = (prop::bool::weighted(0.05), often);
    let default = prop::sample::select(LEVELS.to_vec());
    (sign_in, policy, ids(), ids(), rules(), default, told).prop_map(
        |((is_stranger, sync_is_on), policy, allowed, blocked, rules, default, told)| Wild {
            is_stranger,
            sync_is_on,
            enforces_policy: policy.0,
            policy: policy.1,
            default_is_lenient: policy.2,
            allowed,
            blocked,
            rules,
            default,
            told: [told.0, told.1, told.2, told.3],
        },
    )
}

impl Wild {
    /// The facts, read from what was drawn and from nothing that the simulator made of it.
    fn facts(&self) -> BTreeSet<Fact> {
        let lists = |ids: &[String]| ids.iter().any(|id| id.to_lowercase() == ID.to_lowercase());
        let ruled = |level: &str| {
            self.rules.iter().any(|rule| {
                let place = match rule["characteristic"].as_str().unwrap() {
                    "DeviceType" => 0,
                    "DeviceModel" => 1,
                    "DeviceOS" => 2,
                    "UserAgent" => 3,
                    _ => return false,
                };
                let query = rule["query_string"].as_str().unwrap().to_lowercase();
                rule["access_level"] == level && self.told[place].to_lowercase() == query
            })
        };
        let lenient = self.policy.unwrap_or(self.default_is_lenient);
        let facts = [
            (Fact::Stranger, self.is_stranger),
            (Fact::SyncIsOff, !self.sync_is_on),
            (Fact::PolicyUnmet, !self.enforces_policy && !lenient),
            (Fact::OnBlockedList, lists(&self.blocked)),
            (Fact::OnAllowedList, lists(&self.allowed)),
            (Fact::BlockRule, ruled("Block")),
            (Fact::QuarantineRule, ruled("Quarantine")),
            (Fact::AllowRule, ruled("Allow")),
            (Fact::DefaultBlocks, self.default == "Block"),
            (Fact::DefaultQuarantines, self.default == "Quarantine"),
            (Fact::DefaultAllows, self.default == "Allow"),
        ];
        facts.into_iter().filter(|(_, holds)| *holds).map(|(fact, _)| fact).collect()
    }

    /// The simulator's world, with one phone on which nothing is decided yet.
    fn build(&self) -> (Scene, Device) {
        let mut scene = Scene::new(AccessLevel::parse(self.default).unwrap());
        let rules = serde_json::from_value(Value::Array(self.rules.clone())).unwrap();
        let mut policies = scene.world.policies.clone();
        let mut own = MailboxPolicy::new("Own", &scene.world.blueprint, scene.moment.now);
        for (policy, lenient) in
            [(&mut policies[0], self.default_is_lenient), (&mut own, self.policy == Some(true))]
        {
            let lenient = lenient.to_string();
            policy.settings.insert("AllowNonProvisionableDevices".to_owned(), lenient);
        }
        policies.push(own);
        let mut owner = scene.owner();
        owner.active_sync_enabled = self.sync_is_on;
        owner.allowed_device_ids.clone_from(&self.allowed);
        owner.blocked_device_ids.clone_from(&self.blocked);
        owner.policy = self.policy.map(|_| "Own".to_owned());
        let mut device = scene.phone();
        device.device_id = ID.to_owned();
        let [kind, model, system, agent] = self.told.map(str::to_owned);
        (device.device_type, device.device_model) = (kind, model);
        (device.device_os, device.user_agent) = (system, agent);
        device.enforces_policy = self.enforces_policy;
        scene.apply(vec![
            Event::Rules(rules),
            Event::Policies(policies),
            Event::Mailbox(Box::new(owner)),
            Event::Device(Box::new(device.clone())),
        ]);
        (scene, device)
    }
}

/// What the code under test says, as a line of the table would: state, reason, status.
fn said(answer: &Answer) -> (String, String, u16) {
    match answer {
        Answer::NotAuthenticated => (String::new(), String::new(), 401),
        Answer::Disabled => (String::new(), String::new(), 403),
        Answer::Decided(verdict) => {
            let status = if verdict.state == Blocked { 403 } else { 200 };
            (format!("{:?}", verdict.state), format!("{:?}", verdict.reason), status)
        }
    }
}

#[test]
fn the_order_of_access_is_the_documented_one_in_ten_thousand_random_worlds() {
    let decided = std::cell::RefCell::new([0_usize; TABLE.len()]);
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&wild(), |wild| {
        let facts = wild.facts();
        let line = TABLE.iter().position(|line| facts.contains(&line.1)).unwrap();
        decided.borrow_mut()[line] += 1;
        let (step, _, state, reason, status) = TABLE[line];
        let (scene, device) = wild.build();
        let mut asked = Contact::within(&device, &scene.owner(), &scene.world);
        asked.authenticated = !wild.is_stranger;

        let answer = asked.answer();

        prop_assert_eq!(
            said(&answer),
            (state.to_owned(), reason.to_owned(), status),
            "step {}",
            step
        );
        let rule = match &answer {
            Answer::Decided(verdict) => verdict.rule.clone(),
            Answer::NotAuthenticated | Answer::Disabled => None,
        };
        prop_assert_eq!(rule.is_some(), reason == "DeviceRule", "{:?}", rule);
        if !wild.is_stranger {
            let called = contact::call(&scene.world, &device, &scene.moment);
            let served = match called.service {
                Service::Mail | Service::QuarantineMail => 200,
                Service::Refused | Service::TooMany => 403,
                Service::Provision | Service::Wipe | Service::Autoblocked { .. } => 0,
            };
            prop_assert_eq!(served, status, "{:?}", &called);
            if !state.is_empty() {
                prop_assert_eq!(format!("{:?}", called.device.state), state);
                prop_assert_eq!(format!("{:?}", called.device.reason), reason);
                prop_assert_eq!(called.device.rule, rule);
            }
        }
        Ok(())
    });
    outcome.unwrap();
    let decided = decided.into_inner();
    assert_eq!(decided.iter().sum::<usize>(), CASES as usize);
    for (line, count) in TABLE.iter().zip(decided) {
        assert!(count >= CASES_PER_LINE_MIN, "{line:?} decided only {count} cases");
    }
}
