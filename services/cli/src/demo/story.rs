//! What happens in the demo, in order: look, show what would be done, do it; then people enrol phones,
//! phones fall out of compliance, and each is followed until its user notices.

mod table;

use std::time::{Duration, Instant};

use exgate_proto::v1 as pb;
use jiff::Timestamp;

use super::desk::{Desk, Standing};
use super::folder::Folder;
use super::stage::{Phone, Stage};
use super::told::Told;
use super::{DemoError, ORGANIZATIONS};
use crate::failure::Failure;

/// How long what would be done stays on the screen before it is done.
const SHOW: Duration = Duration::from_secs(6);
/// Between two things that people do.
const ACT_EVERY: Duration = Duration::from_secs(5);
/// How often a phone that waits for something calls.
const CALL_EVERY: Duration = Duration::from_secs(2);
/// How often the table is printed where it cannot follow.
const PRINT_EVERY: Duration = Duration::from_secs(15);
/// The most phones followed at once.
const FOLLOWED_MAX: usize = 8;

/// Where the story stands.
#[derive(Debug)]
enum Chapter {
    /// With what enforcing would do when last looked: the plan is shown once it stands still.
    Looking(Vec<Option<pb::PendingTally>>),
    Showing(Instant),
    Enforcing,
}

/// A phone that is followed until its user notices.
#[derive(Debug)]
struct Followed {
    organization: &'static str,
    phone: Phone,
    /// What its user waits for: mail, or its end.
    wants_mail: bool,
    since: Instant,
    called: Instant,
}

/// The story of one demo.
#[derive(Debug)]
pub(super) struct Story<'a> {
    stage: Stage,
    folder: &'a Folder,
    told: &'a Told,
    begun: Instant,
    desk: Desk,
    chapter: Chapter,
    followed: Vec<Followed>,
    /// A phone that was enrolled and is not compliant yet.
    enrolling: Option<(&'static str, Phone)>,
    acts: usize,
    acted: Instant,
    printed: Instant,
    is_first_allowed: bool,
    ledger: u64,
    cmdlets: u64,
}

impl<'a> Story<'a> {
    /// Enrols most of the phones, and says where to look.
    pub(super) async fn open(
        stage: Stage,
        folder: &'a Folder,
        told: &'a Told,
        begun: Instant,
        clock: &exgate_runtime::clock::Clock,
    ) -> Result<Self, Failure> {
        let mut desk = Desk::default();
        let (mut phones, mut enrolled) = (0_usize, 0_usize);
        for (organization, _) in ORGANIZATIONS {
            for person in stage.people(organization).await? {
                desk.hire(person);
            }
            for (number, phone) in stage.phones(organization).await?.iter().enumerate() {
                phones += 1;
                let standing = match number % 20 {
                    0..3 => continue,
                    3 => Standing::Noncompliant,
                    _ => Standing::Compliant,
                };
                enrolled += 1;
                desk.note(phone, standing, clock.now());
            }
        }
        desk.publish(folder)?;
        told.line(&format!("The MDM knows {enrolled} of {phones} phones."));
        let now = Instant::now();
        Ok(Self {
            stage,
            folder,
            told,
            begun,
            desk,
            chapter: Chapter::Looking(Vec::new()),
            followed: Vec::new(),
            enrolling: None,
            acts: 0,
            acted: now,
            printed: now,
            is_first_allowed: true,
            ledger: 0,
            cmdlets: 0,
        })
    }

    /// What the story is played with.
    pub(super) fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Says what to try in a second terminal.
    pub(super) fn hint(&self) {
        hints(self.folder, self.told);
    }

