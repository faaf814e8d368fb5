//! Owns the command line, and the settings made of it.

pub(crate) mod ask;
pub(crate) mod fault;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use jiff::SignedDuration;
use thiserror::Error;

use exchange_sim::cmdlets::rights::Rights;
use exchange_sim::settings::{Account, OrganizationSettings, ServerSettings, Settings};
use exchange_sim::sign_in::{Method, Protection, SignIn};
use exchange_sim::time::Mode;
use exchange_sim::winrm::Wire;
use exchange_sim::winrm::certificates::write_private;
use exchange_sim::world::organization::AccessLevel;

use ask::Ask;

/// An Exchange organization that can be looked at and broken: its mobile-device side, over remote
/// PowerShell like the real one.
#[derive(Debug, Parser)]
#[command(name = "exchange-sim", version, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "Examples (EXCHANGE_SIM_STATE=DIR saves every --state):
  exchange-sim serve --state /tmp/exchange --mode explicit
  exchange-sim status --state /tmp/exchange
  exchange-sim devices --state /tmp/exchange --access Quarantined --limit 5
  exchange-sim connect jane.doe7@contoso.com --state /tmp/exchange --platform iphone
  exchange-sim advance 14m --state /tmp/exchange
  exchange-sim fault set --state /tmp/exchange --throttle 30s --times 5
  exchange-sim ledger --state /tmp/exchange --json";

const SERVE_HELP: &str = "\
What answers where
  Once every port is open, the addresses are printed as JSON and written to DIR/endpoints.json: the
  control surface, and per organization and server the address of remote PowerShell. At the same port are
  Exchange Web Services, Autodiscover and, for phones, /Microsoft-Server-ActiveSync; at \"smtp_port\" mail is
  taken. Every mailbox's user has the accounts' password. DIR/ca.pem vouches
  for the certificates, DIR/password holds the accounts' password. The worlds live in DIR/journal.jsonl
  and survive the process however it ends; a restart with the same DIR has the same ports.

From another terminal
  exchange-sim status|devices|mailboxes|mails|ledger|cmdlets --state DIR     look
  exchange-sim connect|sync|os-update|reset|misbehave|move --state DIR       phones
  exchange-sim advance|speed --state DIR                                     time
  exchange-sim throttle --state DIR                                          budgets
  exchange-sim fault set|list|clear --state DIR                              faults

