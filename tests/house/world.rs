//! Owns a whole house: an Exchange, an evaluator, a coordinator and an agent per organization, each of
//! which can be taken away and brought back at the same place.

use std::any::Any;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use exchange_sim::Simulator;
use exchange_sim::control::views::{DeviceView, MailboxView};
use exchange_sim::settings::{Account, OrganizationSettings, Settings};
use exgate_agent::Agent;
use exgate_coordinator::Coordinator;
use exgate_evaluator::Evaluator;
use exgate_proto::types::v1::{Access, Compliance};
use exgate_proto::v1 as pb;
use exgate_runtime::Tasks;
use tempfile::TempDir;

use crate::command_line::{self, Said};
use crate::exchange::Exchange;
use crate::operator::{Operator, SOON};
use crate::process::{Process, Program, binary};
use crate::records::Records;
use crate::setup::{
    ACCOUNT, ENROLMENT, PASSWORD, POLICIES, Setup, further_server, load, organization_document,
};
use crate::{eventually, http, is};

/// How long a part in this process may take to stop.
const DRAIN: Duration = Duration::from_secs(20);
/// Intervals at which nothing happens by itself while a scenario runs, after the first sync.
pub const NEVER: &str =
    "quick_interval = \"24h\"\nquick_interval_scan = \"24h\"\nfull_interval = \"240h\"";

/// The phones that are there from the start belong to the first so many mailboxes.
const PHONES_OF_OTHERS: usize = 10;

/// Longer than the coordinator's metrics take to follow what it does.
const METRIC_REST: Duration = Duration::from_millis(3000);

/// Rows written to the store since it was opened, by kind.
pub type RowsWritten = BTreeMap<String, u64>;

/// A part of a house.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The simulator with all organizations.
    Exchange,
    /// The evaluator.
    Evaluator,
    /// The second evaluator, of a house that has one.
    SecondEvaluator,
    /// The coordinator.
    Coordinator,
    /// The agent of one organization.
    Agent(String),
}

/// What a house is like.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its organizations, each a name and a version of Exchange.
    pub organizations: Vec<(&'static str, &'static str)>,
    /// Mailboxes of each.
    pub mailboxes: usize,
    /// Devices of each, none of them anybody's whom the directory knows.
    pub devices: usize,
    /// `[sync]` of the coordinator.
    pub sync: String,
    /// Whether the parts are the real binaries, each a process of its own.
    pub is_real: bool,
    /// Servers of each organization beside the first one, such as `2019:Rome`: version and site.
    pub servers: Vec<&'static str>,
    /// What is added to `[exchange]` of the agents.
    pub exchange: String,
    /// What is added to the environment of processes.
    pub environment: Vec<(String, String)>,
    /// Whether the organizations and the policies are applied at the start.
    pub is_applied: bool,
    /// Whether the coordinator has two evaluators.
    pub has_second_evaluator: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            organizations: vec![("contoso", "2019")],
            mailboxes: 20,
            devices: PHONES_OF_OTHERS,
            sync: NEVER.to_owned(),
            is_real: false,
            servers: Vec::new(),
            exchange: String::new(),
            environment: Vec::new(),
            is_applied: true,
            has_second_evaluator: false,
        }
    }
}

/// A house with everybody in it.
#[derive(Debug)]
pub struct World {
    /// The phones, and what Exchange knows.
    pub exchange: Exchange,
    /// The operator.
    pub operator: Operator,
    /// The MDM and the directory.
    pub records: Records,
    /// Where everything is.
    pub setup: Setup,
    options: Options,
    parts: BTreeMap<Part, Running>,
    /// Goes away last.
    folder: TempDir,
}

/// A part that runs.
#[derive(Debug)]
enum Running {
    /// In this process; what it returned lives as long as it runs.
    Here(Tasks, Box<dyn Any + Send>),
    /// A process of its own.
    There(Process),
}

impl World {
    /// Starts a house, up to the first full sync of every organization.
    pub async fn start(options: Options) -> Self {
        let mut world = Self::empty(options).await;
        world.begin(Part::Exchange).await;
        world.begin(Part::Evaluator).await;
        if world.options.has_second_evaluator {
            world.begin(Part::SecondEvaluator).await;
        }
        world.begin(Part::Coordinator).await;
        if world.options.is_applied {
            for (name, _) in world.options.organizations.clone() {
                let document = organization_document(name);
                let applied = world.operator.apply(&format!("{name}.yaml"), &document).await;
                applied.unwrap_or_else(|error| panic!("{document}: {error:?}"));
            }
            world.operator.apply("policies.yaml", POLICIES).await.expect("good policies");
            for (name, _) in world.options.organizations.clone() {
                world.begin(Part::Agent(name.to_owned())).await;
                world.synced_fully(name).await;
            }
        }
        world
    }

