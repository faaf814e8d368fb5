//! The way to Exchange, step by step: name, TCP, TLS, clock, sign-in, shell, rights, version, servers,
//! throttling, filters. Each step that is not as it should be names its cause and its cure. On the way
//! there the first failure ends it; once there, everything is looked at.

mod examination;
mod findings;
mod reach;
mod script;
mod throttling;

use tokio::sync::mpsc;

use exgate_domain::check::Step;
use exgate_exchange::cmdlets::{Capabilities as Visible, set_ad_server_settings};
use exgate_exchange::error::{CmdletError, SessionError};
use exgate_exchange::http::{HttpError, ProxyError, SignInError};
use exgate_exchange::session::{Options, Session};

use crate::exchange::Preflight;
use crate::remote::{Capabilities, OpenError};
use crate::servers::Servers;
use findings::Findings;

/// The way there, in order.
const WAY: [&str; 5] = ["name", "tcp", "tls", "sign-in", "shell"];
/// What of it lies before the account is shown.
const REACH: [&str; 3] = ["name", "tcp", "tls"];

/// Goes all the way with the session of a lane.
pub(crate) async fn run(
    lane: &mut crate::remote::Open<'_>,
    account: &str,
    organization: &Servers,
) -> (Preflight, Option<Capabilities>) {
    let host = lane.host();
    let mut findings = Findings::about(host.clone(), None);
    let session = match lane.session().await {
        Ok(session) => session,
        Err(error) => {
            way_failed(&mut findings, &host, &error, &WAY).await;
            return (findings.preflight, None);
        }
    };
    for name in WAY {
        findings.note(Step::passed(name, "")).await;
    }
    let found = examination::examine(session, account, organization, &mut findings).await;
    (findings.preflight, found)
}

/// Goes all the way to the configured server in a session of its own, so that roles which changed
/// meanwhile show, and tells each step as it is known. An account that was refused before is not tried.
pub(crate) async fn doctor(
    options: Options,
    account: &str,
    was_refused: bool,
    organization: &Servers,
    told: mpsc::Sender<Step>,
) -> Preflight {
    let host = options.transport.endpoint().host().to_owned();
    let mut findings = Findings::about(host.clone(), Some(told));
    match options.transport.inspect().await {
        Ok(seen) => {
            findings.note(Step::passed("name", host.as_str())).await;
            let port = options.transport.endpoint().port();
            findings.note(Step::passed("tcp", format!("port {port} answers"))).await;
            findings.note(reach::certificate(seen.certificate.as_ref())).await;
            findings.note(reach::clock(seen.date)).await;
        }
        Err(source) => {
            let error = OpenError::Session(SessionError::Transport { source });
            way_failed(&mut findings, &host, &error, &REACH).await;
            return findings.preflight;
        }
    }
    let session = match open(options, was_refused).await {
        Ok(session) => session,
        Err(error) => {
            way_failed(&mut findings, &host, &error, &WAY).await;
            return findings.preflight;
        }
    };
    findings.note(Step::passed("sign-in", account)).await;
    let front_end = session.front_end().unwrap_or(&host).to_owned();
    findings.note(Step::passed("shell", format!("{front_end}, seeing the whole forest"))).await;
    examination::examine(&session, account, organization, &mut findings).await;
    if let Err(error) = session.close().await {
        tracing::debug!(error = exgate_runtime::report(&error), "a shell was left behind");
    }
    findings.preflight
}

async fn open(options: Options, was_refused: bool) -> Result<Session, OpenError> {
    if was_refused {
        return Err(OpenError::Refused);
    }
    let session = Session::open(options).await?;
    match session.execute(set_ad_server_settings(None)).await {
        Ok(_) => Ok(session),
        Err(error) => {
            if let Err(error) = session.close().await {
                tracing::debug!(error = exgate_runtime::report(&error), "a shell was left behind");
            }
            Err(error.into())
        }
    }
}

/// What the server can do, when nobody ran the preflight yet. `None` without a right to list devices.
pub(crate) async fn capabilities(session: &Session) -> Result<Option<Capabilities>, CmdletError> {
    let visible = Visible::new(examination::visible(session).await?);
    let Some(family) = visible.devices() else { return Ok(None) };
    let filters_by_change = examination::filters_by_change(session, family).await?;
    Ok(Some(Capabilities { family, filters_by_change }))
}

fn cmdlet_failed(name: &str, error: &CmdletError) -> Step {
    let cure = "see the finding; let the account use the cmdlet if its roles hide it";
    Step::failed(name, exgate_runtime::report(error), cure)
}

/// Notes how far the way went: of what was tried, everything before the step that failed.
async fn way_failed(findings: &mut Findings, host: &str, error: &OpenError, tried: &[&str]) {
    let (failed, cure) = match error {
        OpenError::Refused => {
            ("sign-in", "correct exchange.user and its secret, then restart the agent".to_owned())
        }
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
    findings.preflight.is_final = matches!(error, OpenError::Refused)
        || matches!(error, OpenError::Session(error) if crate::remote::is_refusal(error));
    for name in tried.iter().take_while(|name| **name != failed) {
        findings.note(Step::passed(*name, "")).await;
    }
    findings.note(Step::failed(failed, exgate_runtime::report(error), cure)).await;
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
            "unlock or enable the account, or extend it if it has expired; find out what locked it, \
             then restart the agent"
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
