//! Owns the faults as flags: one for each.

use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::SignedDuration;

use exchange_sim::faults::{
    AutodiscoverAnswer, AutodiscoverFault, EwsError, Faults, Kind, Midway, Scripted, SmtpReply,
};

use super::ask::span;

/// What to do with faults.
#[derive(Debug, Subcommand)]
pub(crate) enum FaultCommand {
    /// Switches a fault on, beside those that are on.
    #[command(after_help = EXAMPLES)]
    Set(Box<FaultSet>),
    /// Lists the faults that are on, and what they hit so far.
    List,
    /// Switches faults off: all, or the one of this number in the list.
    Clear {
        /// Its number.
        number: Option<usize>,
    },
}

const EXAMPLES: &str = "Examples:
  exchange-sim fault set --latency 2s --cmdlet Get-MobileDevice
  exchange-sim fault set --unavailable --server EX01 --times 3
  exchange-sim fault set --lose-answer --cmdlet Set-CASMailbox --probability 0.2 --seed 7
  exchange-sim fault set --ews-error ErrorServerBusy=2s --times 3
  exchange-sim fault set --smtp-reply 'recipient=451 4.7.0 Temporary server error.'
  exchange-sim fault set --stop-server EX02";

/// One fault, and when it strikes.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("which").required(true).multiple(false)))]
pub(crate) struct FaultSet {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    when: When,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What goes wrong (one of)")]
struct Which {
    /// A cmdlet takes so long before it has any effect.
    #[arg(long, value_name = "DURATION", group = "which", value_parser = span)]
    latency: Option<Duration>,
    /// A cmdlet takes so long for every object that it writes.
    #[arg(long, value_name = "DURATION", group = "which", value_parser = span)]
    object_latency: Option<Duration>,
    /// What this domain controller answers takes so long, such as dc01=3s.
    #[arg(long, value_name = "DC=DURATION", group = "which", value_parser = controller)]
    slow_dc: Option<(String, Duration)>,
    /// HTTP 401, whoever signs in.
    #[arg(long, group = "which")]
    unauthorized: bool,
    /// HTTP 503.
    #[arg(long, group = "which")]
    unavailable: bool,
    /// A connection is cut after it carried so many bytes to the client.
    #[arg(long, value_name = "BYTES", group = "which")]
    drop_after: Option<u64>,
    /// The shell is gone when a cmdlet is called in it.
    #[arg(long, group = "which")]
    dead_shell: bool,
    /// A cmdlet is refused as if the budget were used up; the client is told to wait so long.
    #[arg(long, value_name = "DURATION", group = "which", value_parser = span)]
    throttle: Option<Duration>,
    /// The cmdlet takes effect, and the connection is cut instead of the answer.
    #[arg(long, group = "which")]
    lose_answer: bool,
    /// A listing ends after so many objects, and says that it is complete.
    #[arg(long, value_name = "OBJECTS", group = "which")]
    truncate: Option<u64>,
    /// A listing is empty, and says that it is complete.
    #[arg(long, group = "which")]
    empty: bool,
    /// Whatever concerns this mailbox or its devices fails.
    #[arg(long, value_name = "MAILBOX", group = "which")]
    fail_mailbox: Option<String>,
    /// The organization's clocks are ahead by so much; behind with a minus, such as -5m.
    #[arg(long, value_name = "DURATION", group = "which", value_parser = skew, allow_hyphen_values = true)]
    clock_skew: Option<SignedDuration>,
    /// A server is down: its shells are gone, and nobody answers.
    #[arg(long, value_name = "SERVER", group = "which")]
    stop_server: Option<String>,
    /// A server goes down in the middle of --cmdlet's output, after so many bytes, such as EX01=90000.
    #[arg(long, value_name = "SERVER=BYTES", group = "which", value_parser = midway, requires = "cmdlet")]
    stop_server_in: Option<(String, u64)>,
    /// All servers are down.
    #[arg(long, group = "which")]
    stop_all: bool,
    /// A domain controller is down.
    #[arg(long, value_name = "DC", group = "which")]
    stop_dc: Option<String>,
    /// How long a change takes from one domain controller to the others, in Exchange's time.
    #[arg(long, value_name = "DURATION", group = "which", value_parser = span)]
    replication_lag: Option<Duration>,
    /// The role of accounts does not show this cmdlet, as from the next shell.
    #[arg(long, value_name = "CMDLET", group = "which")]
    hide_cmdlet: Option<String>,
    /// It does not show this parameter, such as Set-CASMailbox:ActiveSyncBlockedDeviceIDs.
    #[arg(long, value_name = "CMDLET:PARAMETER", group = "which", value_parser = parameter)]
    hide_parameter: Option<(String, String)>,
    /// A cmdlet that asks before it acts waits for an answer for ever, instead of refusing.
    #[arg(long, group = "which")]
    hang_unconfirmed: bool,
    /// The database of this mailbox is offline: the directory tells of it, the mailbox store does not.
    #[arg(long, value_name = "ADDRESS", group = "which")]
    offline_mailbox: Option<String>,
    /// EWS answers this code, once unless --times says more; with a back-off such as ErrorServerBusy=2s.
    #[arg(long, value_name = "CODE[=BACK-OFF]", group = "which", value_parser = ews_error)]
    ews_error: Option<EwsError>,
    /// EWS answers this HTTP status, once unless --times says more.
    #[arg(long, value_name = "STATUS", group = "which", value_parser = clap::value_parser!(u16).range(400..600))]
    ews_status: Option<u16>,
    /// Autodiscover answers so, once unless --times says more: redirect-address=ADDRESS, redirect-url=URL,
    /// http-redirect=URL, http-status=STATUS or error=CODE.
    #[arg(long, value_name = "ANSWER", group = "which", value_parser = autodiscover)]
    autodiscover: Option<AutodiscoverAnswer>,
    /// The submission port replies so, once unless --times says more; the stage is connect, auth, mail,
    /// recipient, data or message.
    #[arg(long, value_name = "STAGE=REPLY", group = "which", value_parser = smtp_reply)]
    smtp_reply: Option<SmtpReply>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "When it strikes")]
