//! One running cmdlet, from its command to its final state. A Receive in flight is never dropped,
//! since its answer would be lost: to stop means to say so on the other lane and to go on
//! receiving.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::cmdlets::Effect;
use crate::error::{CmdletError, Refusal, SessionError, delay_applied};
use crate::psrp::Command;
use crate::psrp::body::{ErrorRecord, InvocationState};
use crate::psrp::client::{Pipeline, PipelineEvent};
use crate::session::budget::{Budget, Signal, Turn, Urgency};
use crate::session::rows::Event;
use crate::session::shell::{Code, Received, Shell, Work};

/// How long a stopped cmdlet may take to say that it stopped.
const STOP_GRACE: Duration = Duration::from_secs(30);

/// How often a cmdlet that the server refused for want of budget is sent again, each time when the
/// server said.
const RESENDS_MAX: u32 = 5;

/// What is to be run, and how it is left alone.
pub(super) struct Run {
    pub(super) cmdlet: &'static str,
    pub(super) command: Command,
    pub(super) effect: Effect,
    pub(super) budget: Budget,
    pub(super) urgency: Urgency,
    pub(super) leave_by: Instant,
    pub(super) limit: Duration,
    pub(super) events: mpsc::Sender<Vec<Event>>,
    pub(super) stop: CancellationToken,
}

/// How a cmdlet ended.
pub(super) struct Ending {
    pub(super) outcome: Result<(), CmdletError>,
    pub(super) rows: u64,
    /// What the first error record means, if there was one.
    pub(super) refusal: Option<&'static str>,
    /// The command to be closed, if the server accepted it.
    pub(super) command: Option<Uuid>,
    /// What the server said about too much work.
    pub(super) signal: Option<Signal>,
    /// Whether the shell can no longer be trusted to run another one.
    pub(super) is_session_dead: bool,
}

/// Why a cmdlet is being stopped.
enum Halt {
    Caller,
    Limit,
    Prompt(String),
}

/// A final state and what ended the pipeline.
struct Final(InvocationState, Option<Box<ErrorRecord>>);

/// Runs a cmdlet to its end.
pub(super) async fn drive(shell: &Arc<Shell>, work: &mut Work, run: Run, turn: Turn) -> Ending {
    let id = Uuid::new_v4();
    let started = start(shell, work, id, &run, turn).await;
    let mut driver = Driver {
        shell,
        deadline: Instant::now() + run.limit,
        run,
        id,
        halt: None,
        signals: JoinSet::new(),
        rows: 0,
        refusal: None,
        signal: None,
    };
    let ended = match started {
        Ok(mut pipeline) => driver.receive_all(work, &mut pipeline).await,
        Err(error) => {
            let lost = driver.lost(error);
            return Ending { command: None, ..driver.ending(Err(lost)) };
        }
    };
    match ended {
        Ok(last) => {
            let outcome = driver.conclude(last);
            driver.ending(outcome)
        }
        Err(error) => {
            // The command was accepted, whatever became of this request.
            let error = match (driver.run.effect, &driver.halt) {
                (Effect::Write, _) => driver.unknown(Some(error)),
                (Effect::Read, Some(Halt::Limit)) => driver.timed_out(),
                (Effect::Read, _) => {
                    CmdletError::Session { cmdlet: driver.run.cmdlet, source: error }
                }
            };
            Ending { is_session_dead: true, ..driver.ending(Err(error)) }
        }
    }
}

