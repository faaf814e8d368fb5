//! What can be typed: every command, flag and variable with its help, and nothing of what it does.

mod at;
mod policy;
mod simulate;

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Parser, Subcommand, ValueEnum};
use exgate_runtime::config::Span;

use crate::target::{DeviceRef, Target};

pub(crate) use crate::target::OrganizationRef;
pub(crate) use at::At;
#[cfg(test)]
pub(crate) use policy::PolicyTest;
pub(crate) use policy::{Policy, PolicyCommand, PolicyPaths};

pub(crate) use simulate::{By, Simulate};

/// How long `sync --wait` waits unless told otherwise.
const SYNC_WAIT: Duration = Duration::from_secs(600);

const EXIT_CODES: &str = "\
Exit codes: 0 ok, 1 the answer is no, 2 usage, 3 not found, 4 not permitted, 5 not possible now, \
6 invalid argument, 7 unavailable, 8 out of time, 9 partly failed, 10 anything else, 130 \
interrupted.
Results go to standard output; progress, hints and errors go to standard error.";

/// Says and decides which devices may sync mail with on-premises Exchange.
#[derive(Debug, Parser)]
#[command(name = "exgate", version, after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that every command takes.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Where the coordinator answers
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "EXGATE_SERVER",
        default_value = "http://127.0.0.1:7443",
        hide_env_values = true
    )]
    pub(crate) server: String,
    /// Look at this organization only
    #[arg(short = 'O', long, global = true, value_name = "ORG", env = "EXGATE_ORGANIZATION")]
    pub(crate) organization: Option<OrganizationRef>,
    /// How to print the result
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        env = "EXGATE_OUTPUT",
        default_value = "table"
    )]
    pub(crate) output: Output,
    /// Give up after this long, such as 90s or 10m; without it an answer is waited for 30s, and a check
    /// or a simulation longer
    #[arg(long, global = true, value_name = "SPAN", value_parser = span)]
    pub(crate) timeout: Option<Duration>,
    /// Print results and errors only: no progress, no hints
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Log what is done (-v), in detail (-vv)
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
    /// Print no colours; NO_COLOR and TERM=dumb do the same
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
}

/// How a result can be wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    Table,
    /// For people with wide screens
    Wide,
    /// One document, in the API's own JSON mapping
    Json,
    /// Resource names, one a line
    Name,
    /// A row per device for spreadsheets; simulate only
    Csv,
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people
    Table,
    /// For people with wide screens
    Wide,
    /// One document, in the API's own JSON mapping
    Json,
    /// Resource names, one a line
    Name,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show every organization at a glance, problems last
    Status(Status),
    /// List things
    Get(Get),
    /// Show everything known about one thing
    Describe(Describe),
    /// Say why a device has the access it has, from record to cmdlet
    Why(Why),
    /// Look at an organization's Exchange now
    Sync(Sync),
    /// Choose what exgate may do in an organization
    Mode(Mode),
    /// Check the whole way to an organization's Exchange, step by step
    Doctor(Doctor),
    /// Apply policies and organizations from files: all of them, or none
    Apply(Apply),
    /// Check, test and show policy files on this machine, without a server
    Policy(Policy),
    /// Say whose access would change if files were applied, and change nothing
    Simulate(Simulate),
    /// Play the main job on this machine: two simulated organizations, real processes
    Demo(Demo),
    /// Say which versions answer
    Version(Version),
    /// Print completions for a shell
    Completion(Completion),
}

