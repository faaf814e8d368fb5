//! Owns the life of a process, in this order and only here: flags, settings, crypto provider,
//! telemetry, one line that says what starts, the service, a signal or the first failed task,
//! the drain, the last spans, the exit code.

use std::{
    error::Error,
    ffi::OsString,
    fmt,
    future::Future,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::runtime::Runtime;

use crate::{
    args::{self, Asked, Flag, OwnCommand},
    config::{self, Configuration, Layers, Loaded, Log, Telemetry},
    health, listen,
    metrics::Metrics,
    report,
    signals::Signals,
    tasks::{Failure, Tasks},
    telemetry::{self, Identity, TelemetryError},
};

const OK: u8 = 0;
const FAILED: u8 = 1;
/// `EX_USAGE` of sysexits(3): wrong flags or settings, so starting again is of no use.
const USAGE: u8 = 64;

/// The condition of readiness that holds once a service has started.
const STARTED: &str = "started";
/// How long work that can not be cancelled may hold up the exit.
const BLOCKING_GRACE: Duration = Duration::from_secs(1);

/// The whole main function of a service.
///
/// `start` gets its settings and the scope to run in, returns once its ports are bound, and what
/// it returns lives until the drain is over.
pub fn main<C, S, E>(
    name: &'static str,
    start: impl AsyncFnOnce(C, Tasks) -> Result<S, E>,
) -> ExitCode
where
    C: Configuration,
    E: Error + 'static,
{
    ExitCode::from(run(name, std::env::args_os(), None, start))
}

/// As [`main`], for a service that can also do one thing and end, such as checking files.
pub fn main_or<C, S, E>(
    name: &'static str,
    action: Action<C>,
    start: impl AsyncFnOnce(C, Tasks) -> Result<S, E>,
) -> ExitCode
where
    C: Configuration,
    E: Error + 'static,
{
    ExitCode::from(run(name, std::env::args_os(), Some(action), start))
}

/// One thing that a service does instead of running, when its flag is given.
pub struct Action<C> {
    /// The flag without dashes, such as `check-policy`.
    pub flag: &'static str,
    /// What its values are called in the help, when it takes any; then at least one is needed.
    pub values: Option<&'static str>,
    /// What it does, for the help.
    pub help: &'static str,
    /// Words that ask for the same, or for something close to it.
    pub commands: &'static [OwnCommand],
    /// Does it, with the settings and what was asked.
    pub run: fn(C, Asked) -> BoxFuture<'static, Findings>,
}

impl<C> fmt::Debug for Action<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Action").field("flag", &self.flag).finish_non_exhaustive()
    }
}

/// What an [`Action`] found: lines for people, and whether all is well.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Printed to standard output, one a line.
    pub lines: Vec<String>,
    /// Whether the process ends with 0; otherwise with 1.
    pub is_well: bool,
    /// What was asked for and cannot be done, such as reading a file that is not there; printed to
    /// standard error, one a line. Then the process ends with 64.
    pub complaints: Vec<String>,
}

/// Runs a short-lived command to its end with telemetry around it.
///
/// # Errors
/// When the process has no runtime, or telemetry can not begin.
pub fn command<T>(
    identity: impl Into<Identity>,
    log: &Log,
    telemetry: &Telemetry,
    work: impl Future<Output = T>,
) -> Result<T, CommandError> {
    install_crypto_provider();
    let runtime = runtime().map_err(CommandError::Runtime)?;
    let entered = runtime.enter();
    let guard = telemetry::init(identity, log, telemetry)?;
    drop(entered);
    let done = runtime.block_on(work);
    guard.finish();
    runtime.shutdown_timeout(BLOCKING_GRACE);
    Ok(done)
}

/// Why a command could not begin.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The operating system gave no threads.
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
    /// Telemetry can not begin.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
}

/// Makes aws-lc-rs the one TLS provider of this process; a second call changes nothing.
pub fn install_crypto_provider() {
    // An error says that there is one already, and the graph holds no other.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
}

