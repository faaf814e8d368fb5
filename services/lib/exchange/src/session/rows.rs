//! The output of one running cmdlet, read as it arrives. What is not read holds the server back:
//! only a few answers are buffered. Dropping it stops the cmdlet.

use std::marker::PhantomData;
use std::time::Duration;
use std::vec;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::clixml::{Columns, Row as Fields};
use crate::cmdlets::Row;
use crate::error::{CmdletError, SessionError, delay_applied, is_more_available};
use crate::psrp::body::{ErrorRecord, Progress};

/// How many warnings and how many error records are kept of one cmdlet; the others are counted.
const RECORDS_KEPT_MAX: usize = 100;

/// How many bytes are kept of each text of them.
const RECORD_TEXT_BYTES_MAX: usize = 16 << 10;

/// What a running cmdlet says.
#[derive(Debug, Clone)]
pub enum Event {
    /// One object of output: its CLIXML, as it came.
    Row(Bytes),
    /// A warning.
    Warning(String),
    /// An error that did not end the cmdlet.
    Error(Box<ErrorRecord>),
    /// How far it is.
    Progress(Box<Progress>),
}

/// What was said beside the rows.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// How many objects were printed.
    pub rows: u64,
    /// The bytes of their CLIXML.
    pub row_bytes: u64,
    /// The first warnings.
    pub warnings: Vec<String>,
    /// How many warnings there were.
    pub warnings_total: u64,
    /// The first error records.
    pub errors: Vec<ErrorRecord>,
    /// How many error records there were.
    pub errors_total: u64,
    /// Whether a warning said that results were held back.
    pub is_cut_short: bool,
    /// How long Exchange says that it slowed the session down.
    pub delay: Duration,
}

/// The output of one running cmdlet.
#[derive(Debug)]
pub struct RowStream<R> {
    cmdlet: &'static str,
    batches: mpsc::Receiver<Vec<Event>>,
    batch: vec::IntoIter<Event>,
    outcome: Option<oneshot::Receiver<Result<(), CmdletError>>>,
    columns: Columns,
    summary: Summary,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
    row: PhantomData<fn() -> R>,
}

impl<R: Row> RowStream<R> {
    pub(super) fn new(
        cmdlet: &'static str,
        batches: mpsc::Receiver<Vec<Event>>,
        outcome: oneshot::Receiver<Result<(), CmdletError>>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            cmdlet,
            batches,
            batch: Vec::new().into_iter(),
            outcome: Some(outcome),
            columns: Columns::new(R::COLUMNS.iter().copied()),
            summary: Summary::default(),
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
            row: PhantomData,
        }
    }

    /// The next thing said, unread; `None` after the end, once; then the outcome is known.
    pub async fn event(&mut self) -> Result<Option<Event>, CmdletError> {
        loop {
            if let Some(event) = self.batch.next() {
                self.summary.count(&event);
                return Ok(Some(event));
            }
            match self.batches.recv().await {
                Some(batch) => self.batch = batch.into_iter(),
                None => return self.outcome().await.map(|()| None),
            }
        }
    }

    /// The next row; what else is said on the way is gathered in the summary.
    pub async fn next(&mut self) -> Result<Option<R>, CmdletError> {
        match self.next_unread().await? {
            Some(xml) => self.read(&xml).map(Some),
            None => Ok(None),
        }
    }

    /// The next row as it came, for a caller who may not have to read it; what else is said on the
    /// way is gathered in the summary. [`Fingerprints`](crate::clixml::Fingerprints) tells from these
    /// bytes whether the object is one that was seen before.
    pub async fn next_unread(&mut self) -> Result<Option<Bytes>, CmdletError> {
        while let Some(event) = self.event().await? {
            if let Event::Row(xml) = event {
                return Ok(Some(xml));
            }
        }
        Ok(None)
    }

    /// Reads a row that [`RowStream::next_unread`] gave.
    pub fn read(&self, xml: &[u8]) -> Result<R, CmdletError> {
        let row = Fields::read(xml, &self.columns).and_then(|it| R::from_fields(&it));
        row.map_err(|source| CmdletError::Row { cmdlet: self.cmdlet, source })
    }

    /// What was said so far.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Reads to the end. An error record or results held back make the whole an error: a listing
    /// would be incomplete, and a change was refused.
    pub async fn finish(mut self) -> Result<Summary, CmdletError> {
        while self.event().await?.is_some() {}
        self.summary.complete(self.cmdlet)
    }

    /// Reads every row into memory, for small results; strict as [`RowStream::finish`].
    pub async fn collect(mut self) -> Result<Vec<R>, CmdletError> {
        let mut rows = Vec::new();
        while let Some(row) = self.next().await? {
            rows.push(row);
        }
        self.summary.complete(self.cmdlet)?;
        Ok(rows)
    }

    /// Asks Exchange to stop the cmdlet and waits until it has, which may be too late.
    pub async fn stop(mut self) -> Result<Summary, CmdletError> {
        self.stop.cancel();
        loop {
            match self.event().await {
                Ok(Some(_)) => {}
                Ok(None) | Err(CmdletError::Stopped { .. }) => return Ok(self.summary),
                Err(error) => return Err(error),
            }
        }
    }

    async fn outcome(&mut self) -> Result<(), CmdletError> {
        match self.outcome.take() {
            None => Ok(()),
            Some(outcome) => outcome.await.unwrap_or_else(|_| {
                let source = SessionError::Ended;
                Err(CmdletError::OutcomeUnknown { cmdlet: self.cmdlet, source: Some(source) })
            }),
        }
    }
}

impl Summary {
    fn count(&mut self, event: &Event) {
        match event {
            Event::Row(xml) => {
                self.rows += 1;
                self.row_bytes += xml.len() as u64;
            }
            Event::Warning(text) => {
                self.warnings_total += 1;
                self.is_cut_short |= is_more_available(text);
                self.delay += delay_applied(text).unwrap_or_default();
                if self.warnings.len() < RECORDS_KEPT_MAX {
                    let kept = text.get(..text.floor_char_boundary(RECORD_TEXT_BYTES_MAX));
                    self.warnings.push(kept.unwrap_or_default().to_owned());
                }
            }
            Event::Error(record) => {
                self.errors_total += 1;
                if self.errors.len() < RECORDS_KEPT_MAX {
                    self.errors.push(record.shortened(RECORD_TEXT_BYTES_MAX));
                }
            }
            Event::Progress(_) => {}
        }
    }

    /// Itself, if nothing was refused and nothing held back.
    pub fn complete(mut self, cmdlet: &'static str) -> Result<Self, CmdletError> {
        if !self.errors.is_empty() {
            return Err(CmdletError::refused(cmdlet, self.errors.swap_remove(0)));
        }
        if self.is_cut_short {
            return Err(CmdletError::Incomplete { cmdlet });
        }
        Ok(self)
    }
}