impl Command {
    /// The command's name, as it is typed.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Status(_) => "status",
            Self::Get(_) => "get",
            Self::Describe(_) => "describe",
            Self::Why(_) => "why",
            Self::Sync(_) => "sync",
            Self::Mode(_) => "mode",
            Self::Doctor(_) => "doctor",
            Self::Apply(_) => "apply",
            Self::Policy(_) => "policy",
            Self::Simulate(_) => "simulate",
            Self::Demo(_) => "demo",
            Self::Version(_) => "version",
            Self::Completion(_) => "completion",
        }
    }

    /// The command that shows whether this one was done; none where it changes nothing.
    pub(crate) fn told_by(&self) -> Option<String> {
        match self {
            Self::Mode(mode) => {
                (!mode.dry_run).then(|| format!("exgate describe org/{}", mode.org.0))
            }
            Self::Apply(apply) => (!apply.dry_run).then(|| "exgate get policies".to_owned()),
            Self::Sync(sync) => (!sync.dry_run).then(|| "exgate get syncs".to_owned()),
            Self::Status(_)
            | Self::Get(_)
            | Self::Describe(_)
            | Self::Why(_)
            | Self::Doctor(_)
            | Self::Policy(_)
            | Self::Simulate(_)
            | Self::Demo(_)
            | Self::Version(_)
            | Self::Completion(_) => None,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    /// This organization only
    pub(crate) org: Option<OrganizationRef>,
    /// Show it again whenever it changes, until Ctrl-C
    #[arg(short, long)]
    pub(crate) watch: bool,
}

/// What can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub(crate) enum Kind {
    /// Exchange organizations
    #[value(alias = "organization", alias = "org", alias = "orgs")]
    Organizations,
    /// What stands between exgate and each Exchange
    #[value(alias = "connector", alias = "conn")]
    Connectors,
    /// Devices in mailboxes
    #[value(alias = "device", alias = "dev")]
    Devices,
    /// Syncs, the newest first
    #[value(alias = "sync")]
    Syncs,
    /// Policies in force
    #[value(alias = "policy", alias = "pol")]
    Policies,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Short names: org, conn, dev, sync, pol.

Examples:
  exgate get devices -O contoso --state quarantined
  exgate get devices -o name | xargs -n1 exgate describe
  exgate get organizations contoso -o json")]
pub(crate) struct Get {
    /// What to list
    pub(crate) kind: Kind,
    /// Only those with these names
    pub(crate) names: Vec<String>,
    /// Only devices in this state; may be repeated
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Vec<State>,
    /// At most this many; syncs: 50 unless told, 0 for all
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// How many to ask for at a time
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(i32).range(1..=1000))]
    pub(crate) page_size: i32,
}

/// What Exchange lets a device do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum State {
    /// Exchange does not know
    Unknown,
    /// Full synchronisation
    Allowed,
    /// Refused
    Blocked,
    /// Held until somebody grants access
    Quarantined,
    /// First contact
    Discovery,
    /// A word of Exchange's that exgate does not know
    Unrecognised,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  exgate describe org/contoso
  exgate describe dev/ApplDNPG1234
  exgate describe organizations/contoso/devices/ApplDNPG1234-3f2a91c0
  exgate describe policy/mail-access")]
pub(crate) struct Describe {
    /// KIND/NAME, or a whole resource name as -o name prints it
    #[arg(value_name = "KIND/NAME")]
    pub(crate) target: Target,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  exgate why ApplDNPG1234
  exgate why ann@contoso.com/ApplDNPG1234
  exgate why ApplDNPG1234 --language nl
  exgate why ApplDNPG1234 --at 2026-10-31")]
pub(crate) struct Why {
    /// A resource name, an ActiveSync id, or USER/ID
    pub(crate) device: DeviceRef,
    /// The language of the explanation: en or nl
    #[arg(long, value_name = "TAG", env = "EXGATE_LANGUAGE")]
    pub(crate) language: Option<String>,
    /// Explain the decision that was in force then, by the policies of then: an instant such as
    /// 2026-10-31T08:00:00Z, a time such as "2026-10-31 08:00" (UTC), or a day for its end (UTC)
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<At>,
}

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("which").required(true).args(["org", "all"]))]
#[command(group = ArgGroup::new("how").required(true).args(["quick", "full"]))]
pub(crate) struct Sync {
    /// The organization
    pub(crate) org: Option<OrganizationRef>,
    /// Every organization
    #[arg(long)]
    pub(crate) all: bool,
    /// What changed since the last sync
    #[arg(long)]
    pub(crate) quick: bool,
    /// Everything; only this finds out what is gone
    #[arg(long)]
    pub(crate) full: bool,
    /// Follow it to its end; for 10m unless --timeout says otherwise
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) wait: bool,
    /// Check whether it could start, start nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What exgate may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeChoice {
    /// Look, decide and say what would be done; change nothing
    Observe,
    /// Also carry the decisions out
    Enforce,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "See first what enforcing would change:
  exgate mode contoso enforce --dry-run")]
