//! The way to Exchange, step by step: name, TCP, TLS, sign-in, shell, rights, version. Each failure
//! names its cause and its cure, and the first one ends it.

use jiff::Timestamp;

use exgate_exchange::cmdlets::{
    Capabilities as Visible, CommandRow, DeviceFamily, DeviceSelection, Filter, ResultSize,
    ServerRow, Task, asked_about, get_command, get_device, get_exchange_server,
};
use exgate_exchange::error::{CmdletError, Refusal, SessionError};
use exgate_exchange::http::{HttpError, ProxyError, SignInError};
use exgate_exchange::session::Session;

use crate::exchange::{Preflight, PreflightStep};
use crate::remote::{Capabilities, OpenError};
use crate::servers::Servers;

/// The way there, in order.
const WAY: [&str; 5] = ["name", "tcp", "tls", "sign-in", "shell"];
/// Asks for what changed after this: nothing, so only whether the filter is accepted is learnt.
const FAR_FUTURE: &str = "2199-01-01T00:00:00Z";

/// Goes all the way with the session of a lane.
pub(crate) async fn run(
    lane: &mut crate::remote::Open<'_>,
    organization: &Servers,
) -> (Preflight, Option<Capabilities>) {
    let mut preflight = Preflight { server: lane.host(), ..Preflight::default() };
    let session = match lane.session().await {
        Ok(session) => session,
        Err(error) => {
            let host = preflight.server.clone();
            way_failed(&mut preflight, &host, &error);
            return (preflight, None);
        }
    };
    preflight.steps.extend(WAY.map(|name| well(name, String::new())));
    if let Some(front_end) = session.front_end() {
        preflight.server = front_end.to_owned();
    }
    let found = match rights(session, &mut preflight).await {
        Ok(Some(family)) => family,
        Ok(None) => return (preflight, None),
        Err(error) => {
            preflight.steps.push(cmdlet_failed("rights", &error));
            return (preflight, None);
        }
    };
    if let Err(error) = version(session, &mut preflight, organization).await {
        preflight.steps.push(cmdlet_failed("version", &error));
        return (preflight, None);
    }
    match filters_by_change(session, found).await {
        Ok(filters_by_change) => {
            preflight.filters_by_change = filters_by_change;
            let finding = if filters_by_change {
                "the server finds changed devices itself"
            } else {
                "the server cannot filter devices by change; every quick sync lists all of them"
            };
            preflight.steps.push(well("filter", finding.into()));
            (preflight, Some(Capabilities { family: found, filters_by_change }))
        }
        Err(error) => {
            preflight.steps.push(cmdlet_failed("filter", &error));
            (preflight, None)
        }
    }
}

/// What the server can do, when nobody ran the preflight yet. `None` without a right to list devices.
pub(crate) async fn capabilities(session: &Session) -> Result<Option<Capabilities>, CmdletError> {
    let commands = visible(session).await?;
    let Some(family) = DeviceFamily::choose(&commands) else { return Ok(None) };
    let filters_by_change = filters_by_change(session, family).await?;
    Ok(Some(Capabilities { family, filters_by_change }))
}

/// The cmdlets that the account may use. Of a name that it may not, or that the version does not have,
/// Get-Command says so in an error record of its own.
async fn visible(session: &Session) -> Result<Vec<CommandRow>, CmdletError> {
    let mut stream = session.run(get_command(asked_about())).await?;
    let mut commands = Vec::new();
    loop {
        match stream.next().await {
            Ok(Some(command)) => commands.push(command),
            Ok(None) => break,
            Err(error) if error.refusal() == Some(&Refusal::CmdletMissing) => break,
            Err(error) => return Err(error),
        }
    }
    let hidden = |record| Refusal::of(record) == Refusal::CmdletMissing;
    if stream.summary().errors.iter().all(hidden) {
        return Ok(commands);
    }
    stream.finish().await.map(|_| commands)
}