/// Creates the command: its first fragment in the request itself, the others as its input.
async fn start(
    shell: &Shell,
    work: &mut Work,
    id: Uuid,
    run: &Run,
    turn: Turn,
) -> Result<Pipeline, SessionError> {
    let (pipeline, mut fragments) = work.pool.start(id, vec![run.command.clone()])?;
    let first = fragments.take(0).unwrap_or_default().to_vec();
    let mut turn = Some(turn);
    for resends in 0..=RESENDS_MAX {
        let sent = shell.command(&mut work.lane, id, &first).await;
        // The server has it, or has refused it.
        turn = None;
        let Err(error) = sent else { break };
        let refused = Signal::of_session(&error).filter(|_| resends < RESENDS_MAX);
        let Some(signal) = refused else { return Err(error) };
        run.budget.signal(signal);
        let again = tokio::select! {
            again = run.budget.turn(run.urgency, run.leave_by) => again,
            () = run.stop.cancelled() => return Err(error),
        };
        let Ok(again) = again else { return Err(error) };
        turn = Some(again);
    }
    drop(turn);
    while let Some(piece) = fragments.take(shell.payload_bytes_max()) {
        shell.send(&mut work.lane, id, piece).await?;
    }
    Ok(pipeline)
}

struct Driver<'s> {
    shell: &'s Arc<Shell>,
    run: Run,
    id: Uuid,
    deadline: Instant,
    halt: Option<Halt>,
    signals: JoinSet<Result<(), SessionError>>,
    rows: u64,
    refusal: Option<&'static str>,
    signal: Option<Signal>,
}

