//! How long the holder of each lease has been silent, on this process's own monotonic clock. What is
//! not known counts from the start of the process: a restart never shortens a lease.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use exgate_domain::ids::{Generation, OrganizationId};
use exgate_domain::lease::{LEASE_TTL, Lease};

/// When each lease was last granted or renewed.
#[derive(Debug)]
pub struct Silence {
    started: Instant,
    renewed: HashMap<OrganizationId, (Generation, Instant)>,
}

impl Silence {
    /// Knows nothing yet: every holder is silent since `started`.
    pub fn since(started: Instant) -> Self {
        Self { started, renewed: HashMap::new() }
    }

    /// The lease was granted or renewed.
    pub fn broken(&mut self, organization: &OrganizationId, lease: &Lease, now: Instant) {
        self.renewed.insert(organization.clone(), (lease.generation, now));
    }

    /// How long the holder of `lease` has been silent.
    pub fn of(&self, organization: &OrganizationId, lease: &Lease, now: Instant) -> Duration {
        let renewed = self.renewed.get(organization);
        let known = renewed.filter(|(generation, _)| *generation == lease.generation);
        now.saturating_duration_since(known.map_or(self.started, |(_, at)| *at))
    }

    /// Whether the holder of `lease` may still write.
    pub fn holds(&self, organization: &OrganizationId, lease: &Lease, now: Instant) -> bool {
        let renewed = self.renewed.get(organization);
        renewed.is_some_and(|(generation, at)| {
            *generation == lease.generation && now.saturating_duration_since(*at) < LEASE_TTL
        })
    }
}

#[cfg(test)]
mod tests {
    use exgate_domain::ids::AgentId;
    use exgate_domain::lease::{LEASE_MARGIN, grant};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn after_a_restart_another_agent_waits_out_a_whole_lease() {
        let (one, two) = (AgentId::new(Uuid::from_u128(1)), AgentId::new(Uuid::from_u128(2)));
        let contoso: OrganizationId = "contoso".parse().unwrap();
        let stored = Lease { holder: one, generation: Generation::new(7) };
        let started = Instant::now();
        let mut silence = Silence::since(started);

        let early = started + LEASE_TTL;
        assert!(grant(Some(&stored), two, silence.of(&contoso, &stored, early)).is_err());
        assert!(!silence.holds(&contoso, &stored, started), "nobody renewed it here");

        // The holder comes back at once, and counts from then on.
        let back = grant(Some(&stored), one, silence.of(&contoso, &stored, early)).unwrap();
        silence.broken(&contoso, &back, early);
        let later = early + LEASE_TTL + LEASE_MARGIN;
        assert!(silence.holds(&contoso, &back, early + LEASE_TTL / 2));
        assert!(!silence.holds(&contoso, &back, early + LEASE_TTL));
        let just_before = later - Duration::from_millis(1);
        assert!(grant(Some(&back), two, silence.of(&contoso, &back, just_before)).is_err());
        assert!(grant(Some(&back), two, silence.of(&contoso, &back, later)).is_ok());
    }
}
