//! Owns what mail adds to a start: the names in certificates, who may sign in, mailboxes for the accounts, and
//! the submission port.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use exgate_runtime::Tasks;

use super::{Endpoints, StartError, bind};
use crate::accounts::{Accounts, new_mailboxes};
use crate::control::ControlError;
use crate::live::Live;
use crate::settings::{OrganizationSettings, Settings};
use crate::smtp::listener::{self, Port};
use crate::winrm::certificates::Authority;

/// The names in a server's certificate: its own, and those by which clients look for services.
pub(super) fn names(name: &str, fqdn: &str, organization: &OrganizationSettings) -> Vec<String> {
    let domain = format!("{}.com", organization.name);
    vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        format!("{}.{}.test", name.to_lowercase(), organization.name),
        fqdn.to_owned(),
        format!("mail.{domain}"),
        format!("autodiscover.{domain}"),
        domain,
    ]
}

/// Who may sign in to an organization.
pub(super) fn accounts(settings: &Settings, live: &Arc<Live>) -> Accounts {
    Accounts::new(Arc::clone(live), settings.accounts.clone(), settings.user_password.clone())
}

/// Gives each account a mailbox, where that is wanted.
pub(super) fn give_mailboxes(settings: &Settings, live: &Live) -> Result<(), StartError> {
    if !settings.account_mailboxes {
        return Ok(());
    }
    let made =
        live.change(|world, moment| (new_mailboxes(&settings.accounts, world, moment.now), ()));
    Ok(made.map_err(ControlError::Journal)?)
}

/// Opens the submission port, at the organization's first server.
pub(super) async fn open(
    settings: &Settings,
    (organization, live): (&OrganizationSettings, &Arc<Live>),
    authority: &Authority,
    previous: &Endpoints,
    tasks: &Tasks,
) -> Result<u16, StartError> {
    let known = previous.organization(&organization.name).map_or(0, |held| held.smtp_port);
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), known);
    let purpose = format!("mail to {}", organization.name);
    let (listener, port) = bind(address, &purpose).await?;
    let server = live.read(|world| {
        let first = world.servers.first();
        first.map(|server| (server.name.clone(), server.fqdn.clone())).unwrap_or_default()
    });
    let tls = authority.server(names(&server.0, &server.1, organization))?;
    let accounts = accounts(settings, live);
    let port_of = Port { live: Arc::clone(live), server, accounts, tls };
    let tasks = tasks.child(&purpose);
    let inner = tasks.clone();
    tasks.spawn("submission port", listener::serve(port_of, listener, inner));
    Ok(port)
}
