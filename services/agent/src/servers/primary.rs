//! The way back to the primary: it is probed while it is not in use, or known to be down, without
//! signing in, and returned to between two looks after several good probes in a row.

use std::sync::Arc;
use std::time::{Duration, Instant};

use exgate_exchange::http::{HttpError, Transport};
use exgate_runtime::Tasks;

use super::{PROBES_GOOD_MIN, Servers, State};

/// The shortest pause between two probes, whatever is set.
const PROBE_PAUSE_MIN: Duration = Duration::from_millis(100);

impl Servers {
    /// Probes the primary while there is a reason to, until the process stops.
    pub async fn watch_primary(self: Arc<Self>, tasks: Tasks) {
        let pause = (self.settings.primary_retry / PROBES_GOOD_MIN).max(PROBE_PAUSE_MIN);
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = tasks.stopped() => return,
            }
            let Some(transport) = self.probed() else { continue };
            tokio::select! {
                answered = transport.probe() => self.probe_ended(answered),
                () = tasks.stopped() => return,
            }
        }
    }

    /// The primary, while it is to be probed.
    fn probed(&self) -> Option<Transport> {
        let state = self.state();
        let primary = state.primary();
        let is_well = primary.is_well(Instant::now());
        let is_used = state.current == primary.about.host;
        (!is_well || !is_used).then(|| primary.options.transport.clone())
    }

    fn probe_ended(&self, answered: Result<(), HttpError>) {
        let mut state = self.state();
        match answered {
            Ok(()) => {
                state.good_probes = state.good_probes.saturating_add(1);
                self.return_if_due(&mut state);
            }
            Err(error) => {
                state.good_probes = 0;
                let problem = exgate_runtime::report(&error);
                tracing::debug!(error = problem, "the primary Exchange server does not answer yet");
                let at = self.clock.now();
                if let Some(primary) = state.servers.first_mut() {
                    primary.note(problem, at);
                }
                self.tell(&state);
            }
        }
    }

    /// Goes back to the primary, if it has answered steadily and nobody looks.
    pub(super) fn return_if_due(&self, state: &mut State) {
        if state.good_probes < PROBES_GOOD_MIN || state.looks > 0 {
            return;
        }
        state.good_probes = 0;
        let primary = state.primary().about.host.clone();
        if let Some(server) = state.servers.first_mut() {
            server.breaker.succeeded(Instant::now());
            (server.problem, server.failed_at) = (String::new(), None);
        }
        self.go_to(state, &primary);
        self.tell(state);
    }
}
