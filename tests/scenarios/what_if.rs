//! What-if: the devices that a simulation names are those that change when the documents are applied,
//! and nothing changes before. The table, the JSON document and the rows for spreadsheets tell the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use exchange_sim::control::views::DeviceView;
use exgate_proto::types::v1::Access;
use exgate_tests::exchange::iphone;
use exgate_tests::setup::POLICIES;
use exgate_tests::world::{Options, Part, World};
use exgate_tests::{eventually, is, scenario};
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{AssertSqlSafe, Row};

const CONTOSO: &str = "contoso";
const FABRIKAM: &str = "fabrikam";

/// How long what has to happen may take.
const SOON: Duration = Duration::from_secs(20);
/// What moves by itself: how agents and sources are.
const RESTLESS: [&str; 3] = ["connectors", "leases", "sources"];

/// Newer phones only, older ones blocked, strangers let in.
fn candidate() -> String {
    POLICIES
        .replace("iOS: { osMinimumVersion: \"16.0\"", "iOS: { osMinimumVersion: \"18.0\"")
        .replace("unmanaged: quarantine", "unmanaged: allow")
        .replace("notCompliant: quarantine", "notCompliant: block")
}

/// A phone, what it has now, and what it would have.
struct Phone {
    device: DeviceView,
    before: Access,
    after: Access,
    change: &'static str,
}

/// Five people whose phones go five ways.
async fn five_ways(world: &mut World) -> Vec<Phone> {
    // (organization, person, id, version by the MDM, before, after, change)
    let table = [
        (CONTOSO, 0, "APPLIF0001", Some("17.1"), Access::Allow, Access::Block, "lose mail"),
        (CONTOSO, 1, "APPLIF0002", Some("18.2"), Access::Allow, Access::Allow, ""),
        (CONTOSO, 2, "APPLIF0003", Some("15.0"), Access::Quarantine, Access::Block, "stricter"),
        (CONTOSO, 3, "APPLIF0004", None, Access::Quarantine, Access::Allow, "gain mail"),
        (FABRIKAM, 0, "APPLIF0005", Some("17.1"), Access::Allow, Access::Block, "lose mail"),
    ];
    let mut phones = Vec::new();
    for (organization, number, id, version, before, after, change) in table {
        let person = world.person(organization, number).await;
        world.records.person(&person);
        let device = world.exchange.connect_and_decide(organization, iphone(&person, id)).await;
        if let Some(version) = version {
            world.records.enrol(&device, true);
            world.records.set(&device, "osVersion", json!(version));
        }
        phones.push(Phone { device, before, after, change });
    }
    world.write_records().await;
    for organization in [CONTOSO, FABRIKAM] {
        world.operator.quick(organization).await;
    }
    for phone in &phones {
        world.decided(&phone.device, phone.before).await;
    }
    for organization in [CONTOSO, FABRIKAM] {
        world.settled(organization).await;
    }
    phones
}

/// Waits until nothing is asked again, as it is after a mailbox was read back.
async fn at_rest(world: &World) {
    let file = world.setup.path("coordinator.db");
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let pool = SqlitePool::connect_with(options).await.expect("the store");
    eventually(SOON, "no case is due", async || {
        let due = sqlx::query(
            "SELECT (SELECT count(*) FROM cases WHERE due_at IS NOT NULL)
                  + (SELECT count(*) FROM sweeps)",
        );
        let due: i64 = due.fetch_one(&pool).await.expect("a count").get(0);
        is(due, |due| *due == 0)
    })
    .await;
    pool.close().await;
}

