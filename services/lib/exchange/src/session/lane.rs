//! One road to the server: a connection that is opened when it is first needed and again after
//! it closed. An envelope goes out a second time only if the first one surely never left.

use std::time::Duration;

use bytes::Bytes;

use crate::error::SessionError;
use crate::http::{Answer, Connection, Cookies, HttpError, Transport};
use crate::session::counters::Counters;

/// One road to the server.
#[derive(Debug)]
pub(super) struct Lane {
    transport: Transport,
    cookies: Cookies,
    counters: Counters,
    connection: Option<Connection>,
}

impl Lane {
    pub(super) fn new(transport: Transport, cookies: Cookies, counters: Counters) -> Self {
        Self { transport, cookies, counters, connection: None }
    }

    /// Posts one envelope. The connection is kept only if its answer was read to the end: dropping
    /// the future, or an error, closes it.
    pub(super) async fn post(
        &mut self,
        query: &str,
        envelope: Bytes,
        limit: Duration,
    ) -> Result<Answer, SessionError> {
        let kept = self.connection.take().filter(|connection| !connection.is_closed());
        let was_kept = kept.is_some();
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let answer = match connection.post(query, envelope.clone(), limit).await {
            // The server closed the idle connection just now, or forgot who signed in on it: nothing
            // was done yet. A second 401 is final.
            Err(HttpError::NotSent { .. } | HttpError::SignedOut { .. }) if was_kept => {
                connection = self.connect().await?;
                connection.post(query, envelope.clone(), limit).await?
            }
            answer => answer?,
        };
        self.counters.request(envelope.len(), answer.body.len());
        self.connection = Some(connection);
        Ok(answer)
    }

    async fn connect(&self) -> Result<Connection, HttpError> {
        Connection::open(&self.transport, self.cookies.clone()).await
    }
}