    /// Looks around and lets the next thing happen. A process that is away for a moment holds the story
    /// up and does not end it.
    pub(super) async fn go_on(&mut self, now: Timestamp) -> Result<(), Failure> {
        let Ok(organizations) = self.stage.organizations().await else { return Ok(()) };
        self.count().await;
        self.show(&organizations);
        match &mut self.chapter {
            Chapter::Looking(last) => {
                let plan: Vec<_> = organizations.iter().map(|it| it.pending).collect();
                let is_still = *last == plan && plan.len() == ORGANIZATIONS.len();
                *last = plan;
                if is_still && organizations.iter().all(is_decided) {
                    self.show_plan(&organizations);
                }
            }
            Chapter::Showing(since) if since.elapsed() >= SHOW => self.enforce().await?,
            Chapter::Showing(_) => {}
            Chapter::Enforcing => {
                self.follow().await;
                if self.acted.elapsed() >= ACT_EVERY {
                    self.acted = Instant::now();
                    self.act(now).await?;
                }
            }
        }
        Ok(())
    }

    /// Says what enforcing would do.
    fn show_plan(&mut self, organizations: &[pb::Organization]) {
        for organization in organizations {
            let devices = organization.devices.unwrap_or_default();
            let pending = organization.pending.unwrap_or_default();
            self.told.line(&format!(
                "{} has {} phones: {} with mail, {} held. exgate only looks so far (observe); \
                 enforcing would let {} in and hold {}.",
                short(organization),
                devices.known,
                devices.allowed,
                devices.quarantined,
                pending.allow,
                pending.quarantine + pending.block,
            ));
        }
        self.told.line(&format!("In {} s both organizations are enforced.", SHOW.as_secs()));
        self.chapter = Chapter::Showing(Instant::now());
    }

    async fn enforce(&mut self) -> Result<(), Failure> {
        for (organization, _) in ORGANIZATIONS {
            let request = pb::SetModeRequest {
                name: format!("organizations/{organization}"),
                mode: pb::Mode::Enforce.into(),
                validate_only: false,
                changes_max: 0,
            };
            if self.stage.coordinator.set_mode(request).await.is_err() {
                // The coordinator is away; next time.
                return Ok(());
            }
            for phone in self.stage.some(organization, "Quarantined").await.unwrap_or_default() {
                let is_compliant = self.desk.standing(&phone) == Some(Standing::Compliant);
                if is_compliant && self.desk.is_targeted(&phone) && phone.platform != "windows" {
                    self.watch(organization, phone, true);
                    break;
                }
            }
        }
        self.told.done("Enforcing: commands go out, one mailbox at a time.");
        self.chapter = Chapter::Enforcing;
        self.acted = Instant::now();
        Ok(())
    }

    /// Lets people do something: enrol, become compliant, lose compliance, in turn.
    async fn act(&mut self, now: Timestamp) -> Result<(), DemoError> {
        let (organization, _) = *ORGANIZATIONS.get(self.acts / 3 % 2).unwrap_or(&ORGANIZATIONS[0]);
        let act = self.acts % 3;
        self.acts += 1;
        match act {
            0 => {
                let Some(phone) = self.pick(organization, "Quarantined", None).await else {
                    return Ok(());
                };
                self.desk.note(&phone, Standing::Noncompliant, now);
                self.desk.publish(self.folder)?;
                let who = self.who(organization, &phone);
                self.told
                    .line(&format!("{who} is enrolled now, but not compliant yet: still held."));
                self.enrolling = Some((organization, phone));
            }
            1 => {
                let Some((organization, phone)) = self.enrolling.take() else { return Ok(()) };
                self.desk.note(&phone, Standing::Compliant, now);
                self.desk.publish(self.folder)?;
                let who = self.who(organization, &phone);
                self.told.line(&format!("{who} became compliant."));
                self.watch(organization, phone, true);
            }
            _ => {
                let wanted = Some(Standing::Compliant);
                let Some(phone) = self.pick(organization, "Allowed", wanted).await else {
                    return Ok(());
                };
                self.desk.note(&phone, Standing::Jailbroken, now);
                self.desk.publish(self.folder)?;
                let who = self.who(organization, &phone);
                self.told.line(&format!("{who} was jailbroken or rooted."));
                self.watch(organization, phone, false);
            }
        }
        Ok(())
    }