/// The stored facts by table, apart from what moves by itself.
async fn stored(world: &World) -> BTreeMap<String, Vec<String>> {
    let file = world.setup.path("coordinator.db");
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let pool = SqlitePool::connect_with(options).await.expect("the store");
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let names = sqlx::query(names).fetch_all(&pool).await.expect("tables");
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in names.iter().map(|row| row.get::<String, _>(0)) {
        if RESTLESS.contains(&name.as_str()) {
            continue;
        }
        let columns = format!(
            "SELECT group_concat('quote(\"' || name || '\")', ' || char(10) || ') \
                               FROM pragma_table_info('{name}')"
        );
        let columns = sqlx::query(AssertSqlSafe(columns)).fetch_one(&pool).await.expect("columns");
        let columns: String = columns.get(0);
        let rows = format!("SELECT {columns} AS text FROM \"{name}\" ORDER BY text");
        let rows = sqlx::query(AssertSqlSafe(rows)).fetch_all(&pool).await.expect("rows");
        all.insert(name, rows.iter().map(|row| row.get(0)).collect());
    }
    pool.close().await;
    assert!(all["cases"].len() >= 20 && all["decisions"].len() >= 20, "a store with facts in it");
    all
}

fn number(document: &Value, path: &str) -> u64 {
    let found = document.pointer(path).and_then(Value::as_u64);
    found.unwrap_or_else(|| panic!("no number at {path} in {document:#}"))
}

/// Device id and access before and after of every change in a document.
fn changes(document: &Value) -> BTreeSet<(String, String, String)> {
    let list = document["changes"].as_array().expect("changes");
    let text = |change: &Value, key: &str| change[key].as_str().expect("a text").to_owned();
    let one = |change: &Value| {
        (text(change, "device"), text(change, "accessBefore"), text(change, "accessAfter"))
    };
    let all: BTreeSet<_> = list.iter().map(one).collect();
    assert_eq!(all.len(), list.len(), "each device once");
    all
}

async fn simulate(world: &World, arguments: &[&str]) -> Value {
    let arguments = [&["simulate", "-o", "json"], arguments].concat();
    world.exgate(&arguments).await.json()
}

fn write(world: &World, name: &str, text: &str) -> String {
    let path = world.setup.path(name);
    std::fs::write(&path, text).expect("a file");
    path.display().to_string()
}

#[test]
fn what_a_simulation_names_is_what_changes_when_it_is_applied() {
    scenario(async {
        let organizations = vec![(CONTOSO, "2019"), (FABRIKAM, "2016")];
        let mut world = World::start(Options { organizations, ..Options::default() }).await;
        for organization in [CONTOSO, FABRIKAM] {
            world.enforce(organization).await;
        }
        let phones = five_ways(&mut world).await;
        let file = write(&world, "candidate.yaml", &candidate());
        at_rest(&world).await;
        let before = stored(&world).await;
        let writes = world.exchange.ledger(CONTOSO).await.len();

        let told = simulate(&world, &["-f", &file]).await;

        let known = 20 + phones.len() as u64;
        assert_eq!(number(&told, "/total/cases"), known, "{told:#}");
        for (way, count) in [("loseMail", 2), ("gainMail", 1), ("stricter", 1), ("looser", 0)] {
            assert_eq!(number(&told, &format!("/total/{way}")), count, "{way}: {told:#}");
        }
        assert_eq!(number(&told, "/total/unchanged"), known - 4);
        assert_tables_agree(&told);
        assert_outputs_agree(&world, &file, &told, &phones).await;
        let contoso = simulate(&world, &["-f", &file, "-O", CONTOSO]).await;
        assert_eq!(number(&contoso, "/total/loseMail"), 1);
        let dry = world.exgate(&["apply", "-f", &file, "--dry-run"]).await.well();
        let line = "would take mail from 2 devices and give it to 1, and change 1 device in other \
                    ways; see: exgate simulate -f ";
        assert!(dry.contains(line), "{dry}");

        // Nothing was stored, nothing was done.
        assert_eq!(stored(&world).await, before);
        assert_eq!(world.exchange.ledger(CONTOSO).await.len(), writes);

        // Applied, just that changes.
        let intended = everybody(&world).await;
        world.exgate(&["apply", "-f", &file]).await.well();
        for phone in &phones {
            world.decided(&phone.device, phone.after).await;
        }
        for organization in [CONTOSO, FABRIKAM] {
            world.settled(organization).await;
        }
        let now = everybody(&world).await;
        let changed: BTreeSet<_> = now
            .iter()
            .filter(|(name, access)| intended[*name] != **access)
            .map(|(name, access)| {
                let word = |access: &Access| access.as_str_name().to_owned();
                (name.clone(), word(&intended[name]), word(access))
            })
            .collect();
        assert_eq!(changed, changes(&told));
        assert_replays(&world, &file, &told).await;
        world.close().await;
    });
}

