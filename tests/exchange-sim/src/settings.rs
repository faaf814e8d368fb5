//! Owns what a simulator is started with.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use exgate_runtime::clock::Clock;

use crate::cmdlets::rights::Rights;
use crate::sign_in::SignIn;
use crate::time::Mode;
use crate::winrm::Wire;
use crate::winrm::throttle::Limits;
use crate::world::organization::{AccessLevel, SITE, Version};

/// A simulator.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where worlds, certificates and ports are kept; without it nothing outlives the process.
    pub state: Option<PathBuf>,
    /// The organizations.
    pub organizations: Vec<OrganizationSettings>,
    /// The accounts that may sign in, the same in every organization.
    pub accounts: Vec<Account>,
    /// The password of every mailbox's user, who may read and send mail; without it nobody's user signs in.
    pub user_password: Option<Password>,
    /// Whether each account has a mailbox of its own, `user@DOMAIN`.
    pub account_mailboxes: bool,
    /// Who moves the worlds.
    pub mode: Mode,
    /// Where the control surface listens.
    pub control: SocketAddr,
    /// The seed of everything drawn.
    pub seed: u64,
    /// Mailboxes per organization.
    pub mailboxes: usize,
    /// Partnerships per organization.
    pub devices: usize,
    /// How many percent of the partnerships are on their owner's allowed list from the start.
    pub approved_percent: u64,
    /// The default access level at the start.
    pub default_access_level: AccessLevel,
    /// The footer of the quarantine mail at the start.
    pub user_mail_insert: String,
    /// Who is told about quarantined phones at the start.
    pub admin_mail_recipients: Vec<String>,
    /// In auto mode, about how often somebody in an organization has a new phone.
    pub new_device_every: Option<Duration>,
    /// After how long without a request a shell is closed.
    pub shell_idle_max: Duration,
    /// What an account may ask of an organization.
    pub throttle: Limits,
    /// How accounts sign in.
    pub sign_in: SignIn,
    /// Whether every server answers on plain http as well, where everything is sealed.
    pub plain_http: bool,
    /// How the wire is limited.
    pub wire: Wire,
    /// What stamps follow.
    pub clock: Clock,
}

/// An organization of a simulator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationSettings {
    /// Its name, which is also the first part of its domain.
    pub name: String,
    /// Which Exchange its first server runs.
    pub version: Version,
    /// Whether a hoster runs it: what Exchange has on-premises only is missing.
    pub hosted: bool,
    /// Its port; 0 takes a free one, and the same one again with the same state directory.
    pub port: u16,
    /// Whether the device cmdlet filters by `WhenChangedUTC`; by version when not given.
    pub filters_devices_by_change: Option<bool>,
    /// Servers beside the first one: `EX02` and so on.
    pub servers: Vec<ServerSettings>,
}

/// A further server of an organization: its own port and name, and the same mailboxes behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    /// Which Exchange it runs.
    pub version: Version,
    /// Its directory site.
    pub site: String,
    /// Its port; 0 takes a free one, and the same one again with the same state directory.
    pub port: u16,
}

/// An account that may sign in.
#[derive(Clone, Debug)]
pub struct Account {
    /// `DOMAIN\user` or `user@domain`.
    pub name: String,
    /// Its password.
    pub password: Password,
    /// What it may.
    pub rights: Rights,
}

/// A password; it does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Settings {
    /// Two organizations, one of each version, in explicit mode, without a state directory.
    pub fn new(account: Account) -> Self {
        let organization = |name: &str, version| OrganizationSettings {
            name: name.to_owned(),
            version,
            hosted: false,
            port: 0,
            filters_devices_by_change: None,
            servers: Vec::new(),
        };
        Self {
            state: None,
            organizations: vec![
                organization("contoso", Version::Exchange2019),
                organization("fabrikam", Version::Exchange2010),
            ],
            user_password: Some(account.password.clone()),
            accounts: vec![account],
            account_mailboxes: false,
            mode: Mode::Explicit,
            control: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            seed: 1,
            mailboxes: 1000,
            devices: 1500,
            approved_percent: 30,
            default_access_level: AccessLevel::Quarantine,
            user_mail_insert: String::new(),
            admin_mail_recipients: Vec::new(),
            new_device_every: None,
            shell_idle_max: Duration::from_secs(15 * 60),
            throttle: Limits::default(),
            sign_in: SignIn::default(),
            plain_http: false,
            wire: Wire::default(),
            clock: Clock::system(),
        }
    }
}