    /// A house with nobody in it yet.
    pub async fn empty(options: Options) -> Self {
        let folder = tempfile::Builder::new().prefix("exgate-").tempdir().expect("a folder");
        let mut setup =
            Setup::new(folder.path(), &options.organizations).with_servers(&options.servers);
        setup.agent_exchange.clone_from(&options.exchange);
        if options.has_second_evaluator {
            setup = setup.with_second_evaluator();
        }
        Self {
            exchange: Exchange::at(format!("127.0.0.1:{}", setup.control_port)),
            operator: Operator::at(&setup.coordinator_url()),
            records: Records::new(&setup.path("records")),
            setup,
            options,
            parts: BTreeMap::new(),
            folder,
        }
    }

    /// The folder that everything is in.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Somebody without a phone, whom the directory does not know yet; there are at least five.
    pub async fn person(&self, organization: &str, number: usize) -> MailboxView {
        self.exchange.mailboxes(organization).await.swap_remove(PHONES_OF_OTHERS + 2 + number)
    }

    /// Waits until exgate's decision about a device is as wanted.
    pub async fn decided(&self, device: &DeviceView, access: Access) -> pb::Device {
        let what = format!("{} of {} gets {access:?}", device.device_id, device.organization);
        eventually(SOON, &what, async || {
            let found = self.operator.device(&device.organization, &device.device_id).await;
            is(found, |found| found.as_ref().is_some_and(|found| found.intended() == access))
                .map(Option::unwrap)
        })
        .await
    }

    /// Waits until exgate's view of a device's compliance is as wanted.
    pub async fn judged(&self, device: &DeviceView, compliance: Compliance) -> pb::Device {
        let what = format!("{} is {compliance:?}", device.device_id);
        eventually(SOON, &what, async || {
            let found = self.operator.device(&device.organization, &device.device_id).await;
            is(found, |found| found.as_ref().is_some_and(|found| found.compliance() == compliance))
                .map(Option::unwrap)
        })
        .await
    }

    /// Waits until Exchange's own lists are as wanted.
    pub async fn listed(&self, device: &DeviceView, list: List) -> MailboxView {
        let what = format!("{} is on {list:?}", device.device_id);
        eventually(SOON, &what, async || {
            let mailbox = device.mailbox.to_string();
            let mailbox = self.exchange.mailbox(&device.organization, &mailbox).await;
            is(mailbox, |mailbox| list_of(mailbox, &device.device_id) == list)
        })
        .await
    }

    /// Everything that exgate wants in an organization is done and seen.
    pub async fn settled(&self, organization: &str) {
        eventually(SOON, "nothing is pending", async || {
            let found = self.operator.organization(organization).await;
            is(found.pending.unwrap_or_default(), |pending| {
                pending.mailboxes + pending.in_flight + pending.unknown == 0
            })
        })
        .await;
    }

    /// Lets exgate carry its decisions out.
    pub async fn enforce(&self, organization: &str) {
        self.operator.set_mode(organization, pb::Mode::Enforce).await.expect("enforcement");
    }

    /// Runs `exgate` with these arguments.
    pub async fn exgate(&self, arguments: &[&str]) -> Said {
        command_line::exgate(&self.setup.coordinator_url(), arguments).await
    }

    /// Starts a part, and waits until it answers.
    ///
    /// # Panics
    /// When it runs, or does not start.
    pub async fn begin(&mut self, part: Part) {
        assert!(!self.parts.contains_key(&part), "{part:?} runs");
        let running =
            if self.options.is_real { self.process(&part).await } else { self.here(&part).await };
        self.parts.insert(part, running);
    }

    /// Ends a part in good order.
    ///
    /// # Panics
    /// When it does not run, or had failed.
    pub async fn end(&mut self, part: &Part) {
        match self.parts.remove(part).unwrap_or_else(|| panic!("{part:?} does not run")) {
            Running::Here(tasks, _service) => {
                let failure = tasks.failure();
                assert!(failure.is_none(), "{part:?}: {failure:?}");
                tasks.shutdown(DRAIN).await.unwrap_or_else(|late| panic!("{part:?}: {late}"));
            }
            Running::There(mut process) => {
                let status = process.stop();
                assert!(status.success(), "{part:?}: {status}\n{}", process.log());
            }
        }
    }

    /// Kills a part with SIGKILL.
    ///
    /// # Panics
    /// When it is not a process of its own.
    pub fn kill(&mut self, part: &Part) {
        match self.parts.remove(part) {
            Some(Running::There(mut process)) => {
                let ended = process.ended();
                assert!(ended.is_none(), "{part:?} had ended: {ended:?}\n{}", process.log());
                process.kill();
            }
            other => panic!("{part:?} is no process to kill: {other:?}"),
        }
    }

