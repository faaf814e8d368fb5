//! A signed-in runspace on one server, the only thing that runs cmdlets. Output is streamed as it
//! arrives and never collected; cmdlets run one after the other; a session that failed is not
//! repaired but replaced, because only its opener knows what has to be repeated.

mod counters;
mod arguments;
mod lane;
mod shell;
mod rows;
mod budget;
mod pipeline;
mod pool;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, Span, field, info_span};

pub use budget::{Budget, Limits, Quota, RUNSPACES_MAX, Urgency, Usage};
pub use counters::Counts;
pub use pool::{Opener, Pool, Slot};
pub use rows::{Event, RowStream, Summary};

use crate::cmdlets::{Cmdlet, Effect, Row, ServerVersion};
use crate::error::{BUSY_PAUSE, CmdletError, SessionError};
use crate::http::{HttpError, Transport, redirect};
use crate::session::budget::{Signal, Turn};
use crate::session::pipeline::{Run, drive};
use crate::session::shell::{Code, Shell, Work};

/// How many answers of a cmdlet wait for its reader; each is at most one envelope.
const ANSWERS_BUFFERED_MAX: usize = 4;
/// A shell wears out after about 1,000 commands (`MaxConcurrentCommandsPerShell` counts them all:
/// issue 148 of jborean93/pypsrp).
const PIPELINES_MAX: u64 = 800;
/// How long a cmdlet waits for its turn before its caller is told.
const TURN_WAIT_MAX: Duration = Duration::from_secs(5 * 60);
/// Exchange ends a session after 12 hours (`CAS_MaxTimeInMinutes` 720 in the configuration of 2016 and
/// 2019 servers).
const AGE_MAX: Duration = Duration::from_secs(10 * 3600);

/// How a session is opened and how long it waits.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server, the account, the trust.
    pub transport: Transport,
    /// The version that routing is told we speak for; `None` leaves the choice to the server.
    pub client_version: Option<ServerVersion>,
    /// What the account may ask of its servers; shared by all its sessions.
    pub budget: Budget,
    /// How long opening may take.
    pub open_limit: Duration,
    /// How long a cmdlet that changes nothing may run.
    pub read_limit: Duration,
    /// How long a cmdlet that changes something may run before its outcome counts as unknown.
    pub write_limit: Duration,
}

impl Options {
    /// The usual limits.
    pub fn new(transport: Transport) -> Self {
        Self {
            transport,
            client_version: None,
            budget: Budget::default(),
            open_limit: Duration::from_secs(120),
            read_limit: Duration::from_secs(4 * 3600),
            write_limit: Duration::from_secs(120),
        }
    }
}

/// A signed-in runspace on one server.
#[derive(Debug)]
pub struct Session {
    shell: Arc<Shell>,
    work: Arc<Mutex<Work>>,
    options: Options,
    opened_at: Instant,
    has_ended: Arc<AtomicBool>,
    is_bulk: AtomicBool,
    tasks: TaskTracker,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

impl Session {
    /// Signs in, creates a shell and waits until its runspace is open.
    pub async fn open(options: Options) -> Result<Self, SessionError> {
        let span = info_span!(
            "session",
            otel.name = "open session",
            otel.kind = "client",
            server.address = options.transport.endpoint().host(),
            error.type = field::Empty,
            otel.status_code = field::Empty,
        );
        let opened = Self::open_within(options).instrument(span.clone()).await;
        if let Err(error) = &opened {
            span.record("error.type", error.word());
            span.record("otel.status_code", "ERROR");
        }
        opened
    }

    async fn open_within(options: Options) -> Result<Self, SessionError> {
        options.budget.shell(options.open_limit).await?;
        let opened = Self::open_shell(&options).await;
        if let Some(signal) = opened.as_ref().err().and_then(Signal::of_session) {
            options.budget.signal(signal);
        }
        let (shell, work) = opened?;
        let stop = CancellationToken::new();
        Ok(Self {
            shell: Arc::new(shell),
            work: Arc::new(Mutex::new(work)),
            options,
            opened_at: Instant::now(),
            has_ended: Arc::default(),
            is_bulk: AtomicBool::new(false),
            tasks: TaskTracker::new(),
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
        })
    }

