//! The agent's settings. Every key has a built-in value; those that must be given are empty and
//! refused by name.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use exgate_domain::ids::OrganizationId;
use exgate_domain::lease::{LEASE_RENEW_EVERY, LEASE_TTL};
use exgate_exchange::session::{Limits, Quota, RUNSPACES_MAX};
use exgate_runtime::config::{Configuration, Invalid, Log, Process, SecretFile, Span, Telemetry};
use exgate_runtime::listen::Endpoint;

use crate::collect::SCRUB_EVERY;

/// The shortest and the longest period of a throttling policy.
const PERIOD_MIN: Duration = Duration::from_millis(100);
const PERIOD_MAX: Duration = Duration::from_secs(3600);
/// More than this left to others would leave the agent nothing to work with.
const RESERVE_PERCENT_MAX: u8 = 90;

/// Everything that can be set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The line to the coordinator.
    pub coordinator: Coordinator,
    /// The Exchange that this agent stands next to.
    pub exchange: Exchange,
    /// What the agent keeps on disk.
    pub spool: Spool,
    /// How long its tasks may take to stop.
    pub drain_timeout: Span,
    /// Lines on standard error.
    pub log: Log,
    /// Traces and metrics.
    pub telemetry: Telemetry,
}

/// `[coordinator]`: where to attach.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Coordinator {
    /// Where the coordinator listens, such as `http://127.0.0.1:7443`. Plain text on loopback only.
    pub endpoint: String,
    /// The organization whose Exchange this is, as the coordinator knows it.
    pub organization: String,
    /// The longest wait after the first failure to attach.
    pub backoff_min: Span,
    /// The longest wait ever.
    pub backoff_max: Span,
}

/// `[exchange]`: how to reach the server and who signs in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exchange {
    /// Name of a Client Access server, as its certificate names it.
    pub server: String,
    /// Whether it is our own Exchange, or a hoster's.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// TLS, or plain http inside which every message is sealed.
    pub scheme: Scheme,
    /// Port of its web site; 0 for the scheme's own.
    pub port: u16,
    /// Path of the PowerShell virtual directory.
    pub url_path: String,
    /// How to sign in.
    pub auth: Auth,
    /// The service account, such as `CONTOSO\svc-exgate`.
    pub user: String,
    /// File that holds its password; readable by the agent's user only.
    pub password_file: SecretFile,
    /// What Kerberos needs beside the account.
    pub kerberos: Kerberos,
    /// PEM file with the certificate that signs in, and those that vouch for it.
    pub certificate_file: PathBuf,
    /// PEM file with its key; readable by the agent's user only.
    pub certificate_key_file: SecretFile,
    /// PEM file with the certificates to trust instead of the system's; empty for the system's.
    pub ca_file: PathBuf,
    /// Whether another server is used while that one is down (the old connector's
    /// `IsCasFailoverEnabled`).
    pub failover: bool,
    /// Whether the others are looked up in the organization.
    pub discover_servers: bool,
    /// How long a server that was down has to answer steadily before it is returned to.
    pub primary_retry: Span,
    /// HTTP proxy on the way, such as `http://proxy.contoso.com:3128`; empty for none.
    pub proxy: String,
    /// Account at the proxy; empty for none.
    pub proxy_user: String,
    /// File that holds its password; readable by the agent's user only.
    pub proxy_password_file: SecretFile,
    /// Hosts that are reached without the proxy: names, or `*.contoso.com`.
    pub no_proxy: Vec<String>,
    /// Hosts that a server may send us on to: names, or `*.contoso.com`. The account goes along.
    pub redirect_hosts: Vec<String>,
    /// Addresses of hosts, as in a hosts file: name, then address and port.
    pub addresses: BTreeMap<String, String>,
    /// The longest a write may take: below the lease's time to live less its renewal interval.
    pub write_timeout: Span,
    /// The longest a cmdlet that only reads may take, listings of the whole organization included.
    pub read_timeout: Span,
    /// Every how many full syncs all objects are read, and not only those whose bytes have changed; 1 for
    /// every time.
    pub scrub_every: u32,
    /// Whether several runspaces are used at once, as many as the server bears. Otherwise there is
    /// one, and a second while a change would wait for a listing.
    pub parallel_commands: bool,
    /// The most runspaces at once.
    pub max_runspaces: usize,
    /// How many cmdlets the server permits the account in `throttle_period`.
    pub cmdlets_per_period: u32,
    /// The period of its throttling policy.
    pub throttle_period: Span,
    /// How many percent of what is permitted are left to people.
    pub reserve_percent: u8,
}

