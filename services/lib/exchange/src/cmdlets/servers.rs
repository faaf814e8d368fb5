//! `Get-ExchangeServer` and `Set-ADServerSettings`: the servers of the organization, and which part
//! of the directory a runspace sees. Parameters as on the cmdlet pages, properties as in exports of 2016
//! and 2019 servers (CSS-Exchange).

use uuid::Uuid;

use crate::cmdlets::row::row;
use crate::cmdlets::{Cmdlet, DomainController, Identity, Nothing, Selection, ServerVersion};

row! {
    /// One server of the organization.
    pub struct ServerRow {
        /// The server's short name.
        name: Option<String> = "Name",
        /// The full name, to be compared without regard to case.
        fqdn: Option<String> = "Fqdn",
        /// The directory site.
        site: Option<String> = "Site",
        /// Roles as text; on 2016 and later only `Mailbox`, so never used to find client access
        /// servers.
        server_role: Option<String> = "ServerRole",
        /// The build.
        version: Option<ServerVersion> = "AdminDisplayVersion",
        /// The edition.
        edition: Option<String> = "Edition",
        /// Whether it takes clients.
        is_client_access_server: Option<bool> = "IsClientAccessServer",
        /// Whether it holds mailboxes.
        is_mailbox_server: Option<bool> = "IsMailboxServer",
        /// Whether it is an edge server, which knows no mailbox.
        is_edge_server: Option<bool> = "IsEdgeServer",
        /// Whether it is only announced.
        is_provisioned_server: Option<bool> = "IsProvisionedServer",
        /// Whether it is 2010 or later.
        is_e14_or_later: Option<bool> = "IsE14OrLater",
        /// The key.
        guid: Option<Uuid> = "Guid",
        /// Names the organization and the configuration partition.
        distinguished_name: Option<String> = "DistinguishedName",
        /// The legacy name.
        exchange_legacy_dn: Option<String> = "ExchangeLegacyDN",
    }
}

/// Lists the servers, or reads one. Never asks for `-Status`, which contacts every server.
pub fn get_exchange_server(identity: Option<Identity>) -> Cmdlet<ServerRow> {
    let selection = identity.map_or(Selection::All, Selection::One);
    Cmdlet::read("Get-ExchangeServer").select(selection)
}

/// Lets the runspace see the whole forest and, if given, asks one domain controller only. It lives
/// as long as the runspace: every new one needs it again.
pub fn set_ad_server_settings(controller: Option<DomainController>) -> Cmdlet<Nothing> {
    Cmdlet::read("Set-ADServerSettings")
        .with("ViewEntireForest", true)
        .with_some("PreferredServer", controller)
}
