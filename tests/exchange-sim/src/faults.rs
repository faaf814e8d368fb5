//! Owns what can be made to go wrong in one organization.
//!
//! A fault is a state that stays until it is cleared (a server that is down), or a script that counts what
//! it hits. Invariant: faults are the experimenter's, not the world's: they are not journaled, and a
//! restarted simulator has none.

mod script;
pub mod slowness;
pub mod spoiled;
pub mod validation;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::ews::code::Code;

pub use script::{Kind, Scripted, Site};

/// The faults that are on; the default has none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Cmdlets that the account's role does not show, as from the next shell.
    pub hide_cmdlets: Vec<String>,
    /// Parameters, by cmdlet, that the account's role does not show, as from the next shell.
    pub hide_parameters: BTreeMap<String, Vec<String>>,
    /// A cmdlet that asks before it acts waits for an answer for ever, as for a client with a host that
    /// never gives one, instead of refusing as for a client without.
    pub hang_unconfirmed: bool,
    /// Nobody answers on the organization's port.
    pub stop_listener: bool,
    /// Servers that are down, by name such as `EX02`: their shells are gone, and nobody answers.
    pub stop_servers: Vec<String>,
    /// Servers that go down in the middle of an answer; they stay down while they are named here.
    pub stop_servers_in: BTreeMap<String, Midway>,
    /// How long each cmdlet takes before it has any effect; `*` is every cmdlet.
    pub latency_ms: BTreeMap<String, u64>,
    /// Mailboxes, by primary SMTP address, whose database is offline: the directory tells of them and of
    /// their devices, the mailbox store does not.
    pub offline_mailboxes: Vec<String>,
    /// How many bytes a connection carries to the client before it is cut.
    pub drop_connection_after_bytes: Option<u64>,
    /// The cmdlet takes effect, and the connection is cut instead of the answer. Operations of EWS, such
    /// as `CreateItem`, can be named as well, here and in `latency_ms`.
    pub lose_answer: Option<LostAnswer>,
    /// Domain controllers that are down, by name such as `dc02`.
    pub stop_domain_controllers: Vec<String>,
    /// How long a change takes from one domain controller to the others, in Exchange's time.
    pub replication_lag_ms: u64,
    /// What EWS answers instead of doing what is asked; the first one that fits is used up first.
    pub ews_errors: Vec<EwsError>,
    /// What Autodiscover answers instead of settings.
    pub autodiscover: Option<AutodiscoverFault>,
    /// What the submission port replies instead of its own; the first one that fits is used up first.
    pub smtp_replies: Vec<SmtpReply>,
    /// Faults that count what they hit.
    pub script: Vec<Scripted>,
}

/// An error of EWS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EwsError {
    /// The response code; with `http_status` nothing of it is told.
    #[serde(default)]
    pub code: Option<Code>,
    /// An HTTP status without SOAP, such as 401 or 503.
    #[serde(default)]
    pub http_status: Option<u16>,
    /// For `http_status`: `Retry-After`.
    #[serde(default)]
    pub retry_after_s: Option<u64>,
    /// `BackOffMilliseconds`.
    #[serde(default)]
    pub back_off_ms: Option<u64>,
    /// Only for this operation, such as `CreateItem`.
    #[serde(default)]
    pub operation: Option<String>,
    /// Whether it is a message of an answer (HTTP 200) or a fault (HTTP 500); each code has its own way.
    #[serde(default)]
    pub in_message: Option<bool>,
    /// How many more times.
    #[serde(default = "once")]
    pub times: u32,
}

/// An answer of Autodiscover that is not the settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutodiscoverFault {
    /// Which.
    pub answer: AutodiscoverAnswer,
    /// How many more times.
    #[serde(default = "once")]
    pub times: u32,
}

/// What Autodiscover answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AutodiscoverAnswer {
    /// Start again with this address (`RedirectAddress`, `redirectAddr`).
    RedirectAddress(String),
    /// Ask again there (`RedirectUrl`, `redirectUrl`).
    RedirectUrl(String),
    /// HTTP 302 to there.
    HttpRedirect(String),
    /// This HTTP status.
    HttpStatus(u16),
    /// This code of the whole response, such as `ServerBusy`; 603 in plain old XML.
    Error(String),
}

/// A reply of the submission port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpReply {
    /// When.
    pub at: SmtpStage,
    /// What, such as `451 4.7.0 Temporary server error. Please try again later. PRX5`.
    pub reply: String,
    /// How many more times.
    #[serde(default = "once")]
    pub times: u32,
}

/// When the submission port replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpStage {
    /// To a new connection, which it then closes.
    Connect,
    /// To the credentials.
    Auth,
    /// To `MAIL FROM`.
    Mail,
    /// To `RCPT TO`.
    Recipient,
    /// To `DATA`.
    Data,
    /// To the whole message.
    Message,
}

