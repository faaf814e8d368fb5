//! One writer per organization: a lease whose generation only grows, so that a newer one fences the
//! older. Times are durations since an instant of the reader's own monotonic clock, never wall time.

use std::time::Duration;

use crate::ids::{AgentId, Generation};

/// How long a lease lasts without renewal.
pub const LEASE_TTL: Duration = Duration::from_secs(30);
/// How often the holder renews.
pub const LEASE_RENEW_EVERY: Duration = Duration::from_secs(10);
/// Added to the time to live before another agent may have the lease: more than the clocks' drift.
pub const LEASE_MARGIN: Duration = Duration::from_secs(5);

/// Who may write in an organization, and since when nothing was heard from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The agent that holds it.
    pub holder: AgentId,
    /// Its number.
    pub generation: Generation,
}

/// Why a lease is not granted now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeaseRefused {
    /// Another agent holds it and may still be writing.
    #[error("agent {holder} holds the lease for at most {wait:?} more")]
    Held {
        /// Who holds it.
        holder: AgentId,
        /// How long until it can be granted to somebody else, if the holder stays silent.
        wait: Duration,
    },
}

/// Grants the next generation to `agent`: at once when it is free or its own, otherwise only after the
/// holder was silent for the time to live and the margin. `silence` is measured on the caller's
/// monotonic clock since the last renewal, or since the caller started.
pub fn grant(
    current: Option<&Lease>,
    agent: AgentId,
    silence: Duration,
) -> Result<Lease, LeaseRefused> {
    let Some(current) = current else {
        return Ok(Lease { holder: agent, generation: Generation::new(1) });
    };
    let free_after = LEASE_TTL + LEASE_MARGIN;
    if current.holder != agent && silence < free_after {
        return Err(LeaseRefused::Held { holder: current.holder, wait: free_after - silence });
    }
    Ok(Lease { holder: agent, generation: current.generation.next() })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn another_agent_waits_for_ttl_and_margin_and_gets_a_newer_generation() {
        let (one, two) = (AgentId::new(Uuid::from_u128(1)), AgentId::new(Uuid::from_u128(2)));
        let first = grant(None, one, Duration::ZERO).unwrap();

        assert!(grant(Some(&first), two, Duration::from_secs(34)).is_err());
        let second = grant(Some(&first), two, Duration::from_secs(35)).unwrap();

        assert_eq!(second.holder, two);
        assert!(second.generation > first.generation);
    }

    #[test]
    fn the_same_agent_comes_back_at_once_with_a_new_generation() {
        let one = AgentId::new(Uuid::from_u128(1));
        let first = grant(None, one, Duration::ZERO).unwrap();
        let again = grant(Some(&first), one, Duration::ZERO).unwrap();
        assert_eq!(again.generation, first.generation.next());
    }
}