    /// Opens a shell at the server or where it sends us, if we may go there. Each hop signs in anew,
    /// with cookies of its own.
    async fn open_shell(options: &Options) -> Result<(Shell, Work), SessionError> {
        let mut transport = options.transport.clone();
        let mut hops = 0;
        loop {
            match Shell::open(&transport, options.client_version, options.open_limit).await {
                Err(SessionError::Transport {
                    source: HttpError::Redirected { host, location, .. },
                }) => {
                    hops += 1;
                    transport =
                        redirect::follow(&transport, &location, hops).map_err(|refusal| {
                            let source = Box::new(refusal);
                            HttpError::RedirectRefused { host, location, source }
                        })?;
                    let host = transport.endpoint().host();
                    tracing::info!(server.address = host, hops, "followed a redirect");
                }
                opened => return opened,
            }
        }
    }

    /// Starts a cmdlet once the one before it has ended, so read (or drop) a stream before the next
    /// cmdlet is run from the same task. It leaves when the account's budget lets it. Returns the
    /// output as it arrives; the cmdlet goes on by itself; dropping the stream stops it.
    pub async fn run<R: Row>(&self, cmdlet: Cmdlet<R>) -> Result<RowStream<R>, CmdletError> {
        self.run_by(cmdlet, std::time::Instant::now() + TURN_WAIT_MAX).await
    }

    /// As [`Session::run`]; the cmdlet leaves by `leave_by` or never.
    ///
    /// # Errors
    /// [`CmdletError::NoTurn`] when its turn is later than that: nothing was sent.
    pub async fn run_by<R: Row>(
        &self,
        cmdlet: Cmdlet<R>,
        leave_by: std::time::Instant,
    ) -> Result<RowStream<R>, CmdletError> {
        let (name, leave_by) = (cmdlet.name(), Instant::from_std(leave_by));
        let work = Arc::clone(&self.work).lock_owned().await;
        let span = self.span(name);
        if self.has_ended() {
            fail(&span, "session_dead");
            return Err(CmdletError::Session { cmdlet: name, source: SessionError::Ended });
        }
        let urgency = self.urgency(cmdlet.effect());
        let turn = self.options.budget.turn(urgency, leave_by).await.map_err(|wait| {
            fail(&span, "throttled");
            CmdletError::NoTurn { cmdlet: name, wait: wait.max(BUSY_PAUSE) }
        })?;
        self.shell.counters().pipeline();
        let (events, batches) = mpsc::channel(ANSWERS_BUFFERED_MAX);
        let (tell, outcome) = oneshot::channel();
        let stop = self.stop.child_token();
        let run = Run {
            cmdlet: name,
            command: arguments::command(&cmdlet),
            effect: cmdlet.effect(),
            budget: self.options.budget.clone(),
            urgency,
            leave_by,
            limit: match cmdlet.effect() {
                Effect::Read => self.options.read_limit,
                Effect::Write => self.options.write_limit,
            },
            events,
            stop: stop.clone(),
        };
        self.tasks.spawn(self.conduct(work, run, turn, tell).instrument(span));
        Ok(RowStream::new(name, batches, outcome, stop))
    }

    /// Runs a cmdlet to its end and forgets its output: for those that print nothing.
    pub async fn execute<R: Row>(&self, cmdlet: Cmdlet<R>) -> Result<Summary, CmdletError> {
        self.run(cmdlet).await?.finish().await
    }

