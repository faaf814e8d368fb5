//! Owns the shells of one organization: their accounts, their runspace pools, their pipelines, their end.
//!
//! Invariant: a shell serves the account that made it and nobody else; what its role hides was fixed
//! when it was made. Shells and the pipelines in them are bounded.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use exgate_exchange::clixml::Value;
use exgate_exchange::psrp::body::{
    ApplicationPrivateData, CreatePipeline, ProtocolVersion, RunspaceAvailability,
};
use exgate_exchange::psrp::server::{Event, Options, RunspacePool};
use exgate_exchange::psrp::{FRAGMENT_BYTES_MAX, Fragments, MessageType};
use exgate_exchange::wsman::Fault;
use exgate_runtime::{Tasks, report};

use super::pipeline::{Piece, Pipeline};
use super::throttle::{micro_delay, over_budget};
use crate::cmdlets::complaint::Complaint;
use crate::cmdlets::rights::Rights;
use crate::cmdlets::{Engine, Invocation, Record, Records, Runspace};
use crate::faults::{Kind, Site, slowness, spoiled};
use crate::live::Live;
use crate::settings::Account;
use crate::world::organization::Version;

/// How many pipelines a shell may have at once.
const PIPELINES_MAX: usize = 100;

/// The shells of one organization.
#[derive(Debug)]
pub struct Shells {
    live: Arc<Live>,
    tasks: Tasks,
    idle_max: Duration,
    engine: Engine,
    open: Mutex<HashMap<String, Arc<Shell>>>,
    /// The cmdlet that was called last.
    last: Arc<Mutex<String>>,
}

/// A shell: one runspace pool of one account.
#[derive(Debug)]
pub struct Shell {
    /// Its id, as the client is told it.
    pub id: String,
    account: String,
    live: Arc<Live>,
    tasks: Tasks,
    runspace: Runspace,
    pool: Mutex<RunspacePool>,
    own_output: Mutex<Fragments>,
    own_changed: Notify,
    pipelines: Mutex<HashMap<Uuid, Arc<Pipeline>>>,
    used: Mutex<Instant>,
    last: Arc<Mutex<String>>,
    commands: AtomicU32,
    /// Why the command that was just fed is refused.
    refused: Mutex<Option<Box<Fault>>>,
    closed: CancellationToken,
}

impl Shells {
    /// No shell yet; the server runs `engine`, and cmdlets that take their time run in `tasks`.
    pub fn new(live: Arc<Live>, tasks: Tasks, idle_max: Duration, engine: Engine) -> Self {
        Self { live, tasks, idle_max, engine, open: Mutex::default(), last: Arc::default() }
    }

    /// The server's short name.
    pub fn server(&self) -> &str {
        &self.engine.server
    }

    /// The cmdlet that was called last.
    pub fn last_cmdlet(&self) -> String {
        lock(&self.last).clone()
    }

    /// The organization.
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// Makes a shell from the fragments of a `creationXml`.
    pub fn create(
        &self,
        account: &Account,
        wanted_id: Option<String>,
        creation: &[u8],
        bytes_max: usize,
    ) -> Result<Arc<Shell>, Box<Fault>> {
        self.expire();
        let version = self.engine.version;
        let mut open = lock(&self.open);
        let options = options(version, bytes_max);
        let mut pool = RunspacePool::accept(creation, options).map_err(|error| {
            invalid(&format!("The creation XML can't be read: {}.", report(&error)))
        })?;
        self.live.throttle().shell(&account.name, std::time::Instant::now())?;
        let mut own_output = Fragments::default();
        pool.opened(&mut own_output);
        // The engine of 2010 gives a shell an id of its own; later ones take the client's.
        let wanted_id = wanted_id.filter(|id| version.is_modern() && !open.contains_key(id));
        let id = wanted_id.unwrap_or_else(|| Uuid::new_v4().to_string().to_uppercase());
        let runspace = Runspace {
            id: pool.id(),
            account: account.name.clone(),
            rights: self.rights(account),
            engine: self.engine.clone(),
            view: Arc::default(),
        };
        let shell = Arc::new(Shell {
            id: id.clone(),
            account: account.name.clone(),
            live: Arc::clone(&self.live),
            tasks: self.tasks.clone(),
            runspace,
            pool: Mutex::new(pool),
            own_output: Mutex::new(own_output),
            own_changed: Notify::new(),
            pipelines: Mutex::new(HashMap::new()),
            used: Mutex::new(Instant::now()),
            last: Arc::clone(&self.last),
            commands: AtomicU32::new(0),
            refused: Mutex::default(),
            closed: CancellationToken::new(),
        });
        open.insert(id, Arc::clone(&shell));
        Ok(shell)
    }