async fn filters_by_change(session: &Session, family: DeviceFamily) -> Result<bool, CmdletError> {
    let never = FAR_FUTURE.parse().unwrap_or(Timestamp::MAX);
    let selection = DeviceSelection::Filtered(Filter::changed_since(never));
    let probe = get_device(family, selection, ResultSize::Unlimited, None);
    match session.execute(probe).await {
        Ok(_) => Ok(true),
        Err(error) if error.refusal() == Some(&Refusal::NotFilterable) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Compares what the account may do with what the story needs. `None` when something is missing.
async fn rights(
    session: &Session,
    preflight: &mut Preflight,
) -> Result<Option<DeviceFamily>, CmdletError> {
    let found = Visible::new(visible(session).await?);
    let family = found.devices();
    let wanted = family.unwrap_or(DeviceFamily::ActiveSync);
    let mut missed = found.missing(Task::Read);
    missed.extend(found.missing(Task::Write));
    if missed.is_empty() && family.is_some() {
        preflight.steps.push(well("rights", format!("all cmdlets of {}", wanted.get_device())));
        return Ok(family);
    }
    let names: Vec<String> = missed.iter().map(ToString::to_string).collect();
    preflight.steps.push(PreflightStep {
        name: "rights",
        ok: false,
        finding: format!("the account may not use {}", names.join(", ")),
        cure: "add the account to a role group whose management roles hold these cmdlets and \
               parameters, then open a new session (restart the agent)"
            .into(),
    });
    Ok(None)
}

async fn version(
    session: &Session,
    preflight: &mut Preflight,
    organization: &Servers,
) -> Result<(), CmdletError> {
    let servers = session.run(get_exchange_server(None)).await?.collect().await?;
    organization.learn(&servers, session.front_end());
    let named = |row: &&ServerRow| {
        let is = |name: &Option<String>| {
            name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(&preflight.server))
        };
        is(&row.name) || is(&row.fqdn)
    };
    let newest = || servers.iter().max_by_key(|row| row.version);
    let version = servers.iter().find(named).or_else(newest).and_then(|row| row.version);
    let Some(version) = version else {
        preflight.steps.push(PreflightStep {
            name: "version",
            ok: false,
            finding: "Get-ExchangeServer shows no server with a version".into(),
            cure: "let the account see the organization's servers (View-Only Configuration)".into(),
        });
        return Ok(());
    };
    preflight.exchange_version = version.to_string();
    let count = servers.len();
    preflight
        .steps
        .push(well("version", format!("{:?} {version}, {count} server(s)", version.product())));
    Ok(())
}

fn well(name: &'static str, finding: String) -> PreflightStep {
    PreflightStep { name, ok: true, finding, cure: String::new() }
}

fn cmdlet_failed(name: &'static str, error: &CmdletError) -> PreflightStep {
    PreflightStep {
        name,
        ok: false,
        finding: exgate_runtime::report(error),
        cure: "see the finding; it is tried again".into(),
    }
}

/// Notes how far the way went.
fn way_failed(preflight: &mut Preflight, host: &str, error: &OpenError) {
    let (step, cure) = match error {
        OpenError::Refused => ("sign-in", String::new()),
        OpenError::Forest(_) => (
            "shell",
            "let the account use Set-ADServerSettings (any management role has it)".to_owned(),
        ),
        OpenError::Session(SessionError::Transport { source }) => transport(source, host),
        OpenError::Session(SessionError::Throttled { .. }) => (
            "shell",
            "close other sessions of the account, or wait: servers end idle ones after 15 minutes"
                .to_owned(),
        ),
        OpenError::Session(_) => ("shell", "see the finding; it is tried again".to_owned()),
    };
    preflight.is_final = matches!(error, OpenError::Refused)
        || matches!(error, OpenError::Session(error) if crate::remote::is_refusal(error));
    for name in WAY {
        if name == step {
            break;
        }
        preflight.steps.push(well(name, String::new()));
    }
    let finding = exgate_runtime::report(error);
    preflight.steps.push(PreflightStep { name: step, ok: false, finding, cure });
}

/// The step at which the way to the server broke, and its cure.
fn transport(error: &HttpError, host: &str) -> (&'static str, String) {
    match error {
        HttpError::Resolve { .. } => {
            ("name", format!("check exchange.server, or that DNS knows {host}"))
        }
        HttpError::Connect { .. } | HttpError::ConnectTimedOut { .. } => (
            "tcp",
            format!("check exchange.server and exchange.port, that {host} is up, and firewalls"),
        ),
        HttpError::Proxy { source, .. } => ("tcp", through_proxy(source)),
        HttpError::Certificate { proxy, source, .. } if source.is_of_stranger() => {
            ("tls", stranger(proxy.as_deref(), &source.issuer))
        }
        HttpError::Certificate { .. } | HttpError::Tls { .. } => (
            "tls",
            "set exchange.ca_file to the authority of the server's certificate, and \
             exchange.server to a name that stands in it"
                .into(),
        ),
        HttpError::Unauthorized { offered, .. } => (
            "sign-in",
            if offered.to_ascii_lowercase().contains("basic") {
                "check exchange.user and exchange.password_file; the agent does not try again, so \
                 that the account is not locked"
                    .into()
            } else {
                "switch Basic on: Set-PowerShellVirtualDirectory -BasicAuthentication $true".into()
            },
        ),
        HttpError::SignIn { source, .. } => ("sign-in", sign_in(source)),
        HttpError::SignedOut { .. } => (
            "sign-in",
            "the server let the account in and forgot it at once: look for a proxy between, and at \
             the Extended Protection of the PowerShell virtual directory"
                .into(),
        ),
        HttpError::Forbidden { .. } => {
            ("sign-in", "allow it: Set-User ACCOUNT -RemotePowerShellEnabled $true".into())
        }
        HttpError::Redirected { .. } | HttpError::RedirectRefused { .. } => (
            "shell",
            "if you trust that host, name it in exchange.redirect_hosts, or set exchange.server to it"
                .into(),
        ),
        HttpError::Unavailable { .. }
        | HttpError::Status { .. }
        | HttpError::TooLarge { .. }
        | HttpError::TimedOut { .. }
        | HttpError::NotSent { .. }
        | HttpError::Interrupted { .. }
        | HttpError::Request { .. } => (
            "shell",
            format!("check the PowerShell virtual directory and its application pool on {host}"),
        ),
    }
}

/// What to do about a proxy.
fn through_proxy(error: &ProxyError) -> String {
    match error {
        ProxyError::Resolve { .. } => "check exchange.proxy, or that DNS knows it".into(),
        ProxyError::Connect { .. } | ProxyError::TimedOut { .. } => {
            "check that the proxy of exchange.proxy is up, or empty the setting".into()
        }
        ProxyError::Authentication { .. } => {
            "check exchange.proxy_user and exchange.proxy_password_file; the proxy must take Basic"
                .into()
        }
        ProxyError::Refused { .. } => {
            "let the proxy connect to the server's port, or name the server in exchange.no_proxy"
                .into()
        }
        ProxyError::Broken { .. } | ProxyError::Request { .. } => {
            "check that exchange.proxy is an HTTP proxy that takes CONNECT".into()
        }
    }
}

/// What to do about a certificate that nobody we trust vouches for.
fn stranger(proxy: Option<&str>, issuer: &str) -> String {
    let suspect = match proxy {
        Some(proxy) => format!("most likely the proxy {proxy} breaks TLS open"),
        None => "something between us and Exchange may break TLS open".to_owned(),
    };
    format!(
        "the certificate is of '{issuer}'. If that is your own authority, set exchange.ca_file to its \
         certificate; if not, {suspect}: let it pass this server through unopened"
    )
}

/// The cure of a failed sign-in.
fn sign_in(error: &SignInError) -> String {
    match error {
        SignInError::NotOffered { .. } => {
            "set exchange.auth to a scheme that the server offers, or switch it on: \
             Set-PowerShellVirtualDirectory -WindowsAuthentication $true"
        }
        SignInError::BadCredentials { .. } => {
            "check exchange.user and its secret; the agent does not try again, so that the account is \
             not locked. If the password is right, the account has no AES256 key: allow AES256 in \
             msDS-SupportedEncryptionTypes, then change the password once"
        }
        SignInError::UnknownAccount { .. } => {
            "check exchange.user and exchange.kerberos.realm: the realm is the DNS name of the \
             account's domain"
        }
        SignInError::AccountLocked { .. } => {
            "unlock or enable the account, find out what locked it, then restart the agent"
        }
        SignInError::AccountExpired { .. } => "extend the account, then restart the agent",
        SignInError::PasswordExpired { .. } => {
            "change the password, put it in place, then restart the agent"
        }
        SignInError::NoPreauthentication { .. } => {
            "clear 'do not require Kerberos preauthentication' on the account"
        }
        SignInError::WrongSpn { .. } => {
            "set exchange.server to the name that clients use, or exchange.kerberos.spn to what \
             setspn -Q HTTP/* shows for Exchange's alternate service account"
        }
        SignInError::TicketRefused { .. } => {
            "check that the service's name is on the account Exchange runs as (setspn -X finds \
             doubles), and the clock of the server"
        }
        SignInError::NoAes256 { .. } => {
            "allow AES256 (msDS-SupportedEncryptionTypes) on the account and on Exchange's alternate \
             service account, then change their passwords once"
        }
        SignInError::ClockSkew => "set the clocks of this machine and of the domain controllers",
        SignInError::KdcUnreachable { .. } => {
            "check exchange.kerberos.kdcs and exchange.kerberos.realm, that a domain controller is up, \
             and that port 88 over TCP is open to it"
        }
        SignInError::UnknownRealm { .. } => {
            "name the other realm's servers in a krb5.conf of the agent's own ([realms] only) and \
             point KRB5_CONFIG to it"
        }
        SignInError::RealmRewritten { .. } => {
            "point KRB5_CONFIG to a file of the agent's own without [domain_realm]"
        }
        SignInError::MutualAuthFailed { .. }
        | SignInError::Tampered { .. }
        | SignInError::Replayed
        | SignInError::Unsealed => {
            "somebody between this machine and the server changes what is said, or answers in its \
             place: treat it as an attack until a proxy or load balancer is found to be the cause"
        }
        SignInError::Kdc { .. }
        | SignInError::Protocol { .. }
        | SignInError::Seal { .. }
        | SignInError::Unusable { .. } => "see the finding; it is tried again",
    }
    .to_owned()
}