impl Exchange {
    /// How many runspaces may change mailboxes at the same time.
    pub fn runspaces_max(&self) -> usize {
        if self.parallel_commands { self.max_runspaces } else { 1 }
    }

    /// What the account may ask of the servers.
    pub fn limits(&self) -> Limits {
        let quota =
            Quota { cmdlets: self.cmdlets_per_period, period: self.throttle_period.duration() };
        Limits {
            is_parallel: self.parallel_commands,
            runspaces_max: self.max_runspaces,
            quota: Some(quota),
            reserve_percent: self.reserve_percent,
        }
    }
}

/// Whose Exchange it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Our own: its servers are asked for, and stand in for each other.
    OnPremises,
    /// A hoster's (Exchange Online Dedicated, for example): one address, behind which they keep order
    /// themselves.
    Hosted,
}

/// `[exchange.kerberos]`: the account's directory.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kerberos {
    /// The realm, which is the domain's DNS name; empty when `user` names it (`svc@contoso.com`).
    pub realm: String,
    /// Domain controllers as `HOST` or `HOST:PORT`, asked in this order; empty for the domain's own name.
    pub kdcs: Vec<String>,
    /// Key table with the account's AES256 key in place of a password.
    pub keytab_file: SecretFile,
    /// The service in place of `HTTP/` and the server's name.
    pub spn: String,
    /// Whether the system's Kerberos library signs in, with the ticket cache or key table that its own
    /// environment names; only in a build with `gssapi`.
    pub system: bool,
}

/// How to reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Inside TLS.
    Https,
    /// Plain; only with a way to sign in that seals every message.
    Http,
}

/// How to sign in to Exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// Tickets of the directory, by password or key table: what Exchange accepts by default.
    Kerberos,
    /// NTLM wrapped in SPNEGO.
    Negotiate,
    /// NTLM in its own messages.
    Ntlm,
    /// User and password in every request, inside TLS only. An administrator has to switch it on.
    Basic,
    /// A certificate in the TLS handshake.
    Certificate,
}

/// `[spool]`: cursor, unsent receipts and the agent's id.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spool {
    /// The folder; all of it but `agent-id` may be deleted without harm.
    pub path: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            coordinator: Coordinator::default(),
            exchange: Exchange::default(),
            spool: Spool::default(),
            drain_timeout: Span::seconds(20),
            log: Log::default(),
            telemetry: Telemetry {
                metrics_listen: "127.0.0.1:9466".to_owned(),
                ..Telemetry::default()
            },
        }
    }
}

impl Default for Coordinator {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            organization: String::new(),
            backoff_min: Span::milliseconds(500),
            backoff_max: Span::seconds(60),
        }
    }
}

impl Default for Exchange {
    fn default() -> Self {
        Self {
            server: String::new(),
            scheme: Scheme::Https,
            port: 0,
            url_path: "/PowerShell/".to_owned(),
            auth: Auth::Kerberos,
            user: String::new(),
            password_file: SecretFile::default(),
            kerberos: Kerberos::default(),
            certificate_file: PathBuf::new(),
            certificate_key_file: SecretFile::default(),
            ca_file: PathBuf::new(),
            kind: Kind::OnPremises,
            failover: true,
            discover_servers: true,
            primary_retry: Span::seconds(300),
            proxy: String::new(),
            proxy_user: String::new(),
            proxy_password_file: SecretFile::default(),
            no_proxy: Vec::new(),
            redirect_hosts: Vec::new(),
            addresses: BTreeMap::new(),
            write_timeout: Span::seconds(15),
            read_timeout: Span::seconds(4 * 3600),
            scrub_every: SCRUB_EVERY,
            parallel_commands: false,
            max_runspaces: RUNSPACES_MAX,
            cmdlets_per_period: 200,
            throttle_period: Span::seconds(5),
            reserve_percent: 20,
        }
    }
}