impl Driver<'_> {
    async fn receive_all(
        &mut self,
        work: &mut Work,
        pipeline: &mut Pipeline,
    ) -> Result<Final, SessionError> {
        loop {
            let Received { output, is_done } = self.receive(work).await?;
            let mut batch = Vec::new();
            let mut last = None;
            for bytes in output {
                last = self.read(pipeline, &bytes, &mut batch)?.or(last);
            }
            self.deliver(batch).await?;
            match last {
                Some(last) => return Ok(last),
                None if is_done => return Err(SessionError::Silent),
                None => {}
            }
        }
    }

    /// One Receive to its end, however often the caller or the clock interrupts meanwhile.
    async fn receive(&mut self, work: &mut Work) -> Result<Received, SessionError> {
        let shell = Arc::clone(self.shell);
        let receive = shell.receive(&mut work.lane, Some(self.id));
        tokio::pin!(receive);
        loop {
            tokio::select! {
                received = &mut receive => return received,
                interrupted = self.interruption() => interrupted?,
            }
        }
    }

    /// Waits until somebody wants the cmdlet to end; fails once it was told to and did not.
    async fn interruption(&mut self) -> Result<(), SessionError> {
        tokio::select! {
            () = self.run.stop.cancelled(), if self.halt.is_none() => self.halt(Halt::Caller),
            () = sleep_until(self.deadline) => {
                if self.halt.is_some() {
                    return Err(SessionError::Silent);
                }
                self.halt(Halt::Limit);
            }
            Some(signalled) = self.signals.join_next(), if !self.signals.is_empty() => {
                if let Ok(Err(error)) = signalled {
                    tracing::debug!(error = %error, "stop signal failed");
                }
            }
        }
        Ok(())
    }

    fn halt(&mut self, halt: Halt) {
        if self.halt.is_none() {
            self.halt = Some(halt);
            self.deadline = Instant::now() + STOP_GRACE;
            let (shell, id) = (Arc::clone(self.shell), self.id);
            self.signals.spawn(async move { shell.signal_apart(id, Code::Stop).await });
        }
    }

    fn read(
        &mut self,
        pipeline: &mut Pipeline,
        bytes: &Bytes,
        batch: &mut Vec<Event>,
    ) -> Result<Option<Final>, SessionError> {
        let mut last = None;
        let mut prompt = None;
        let mut events = pipeline.feed(bytes);
        while let Some(event) = events.next_event()? {
            match event {
                PipelineEvent::Output(xml) => batch.push(Event::Row(slice(bytes, xml))),
                PipelineEvent::Warning(text) => {
                    self.signal = self.signal.or(delay_applied(&text).map(Signal::Delayed));
                    batch.push(Event::Warning(text));
                }
                PipelineEvent::Error(record) => {
                    let refusal = Refusal::of(&record);
                    self.refusal.get_or_insert(refusal.word());
                    if let Refusal::Throttled(wait) = refusal {
                        self.signal = Some(Signal::of(&record.message, wait));
                    }
                    batch.push(Event::Error(record));
                }
                PipelineEvent::Progress(progress) => batch.push(Event::Progress(progress)),
                PipelineEvent::State(state, record) if state.is_final() => {
                    last = Some(Final(state, record));
                }
                PipelineEvent::HostCall(call) => prompt = Some(call.method),
                PipelineEvent::State(..)
                | PipelineEvent::Verbose(_)
                | PipelineEvent::Debug(_)
                | PipelineEvent::Information(_)
                | PipelineEvent::Ignored(_) => {}
            }
        }
        if let Some(method) = prompt {
            self.halt(Halt::Prompt(method));
        }
        Ok(last)
    }

    /// Hands a batch to the reader. A reader that is gone stops the cmdlet; once it is being
    /// stopped nobody wants its output any more.
    async fn deliver(&mut self, batch: Vec<Event>) -> Result<(), SessionError> {
        let rows = batch.iter().filter(|event| matches!(event, Event::Row(_))).count();
        self.rows += rows as u64;
        self.shell.counters().rows(rows);
        let mut batch = Some(batch).filter(|batch| !batch.is_empty());
        let events = self.run.events.clone();
        while batch.is_some() && self.halt.is_none() {
            tokio::select! {
                permit = events.reserve() => match (permit, batch.take()) {
                    (Ok(permit), Some(batch)) => permit.send(batch),
                    (Err(_), _) => self.halt(Halt::Caller),
                    (Ok(_), None) => {}
                },
                interrupted = self.interruption() => interrupted?,
            }
        }
        Ok(())
    }

    fn conclude(&self, Final(state, record): Final) -> Result<(), CmdletError> {
        let cmdlet = self.run.cmdlet;
        match (state, &self.halt, record) {
            (InvocationState::Completed, ..) => Ok(()),
            (InvocationState::Failed, None, Some(record)) => {
                Err(CmdletError::refused(cmdlet, *record))
            }
            (_, Some(Halt::Prompt(method)), _) => {
                Err(CmdletError::Prompted { cmdlet, method: method.clone() })
            }
            (..) if self.run.effect == Effect::Write => Err(self.unknown(None)),
            (_, Some(Halt::Limit), _) => Err(self.timed_out()),
            (_, Some(Halt::Caller), _) | (InvocationState::Stopped, None, _) => {
                Err(CmdletError::Stopped { cmdlet })
            }
            (_, None, record) => {
                Err(CmdletError::refused(cmdlet, record.map(|it| *it).unwrap_or_default()))
            }
        }
    }

    /// What a failure to create the command means.
    fn lost(&self, error: SessionError) -> CmdletError {
        match self.run.effect {
            Effect::Write if error.may_have_acted() => self.unknown(Some(error)),
            Effect::Write | Effect::Read => {
                CmdletError::Session { cmdlet: self.run.cmdlet, source: error }
            }
        }
    }

    fn unknown(&self, source: Option<SessionError>) -> CmdletError {
        CmdletError::OutcomeUnknown { cmdlet: self.run.cmdlet, source }
    }

    fn timed_out(&self) -> CmdletError {
        CmdletError::TimedOut { cmdlet: self.run.cmdlet, limit: self.run.limit }
    }

    fn ending(&self, outcome: Result<(), CmdletError>) -> Ending {
        let is_session_dead = outcome.as_ref().is_err_and(CmdletError::is_session_dead);
        let signal = outcome.as_ref().err().and_then(Signal::of_cmdlet).or(self.signal);
        Ending {
            outcome,
            signal,
            rows: self.rows,
            refusal: self.refusal,
            command: Some(self.id),
            is_session_dead,
        }
    }
}

/// The part of the buffer that an event borrows, shared where it is a part at all.
fn slice(bytes: &Bytes, part: &[u8]) -> Bytes {
    let whole = bytes.as_ptr_range();
    let piece = part.as_ptr_range();
    if whole.start <= piece.start && piece.end <= whole.end {
        bytes.slice_ref(part)
    } else {
        Bytes::copy_from_slice(part)
    }
}
