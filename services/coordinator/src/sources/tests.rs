//! Facts about reading sources again and again, on real files and a clock that is moved by hand.

use std::fs;

use exgate_domain::case::{Case, Management};
use exgate_runtime::config::Span;

use crate::cases::Cases;
use crate::fixture::{Opened, Upload, at, contoso, device, due_cases, key, mailbox, opened, world};
use crate::store::RowKind;

use super::*;

const MAX_AGE: Duration = Duration::from_secs(1000);

struct Rig {
    opened: Opened,
    clock: Clock,
    hand: exgate_runtime::clock::Hand,
    folder: PathBuf,
    settings: BTreeMap<String, SourceSettings>,
}

impl Rig {
    async fn new() -> Self {
        let opened = opened().await;
        let folder = opened.folder.path().join("records");
        fs::create_dir(&folder).unwrap();
        let (clock, hand) = Clock::manual(at(0));
        let intune = SourceSettings {
            path: folder.clone(),
            refresh: Span::seconds(60),
            // The clock here is none that files have.
            written_max_age: Span::default(),
            ..SourceSettings::default()
        };
        let settings = BTreeMap::from([("intune".to_owned(), intune)]);
        Self { opened, clock, hand, folder, settings }
    }

    async fn sources(&self) -> Sources {
        let store = self.opened.store.clone();
        Sources::new(store, &self.settings, MAX_AGE, self.clock.clone()).await.unwrap()
    }

    /// Replaces a file as whoever exports it does.
    fn write(&self, name: &str, content: &str) {
        let draft = self.folder.join("draft");
        fs::write(&draft, content).unwrap();
        fs::rename(draft, self.folder.join(name)).unwrap();
    }

    async fn look(&self, sources: &mut Sources) -> SourceState {
        self.hand.advance(Duration::from_secs(60));
        sources.look().await;
        sources.handle().states().remove(0)
    }

    /// Takes every case off the list and says which there were.
    async fn due(&self) -> Vec<String> {
        let now = self.clock.now();
        let due = due_cases(&self.opened.store, now).await;
        self.opened.store.settle_cases(&contoso(), &due).await.unwrap();
        let mut ids: Vec<_> = due.iter().map(|due| due.key.device_id.to_string()).collect();
        ids.sort();
        ids
    }
}

fn devices(numbers: &[u32]) -> String {
    let rows = numbers
        .iter()
        .map(|number| format!("d{number},user{number}@contoso.com,Appl{number},17.{number}\n"));
    format!("id,userPrincipalName,easDeviceId,osVersion\n{}", rows.collect::<String>())
}

const USERS: &str =
    "userPrincipalName,groups\nuser1@contoso.com,Mail users\nuser2@contoso.com,Mail users\n";

#[tokio::test]
async fn what_changed_is_stored_and_its_cases_are_due() {
    let rig = Rig::new().await;
    let store = &rig.opened.store;
    Upload::everything(world(1..=3)).send(store, at(0)).await.unwrap();
    rig.write("devices.csv", &devices(&[1, 2]));
    rig.write("users.csv", USERS);
    let mut sources = rig.sources().await;
    assert_eq!(rig.due().await, ["appl1", "appl2", "appl3"], "every case once after a start");

    let state = rig.look(&mut sources).await;
    assert_eq!((state.devices, state.users, state.problem.as_str()), (2, 2, ""));
    assert_eq!(state.read_at, Some(at(60)));
    assert_eq!(store.rows_written().get(RowKind::Record), 4);
    assert_eq!(rig.due().await, ["appl1", "appl2", "appl3"], "the source is relied on now");

    // Looked at again: it is as old as the last look, and nothing is written.
    let state = rig.look(&mut sources).await;
    assert_eq!(state.read_at, Some(at(120)));
    rig.write("devices.csv", &devices(&[1, 2]));
    assert_eq!(rig.look(&mut sources).await.read_at, Some(at(180)));
    assert_eq!(store.rows_written().get(RowKind::Record), 4);
    assert_eq!(rig.due().await, Vec::<String>::new());

    // One device enrols, another one is updated.
    rig.write("devices.csv", &devices(&[1, 2, 3]).replace("17.1", "17.9"));
    rig.look(&mut sources).await;
    assert_eq!(store.rows_written().get(RowKind::Record), 6);
    assert_eq!(rig.due().await, ["appl1", "appl3"]);

    // One user loses a group: the cases of that mailbox.
    rig.write("users.csv", &USERS.replace("user2@contoso.com,Mail users", "user2@contoso.com,"));
    rig.look(&mut sources).await;
    assert_eq!(rig.due().await, ["appl2"]);

    // One device leaves.
    rig.write("devices.csv", &devices(&[1, 2]).replace("17.1", "17.9"));
    assert_eq!(rig.look(&mut sources).await.devices, 2);
    assert_eq!(rig.due().await, ["appl3"]);
}