pub(crate) struct Mode {
    /// The organization
    pub(crate) org: OrganizationRef,
    /// The mode from now on
    pub(crate) mode: ModeChoice,
    /// Check and show what would change, change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How many of the changes to show
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(i32).range(0..=1000))]
    pub(crate) changes: i32,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Ends with 1 when a step failed. The agent answers to the same on its own machine:
  exgate-agent doctor"
)]
pub(crate) struct Doctor {
    /// The organization
    pub(crate) org: OrganizationRef,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  exgate apply -f policies/ --dry-run
  exgate apply -f mail-access.yaml -f organizations.yaml
  exgate apply -f policies/ --prune
  generate | exgate apply -f -")]
pub(crate) struct Apply {
    /// A file, a folder with all .yaml and .yml files in it and below, or - for standard input; may be repeated
    #[arg(short, long = "file", value_name = "PATH", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Check and say what would change, change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Remove the policies that stood in these files and stand in none any more; without this they are
    /// named and nothing is applied
    #[arg(long)]
    pub(crate) prune: bool,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Starts exchange-sim, exgate-evaluator, exgate-coordinator and one exgate-agent per
organization, all of which must lie beside exgate. Ctrl-C ends them."
)]
pub(crate) struct Demo {
    /// The folder that everything is written to; made anew each time
    #[arg(long, value_name = "DIR", default_value = "target/demo")]
    pub(crate) dir: PathBuf,
    /// Keep the folder at the end
    #[arg(long)]
    pub(crate) keep: bool,
    /// Mailboxes per organization
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) mailboxes: u32,
    /// Phones per organization
    #[arg(long, value_name = "N", default_value_t = 1500)]
    pub(crate) devices: u32,
    /// Draws other people and phones
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// End by itself after this long, such as 2m
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub(crate) length: Option<Duration>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Version {
    /// Do not ask the coordinator
    #[arg(long)]
    pub(crate) client: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Completion {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

impl Args {
    /// What the log shows: nothing below a warning unless asked.
    pub(crate) fn log_level(&self) -> &'static str {
        match (self.global.quiet, self.global.verbose) {
            (true, _) => "error",
            (false, 0) => "warn",
            (false, 1) => "info",
            (false, _) => "debug",
        }
    }

    /// How long the whole command may take.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        let waits = matches!(&self.command, Command::Sync(sync) if sync.wait);
        self.global.timeout.or(waits.then_some(SYNC_WAIT))
    }
}

fn span(text: &str) -> Result<Duration, String> {
    let span: Span = text.parse().map_err(|error| format!("{error}"))?;
    if span.duration().is_zero() { Err("no time at all".to_owned()) } else { Ok(span.into()) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_definitions_hold_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_day_means_the_same_to_every_command() {
        let why = parse("exgate why ApplDNPG1234 --at 2026-10-31").unwrap();
        let simulate = parse("exgate simulate -f a.yaml --at 2026-10-31").unwrap();
        let (Command::Why(why), Command::Simulate(simulate)) = (why.command, simulate.command)
        else {
            panic!("other commands")
        };
        assert!(why.at.is_some());
        assert_eq!(why.at, simulate.at);
    }

    #[test]
    fn only_what_changes_something_leaves_a_doubt() {
        let told_by = |line| parse(line).unwrap().command.told_by();
        let mode = told_by("exgate mode contoso enforce");
        assert_eq!(mode.as_deref(), Some("exgate describe org/contoso"));
        assert!(told_by("exgate apply -f a.yaml").is_some());
        assert!(told_by("exgate sync contoso --full").is_some());
        for line in ["exgate mode contoso enforce --dry-run", "exgate status", "exgate get dev"] {
            assert_eq!(told_by(line), None, "{line}");
        }
    }

    #[test]
    fn a_sync_says_whose_and_how_much() {
        for line in [
            "exgate sync contoso",
            "exgate sync --full",
            "exgate sync contoso --all --full",
            "exgate sync contoso --quick --full",
            "exgate sync contoso --quick --wait --dry-run",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        let args = parse("exgate sync contoso --quick --wait").unwrap();
        assert_eq!(args.timeout(), Some(SYNC_WAIT));
        let args = parse("exgate sync --all --full --wait --timeout 90s").unwrap();
        assert_eq!(args.timeout(), Some(Duration::from_secs(90)));
    }

    #[test]
    fn global_flags_stand_anywhere() {
        let args = parse("exgate get dev -o json -O contoso --no-color").unwrap();
        assert_eq!(args.global.output, Output::Json);
        assert!(args.global.no_color);
        assert_eq!(parse("exgate -v status").unwrap().log_level(), "info");
        assert!(parse("exgate -v -q status").is_err());
        assert!(parse("exgate status --timeout 0s").is_err());
        assert!(parse("exgate status --timeout soon").is_err());
    }

    #[test]
    fn wrong_usage_ends_with_two() {
        let error = parse("exgate mode contoso sometimes").unwrap_err();
        assert!(error.use_stderr());
        assert_eq!(error.exit_code(), i32::from(crate::USAGE));
    }
}