    /// As [`Session::execute`]; the cmdlet leaves by `leave_by` or never.
    ///
    /// # Errors
    /// [`CmdletError::NoTurn`] when its turn is later than that: nothing was sent.
    pub async fn execute_by<R: Row>(
        &self,
        cmdlet: Cmdlet<R>,
        leave_by: std::time::Instant,
    ) -> Result<Summary, CmdletError> {
        self.run_by(cmdlet, leave_by).await?.finish().await
    }

    /// Whether nothing can be run here any more.
    pub fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    /// Whether it is time to open a new session in place of this one, before the server ends it.
    pub fn is_worn(&self) -> bool {
        self.has_ended()
            || self.counts().pipelines >= PIPELINES_MAX
            || self.opened_at.elapsed() >= AGE_MAX
    }

    /// What was moved so far.
    pub fn counts(&self) -> Counts {
        self.shell.counters().read()
    }

    /// Name of the server that was asked.
    pub fn host(&self) -> &str {
        self.options.transport.endpoint().host()
    }

    /// The front end that took the first request, as it named itself.
    pub fn front_end(&self) -> Option<&str> {
        self.shell.front_end()
    }

    /// Stops what runs and deletes the shell. Without this the shell counts against the account's
    /// limit until the server expires it (page "Connect to Exchange servers using remote PowerShell").
    pub async fn close(self) -> Result<(), SessionError> {
        self.stop.cancel();
        let mut work = self.work.lock().await;
        self.has_ended.store(true, Ordering::Release);
        work.pool.close();
        let deleted = self.shell.delete(&mut work.lane).await;
        drop(work);
        self.tasks.close();
        self.tasks.wait().await;
        deleted
    }

    fn span(&self, cmdlet: &'static str) -> Span {
        info_span!(
            "cmdlet",
            otel.name = cmdlet,
            otel.kind = "client",
            otel.status_code = field::Empty,
            exgate.cmdlet.name = cmdlet,
            server.address = self.options.transport.endpoint().host(),
            rows = field::Empty,
            error.type = field::Empty,
        )
    }

    /// Says how urgent what is run here from now on is. A change is always urgent.
    fn set_urgency(&self, urgency: Urgency) {
        self.is_bulk.store(urgency == Urgency::Bulk, Ordering::Release);
    }

    fn urgency(&self, effect: Effect) -> Urgency {
        match effect {
            Effect::Read if self.is_bulk.load(Ordering::Acquire) => Urgency::Bulk,
            Effect::Read | Effect::Write => Urgency::Urgent,
        }
    }

    /// The task of one cmdlet. It holds the runspace until the command is closed on the server.
    fn conduct(
        &self,
        mut work: OwnedMutexGuard<Work>,
        run: Run,
        turn: Turn,
        tell: oneshot::Sender<Result<(), CmdletError>>,
    ) -> impl Future<Output = ()> + use<> {
        let shell = Arc::clone(&self.shell);
        let has_ended = Arc::clone(&self.has_ended);
        let budget = self.options.budget.clone();
        async move {
            let ending = drive(&shell, &mut work, run, turn).await;
            match ending.signal {
                Some(signal) => budget.signal(signal),
                None if ending.outcome.is_ok() => budget.went_well(),
                None => {}
            }
            let span = Span::current();
            span.record("rows", ending.rows);
            let refused = ending.outcome.as_ref().err().map(CmdletError::word);
            if let Some(word) = refused.or(ending.refusal) {
                fail(&span, word);
            }
            if ending.is_session_dead {
                has_ended.store(true, Ordering::Release);
            }
            // A reader that is gone wants to know nothing.
            drop(tell.send(ending.outcome));
            if let (Some(id), false) = (ending.command, ending.is_session_dead)
                && let Err(error) = shell.signal(&mut work.lane, id, Code::Terminate).await
            {
                tracing::debug!(error = %error, "command could not be closed");
            }
        }
    }
}

fn fail(span: &Span, word: &'static str) {
    span.record("error.type", word);
    span.record("otel.status_code", "ERROR");
}