#[tokio::test]
async fn a_mistake_keeps_the_last_good_list_and_lets_it_age() {
    let rig = Rig::new().await;
    let store = &rig.opened.store;
    Upload::everything(world(1..=2)).send(store, at(0)).await.unwrap();
    rig.write("devices.csv", &devices(&[1, 2]));
    rig.write("users.csv", USERS);
    let mut sources = rig.sources().await;
    let cases = Cases::new(store.clone(), sources.handle());
    rig.look(&mut sources).await;
    rig.due().await;

    rig.write("devices.csv", "id,easDeviceID\nd1,Appl1\n");
    for _ in 0..3 {
        let state = rig.look(&mut sources).await;
        assert_eq!((state.devices, state.read_at), (2, Some(at(60))));
        assert!(
            state.problem.contains(r#"devices.csv:1:2: unknown column "easDeviceID""#),
            "{state:?}"
        );
    }
    let held = store.audit_entries(None, 100).await.unwrap();
    let held = held.iter().filter(|(_, entry)| entry.action == AuditAction::SourceHeld).count();
    assert_eq!(held, 1, "said once, not at every look");
    let ask = async || cases.of(&contoso(), &[key(1)], rig.clock.now()).await.unwrap().remove(0);
    assert!(matches!(ask().await.management, Management::Managed { .. }));
    assert_eq!(rig.due().await, Vec::<String>::new());

    // Too old: nobody can be asked, and that concerns every case.
    rig.hand
        .set(at(60).checked_add(MAX_AGE).unwrap().checked_add(Duration::from_millis(1)).unwrap());
    sources.look().await;
    assert!(matches!(ask().await.management, Management::Unavailable { .. }));
    assert_eq!(rig.due().await, ["appl1", "appl2"]);

    rig.write("devices.csv", &devices(&[1, 2]));
    let state = rig.look(&mut sources).await;
    assert_eq!(state.problem, "");
    assert!(matches!(ask().await.management, Management::Managed { .. }));
    assert_eq!(rig.due().await, ["appl1", "appl2"]);
}

#[tokio::test]
async fn a_list_that_is_suddenly_empty_is_not_believed() {
    let mut rig = Rig::new().await;
    rig.write("devices.csv", &devices(&[1, 2]));
    let mut sources = rig.sources().await;
    rig.look(&mut sources).await;
    rig.write("devices.csv", &devices(&[]));
    let state = rig.look(&mut sources).await;
    assert_eq!((state.devices, state.read_at), (2, Some(at(60))));
    assert!(state.problem.contains("set sources.intune.allow_empty = true"), "{state:?}");
    fs::remove_file(rig.folder.join("devices.csv")).unwrap();
    rig.write("users.csv", USERS);
    let state = rig.look(&mut sources).await;
    assert_eq!((state.devices, state.users), (2, 0));
    assert!(state.problem.contains("no device is listed any more"), "{state:?}");

    // Neither is it after a restart, until the operator says so.
    rig.write("devices.csv", &devices(&[]));
    let mut sources = rig.sources().await;
    assert_eq!(rig.look(&mut sources).await.devices, 2);
    rig.settings.get_mut("intune").unwrap().allow_empty = true;
    let mut sources = rig.sources().await;
    let state = rig.look(&mut sources).await;
    assert_eq!((state.devices, state.users, state.problem.as_str()), (0, 2, ""));
}

#[tokio::test]
async fn files_that_nobody_writes_any_more_are_not_believed_for_ever() {
    let mut rig = Rig::new().await;
    rig.settings.get_mut("intune").unwrap().written_max_age = Span::seconds(600);
    rig.write("devices.csv", &devices(&[1, 2]));
    let written = |seconds: i64| {
        let file = fs::File::options().append(true).open(rig.folder.join("devices.csv")).unwrap();
        file.set_modified(at(seconds).into()).unwrap();
    };
    written(0);
    let mut sources = rig.sources().await;
    for _ in 0..10 {
        assert_eq!(rig.look(&mut sources).await.problem, "", "at most 600 seconds");
    }
    let read_at = sources.handle().states()[0].read_at;
    let state = rig.look(&mut sources).await;
    assert!(state.problem.contains("devices.csv: it was written at"), "{state:?}");
    assert!(state.problem.contains("sources.intune.written_max_age"), "{state:?}");
    assert_eq!((state.devices, state.read_at), (2, read_at), "the last good list stands and ages");

    written(661);
    let state = rig.look(&mut sources).await;
    assert_eq!((state.problem.as_str(), state.read_at), ("", Some(rig.clock.now())));
    written(0);
    rig.settings.get_mut("intune").unwrap().written_max_age = Span::default();
    assert_eq!(rig.look(&mut rig.sources().await).await.problem, "", "any age");
}

#[tokio::test]
async fn a_source_that_is_not_configured_any_more_is_forgotten() {
    let mut rig = Rig::new().await;
    rig.write("devices.csv", &devices(&[1]));
    let mut sources = rig.sources().await;
    rig.look(&mut sources).await;
    drop(sources);

    let stored = rig.sources().await.handle().states();
    assert_eq!((stored[0].devices, stored[0].read_at), (1, Some(at(60))));
    let moved = rig.settings.remove("intune").unwrap();
    rig.settings.insert("jamf".to_owned(), moved);
    let stored = rig.sources().await.handle().states();
    assert_eq!(stored.len(), 1);
    assert_eq!((stored[0].name.as_str(), stored[0].devices), ("jamf", 0));
    assert_eq!(rig.opened.store.source_records("intune").await.unwrap(), None);
}

#[tokio::test]
async fn a_running_source_looks_when_its_time_has_come() {
    let rig = Rig::new().await;
    rig.write("devices.csv", &devices(&[1]));
    let sources = rig.sources().await;
    let handle = sources.handle();
    let mut changed = handle.changed();
    changed.mark_unchanged();
    let story = async {
        let read = |devices, second| {
            move |records: &Arc<Records>| {
                let state = records.states().remove(0);
                state.devices == devices && state.read_at == Some(at(second))
            }
        };
        changed.wait_for(read(1, 0)).await.unwrap();
        rig.write("devices.csv", &devices(&[1, 2]));
        rig.hand.set(at(59));
        rig.hand.set(at(60));
        changed.wait_for(read(2, 60)).await.unwrap();
    };
    let story = tokio::time::timeout(Duration::from_secs(20), story);
    tokio::select! {
        () = sources.run() => {}
        story = story => story.unwrap(),
    }
}

#[tokio::test]
async fn a_case_holds_all_that_is_known() {
    let rig = Rig::new().await;
    let store = &rig.opened.store;
    let mut all = world(1..=1);
    all.push(exgate_domain::observation::Observation::Device(crate::fixture::device_of(5, 1)));
    Upload::everything(all).send(store, at(0)).await.unwrap();
    rig.write("devices.csv", &devices(&[1]));
    rig.write("users.csv", USERS);
    let mut sources = rig.sources().await;
    rig.look(&mut sources).await;

    let cases = Cases::new(store.clone(), sources.handle());
    let due = cases.due(&contoso(), at(60), None, 500).await.unwrap();
    assert_eq!(due.len(), 2);
    let one = due.iter().find(|due| due.marked.key == key(1)).unwrap();
    let Case { mailbox: facts, device: observed, siblings, owner, management, .. } = &one.case;
    assert_eq!((facts.id, observed), (mailbox(1).id, &device(1)));
    assert_eq!(siblings.len(), 1);
    assert_eq!(siblings[0].device_id, "Appl5".parse().unwrap());
    assert_eq!(owner.as_ref().unwrap().groups, ["Mail users"]);
    assert!(matches!(management, Management::Managed { record, .. } if record.id == "d1"));
    assert_eq!(one.case.now, at(60));

    // A device that is gone has no case, and does not stay due.
    for second in 100..102 {
        let seen: Vec<_> = world(1..=1).iter().map(|it| it.key()).take(2).collect();
        let upload = Upload { unchanged: seen, ..Upload::everything(Vec::new()) };
        upload.send(store, at(second)).await.unwrap();
    }
    due_cases(store, at(200)).await;
    assert_eq!(cases.due(&contoso(), at(200), None, 500).await.unwrap(), []);
    assert_eq!(store.next_due_at().await.unwrap(), None);
}

#[test]
fn a_folder_can_be_checked_without_a_store() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(check(folder.path()).len(), 1);
    fs::write(folder.path().join("users.csv"), USERS).unwrap();
    assert_eq!(check(folder.path()), Vec::<String>::new());
}