impl OrganizationSettings {
    /// Reads `name:personality[:port]`, such as `contoso:2019:0`.
    ///
    /// A personality is a version, or `mixed`: 2013 and, as EX02, the 2010 server that was there before;
    /// or `hosted`: somebody else's 2019.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':');
        let (name, version) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let port = parts.next().unwrap_or("0");
        let is_label = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if !is_label || parts.next().is_some() {
            return Err(format!("{text:?} is not NAME:PERSONALITY[:PORT], such as contoso:2019:0"));
        }
        let port = port.parse().map_err(|_| format!("{port:?} is not a port"))?;
        let (version, hosted, servers) = match version {
            "mixed" => (Version::Exchange2013, false, vec![ServerSettings::older()]),
            "hosted" => (Version::Exchange2019, true, Vec::new()),
            version => {
                let known = |problem| format!("{problem}, and mixed and hosted");
                (read_version(version).map_err(known)?, false, Vec::new())
            }
        };
        let name = name.to_owned();
        Ok(Self { name, version, hosted, port, filters_devices_by_change: None, servers })
    }
}

impl ServerSettings {
    /// The server that stays behind while an organization moves on from 2010.
    fn older() -> Self {
        Self { version: Version::Exchange2010, site: SITE.to_owned(), port: 0 }
    }

    /// Reads `organization:version[:site[:port]]`, such as `contoso:2019:Rome:0`, into the organization and
    /// its further server.
    pub fn parse(text: &str) -> Result<(String, Self), String> {
        let parts: Vec<_> = text.split(':').collect();
        let (organization, version, site, port) = match parts.as_slice() {
            [organization, version] => (*organization, *version, SITE, "0"),
            [organization, version, site] => (*organization, *version, *site, "0"),
            [organization, version, site, port] => (*organization, *version, *site, *port),
            _ => return Err(format!("{text:?} is not ORGANIZATION:VERSION[:SITE[:PORT]]")),
        };
        let version = read_version(version)?;
        let port = port.parse().map_err(|_| format!("{port:?} is not a port"))?;
        let site = if site.is_empty() { SITE } else { site };
        Ok((organization.to_owned(), Self { version, site: site.to_owned(), port }))
    }
}

fn read_version(text: &str) -> Result<Version, String> {
    Version::parse(text)
        .ok_or_else(|| format!("{text:?} is not a version; there are {}", Version::known()))
}

impl Account {
    /// Reads `NAME[,role=ROLE][,hide=CMDLET[:PARAMETER]][,writes-in=CONTAINER]...` into a name and what
    /// the account may.
    pub fn parse(text: &str) -> Result<(String, Rights), String> {
        let mut parts = text.split(',');
        let name = parts.next().unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err("an account has a name".to_owned());
        }
        Ok((name, Rights::read(parts)?))
    }

    /// An account that may everything.
    pub fn new(name: impl Into<String>, password: impl Into<String>) -> Self {
        let (name, password) = (name.into(), Password(password.into()));
        Self { name, password, rights: Rights::default() }
    }
}

impl Password {
    /// Says whether a text is this password.
    pub fn is(&self, text: &str) -> bool {
        self.0 == text
    }

    /// The password itself, for sign-in that proves it without sending it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organization_is_name_version_and_port() {
        let read = OrganizationSettings::parse("contoso:2019:8443").unwrap();
        assert_eq!(
            (read.name.as_str(), read.version, read.port),
            ("contoso", Version::Exchange2019, 8443)
        );
        assert_eq!(OrganizationSettings::parse("fabrikam:2010").unwrap().port, 0);
        for (text, version) in ["2010", "2013", "2016", "2019", "se"].into_iter().zip(Version::ALL)
        {
            let read = OrganizationSettings::parse(&format!("contoso:{text}")).unwrap();
            assert_eq!(read.version, version);
        }
        let unknown = OrganizationSettings::parse("contoso:2017").unwrap_err();
        assert!(unknown.ends_with("2016, 2019 and SE, and mixed and hosted"), "{unknown}");
        for bad in ["", "contoso", "contoso:2017", "Con toso:2019", "contoso:2019:x", "a:2019:1:2"]
        {
            assert!(OrganizationSettings::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_further_server_names_its_organization() {
        let (organization, server) = ServerSettings::parse("contoso:2010:Rome:8444").unwrap();
        assert_eq!(organization, "contoso");
        let (version, site, port) = (Version::Exchange2010, "Rome".to_owned(), 8444);
        assert_eq!(server, ServerSettings { version, site, port });
        assert_eq!(ServerSettings::parse("contoso:2019").unwrap().1.site, SITE);
        for bad in ["", "contoso", "contoso:2017", "contoso:2019:Rome:x", "a:2019:b:1:2"] {
            assert!(ServerSettings::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_does_not_print() {
        let printed = format!("{:?}", Account::new("CONTOSO\\svc", "secret-77"));
        assert!(!printed.contains("secret-77"), "{printed}");
    }
}