struct When {
    /// Only for this cmdlet; a connection or a status concerns the one called last.
    #[arg(long, value_name = "CMDLET")]
    cmdlet: Option<String>,
    /// Only at this server, such as EX02.
    #[arg(long, value_name = "SERVER")]
    server: Option<String>,
    /// So many times; until it is cleared unless given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    times: Option<u32>,
    /// How likely each occasion is hit, from 0 to 1.
    #[arg(long, value_name = "P", default_value_t = 1.0)]
    probability: f64,
    /// What the occasions are drawn from: one seed hits the same ones.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl FaultSet {
    /// The faults to add; the error says which flag has no meaning beside which.
    pub(crate) fn faults(self) -> Result<Faults, String> {
        let Self { which, when } = self;
        let When { cmdlet, server, times, probability, seed } = when;
        if let Some(fault) = which.scripted() {
            let fault =
                Scripted { cmdlet, server, times, probability, seed, ..Scripted::always(fault) };
            return Ok(Faults { script: vec![fault], ..Faults::default() });
        }
        if let Some(faults) = which.of_mail(times.unwrap_or(1)) {
            let is_lost = cmdlet.is_some() || server.is_some() || probability < 1.0;
            let problem = "--cmdlet, --server and --probability have no meaning beside this fault";
            return if is_lost { Err(problem.to_owned()) } else { Ok(faults) };
        }
        let is_lost = cmdlet.is_some() && which.stop_server_in.is_none();
        if server.is_some() || times.is_some() || probability < 1.0 || is_lost {
            let problem = "this fault stays until it is cleared; --cmdlet, --server, --times and \
                           --probability have no meaning beside it";
            return Err(problem.to_owned());
        }
        Ok(which.standing(&cmdlet.unwrap_or_default()))
    }
}

impl Which {
    fn scripted(&self) -> Option<Kind> {
        let flag = |is_on: bool, kind: Kind| is_on.then_some(kind);
        let wait = self.latency.map(|it| Kind::Latency { milliseconds: milliseconds(it) });
        wait.or_else(|| {
            self.object_latency.map(|it| Kind::ObjectLatency { milliseconds: milliseconds(it) })
        })
        .or_else(|| {
            let (controller, wait) = self.slow_dc.clone()?;
            Some(Kind::SlowController { controller, milliseconds: milliseconds(wait) })
        })
        .or_else(|| self.throttle.map(|it| Kind::Throttle { milliseconds: milliseconds(it) }))
        .or_else(|| self.drop_after.map(|bytes| Kind::DropConnection { bytes }))
        .or_else(|| self.truncate.map(|objects| Kind::Truncate { objects }))
        .or_else(|| self.fail_mailbox.clone().map(|mailbox| Kind::FailMailbox { mailbox }))
        .or_else(|| {
            let milliseconds = i64::try_from(self.clock_skew?.as_millis()).unwrap_or(i64::MAX);
            Some(Kind::ClockSkew { milliseconds })
        })
        .or_else(|| flag(self.unauthorized, Kind::Unauthorized))
        .or_else(|| flag(self.unavailable, Kind::Unavailable))
        .or_else(|| flag(self.dead_shell, Kind::DeadShell))
        .or_else(|| flag(self.lose_answer, Kind::LoseAnswer))
        .or_else(|| flag(self.empty, Kind::Empty))
    }