    /// What a process has said.
    pub fn log(&self, part: &Part) -> String {
        crate::process::read(&self.folder.path().join(log_name(part)))
    }

    /// Ends everything in good order: nothing that ran may have failed.
    pub async fn close(mut self) {
        let agents: Vec<_> =
            self.parts.keys().filter(|part| matches!(part, Part::Agent(_))).cloned().collect();
        let others = [Part::Coordinator, Part::Evaluator, Part::SecondEvaluator, Part::Exchange];
        for part in agents.into_iter().chain(others) {
            if self.parts.contains_key(&part) {
                self.end(&part).await;
            }
        }
    }

    /// Waits for the full sync that a new organization gets by itself.
    pub async fn synced_fully(&self, organization: &str) {
        let what = format!("the first full sync of {organization} succeeds");
        eventually(SOON, &what, async || {
            let syncs = self.operator.syncs(organization).await;
            is(syncs, |syncs| {
                syncs.iter().any(|run| {
                    run.mode() == pb::SyncMode::Full && run.state() == pb::SyncRunState::Succeeded
                })
            })
        })
        .await;
    }

    /// Writes the records, and waits until the coordinator has read them.
    pub async fn write_records(&self) {
        let before = self.records_read_at().await;
        self.records.write();
        // The second reading after the change began after it.
        eventually(SOON, "the records are read", async || {
            is(self.records_read_at().await, |at| at.is_some() && *at != before)
        })
        .await;
        let between = self.records_read_at().await;
        eventually(SOON, "the records are read again", async || {
            is(self.records_read_at().await, |at| *at != between)
        })
        .await;
    }

    async fn records_read_at(&self) -> Option<(i64, i32)> {
        let info = self.operator.server_info().await.expect("the coordinator answers");
        let at = info.sources.first().and_then(|source| source.read_at);
        at.map(|at| (at.seconds, at.nanos))
    }

    /// How many rows of each kind the coordinator has written to its store, by its own metric, once
    /// that has come to rest after `before`: the metric follows every two seconds.
    ///
    /// # Panics
    /// When the coordinator is no process of its own: only then it has metrics.
    pub async fn rows_written(&self, before: &RowsWritten) -> RowsWritten {
        assert!(self.options.is_real, "the coordinator has no metrics in this process");
        let mut last = self.rows_written_now().await;
        let mut since = Instant::now();
        eventually(SOON, "the rows written come to rest", async || {
            let now = self.rows_written_now().await;
            if now != last {
                (last, since) = (now.clone(), Instant::now());
            }
            is(now, |now| now != before && since.elapsed() > METRIC_REST)
        })
        .await
    }

    /// What the coordinator's metrics endpoint says.
    ///
    /// # Panics
    /// When the coordinator is no process of its own: only then it has metrics.
    pub async fn coordinator_metrics(&self) -> String {
        let authority = format!("127.0.0.1:{}", self.setup.coordinator_metrics_port);
        http::request(&authority, "GET", "/metrics", None).await.expect("metrics").1
    }

    async fn rows_written_now(&self) -> RowsWritten {
        let text = self.coordinator_metrics().await;
        let rows = |line: &str| {
            let (name, count) =
                line.strip_prefix("exgate_store_rows_written_total{")?.split_once("} ")?;
            let kind = name.split("kind=\"").nth(1)?.split('"').next()?;
            Some((kind.to_owned(), count.parse::<f64>().ok()? as u64))
        };
        text.lines().filter_map(rows).collect()
    }

    /// The value of one of an agent's metrics, 0 before it is first told.
    ///
    /// # Panics
    /// When the agent is no process of its own: only then it has metrics.
    pub async fn agent_metric(&self, organization: &str, name: &str) -> u64 {
        assert!(self.options.is_real, "the agent has no metrics in this process");
        let authority = format!("127.0.0.1:{}", self.setup.agent_metrics_ports[organization]);
        let (_, text) = http::request(&authority, "GET", "/metrics", None).await.expect("metrics");
        let value = |line: &str| {
            let labels_and_value = line.strip_prefix(name)?;
            let is_whole = labels_and_value.starts_with(['{', ' ']);
            is_whole.then(|| labels_and_value.rsplit(' ').next()?.parse::<f64>().ok())?
        };
        text.lines().find_map(value).unwrap_or_default() as u64
    }