/// What is intended for every device.
async fn everybody(world: &World) -> BTreeMap<String, Access> {
    let mut all = BTreeMap::new();
    for organization in [CONTOSO, FABRIKAM] {
        let devices = world.operator.devices(organization).await;
        all.extend(devices.into_iter().map(|device| (device.name.clone(), device.intended())));
    }
    all
}

/// The rows of each table add up to the total, and say what they are about.
fn assert_tables_agree(told: &Value) {
    for table in ["organizations", "platforms", "reasons"] {
        let rows = told[table].as_array().expect("rows");
        for way in ["cases", "unchanged", "loseMail", "gainMail", "stricter"] {
            let sum: u64 = rows.iter().map(|row| number(row, &format!("/tally/{way}"))).sum();
            assert_eq!(sum, number(told, &format!("/total/{way}")), "{way} of {table}: {told:#}");
        }
    }
    let row = |table: &str, key: &str| {
        let rows = told[table].as_array().expect("rows");
        let found = rows.iter().find(|row| row["key"] == key);
        found.unwrap_or_else(|| panic!("no {key} in {table}: {told:#}")).clone()
    };
    assert_eq!(number(&row("organizations", "organizations/fabrikam"), "/tally/loseMail"), 1);
    assert_eq!(number(&row("groups", "Mail users"), "/tally/cases"), 5);
    assert_eq!(number(&row("groups", "Mail users"), "/tally/loseMail"), 2);
    assert_eq!(number(&row("platforms", "iOS"), "/tally/loseMail"), 2);
    assert_eq!(number(&row("reasons", "REASON_NOT_COMPLIANT"), "/tally/loseMail"), 2);
}

/// The table, the names and the rows for spreadsheets tell what the document tells.
async fn assert_outputs_agree(world: &World, file: &str, told: &Value, phones: &[Phone]) {
    let names = told["changes"].as_array().expect("changes").iter();
    let names: Vec<_> = names.map(|change| change["device"].as_str().expect("a name")).collect();
    let csv = world.exgate(&["simulate", "-f", file, "-o", "csv"]).await.well();
    let mut rows = csv.lines();
    let header: Vec<_> = rows.next().expect("a header").split(',').collect();
    let rows: Vec<Vec<_>> = rows.map(|row| row.split(',').collect()).collect();
    let column = |name: &str| header.iter().position(|it| *it == name).expect(name);
    let named: Vec<_> = rows.iter().map(|row| row[column("name")]).collect();
    assert_eq!(named, names, "{csv}");
    let listed = world.exgate(&["simulate", "-f", file, "-o", "name"]).await.well();
    assert_eq!(listed.lines().collect::<Vec<_>>(), names);
    let turns: Vec<_> = rows.iter().map(|row| row[column("change")]).collect();
    assert_eq!(turns, ["lose mail", "lose mail", "gain mail", "stricter"], "losers first");
    for phone in phones {
        let row = rows.iter().find(|row| row[column("device_id")] == phone.device.device_id);
        assert_eq!(row.map_or("", |row| row[column("change")]), phone.change);
        let Some(row) = row else { continue };
        let word = |access: Access| access.as_str_name()["ACCESS_".len()..].to_lowercase();
        assert_eq!(row[column("access_before")], word(phone.before));
        assert_eq!(row[column("access_after")], word(phone.after));
        assert_eq!(row[column("user")], phone.device.primary_smtp_address);
        let predicted = if phone.after == Access::Allow { "allowed" } else { "blocked" };
        assert_eq!(row[column("exchange_predicted")], predicted);
    }

    let table = world.exgate(&["simulate", "-f", file]).await.well();
    assert!(table.contains("2 would lose mail, 1 would gain it, 1 would be blocked"), "{table}");
    for heading in ["ORGANIZATION  DEVICES", "GROUP", "PLATFORM", "REASON"] {
        assert!(table.contains(heading), "no {heading}: {table}");
    }
    assert_eq!(table.lines().filter(|line| line.starts_with("lose mail")).count(), 2);
    let short = world.exgate(&["simulate", "-f", file, "--changes", "1", "--by", "reason"]).await;
    let short = short.well();
    assert!(short.contains("… and 3 more (--changes N shows more, --all shows all)"), "{short}");
    assert!(!short.contains("PLATFORM"), "{short}");
}