    /// The faults that are used up by so many answers of EWS, Autodiscover or the submission port.
    fn of_mail(&self, times: u32) -> Option<Faults> {
        let status = self
            .ews_status
            .map(|http_status| EwsError { http_status: Some(http_status), ..EwsError::default() });
        let error = self.ews_error.clone().or(status);
        let ews_errors: Vec<_> =
            error.map(|error| EwsError { times, ..error }).into_iter().collect();
        let autodiscover =
            self.autodiscover.clone().map(|answer| AutodiscoverFault { answer, times });
        let reply = self.smtp_reply.clone().map(|reply| SmtpReply { times, ..reply });
        let smtp_replies: Vec<_> = reply.into_iter().collect();
        let is_any = !ews_errors.is_empty() || autodiscover.is_some() || !smtp_replies.is_empty();
        is_any.then(|| Faults { ews_errors, autodiscover, smtp_replies, ..Faults::default() })
    }

    fn standing(self, cmdlet: &str) -> Faults {
        let midway = |(server, bytes)| (server, Midway { cmdlet: cmdlet.to_owned(), bytes });
        Faults {
            hide_cmdlets: self.hide_cmdlet.into_iter().collect(),
            hide_parameters: self
                .hide_parameter
                .into_iter()
                .map(|(cmdlet, parameter)| (cmdlet, vec![parameter]))
                .collect(),
            hang_unconfirmed: self.hang_unconfirmed,
            offline_mailboxes: self.offline_mailbox.into_iter().collect(),
            stop_listener: self.stop_all,
            stop_servers: self.stop_server.into_iter().collect(),
            stop_domain_controllers: self.stop_dc.into_iter().collect(),
            replication_lag_ms: self.replication_lag.map_or(0, milliseconds),
            stop_servers_in: self.stop_server_in.map(midway).into_iter().collect(),
            ..Faults::default()
        }
    }
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn skew(text: &str) -> Result<SignedDuration, String> {
    text.parse().map_err(|error: jiff::Error| error.to_string())
}

fn controller(text: &str) -> Result<(String, Duration), String> {
    let (name, wait) = text.split_once('=').ok_or("is not DC=DURATION, such as dc01=3s")?;
    Ok((name.to_owned(), span(wait)?))
}

fn midway(text: &str) -> Result<(String, u64), String> {
    let problem = "is not SERVER=BYTES, such as EX01=90000";
    let (name, bytes) = text.split_once('=').ok_or(problem)?;
    Ok((name.to_owned(), bytes.parse().map_err(|_| problem)?))
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once(':').ok_or("is not CMDLET:PARAMETER")?;
    Ok((parts.0.to_owned(), parts.1.to_owned()))
}

/// A word of an enumeration, as it is spelled in JSON.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

fn ews_error(text: &str) -> Result<EwsError, String> {
    let (code, wait) = text.split_once('=').map_or((text, None), |(code, wait)| (code, Some(wait)));
    let back_off_ms = wait.map(span).transpose()?.map(milliseconds);
    Ok(EwsError { code: Some(word(code)?), back_off_ms, ..EwsError::default() })
}

fn autodiscover(text: &str) -> Result<AutodiscoverAnswer, String> {
    let problem = "is not ANSWER=VALUE, such as http-status=503";
    let (answer, value) = text.split_once('=').ok_or(problem)?;
    let value = value.to_owned();
    match answer {
        "redirect-address" => Ok(AutodiscoverAnswer::RedirectAddress(value)),
        "redirect-url" => Ok(AutodiscoverAnswer::RedirectUrl(value)),
        "http-redirect" => Ok(AutodiscoverAnswer::HttpRedirect(value)),
        "http-status" => {
            let status = value.parse().map_err(|_| problem)?;
            Ok(AutodiscoverAnswer::HttpStatus(status))
        }
        "error" => Ok(AutodiscoverAnswer::Error(value)),
        _ => Err(problem.to_owned()),
    }
}

fn smtp_reply(text: &str) -> Result<SmtpReply, String> {
    let (stage, reply) = text.split_once('=').ok_or("is not STAGE=REPLY")?;
    Ok(SmtpReply { at: word(stage)?, reply: reply.to_owned(), times: 1 })
}