    /// A phone in this state that stands like this and that a policy targets.
    async fn pick(
        &self,
        organization: &str,
        state: &str,
        standing: Option<Standing>,
    ) -> Option<Phone> {
        let phones = self.stage.some(organization, state).await.ok()?;
        let is_followed = |phone: &Phone| {
            self.followed.iter().any(|followed| followed.phone.device_id == phone.device_id)
        };
        phones.into_iter().rev().find(|phone| {
            self.desk.standing(phone) == standing
                && self.desk.is_targeted(phone)
                && phone.platform != "windows"
                && !is_followed(phone)
        })
    }

    fn watch(&mut self, organization: &'static str, phone: Phone, wants_mail: bool) {
        if self.followed.len() < FOLLOWED_MAX {
            let now = Instant::now();
            self.followed.push(Followed {
                organization,
                phone,
                wants_mail,
                since: now,
                called: now,
            });
        }
    }

    /// Lets followed phones call, and tells what their users notice.
    async fn follow(&mut self) {
        let mut still = Vec::new();
        for mut followed in std::mem::take(&mut self.followed) {
            if followed.called.elapsed() < CALL_EVERY {
                still.push(followed);
                continue;
            }
            followed.called = Instant::now();
            let call = self.stage.call(followed.organization, &followed.phone.device_id).await;
            let gets_mail = call.map(|call| call.answer == "mail").ok();
            if gets_mail == Some(followed.wants_mail) {
                self.tell_end(&followed);
            } else {
                still.push(followed);
            }
        }
        self.followed.append(&mut still);
    }

    fn tell_end(&mut self, followed: &Followed) {
        let who = self.who(followed.organization, &followed.phone);
        let after = followed.since.elapsed().as_secs();
        let id = &followed.phone.device_id;
        if followed.wants_mail {
            self.told.done(&format!("{who} gets mail, {after} s later.   exgate why {id}"));
            if std::mem::take(&mut self.is_first_allowed) {
                let seconds = self.begun.elapsed().as_secs();
                self.told.done(&format!("First phone allowed {seconds} s after the start."));
            }
        } else {
            self.told
                .done(&format!("{who} gets no mail any more, {after} s later.   exgate why {id}"));
        }
    }

    /// A phone and its owner, for people.
    fn who(&self, organization: &str, phone: &Phone) -> String {
        format!("{}'s {} ({organization})", self.desk.owner(phone), phone.device_type)
    }

    /// Counts the cmdlets that changed something.
    async fn count(&mut self) {
        // The simulator may be away for a moment.
        let entries = self.stage.ledger(self.ledger).await.unwrap_or_default();
        self.cmdlets += u64::try_from(entries.len()).unwrap_or_default();
        self.ledger = entries.last().map_or(self.ledger, |last| last.sequence);
    }

    fn show(&mut self, organizations: &[pb::Organization]) {
        if self.told.is_live() || self.printed.elapsed() >= PRINT_EVERY {
            self.printed = Instant::now();
            self.told.table(table::text(organizations, self.cmdlets, self.begun.elapsed()));
        }
    }
}

/// Whether an organization was looked at and decided about.
fn is_decided(organization: &pb::Organization) -> bool {
    organization.devices.is_some_and(|devices| devices.known > 0)
        && organization.pending.is_some_and(|pending| pending.allow > 0)
}

fn short(organization: &pb::Organization) -> &str {
    organization.name.rsplit('/').next().unwrap_or_default()
}

/// What to try in a second terminal.
fn hints(folder: &Folder, told: &Told) {
    let program = std::env::current_exe().unwrap_or_else(|_| "exgate".into());
    let here = std::env::current_dir().unwrap_or_default();
    let program = program.strip_prefix(&here).unwrap_or(&program).display().to_string();
    told.line("Try, in another terminal:");
    if !folder.is_usual_port() {
        told.line(&format!("  export EXGATE_SERVER={}", folder.server()));
    }
    for command in
        ["status", "get devices -O contoso --limit 20", "why DEVICE", "sync contoso --full --wait"]
    {
        told.line(&format!("  {program} {command}"));
    }
    told.line(
        "  or end one of the processes (kill -9): it is started again and the story goes on.",
    );
    told.line("Ctrl-C stops everything; nothing is written outside the demo's folder.");
}