    /// An open shell of this account.
    pub fn find(&self, account: &Account, id: Option<&str>) -> Result<Arc<Shell>, Box<Fault>> {
        self.expire();
        let id = id.unwrap_or_default();
        let found = lock(&self.open).get(id).filter(|shell| shell.account == account.name).cloned();
        let shell = found.ok_or_else(|| Box::new(Fault::shell_not_found(id)))?;
        shell.touch();
        Ok(shell)
    }

    /// Closes a shell.
    pub fn delete(&self, shell: &Shell) {
        shell.closed.cancel();
        if lock(&self.open).remove(&shell.id).is_some() {
            self.live.throttle().shell_closed(&shell.account);
        }
    }

    /// Whether this cmdlet is the one that was called last.
    pub fn runs(&self, cmdlet: &str) -> bool {
        lock(&self.last).eq_ignore_ascii_case(cmdlet)
    }

    /// Ends every shell, as when the server is switched off.
    pub fn end_all(&self) {
        for (_, shell) in lock(&self.open).drain() {
            shell.closed.cancel();
            self.live.throttle().shell_closed(&shell.account);
        }
    }

    /// What the account may now; a shell keeps what it was made with.
    fn rights(&self, account: &Account) -> Rights {
        let faults = self.live.faults();
        let mut rights = self.live.rights(&account.name);
        rights.hide_cmdlets.extend(faults.hide_cmdlets);
        for (cmdlet, parameters) in faults.hide_parameters {
            rights.hide_parameters.entry(cmdlet).or_default().extend(parameters);
        }
        rights
    }

    fn expire(&self) {
        let idle_max = self.idle_max;
        lock(&self.open).retain(|_, shell| {
            let kept = lock(&shell.used).elapsed() < idle_max && !shell.closed.is_cancelled();
            if !kept {
                shell.closed.cancel();
                self.live.throttle().shell_closed(&shell.account);
            }
            kept
        });
    }
}

impl Shell {
    /// Registers a command and feeds its first fragments.
    pub fn command(self: &Arc<Self>, id: Uuid, fragments: &[u8]) -> Result<(), Box<Fault>> {
        let earlier = self.commands.load(Ordering::Acquire);
        let now = std::time::Instant::now();
        self.live.throttle().command(&self.account, earlier, now)?;
        self.commands.fetch_add(1, Ordering::AcqRel);
        {
            let mut pipelines = lock(&self.pipelines);
            if pipelines.len() >= PIPELINES_MAX {
                let text = format!(
                    "The maximum number of concurrent commands, {PIPELINES_MAX}, is reached."
                );
                return Err(Fault::new(QUOTA_LIMIT, "Sender", "QuotaLimit", text).into());
            }
            pipelines.insert(id, Arc::new(Pipeline::new(id)));
        }
        let fed = self.feed(fragments);
        if fed.is_err() {
            self.close(Some(id));
        }
        fed
    }

    /// Feeds fragments of the pool or of a command.
    pub fn feed(self: &Arc<Self>, fragments: &[u8]) -> Result<(), Box<Fault>> {
        let events = lock(&self.pool)
            .feed(fragments)
            .map_err(|error| invalid(&format!("The data can't be read: {}.", report(&error))))?;
        for event in events {
            self.happen(event);
        }
        lock(&self.refused).take().map_or(Ok(()), Err)
    }

    /// Waits for output of a pipeline.
    pub async fn receive(
        &self,
        command: Uuid,
        wait: Duration,
        bytes_max: usize,
    ) -> Result<(Arc<Pipeline>, Piece), Box<Fault>> {
        let pipeline = lock(&self.pipelines).get(&command).cloned();
        let pipeline = pipeline.ok_or_else(|| Box::new(Fault::shell_not_found(&self.id)))?;
        let piece = self.wait(wait, pipeline.take(&self.pool, bytes_max)).await?;
        if piece.is_last {
            lock(&self.pipelines).remove(&command);
        }
        Ok((pipeline, piece))
    }