    async fn here(&self, part: &Part) -> Running {
        let tasks = Tasks::new();
        let service: Box<dyn Any + Send> = match part {
            Part::Exchange => {
                let started = Simulator::start(self.simulator(), &tasks).await;
                Box::new(started.expect("the simulator starts"))
            }
            Part::Evaluator | Part::SecondEvaluator => {
                let config = load(self.evaluator_settings(part));
                let started = Evaluator::start(config, tasks.clone()).await;
                Box::new(started.expect("the evaluator starts"))
            }
            Part::Coordinator => {
                let config = load(self.setup.coordinator(&self.options.sync, false));
                let started = Coordinator::start(config, tasks.clone()).await;
                Box::new(started.expect("the coordinator starts"))
            }
            Part::Agent(organization) => {
                let config = load(self.setup.agent(organization));
                let started = Agent::start(config, tasks.clone()).await;
                Box::new(started.expect("the agent starts"))
            }
        };
        Running::Here(tasks, service)
    }

    async fn process(&self, part: &Part) -> Running {
        let config = |file: PathBuf| vec!["--config".into(), file.display().to_string()];
        let (name, arguments) = match part {
            Part::Exchange => {
                let Options { mailboxes, devices, .. } = self.options;
                ("exchange-sim", self.setup.simulator(mailboxes, devices))
            }
            Part::Evaluator | Part::SecondEvaluator => {
                ("exgate-evaluator", config(self.evaluator_settings(part)))
            }
            Part::Coordinator => {
                ("exgate-coordinator", config(self.setup.coordinator(&self.options.sync, true)))
            }
            Part::Agent(organization) => ("exgate-agent", config(self.setup.agent(organization))),
        };
        let program = Program {
            binary: binary(name),
            arguments,
            environment: self.options.environment.clone(),
            log: self.folder.path().join(log_name(part)),
        };
        let mut process = program.start();
        let what = format!("{part:?} answers");
        eventually(SOON, &what, async || {
            let ended = process.ended();
            assert!(ended.is_none(), "{part:?} ended with {ended:?}:\n{}", process.log());
            self.answers(part).await
        })
        .await;
        Running::There(process)
    }

    async fn answers(&self, part: &Part) -> Result<(), String> {
        let port = match part {
            Part::Exchange => return self.exchange.answers().await,
            Part::Evaluator => self.setup.evaluator_port,
            Part::SecondEvaluator => self.setup.second_evaluator_port.expect("a second evaluator"),
            Part::Coordinator => self.setup.coordinator_port,
            Part::Agent(_) => return Ok(()),
        };
        let connected = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
        connected.map(drop).map_err(|error| error.to_string())
    }

    fn evaluator_settings(&self, part: &Part) -> PathBuf {
        match part {
            Part::SecondEvaluator => self.setup.second_evaluator(),
            _ => self.setup.evaluator(),
        }
    }

    fn simulator(&self) -> Settings {
        let organization = |(name, version, port): &(String, String, u16)| {
            let text = format!("{name}:{version}:{port}");
            let further = self.setup.further_servers.get(name).into_iter().flatten();
            OrganizationSettings {
                servers: further.map(|(server, port)| further_server(server, *port)).collect(),
                ..OrganizationSettings::parse(&text).expect("a good name")
            }
        };
        Settings {
            state: Some(self.setup.path("exchange")),
            organizations: self.setup.organizations.iter().map(organization).collect(),
            control: SocketAddr::from((Ipv4Addr::LOCALHOST, self.setup.control_port)),
            mailboxes: self.options.mailboxes,
            devices: self.options.devices,
            user_mail_insert: ENROLMENT.to_owned(),
            ..Settings::new(Account::new(ACCOUNT, PASSWORD))
        }
    }
}

/// Which personal list of its mailbox a device is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// The allowed list only.
    Allowed,
    /// The blocked list only.
    Blocked,
    /// None.
    Neither,
    /// Both, which nobody wants.
    Both,
}

/// Which list of a mailbox a device is on.
pub fn list_of(mailbox: &MailboxView, device_id: &str) -> List {
    let on = |list: &[String]| list.iter().any(|id| id.eq_ignore_ascii_case(device_id));
    match (on(&mailbox.allowed_device_ids), on(&mailbox.blocked_device_ids)) {
        (true, false) => List::Allowed,
        (false, true) => List::Blocked,
        (false, false) => List::Neither,
        (true, true) => List::Both,
    }
}

fn log_name(part: &Part) -> String {
    match part {
        Part::Exchange => "exchange.log".to_owned(),
        Part::Evaluator => "evaluator.log".to_owned(),
        Part::SecondEvaluator => "second-evaluator.log".to_owned(),
        Part::Coordinator => "coordinator.log".to_owned(),
        Part::Agent(organization) => format!("agent-{organization}.log"),
    }
}