/// Why a service ended otherwise than by a signal.
#[derive(Debug, thiserror::Error)]
enum LifeError<E: Error + 'static> {
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
    #[error("cannot catch signals")]
    Signals(#[source] io::Error),
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    #[error(transparent)]
    Probes(#[from] listen::ListenError),
    #[error("cannot start")]
    Start(#[source] E),
    #[error(transparent)]
    Task(#[from] Failure),
}

fn run<C, S, E>(
    name: &'static str,
    args: impl IntoIterator<Item = OsString>,
    action: Option<Action<C>>,
    start: impl AsyncFnOnce(C, Tasks) -> Result<S, E>,
) -> u8
where
    C: Configuration,
    E: Error + 'static,
{
    let flag = action.as_ref().map(|action| Flag {
        name: action.flag,
        values: action.values,
        help: action.help,
        commands: action.commands,
    });
    let args = match args::parse(name, flag, args) {
        Ok(args) => args,
        Err(error) => {
            drop(error.print());
            return if error.use_stderr() { USAGE } else { OK };
        }
    };
    let layers = Layers {
        fallback: usual_file(name),
        overrides: args.overrides,
        ..Layers::of_process(args.config)
    };
    let loaded = match layers.load::<C>() {
        Ok(loaded) => loaded,
        Err(error) => return fail(&error, USAGE),
    };
    if args.print_config {
        return match config::print(&loaded.config) {
            Ok(text) => say(&text),
            Err(error) => fail(&error, FAILED),
        };
    }
    if args.check_config {
        return say(&format!("OK: {} ({})\n", name, loaded.source));
    }
    if let (Some(action), Some(asked)) = (action, args.action) {
        return act(action, loaded.config, asked);
    }
    match serve(name, loaded, start) {
        Ok(()) => OK,
        Err(error) => fail(&error, FAILED),
    }
}

/// Does the one thing, without telemetry: its lines are the result.
fn act<C>(action: Action<C>, config: C, asked: Asked) -> u8 {
    install_crypto_provider();
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&CommandError::Runtime(error), FAILED),
    };
    let found = runtime.block_on((action.run)(config, asked));
    let Findings { lines, is_well, complaints } = found;
    runtime.shutdown_timeout(BLOCKING_GRACE);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    for complaint in &complaints {
        // When standard error is gone, the exit code still says it.
        drop(writeln!(io::stderr(), "error: {complaint}"));
    }
    match say(&text) {
        OK if !complaints.is_empty() => USAGE,
        OK if !is_well => FAILED,
        code => code,
    }
}

fn serve<C, S, E>(
    name: &'static str,
    loaded: Loaded<C>,
    start: impl AsyncFnOnce(C, Tasks) -> Result<S, E>,
) -> Result<(), LifeError<E>>
where
    C: Configuration,
    E: Error + 'static,
{
    install_crypto_provider();
    let runtime = runtime().map_err(LifeError::Runtime)?;
    let guard = {
        let _entered = runtime.enter();
        let identity = Identity { name, attributes: loaded.config.attributes() };
        let process = loaded.config.process();
        telemetry::init(identity, process.log, process.telemetry)?
    };
    let ended = runtime.block_on(Box::pin(live(name, loaded, guard.metrics().clone(), start)));
    guard.finish();
    runtime.shutdown_timeout(BLOCKING_GRACE);
    ended
}

async fn live<C, S, E>(
    name: &'static str,
    loaded: Loaded<C>,
    metrics: Metrics,
    start: impl AsyncFnOnce(C, Tasks) -> Result<S, E>,
) -> Result<(), LifeError<E>>
where
    C: Configuration,
    E: Error + 'static,
{
    let mut signals = Signals::catch().map_err(LifeError::Signals)?;
    tracing::info!(
        service = name,
        version = env!("CARGO_PKG_VERSION"),
        config = loaded.source,
        "starting"
    );
    let drain = loaded.config.process().drain;
    let tasks = Tasks::new();
    tasks.readiness().set(STARTED, false);
    // Outside of the service's scope, so that probes answer while it drains.
    let probes = Tasks::new();
    if let Some(text) = loaded.config.process().telemetry.listen() {
        let listener = listen::bind(METRICS_LISTEN, text).await?;
        probes
            .spawn("probes", health::serve(listener, tasks.readiness(), metrics, probes.stopped()));
    }

    let ended = until_end(&mut signals, &tasks, start(loaded.config, tasks.clone())).await;
    tasks.readiness().set(STARTED, false);
    tokio::select! {
        drained = tasks.shutdown(drain) => match drained {
            Ok(()) => tracing::info!("stopped"),
            Err(overdue) => tracing::warn!(error = %overdue, "stopped late"),
        },
        signal = signals.next() => tracing::warn!(signal, "stopped without drain"),
    }
    if let Err(overdue) = probes.shutdown(BLOCKING_GRACE).await {
        tracing::debug!(error = %overdue, "probes stopped late");
    }
    ended.map(drop)
}

/// Starts the service and waits for its end; what `start` returned lives on in the answer.
async fn until_end<S, E: Error + 'static>(
    signals: &mut Signals,
    tasks: &Tasks,
    starting: impl Future<Output = Result<S, E>>,
) -> Result<Option<S>, LifeError<E>> {
    let service = tokio::select! {
        started = starting => started.map_err(LifeError::Start)?,
        failure = tasks.failed() => return Err(failure.into()),
        signal = signals.next() => {
            tracing::info!(signal, "stopping before start");
            return Ok(None);
        }
    };
    tasks.readiness().set(STARTED, true);
    tracing::info!("started");
    tokio::select! {
        failure = tasks.failed() => Err(failure.into()),
        signal = signals.next() => {
            tracing::info!(signal, "stopping");
            Ok(Some(service))
        }
    }
}

/// The key of the probes' address.
pub(crate) const METRICS_LISTEN: &str = "telemetry.metrics_listen";

fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// Where an administrator puts the settings of `exgate-agent`: `/etc/exgate/agent.toml`.
fn usual_file(name: &str) -> Option<PathBuf> {
    let folder = if cfg!(windows) {
        PathBuf::from(std::env::var_os("ProgramData")?).join("exgate")
    } else {
        PathBuf::from("/etc/exgate")
    };
    Some(folder.join(format!("{}.toml", name.strip_prefix("exgate-")?)))
}

fn say(text: &str) -> u8 {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => OK,
        Err(_) => FAILED,
    }
}

fn fail(error: &(dyn Error + 'static), code: u8) -> u8 {
    // Nobody is left to tell when standard error is gone; the exit code still says it.
    drop(writeln!(io::stderr(), "error: {}", report(error)));
    code
}

#[cfg(unix)]
#[cfg(test)]
mod tests;