    /// Waits for output of the pool itself.
    pub async fn receive_own(
        &self,
        wait: Duration,
        bytes_max: usize,
    ) -> Result<Vec<u8>, Box<Fault>> {
        self.wait(wait, async {
            loop {
                let mut changed = std::pin::pin!(self.own_changed.notified());
                changed.as_mut().enable();
                if let Some(fragments) = lock(&self.own_output).take(bytes_max) {
                    return fragments.to_vec();
                }
                changed.await;
            }
        })
        .await
    }

    /// Stops a pipeline; its end is still to be received.
    pub fn stop(&self, command: Option<Uuid>) {
        let pipeline = command.and_then(|id| lock(&self.pipelines).get(&id).cloned());
        if let Some(pipeline) = pipeline {
            pipeline.stop(&self.pool);
        }
    }

    /// Closes a command: nothing of it is received any more.
    pub fn close(&self, command: Option<Uuid>) {
        let pipeline = command.and_then(|id| lock(&self.pipelines).remove(&id));
        if let Some(pipeline) = pipeline {
            pipeline.stop(&self.pool);
        }
    }

    fn touch(&self) {
        *lock(&self.used) = Instant::now();
    }

    async fn wait<T>(
        &self,
        wait: Duration,
        output: impl Future<Output = T>,
    ) -> Result<T, Box<Fault>> {
        let outcome = tokio::select! {
            output = output => Ok(output),
            () = self.closed.cancelled() => Err(Fault::shell_not_found(&self.id).into()),
            () = tokio::time::sleep(wait) => Err(Fault::timed_out().into()),
        };
        // A client that waits is not idle.
        self.touch();
        outcome
    }

    fn happen(self: &Arc<Self>, event: Event) {
        match event {
            Event::PipelineCreated { pipeline, create } => self.run(pipeline, create),
            Event::CommandMetadata { pipeline, .. } => {
                self.begin(pipeline, Err(unsupported("Importing a session")));
            }
            Event::Availability { call_id, kind } => {
                let response = if kind == MessageType::GetAvailableRunspaces {
                    let most = i64::from(lock(&self.pool).init().max_runspaces);
                    let busy = i64::try_from(lock(&self.pipelines).len()).unwrap_or(i64::MAX);
                    Value::I64((most - busy).max(0))
                } else {
                    Value::Bool(true)
                };
                let answer = RunspaceAvailability { call_id, response };
                lock(&self.pool).availability(&answer, &mut lock(&self.own_output));
                self.own_changed.notify_waiters();
            }
            // Input for pipelines has no use: no cmdlet here takes any.
            Event::Input { .. } | Event::EndOfInput { .. } | Event::Ignored(_) | _ => {}
        }
    }

    fn run(self: &Arc<Self>, id: Uuid, create: CreatePipeline) {
        let mut commands = create.commands;
        let is_script = commands.iter().any(|command| command.is_script);
        let (first, others) =
            (commands.pop(), !commands.is_empty() || !create.statements.is_empty());
        let command = match first {
            Some(command) if !is_script && !others => command,
            _ if is_script => return self.begin(id, Err(Complaint::no_language())),
            _ => return self.begin(id, Err(unsupported("A pipeline of several commands"))),
        };
        let invocation = Invocation {
            name: command.name,
            arguments: command.parameters.into_iter().map(|held| (held.name, held.value)).collect(),
        };
        let Some(pipeline) = lock(&self.pipelines).get(&id).cloned() else { return };
        pipeline.name(&invocation.name);
        lock(&self.last).clone_from(&invocation.name);
        let site = Site { cmdlet: &invocation.name, server: &self.runspace.engine.server };
        if let Some(fault) = self.refuses(&site) {
            *lock(&self.refused) = Some(fault);
            return;
        }
        if let Some(pace) = slowness::of_objects(&self.live, &site) {
            pipeline.slow_down(pace);
        }
        let delay = self.delay(&invocation.name);
        let latency = slowness::of_cmdlet(&self.live, &self.runspace, &invocation, &site);
        let latency = latency + delay.unwrap_or_default();
        if latency.is_zero() {
            let ran =
                spoiled::run(&self.live, &self.runspace, invocation, &self.runspace.engine.server);
            return self.answer(&pipeline, ran);
        }
        let shell = Arc::clone(self);
        self.tasks.spawn("cmdlet", async move {
            tokio::select! {
                () = tokio::time::sleep(latency) => {}
                () = shell.closed.cancelled() => return,
                () = shell.tasks.stopped() => return,
            }
            if pipeline.is_waiting() {
                let ran = spoiled::run(
                    &shell.live,
                    &shell.runspace,
                    invocation,
                    &shell.runspace.engine.server,
                );
                let warned = delay.map(|delay| Record::Warning(micro_delay(delay)));
                let ran = ran.map(|records| Records::of(warned.into_iter().chain(records)));
                shell.answer(&pipeline, ran);
            }
        });
    }