impl Default for Spool {
    fn default() -> Self {
        Self { path: PathBuf::from("/var/lib/exgate/agent") }
    }
}

impl Configuration for Config {
    fn process(&self) -> Process<'_> {
        Process { log: &self.log, telemetry: &self.telemetry, drain: self.drain_timeout.duration() }
    }

    fn check(&self) -> Result<(), Invalid> {
        let Coordinator { endpoint, organization, .. } = &self.coordinator;
        for (key, value) in
            [("coordinator.endpoint", endpoint), ("coordinator.organization", organization)]
        {
            if value.is_empty() {
                return Err(Invalid::missing(key));
            }
        }
        Endpoint::parse("coordinator.endpoint", endpoint)
            .map_err(|error| Invalid::listen("coordinator.endpoint", &error))?;
        organization
            .parse::<OrganizationId>()
            .map_err(|error| Invalid::new("coordinator.organization", error))?;
        let exchange = &self.exchange;
        if exchange.server.trim().is_empty() {
            return Err(Invalid::missing("exchange.server"));
        }
        crate::sign_in::check(exchange)?;
        crate::route::check(exchange)?;
        if exchange.scrub_every == 0 {
            return Err(Invalid::new("exchange.scrub_every", "must be 1 or more"));
        }
        let longest = LEASE_TTL - LEASE_RENEW_EVERY;
        if exchange.write_timeout.duration() >= longest {
            let problem = format!("must be below {longest:?}, what is left of a lease at worst");
            return Err(Invalid::new("exchange.write_timeout", problem));
        }
        if !(1..=RUNSPACES_MAX).contains(&exchange.max_runspaces) {
            let problem = format!("must be 1 to {RUNSPACES_MAX}");
            return Err(Invalid::new("exchange.max_runspaces", problem));
        }
        if exchange.cmdlets_per_period == 0 {
            return Err(Invalid::new("exchange.cmdlets_per_period", "must be at least 1"));
        }
        if !(PERIOD_MIN..=PERIOD_MAX).contains(&exchange.throttle_period.duration()) {
            let problem = format!("must be {PERIOD_MIN:?} to {PERIOD_MAX:?}");
            return Err(Invalid::new("exchange.throttle_period", problem));
        }
        if exchange.reserve_percent > RESERVE_PERCENT_MAX {
            let problem = format!("must be at most {RESERVE_PERCENT_MAX}");
            return Err(Invalid::new("exchange.reserve_percent", problem));
        }
        Ok(())
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        vec![("exgate.organization.id", self.coordinator.organization.clone())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete() -> Config {
        let mut config = Config::default();
        config.coordinator.endpoint = "http://127.0.0.1:7443".into();
        config.coordinator.organization = "contoso".into();
        config.exchange.server = "ex01.contoso.com".into();
        config.exchange.auth = Auth::Basic;
        config.exchange.user = r"CONTOSO\svc-exgate".into();
        config.exchange.password_file = SecretFile::new("/etc/exgate/password");
        config
    }

    #[test]
    fn every_way_to_sign_in_has_what_it_needs() {
        let key_table = || SecretFile::new("/etc/exgate/agent.keytab");
        type Change = fn(&mut Exchange);
        let cases: [(Option<&str>, Auth, Change); 13] = [
            (None, Auth::Kerberos, |_| ()),
            (None, Auth::Kerberos, |e| e.scheme = Scheme::Http),
            (None, Auth::Ntlm, |e| e.scheme = Scheme::Http),
            (None, Auth::Basic, |_| ()),
            (Some("exchange.scheme"), Auth::Basic, |e| e.scheme = Scheme::Http),
            (Some("exchange.kerberos.realm"), Auth::Kerberos, |e| e.user = r"CONTOSO\svc".into()),
            (None, Auth::Negotiate, |e| e.user = r"CONTOSO\svc".into()),
            (Some("exchange.kerberos.kdcs"), Auth::Kerberos, |e| {
                e.kerberos.kdcs = vec!["a b".into()]
            }),
            (Some("exchange.kerberos.spn"), Auth::Kerberos, |e| e.kerberos.spn = "cas01".into()),
            (Some("exchange.password_file"), Auth::Ntlm, |e| {
                e.password_file = SecretFile::default()
            }),
            (Some("exchange.password_file"), Auth::Kerberos, |e| {
                e.kerberos.keytab_file = e.password_file.clone();
            }),
            (Some("exchange.certificate_file"), Auth::Certificate, |_| ()),
            (Some("exchange.certificate_key_file"), Auth::Certificate, |e| {
                e.certificate_file = PathBuf::from("/etc/exgate/agent.pem");
            }),
        ];
        for (key, auth, change) in cases {
            let mut config = complete();
            config.exchange.auth = auth;
            config.exchange.user = "svc@contoso.com".into();
            change(&mut config.exchange);
            assert_eq!(config.check().err().map(|invalid| invalid.key).as_deref(), key, "{auth:?}");
        }
        let mut by_key = complete();
        by_key.exchange.auth = Auth::Kerberos;
        by_key.exchange.kerberos.realm = "contoso.com".into();
        by_key.exchange.password_file = SecretFile::default();
        by_key.exchange.kerberos.keytab_file = key_table();
        by_key.check().unwrap();
    }

    #[test]
    fn what_is_missing_or_unsafe_is_named() {
        complete().check().unwrap();
        type Break = fn(&mut Config);
        let broken: [(&str, Break); 17] = [
            ("coordinator.endpoint", |c| c.coordinator.endpoint = "http://10.0.0.1:7443".into()),
            ("coordinator.organization", |c| c.coordinator.organization = "Contoso".into()),
            ("exchange.server", |c| c.exchange.server.clear()),
            ("exchange.user", |c| c.exchange.user = " ".into()),
            ("exchange.password_file", |c| c.exchange.password_file = SecretFile::default()),
            ("exchange.proxy", |c| c.exchange.proxy = "proxy:3128".into()),
            ("exchange.proxy_password_file", |c| c.exchange.proxy_user = "svc".into()),
            ("exchange.proxy_user", |c| {
                c.exchange.proxy_user = "svc".into();
                c.exchange.proxy_password_file = SecretFile::new("/etc/exgate/proxy-password");
            }),
            ("exchange.no_proxy", |c| c.exchange.no_proxy = vec!["*".into()]),
            ("exchange.redirect_hosts", |c| c.exchange.redirect_hosts = vec!["https://x".into()]),
            ("exchange.addresses", |c| {
                c.exchange.addresses.insert("ex01.contoso.com".into(), "10.0.0.7".into());
            }),
            ("exchange.scrub_every", |c| c.exchange.scrub_every = 0),
            ("exchange.write_timeout", |c| c.exchange.write_timeout = Span::seconds(20)),
            ("exchange.max_runspaces", |c| c.exchange.max_runspaces = 9),
            ("exchange.cmdlets_per_period", |c| c.exchange.cmdlets_per_period = 0),
            ("exchange.throttle_period", |c| c.exchange.throttle_period = Span::seconds(0)),
            ("exchange.reserve_percent", |c| c.exchange.reserve_percent = 91),
        ];
        for (key, break_it) in broken {
            let mut config = complete();
            break_it(&mut config);
            assert_eq!(config.check().unwrap_err().key, key);
        }
    }
}
