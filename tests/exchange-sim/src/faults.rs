//! Owns what can be made to go wrong in one organization.
//!
//! Invariant: faults are the experimenter's, not the world's: they are not journaled, and a restarted
//! simulator has none.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The faults that are on; the default has none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Cmdlets that the account's role does not show, as from the next shell.
    pub hide_cmdlets: Vec<String>,
    /// Parameters, by cmdlet, that the account's role does not show, as from the next shell.
    pub hide_parameters: BTreeMap<String, Vec<String>>,
    /// Nobody answers on the organization's port.
    pub stop_listener: bool,
    /// Servers that are down, by name such as `EX02`: their shells are gone, and nobody answers.
    pub stop_servers: Vec<String>,
    /// Servers that go down in the middle of an answer; they stay down while they are named here.
    pub stop_servers_in: BTreeMap<String, Midway>,
    /// How long each cmdlet takes before it has any effect; `*` is every cmdlet.
    pub latency_ms: BTreeMap<String, u64>,
    /// How many bytes a connection carries to the client before it is cut.
    pub drop_connection_after_bytes: Option<u64>,
    /// The cmdlet takes effect, and the connection is cut instead of the answer.
    pub lose_answer: Option<LostAnswer>,
    /// Domain controllers that are down, by name such as `dc02`.
    pub stop_domain_controllers: Vec<String>,
    /// How long a change takes from one domain controller to the others, in Exchange's time.
    pub replication_lag_ms: u64,
}

/// In the middle of which output a server goes down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Midway {
    /// The cmdlet.
    pub cmdlet: String,
    /// After how many bytes to the client, counted while that cmdlet is the one called last.
    pub bytes: u64,
}

/// Which answers get lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LostAnswer {
    /// The cmdlet.
    pub cmdlet: String,
    /// How many more times.
    pub times: u32,
}

impl Faults {
    /// How long this cmdlet takes.
    pub fn latency(&self, cmdlet: &str) -> Duration {
        let named = self.latency_ms.iter().find(|(name, _)| name.eq_ignore_ascii_case(cmdlet));
        let milliseconds = named.map(|(_, held)| held).or_else(|| self.latency_ms.get("*"));
        Duration::from_millis(milliseconds.copied().unwrap_or(0))
    }

    /// Says whether a server is switched off.
    pub fn stops(&self, server: &str) -> bool {
        let is_named = |name: &String| name.eq_ignore_ascii_case(server);
        self.stop_listener || self.stop_servers.iter().any(is_named)
    }

    /// Says whether a domain controller, by full name, is switched off.
    pub fn stops_controller(&self, controller: &str) -> bool {
        let host = controller.split('.').next().unwrap_or(controller);
        let is_named =
            |name: &String| [controller, host].iter().any(|it| name.eq_ignore_ascii_case(it));
        self.stop_domain_controllers.iter().any(is_named)
    }

    /// In the middle of what a server goes down.
    pub fn stops_in(&self, server: &str) -> Option<&Midway> {
        let mut named = self.stop_servers_in.iter();
        named.find(|(name, _)| name.eq_ignore_ascii_case(server)).map(|(_, midway)| midway)
    }

    /// Says whether this answer is to be lost, and counts it.
    pub fn loses_answer(&mut self, cmdlet: &str) -> bool {
        match &mut self.lose_answer {
            Some(lost) if lost.times > 0 && lost.cmdlet.eq_ignore_ascii_case(cmdlet) => {
                lost.times -= 1;
                true
            }
            Some(_) | None => false,
        }
    }
}