The same over HTTP and JSON, on the control address
  GET    /organizations, /organizations/NAME
  GET    /organizations/NAME/devices?state=&mailbox=&id=&limit=, /devices/ID
  POST   /organizations/NAME/devices  {\"mailbox\": \"jane@contoso.com\", \"platform\": \"iphone\"}
  POST   /organizations/NAME/devices/ID/sync, /devices/ID/os-update  {\"version\": \"18.3\"}
  POST   /organizations/NAME/devices/ID/reset, /mailboxes/ID/move
  POST   /organizations/NAME/devices/ID/misbehave  {\"behaviour\": \"RecentCommands\", \"times\": 6}
  GET    /organizations/NAME/mailboxes?limit=, /mailboxes/ID, /mails?mailbox=, /cmdlets
  POST   /organizations/NAME/settings  {\"default_access_level\": \"Allow\", \"eas_max_devices\": 10,
         \"autoblock\": {\"RecentCommands\": {\"limit\": 5, \"within_minutes\": 720,
         \"block_minutes\": 720}}}
  GET    /organizations/NAME/accounts; POST {\"CONTOSO\\\\svc\": {\"roles\": [\"Help Desk\"]}}
  GET    /organizations/NAME/throttle; POST {\"shells_max\": 18, \"powershell_cmdlets\": 400}
  GET    /organizations/NAME/faults; POST replaces them; DELETE clears them, /faults/N one
  POST   /organizations/NAME/faults/add  {\"script\": [{\"fault\": \"lose_answer\",
         \"cmdlet\": \"Set-CASMailbox\", \"times\": 1}]}
  POST   .../faults/add  {\"ews_errors\": [{\"code\": \"ErrorServerBusy\", \"back_off_ms\": 2000, \"times\": 2}]},
         {\"autodiscover\": {\"answer\": {\"redirect_url\": \"https://...\"}}},
         {\"smtp_replies\": [{\"at\": \"recipient\", \"reply\": \"451 4.7.0 Later\"}]}
  GET    /_ledger?organization=&after=
  GET    /time; POST /time/advance {\"seconds\": 840}, /time/speed {\"mode\": \"explicit\"} or
         {\"mode\": {\"auto\": {\"speed\": 60}}}
  A refusal is a problem document: \"detail\" says why, \"cure\" what to do about it.

Examples
  exchange-sim serve --state /tmp/exchange --organization contoso:2019 --server contoso:2019:Rome
  exchange-sim serve --state /tmp/large --mailboxes 650000 --devices 1000000 --mode explicit";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serves organizations until interrupted.
    #[command(after_long_help = SERVE_HELP)]
    Serve(Box<Serve>),
    /// Looks at a simulator, or tells it what to do.
    #[command(flatten)]
    Ask(Box<Ask>),
}

/// How to serve.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Where worlds, certificates, ports and a password are kept.
    #[arg(long, value_name = "DIR", env = "EXCHANGE_SIM_STATE")]
    state: PathBuf,
    /// An organization, such as contoso:2019:0 (port 0: a free one, the same after a restart). Its
    /// personality is 2010, 2013, 2016, 2019, SE, mixed (2013, and as EX02 the 2010 server that was there
    /// before) or hosted (somebody else's 2019).
    #[arg(
        long = "organization",
        value_name = "NAME:PERSONALITY[:PORT]",
        value_parser = OrganizationSettings::parse,
        default_values = ["contoso:2019:0", "fabrikam:2010:0"]
    )]
    organizations: Vec<OrganizationSettings>,
    /// A further server of an organization, such as contoso:2019:Rome:0: EX02 and so on.
    #[arg(
        long = "server",
        value_name = "ORGANIZATION:VERSION[:SITE[:PORT]]",
        value_parser = ServerSettings::parse
    )]
    servers: Vec<(String, ServerSettings)>,
    /// Mailboxes per organization.
    #[arg(long, default_value_t = 1000)]
    mailboxes: usize,
    /// Partnerships per organization.
    #[arg(long, default_value_t = 1500)]
    devices: usize,
    /// The seed of everything drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Percent of the devices that are on their owner's allowed list from the start.
    #[arg(long, value_name = "PERCENT", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=100))]
    approved: u64,
    /// auto: phones call and appear by themselves; explicit: nothing moves unless told.
    #[arg(long, value_enum, default_value_t = ModeName::Auto)]
    mode: ModeName,
    /// In auto mode, how many times faster than in life Exchange's delays pass.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    speed: u32,
    /// In auto mode, about how often somebody in each organization has a new phone; off: never.
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = every)]
    new_device_every: Every,
    /// Where the control surface listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    control: SocketAddr,
    /// An account that may sign in, DOMAIN\user or user@domain, several share the password; and what it
    /// may do, such as 'CONTOSO\look,role=View-Only Organization Management'. ROLE is a built-in role
    /// group or management role, and without one it may everything; hide= takes a cmdlet or a parameter
    /// away; with writes-in= it changes only mailboxes and phones below that container.
    #[arg(
        long = "account",
        value_name = "ACCOUNT[,role=ROLE][,hide=CMDLET[:PARAMETER]][,writes-in=CONTAINER]...",
        value_parser = Account::parse,
        default_values = ["CONTOSO\\svc-admin"]
    )]
    accounts: Vec<(String, Rights)>,
    /// The file with the account's password; made with a random one where it is missing.
    /// [default: DIR/password]
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// How accounts may sign in: basic (https only), ntlm, kerberos, certificate (https only; DIR/clients has
    /// one for each account).
    #[arg(
        long = "auth",
        value_name = "METHOD,..",
        value_enum,
        value_delimiter = ',',
        default_value = "basic"
    )]
    methods: Vec<Method>,
    /// The keytab with the keys of our services, for Kerberos.
    #[arg(long, value_name = "FILE")]
    keytab: Option<PathBuf>,
    /// Serves only this service of the keytab, such as HTTP/ex01.contoso.com.
    #[arg(long, value_name = "SERVICE/HOST", requires = "keytab")]
    spn: Option<String>,
    /// Whether NTLM inside https has to be bound to the server's certificate.
    #[arg(long, value_enum, default_value_t = Protection::None)]
    extended_protection: Protection,
    /// Every server answers on plain http as well, by NTLM and Kerberos with sealed messages only; the
    /// port is "http_port" of DIR/endpoints.json.
    #[arg(long)]
    plain_http: bool,
    /// MaxEnvelopeSizekb: larger requests are answered 413, answers are cut to it.
    #[arg(long, value_name = "KB", default_value_t = Wire::default().envelope_kb_max, value_parser = clap::value_parser!(u32).range(8..))]
    max_envelope_kb: u32,
    /// A shell is found without the cookie that names its back end, too.
    #[arg(long)]
    no_affinity: bool,
    /// Gives each account a mailbox of its own, user@DOMAIN, from which it can send mail.
    #[arg(long)]
    account_mailboxes: bool,
    /// The default access level of a new world.
    #[arg(long, value_enum, default_value_t = LevelName::Quarantine)]
    default_access: LevelName,
    /// The footer of a new world's quarantine mail, at most 256 characters.
    #[arg(long, value_name = "TEXT", default_value = "")]
    user_mail_insert: String,
    /// Who is told about quarantined phones in a new world.
    #[arg(long = "admin-mail-recipient", value_name = "ADDRESS")]
    admin_mail_recipients: Vec<String>,
    /// What is logged: error, warn, info, debug or directives.
    #[arg(long, default_value = "info")]
    pub(crate) log: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ModeName {
    Auto,
    Explicit,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LevelName {
    #[value(name = "Allow", alias = "allow")]
    Allow,
    #[value(name = "Block", alias = "block")]
    Block,
    #[value(name = "Quarantine", alias = "quarantine")]
    Quarantine,
}

#[derive(Clone, Copy, Debug)]
struct Every(Option<Duration>);

/// The command line makes no settings.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    /// The password file is unusable.
    #[error("password file {path} could not be used")]
    PasswordFile {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// A server is of no organization.
    #[error("--server names {0:?}, which is no organization")]
    NoOrganization(String),
}

impl Serve {
    /// Makes settings of it.
    pub(crate) fn settings(self) -> Result<Settings, SettingsError> {
        let path = self.password_file.unwrap_or_else(|| self.state.join("password"));
        let password = password(&path)
            .map_err(|source| SettingsError::PasswordFile { path: path.clone(), source })?;
        let mut organizations = self.organizations;
        for (name, server) in self.servers {
            let owner = organizations.iter_mut().find(|it| it.name == name);
            owner.ok_or(SettingsError::NoOrganization(name))?.servers.push(server);
        }
        let account = |(name, rights)| Account { rights, ..Account::new(name, &password) };
        let accounts: Vec<_> = self.accounts.into_iter().map(account).collect();
        Ok(Settings {
            state: Some(self.state),
            organizations,
            user_password: accounts.first().map(|account| account.password.clone()),
            accounts,
            account_mailboxes: self.account_mailboxes,
            mode: match self.mode {
                ModeName::Auto => Mode::Auto { speed: self.speed },
                ModeName::Explicit => Mode::Explicit,
            },
            control: self.control,
            seed: self.seed,
            mailboxes: self.mailboxes,
            devices: self.devices,
            approved_percent: self.approved,
            default_access_level: match self.default_access {
                LevelName::Allow => AccessLevel::Allow,
                LevelName::Block => AccessLevel::Block,
                LevelName::Quarantine => AccessLevel::Quarantine,
            },
            user_mail_insert: self.user_mail_insert,
            admin_mail_recipients: self.admin_mail_recipients,
            new_device_every: self.new_device_every.0,
            sign_in: SignIn {
                methods: self.methods,
                keytab: self.keytab,
                spn: self.spn,
                protection: self.extended_protection,
            },
            plain_http: self.plain_http,
            wire: Wire { envelope_kb_max: self.max_envelope_kb, affinity: !self.no_affinity },
            ..Settings::new(Account::new("", ""))
        })
    }
}

/// Reads the password, without the line's end; makes one where there is none.
fn password(path: &std::path::Path) -> std::io::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if let Some(directory) = path.parent() {
                std::fs::create_dir_all(directory)?;
            }
            let password = uuid::Uuid::new_v4().simple().to_string();
            write_private(path, &password)?;
            Ok(password)
        }
        Err(error) => Err(error),
    }
}

fn every(text: &str) -> Result<Every, String> {
    if text == "off" {
        return Ok(Every(None));
    }
    let span: SignedDuration = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    let span = Duration::try_from(span).map_err(|_| "must not be negative".to_owned())?;
    Ok(Every(Some(span).filter(|span| !span.is_zero())))
}
