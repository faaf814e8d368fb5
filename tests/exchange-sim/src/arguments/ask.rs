//! Owns the commands that look at a running simulator and tell it what to do.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use jiff::SignedDuration;

use super::fault::FaultCommand;

/// Which simulator, which organization, and how to print.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Which simulator")]
pub(crate) struct Reach {
    /// The state directory of the simulator: DIR/endpoints.json says where it answers.
    #[arg(long, value_name = "DIR", env = "EXCHANGE_SIM_STATE", global = true)]
    pub(crate) state: Option<PathBuf>,
    /// Its control address instead, such as http://127.0.0.1:40123.
    #[arg(long, value_name = "URL", conflicts_with = "state", global = true)]
    pub(crate) control: Option<String>,
    /// The organization; the first one unless given.
    #[arg(long, short, value_name = "NAME", global = true)]
    pub(crate) organization: Option<String>,
    /// Prints JSON instead of a table.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// What to ask.
#[derive(Debug, Subcommand)]
pub(crate) enum Ask {
    /// Shows the organizations, how many devices are in which state, time and faults.
    Status(Reach),
    /// Lists devices.
    Devices {
        /// Only those in this access state, such as Quarantined.
        #[arg(long, value_name = "STATE")]
        access: Option<String>,
        /// Only this mailbox's.
        #[arg(long, value_name = "MAILBOX")]
        mailbox: Option<String>,
        /// Only those with this DeviceId or Guid.
        #[arg(long, value_name = "DEVICE")]
        id: Option<String>,
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
        #[command(flatten)]
        reach: Reach,
    },
    /// Lists mailboxes and their personal lists.
    Mailboxes {
        /// Only this one: address, alias, Guid, distinguished name and so on.
        mailbox: Option<String>,
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
        #[command(flatten)]
        reach: Reach,
    },
    /// Lists the mail that was delivered.
    Mails {
        /// Only to this mailbox or address.
        #[arg(long, value_name = "MAILBOX")]
        mailbox: Option<String>,
        #[command(flatten)]
        reach: Reach,
    },
    /// Lists who changed what, when, by which cmdlet.
    Ledger {
        /// Only what came after this position.
        #[arg(long, value_name = "POSITION", default_value_t = 0)]
        after: u64,
        #[command(flatten)]
        reach: Reach,
    },
    /// Counts how often each cmdlet was called.
    Cmdlets(Reach),
    /// A user connects a new phone.
    Connect(Connect),
    /// A phone calls: may it read mail now?
    Sync {
        /// Its DeviceId or Guid.
        device: String,
        #[command(flatten)]
        reach: Reach,
    },
    /// A phone gets a new system version, and calls.
    OsUpdate {
        /// Its DeviceId or Guid.
        device: String,
        /// The version, such as '18.3 22D63'.
        version: String,
        #[command(flatten)]
        reach: Reach,
    },
    /// A phone is set up anew: it comes back with a new DeviceId.
    Reset {
        /// Its DeviceId or Guid.
        device: String,
        #[command(flatten)]
        reach: Reach,
    },
    /// A phone misbehaves, as autoblock thresholds count it.
    Misbehave {
        /// Its DeviceId or Guid.
        device: String,
        /// How, such as RecentCommands.
        behaviour: String,
        /// How often, one right after the other.
        #[arg(long, value_name = "N", default_value_t = 1)]
        times: u32,
        #[command(flatten)]
        reach: Reach,
    },
    /// A mailbox moves to a newer server.
    Move {
        /// Which: any text that Exchange takes for a mailbox.
        mailbox: String,
        #[command(flatten)]
        reach: Reach,
    },
    /// Moves Exchange's time on, such as 14m (with --mode explicit, or after `speed stepped`).
    Advance {
        /// By how much.
        #[arg(value_parser = span)]
        by: Duration,
        #[command(flatten)]
        reach: Reach,
    },
    /// Changes how fast Exchange's time passes.
    Speed {
        /// real, stepped (only `advance` moves it), or how many times faster than in life, such as 60.
        #[arg(value_parser = Speed::parse)]
        speed: Speed,
        #[command(flatten)]
        reach: Reach,
    },
    /// Shows or sets what an account may ask; counts begin again when it is set.
    Throttle(Throttle),
    /// Switches faults on and off.
    Fault {
        #[command(subcommand)]
        command: FaultCommand,
        #[command(flatten)]
        reach: Reach,
    },
}

impl Ask {
    /// Which simulator is asked, and how the answer is printed.
    pub(crate) fn reach(&self) -> &Reach {
        match self {
            Self::Status(reach)
            | Self::Cmdlets(reach)
            | Self::Devices { reach, .. }
            | Self::Mailboxes { reach, .. }
            | Self::Mails { reach, .. }
            | Self::Ledger { reach, .. }
            | Self::Sync { reach, .. }
            | Self::OsUpdate { reach, .. }
            | Self::Reset { reach, .. }
            | Self::Misbehave { reach, .. }
            | Self::Move { reach, .. }
            | Self::Advance { reach, .. }
            | Self::Speed { reach, .. }
            | Self::Fault { reach, .. }
            | Self::Connect(Connect { reach, .. })
            | Self::Throttle(Throttle { reach, .. }) => reach,
        }
    }
}

/// A new phone; what is not given is drawn.
#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// Whose: any text that Exchange takes for a mailbox.
    pub(crate) mailbox: String,
    /// What kind of phone.
    #[arg(long, value_enum)]
    pub(crate) platform: Option<PlatformName>,
    /// Its DeviceId.
    #[arg(long, value_name = "ID")]
    pub(crate) device_id: Option<String>,
    /// Its DeviceModel.
    #[arg(long, value_name = "TEXT")]
    pub(crate) device_model: Option<String>,
    /// Its DeviceOS.
    #[arg(long, value_name = "TEXT")]
    pub(crate) device_os: Option<String>,
    /// Its DeviceUserAgent.
    #[arg(long, value_name = "TEXT")]
    pub(crate) user_agent: Option<String>,
    /// The name its owner gives it.
    #[arg(long, value_name = "TEXT")]
    pub(crate) friendly_name: Option<String>,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// What an account may ask; without any of these it is shown.
#[derive(Debug, Args)]
pub(crate) struct Throttle {
    /// Shells of one account (PowerShellMaxConcurrency).
    #[arg(long, value_name = "N")]
    pub(crate) shells: Option<usize>,
    /// Shells of the organization (PowerShellMaxTenantConcurrency).
    #[arg(long, value_name = "N")]
    pub(crate) tenant_shells: Option<usize>,
    /// Cmdlets in a period; more are refused (PowerShellMaxCmdlets).
    #[arg(long, value_name = "N")]
    pub(crate) cmdlets: Option<u32>,
    /// Exchange's own cmdlets in a period; more are slowed down (ExchangeMaxCmdlets).
    #[arg(long, value_name = "N")]
    pub(crate) exchange_cmdlets: Option<u32>,
    /// The period (PowerShellMaxCmdletsTimePeriod).
    #[arg(long, value_name = "DURATION", value_parser = span)]
    pub(crate) period: Option<Duration>,
    /// Commands that a shell may ever have (MaxConcurrentCommandsPerShell).
    #[arg(long, value_name = "N")]
    pub(crate) commands_per_shell: Option<u32>,
    /// Back to 18 shells and no other limit.
    #[arg(long)]
    pub(crate) off: bool,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// A kind of phone, as people type it.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PlatformName {
    Iphone,
    Ipad,
    Android,
    Samsung,
    Windows,
}

/// How fast Exchange's time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speed {
    Stepped,
    Times(u32),
}

impl Speed {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "real" => Ok(Self::Times(1)),
            "stepped" => Ok(Self::Stepped),
            _ => text
                .parse()
                .ok()
                .filter(|times| *times > 0)
                .map(Self::Times)
                .ok_or_else(|| "is none of real, stepped, or a whole number from 1".to_owned()),
        }
    }
}

/// Reads `14m`, `1h 30m` or `500ms`; a number alone is seconds.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let span: SignedDuration = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    Duration::try_from(span).map_err(|_| "must not be negative".to_owned())
}