    /// What a fault says to a command before it has any effect: its shell is gone, or its budget is.
    fn refuses(&self, site: &Site<'_>) -> Option<Box<Fault>> {
        let wanted = |kind: &Kind| matches!(kind, Kind::DeadShell | Kind::Throttle { .. });
        let struck = self.live.strikes(site, wanted)?;
        if let Kind::Throttle { milliseconds } = struck {
            return Some(over_budget(Duration::from_millis(milliseconds)));
        }
        self.closed.cancel();
        Some(Fault::shell_not_found(&self.id).into())
    }

    /// By how much the throttle slows a cmdlet down; those of PowerShell itself it does not.
    fn delay(&self, cmdlet: &str) -> Option<Duration> {
        let is_exchange = !cmdlet.eq_ignore_ascii_case("Get-Command");
        is_exchange.then(|| self.live.throttle().delay(&self.account, std::time::Instant::now()))?
    }

    /// Begins what a cmdlet writes, unless it asks a question and nobody may refuse it: then it waits
    /// until the client stops it.
    fn answer(&self, pipeline: &Pipeline, ran: Result<Records, Complaint>) {
        let is_question = ran.as_ref().is_err_and(Complaint::is_question);
        if !is_question || !self.live.faults().hang_unconfirmed {
            pipeline.begin(&self.pool, ran);
        }
    }

    fn begin(&self, id: Uuid, ran: Result<Records, Complaint>) {
        if let Some(pipeline) = lock(&self.pipelines).get(&id) {
            pipeline.begin(&self.pool, ran);
        }
    }
}

/// `ERROR_WSMAN_QUOTA_LIMIT`.
const QUOTA_LIMIT: u32 = 2_150_859_174;
/// `ERROR_WSMAN_INVALID_PARAMETER`.
const INVALID: u32 = 2_150_858_778;

fn options(version: Version, bytes_max: usize) -> Options {
    let protocol = if version.is_since_2016() {
        ProtocolVersion::V2_3
    } else if version.is_modern() {
        ProtocolVersion::V2_2
    } else {
        ProtocolVersion::V2_1
    };
    let table = [
        ("PSVersion", version.powershell()),
        ("PSRemotingProtocolVersion", &protocol.to_string()),
        ("SerializationVersion", "1.1.0.1"),
        ("WSManStackVersion", if version.is_modern() { "3.0" } else { "2.0" }),
    ];
    Options {
        protocol,
        private_data: ApplicationPrivateData::of_versions(table),
        fragment_bytes_max: FRAGMENT_BYTES_MAX.min(bytes_max),
        ..Options::default()
    }
}

/// A request that cannot be served as it is.
pub fn invalid(text: &str) -> Box<Fault> {
    Box::new(Fault::new(INVALID, "Sender", "InvalidParameter", text))
}

fn unsupported(what: &str) -> Complaint {
    Complaint {
        message: format!("{what} is not supported by this simulator."),
        exception: "System.NotSupportedException".to_owned(),
        category: exgate_exchange::psrp::body::ErrorCategory::NotImplemented,
        activity: Box::default(),
        target: String::new(),
        id: "NotSupported".to_owned(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
