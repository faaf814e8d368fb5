//! Owns one scripted fault: what goes wrong, on which occasions, how often, and what it hit so far.
//!
//! Invariant: whether the n-th occasion is hit depends on the fault's seed and n alone.

use serde::{Deserialize, Serialize};

use crate::world::chance::Chance;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Kind {
    /// A cmdlet takes so long before it has any effect.
    Latency {
        /// How long.
        milliseconds: u64,
    },
    /// A cmdlet takes so long for every object that it writes.
    ObjectLatency {
        /// How long.
        milliseconds: u64,
    },
    /// HTTP 401, whoever signs in.
    Unauthorized,
    /// HTTP 503, as from a web server whose application pool is stopped.
    Unavailable,
    /// A connection is cut after it carried so many bytes to the client.
    DropConnection {
        /// How many.
        bytes: u64,
    },
    /// The shell is gone when a cmdlet is called in it.
    DeadShell,
    /// A cmdlet is refused as if the account's budget were used up.
    Throttle {
        /// How long the client is told to wait.
        milliseconds: u64,
    },
    /// The cmdlet takes effect, and the connection is cut instead of the answer.
    LoseAnswer,
    /// A listing ends after so many objects, and says that it is complete.
    Truncate {
        /// How many are left.
        objects: u64,
    },
    /// A listing is empty, and says that it is complete.
    Empty,
    /// Whatever concerns this mailbox or its partnerships fails, alone or in a listing.
    FailMailbox {
        /// The mailbox: any text that Exchange takes for its identity.
        mailbox: String,
    },
    /// What this domain controller answers takes so long.
    SlowController {
        /// The controller, such as `dc01`.
        controller: String,
        /// How long.
        milliseconds: u64,
    },
    /// The organization's clocks are ahead of the client's, or behind it when negative.
    ClockSkew {
        /// By how much.
        milliseconds: i64,
    },
}

/// A fault, and when it strikes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scripted {
    /// What goes wrong.
    pub fault: Kind,
    /// Only for this cmdlet; below a cmdlet (401, 503, a cut connection) while it is the one called last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cmdlet: Option<String>,
    /// Only at this server, such as `EX02`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// How many more times; without it until it is cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// How likely each occasion is hit.
    #[serde(default = "certain")]
    pub probability: f64,
    /// What the occasions are drawn from.
    #[serde(default = "first_seed")]
    pub seed: u64,
    /// How many occasions there were.
    #[serde(default)]
    pub seen: u64,
    /// How many of them were hit.
    #[serde(default)]
    pub hits: u64,
}

/// Where something could go wrong.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The cmdlet.
    pub cmdlet: &'a str,
    /// The server's short name.
    pub server: &'a str,
}

impl Scripted {
    /// A fault that strikes every time.
    pub fn always(fault: Kind) -> Self {
        let (seed, probability) = (first_seed(), certain());
        Self { fault, cmdlet: None, server: None, times: None, probability, seed, seen: 0, hits: 0 }
    }

    /// Says whether this is an occasion of the fault.
    pub fn concerns(&self, site: &Site<'_>) -> bool {
        let fits = |asked: &Option<String>, held: &str| {
            asked.as_ref().is_none_or(|asked| asked.eq_ignore_ascii_case(held))
        };
        self.times != Some(0) && fits(&self.cmdlet, site.cmdlet) && fits(&self.server, site.server)
    }

    /// Takes note of an occasion, and says whether it is hit.
    pub fn strike(&mut self) -> bool {
        let number = u32::try_from(self.seen).unwrap_or(u32::MAX);
        self.seen += 1;
        // 53 bits are all that a floating-point number holds.
        let drawn =
            (Chance::numbered(self.seed, number).number() >> 11) as f64 / (1_u64 << 53) as f64;
        let is_hit = drawn < self.probability;
        if is_hit {
            self.hits += 1;
            self.times = self.times.map(|times| times.saturating_sub(1));
        }
        is_hit
    }
}

fn certain() -> f64 {
    1.0
}

fn first_seed() -> u64 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANYWHERE: Site<'_> = Site { cmdlet: "Get-CASMailbox", server: "EX01" };

    #[test]
    fn a_fault_strikes_as_often_as_it_is_told() {
        let mut fault = Scripted { times: Some(2), ..Scripted::always(Kind::DeadShell) };

        let hits = (0..5).filter(|_| fault.concerns(&ANYWHERE) && fault.strike()).count();

        assert_eq!((hits, fault.hits, fault.seen, fault.times), (2, 2, 2, Some(0)));
    }

    #[test]
    fn one_seed_hits_the_same_occasions() {
        let drawn = |seed| {
            let mut fault =
                Scripted { probability: 0.25, seed, ..Scripted::always(Kind::LoseAnswer) };
            (0..1000).map(|_| fault.strike()).collect::<Vec<_>>()
        };

        let hits = drawn(7).iter().filter(|hit| **hit).count();

        assert!((200..300).contains(&hits), "{hits}");
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
    }

    #[test]
    fn a_fault_stays_where_it_was_put() {
        let fault = Scripted {
            cmdlet: Some("get-casmailbox".to_owned()),
            server: Some("EX01".to_owned()),
            ..Scripted::always(Kind::Empty)
        };

        assert!(fault.concerns(&ANYWHERE));
        assert!(!fault.concerns(&Site { cmdlet: "Set-CASMailbox", ..ANYWHERE }));
        assert!(!fault.concerns(&Site { server: "EX02", ..ANYWHERE }));
    }
}
