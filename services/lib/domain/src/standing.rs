//! How an organization's Exchange servers stand: which one is used, which one should be, and how each is
//! doing. A server that failed and was not asked again counts as down.

use jiff::Timestamp;

/// Whether a server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Breaker {
    /// It is.
    Closed,
    /// It is down, and left alone for a while.
    Open,
    /// It was left alone for long enough: one attempt is made, or may be made.
    HalfOpen,
}

/// How an organization's servers stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The server that was configured.
    pub primary: String,
    /// The server that sessions go to.
    pub current: String,
    /// Whether another server may be used while the primary is down.
    pub failover: bool,
    /// Since when another server than the primary is used.
    pub fallback_since: Option<Timestamp>,
    /// Each server, the primary first.
    pub servers: Vec<ServerStanding>,
}

/// How one server stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerStanding {
    /// Its full name.
    pub host: String,
    /// Its version; empty when unknown.
    pub version: String,
    /// Its directory site; empty when unknown.
    pub site: String,
    /// Whether it is asked.
    pub breaker: Breaker,
    /// How it failed last; empty when it never did, or well since.
    pub problem: String,
    /// When it failed last.
    pub failed_at: Option<Timestamp>,
}

impl Standing {
    /// Whether another server than the configured one is used.
    pub fn is_on_fallback(&self) -> bool {
        !self.current.eq_ignore_ascii_case(&self.primary)
    }

    /// Whether the server in use is down: nothing can be read or written.
    pub fn is_down(&self) -> bool {
        self.server(&self.current).is_some_and(|server| server.breaker != Breaker::Closed)
    }

    /// What an operator should know, in one line; empty when the configured server is used and well.
    pub fn problem(&self) -> String {
        let Self { primary, current, .. } = self;
        let because = |host: &str| match self.server(host).map(|server| server.problem.as_str()) {
            None | Some("") => String::new(),
            Some(problem) => format!(": {problem}"),
        };
        let since = match self.fallback_since {
            Some(since) => format!(" since {since:.0}"),
            None => String::new(),
        };
        match (self.is_down(), self.is_on_fallback()) {
            (false, false) => String::new(),
            (false, true) => {
                format!("on fallback {current}{since}, primary {primary} down{}", because(primary))
            }
            (true, _) if !self.failover => format!(
                "{primary} is down{}; exchange.failover is off, so the agent waits for it",
                because(primary)
            ),
            (true, _) if self.servers.len() < 2 => {
                format!("{primary} is down{}; no other server is known", because(primary))
            }
            (true, _) => format!("no Exchange server is up; {current}{}", because(current)),
        }
    }

    fn server(&self, host: &str) -> Option<&ServerStanding> {
        self.servers.iter().find(|server| server.host.eq_ignore_ascii_case(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(current: &str, primary: Breaker, second: Breaker) -> Standing {
        let server = |host: &str, breaker| ServerStanding {
            host: host.to_owned(),
            version: String::new(),
            site: String::new(),
            breaker,
            problem: if breaker == Breaker::Closed { String::new() } else { "refused".to_owned() },
            failed_at: None,
        };
        Standing {
            primary: "ex01".to_owned(),
            current: current.to_owned(),
            failover: true,
            fallback_since: (current != "ex01").then_some(Timestamp::UNIX_EPOCH),
            servers: vec![server("ex01", primary), server("ex02", second)],
        }
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line() {
        let well = standing("EX01", Breaker::Closed, Breaker::Open);
        assert_eq!((well.problem().as_str(), well.is_down()), ("", false));

        let fallback = standing("ex02", Breaker::HalfOpen, Breaker::Closed);
        assert!(!fallback.is_down() && fallback.is_on_fallback());
        let expected = "on fallback ex02 since 1970-01-01T00:00:00Z, primary ex01 down: refused";
        assert_eq!(fallback.problem(), expected);

        let nobody = standing("ex02", Breaker::Open, Breaker::HalfOpen);
        assert!(nobody.is_down());
        assert_eq!(nobody.problem(), "no Exchange server is up; ex02: refused");

        let mut alone = standing("ex01", Breaker::Open, Breaker::Closed);
        alone.servers.truncate(1);
        assert_eq!(alone.problem(), "ex01 is down: refused; no other server is known");
        alone.failover = false;
        let waits = "ex01 is down: refused; exchange.failover is off, so the agent waits for it";
        assert_eq!(alone.problem(), waits);
    }
}