fn once() -> u32 {
    1
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
    /// Says whether a mailbox's database is offline.
    pub fn is_offline(&self, primary_smtp_address: &str) -> bool {
        self.offline_mailboxes.iter().any(|name| name.eq_ignore_ascii_case(primary_smtp_address))
    }

    /// How long this cmdlet takes.
    pub fn latency(&self, cmdlet: &str) -> Duration {
        let named = self.latency_ms.iter().find(|(name, _)| name.eq_ignore_ascii_case(cmdlet));
        let milliseconds = named.map(|(_, held)| held).or_else(|| self.latency_ms.get("*"));
        Duration::from_millis(milliseconds.copied().unwrap_or(0))
    }

    /// How long this takes if it is named; `*` is every cmdlet, and not meant here.
    pub fn named_latency(&self, operation: &str) -> Duration {
        let named = self.latency_ms.iter().find(|(name, _)| name.eq_ignore_ascii_case(operation));
        Duration::from_millis(named.map_or(0, |(_, held)| *held))
    }

    /// What EWS is to answer to this operation instead, and counts it.
    pub fn ews_error(&mut self, operation: &str) -> Option<EwsError> {
        let fits = |error: &&mut EwsError| {
            let is_meant = error.operation.as_deref().is_none_or(|named| named == operation);
            error.times > 0 && is_meant
        };
        let error = self.ews_errors.iter_mut().find(fits)?;
        error.times -= 1;
        Some(error.clone())
    }

    /// What Autodiscover is to answer instead, and counts it.
    pub fn autodiscover_answer(&mut self) -> Option<AutodiscoverAnswer> {
        let fault = self.autodiscover.as_mut().filter(|fault| fault.times > 0)?;
        fault.times -= 1;
        Some(fault.answer.clone())
    }

    /// What the submission port is to reply instead, and counts it.
    pub fn smtp_reply(&mut self, stage: SmtpStage) -> Option<String> {
        let mut held = self.smtp_replies.iter_mut();
        let reply = held.find(|reply| reply.times > 0 && reply.at == stage)?;
        reply.times -= 1;
        Some(reply.reply.clone())
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

    /// How many there are.
    pub fn count(&self) -> usize {
        self.hide_cmdlets.len()
            + self.hide_parameters.len()
            + usize::from(self.stop_listener)
            + self.stop_servers.len()
            + self.stop_servers_in.len()
            + self.latency_ms.len()
            + self.offline_mailboxes.len()
            + usize::from(self.hang_unconfirmed)
            + self.stop_domain_controllers.len()
            + usize::from(self.replication_lag_ms > 0)
            + self.ews_errors.iter().filter(|held| held.times > 0).count()
            + usize::from(self.autodiscover.as_ref().is_some_and(|held| held.times > 0))
            + self.smtp_replies.iter().filter(|held| held.times > 0).count()
            + usize::from(self.drop_connection_after_bytes.is_some())
            + usize::from(self.lose_answer.as_ref().is_some_and(|lost| lost.times > 0))
            + self.script.iter().filter(|held| held.times != Some(0)).count()
    }

    /// Adds other faults to these; what can be there only once is replaced.
    pub fn add(&mut self, more: Self) {
        let Self {
            hide_cmdlets,
            hide_parameters,
            stop_listener,
            stop_servers,
            stop_servers_in,
            latency_ms,
            offline_mailboxes,
            drop_connection_after_bytes,
            lose_answer,
            stop_domain_controllers,
            replication_lag_ms,
            ews_errors,
            autodiscover,
            smtp_replies,
            hang_unconfirmed,
            script,
        } = more;
        self.hide_cmdlets.extend(hide_cmdlets);
        for (cmdlet, parameters) in hide_parameters {
            self.hide_parameters.entry(cmdlet).or_default().extend(parameters);
        }
        self.stop_listener |= stop_listener;
        self.hang_unconfirmed |= hang_unconfirmed;
        self.stop_servers.extend(stop_servers);
        self.stop_servers_in.extend(stop_servers_in);
        self.latency_ms.extend(latency_ms);
        self.offline_mailboxes.extend(offline_mailboxes);
        self.drop_connection_after_bytes =
            drop_connection_after_bytes.or(self.drop_connection_after_bytes);
        self.lose_answer = lose_answer.or(self.lose_answer.take());
        self.stop_domain_controllers.extend(stop_domain_controllers);
        if replication_lag_ms > 0 {
            self.replication_lag_ms = replication_lag_ms;
        }
        self.ews_errors.extend(ews_errors);
        self.autodiscover = autodiscover.or(self.autodiscover.take());
        self.smtp_replies.extend(smtp_replies);
        self.script.extend(script);
    }

    /// The first scripted fault that is wanted, concerns the site and strikes now.
    pub fn strikes(&mut self, site: &Site<'_>, wanted: impl Fn(&Kind) -> bool) -> Option<Kind> {
        let mut wanted = self.script.iter_mut().filter(|held| wanted(&held.fault));
        let struck = wanted.find_map(|held| (held.concerns(site) && held.strike()).then_some(held));
        struck.map(|held| held.fault.clone())
    }

    /// After how many bytes a connection may be cut.
    pub fn cuts_after(&self, site: &Site<'_>) -> Option<u64> {
        let concerned = self.script.iter().filter(|held| held.concerns(site));
        let bytes = concerned.map(|held| {
            if let Kind::DropConnection { bytes } = held.fault { Some(bytes) } else { None }
        });
        bytes.flatten().next()
    }

    /// By how much the organization's clocks are ahead.
    pub fn skew(&self) -> SignedDuration {
        let skews = self.script.iter().filter_map(|held| match held.fault {
            Kind::ClockSkew { milliseconds } => Some(SignedDuration::from_millis(milliseconds)),
            Kind::Latency { .. }
            | Kind::ObjectLatency { .. }
            | Kind::Unauthorized
            | Kind::Unavailable
            | Kind::DropConnection { .. }
            | Kind::DeadShell
            | Kind::Throttle { .. }
            | Kind::LoseAnswer
            | Kind::Truncate { .. }
            | Kind::Empty
            | Kind::FailMailbox { .. }
            | Kind::SlowController { .. } => None,
        });
        skews.fold(SignedDuration::ZERO, SignedDuration::saturating_add)
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