/// The same over the decisions of a past instant.
async fn assert_replays(world: &World, file: &str, told: &Value) {
    let then = told["simulatedAt"].as_str().expect("an instant");
    let replayed = simulate(world, &["-f", file, "--at", then]).await;
    assert_eq!(changes(&replayed), changes(told));
    assert_eq!(replayed["total"], told["total"]);
    assert_eq!(replayed["replayAt"], told["simulatedAt"]);

    // Those in force then are those of then; what is in force now changes nothing now.
    let old = write(world, "old.yaml", POLICIES);
    let same = simulate(world, &["-f", &old, "--at", then]).await;
    assert_eq!(number(&same, "/total/unchanged"), number(told, "/total/cases"), "{same:#}");
    let now = simulate(world, &["-f", file]).await;
    assert_eq!(number(&now, "/total/unchanged"), number(told, "/total/cases"), "{now:#}");
    assert_eq!(now["bundleDigest"], now["bundleDigestInForce"]);
    let back = simulate(world, &["-f", &old]).await;
    assert_eq!(number(&back, "/total/gainMail"), number(told, "/total/loseMail"));
    let long_ago = simulate(world, &["-f", file, "--at", "2020-01-01"]).await;
    assert_eq!(number(&long_ago, "/total/cases"), 0);
}

#[test]
fn what_cannot_be_simulated_has_its_exit_code() {
    scenario(async {
        let mut world = World::start(Options::default()).await;
        let good = write(&world, "good.yaml", &candidate());
        let wrong = candidate().replace("iOS:", "iOS: {}\n  iOS:");
        let wrong = write(&world, "wrong.yaml", &wrong);
        for (code, arguments) in [
            (0, &["simulate", "-f", &good][..]),
            (2, &["simulate"]),
            (2, &["simulate", "-f", "/no/such/file.yaml"]),
            (2, &["simulate", "-f", &good, "--at", "yesterday"]),
            (2, &["simulate", "-f", &good, "--all", "--changes", "3"]),
            (2, &["get", "devices", "-o", "csv"]),
            (3, &["simulate", "-f", &good, "-O", "none"]),
            (6, &["simulate", "-f", &good, "--at", "2999-01-01"]),
            (6, &["simulate", "-f", &wrong]),
        ] {
            let said = world.exgate(arguments).await;
            assert_eq!(said.code, Some(code), "{arguments:?}: {said:#?}");
        }
        // A mistake is told as apply tells it.
        let said = world.exgate(&["simulate", "-f", &wrong]).await;
        let applied = world.exgate(&["apply", "-f", &wrong]).await;
        let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
        assert_eq!(first(&said.err), first(&applied.err));
        assert!(said.err.contains("wrong.yaml:6"), "{said:#?}");

        world.end(&Part::Evaluator).await;
        let said = world.exgate(&["simulate", "-f", &good]).await;
        assert_eq!(said.code, Some(7), "{said:#?}");
        world.close().await;
    });
}
