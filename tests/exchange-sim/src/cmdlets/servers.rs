//! Owns `Get-ExchangeServer`.
//!
//! Source of the properties and of a 2019 server's values: exported objects of real servers in
//! microsoft/CSS-Exchange. The role text of 2010 is assumed.

use std::sync::{Arc, LazyLock};

use exgate_exchange::clixml::{Content, ListKind, Object, Value};

use super::complaint::Complaint;
use super::directory_object::{Entry, Printer};
use super::listing;
use super::rendering::{self, MANAGEMENT, TypeNames, administrative_group};
use super::{Call, Record, Records};
use crate::world::blueprint::Blueprint;
use crate::world::organization::{Server, Version};

static TYPE_NAMES: TypeNames = LazyLock::new(|| {
    rendering::type_names(&[
        &format!("{MANAGEMENT}.ExchangeServer"),
        &format!("{MANAGEMENT}.ADPresentationObject"),
    ])
});

/// Runs `Get-ExchangeServer`.
pub(super) fn run(call: &Call) -> Result<Records, Complaint> {
    let (blueprint, servers) =
        call.live.read(|world| (world.blueprint.clone(), world.servers.clone()));
    let identity = call.arguments.text("Identity");
    let domain = call.arguments.text("Domain");
    let chosen: Vec<Server> = servers
        .into_iter()
        .filter(|server| {
            identity.as_ref().is_none_or(|identity| is_named(server, &blueprint, identity))
                && domain.as_ref().is_none_or(|asked| asked.eq_ignore_ascii_case(&blueprint.domain))
        })
        .collect();
    if let (Some(identity), true) = (&identity, chosen.is_empty()) {
        return Err(call.not_found(identity));
    }
    let printer = Printer::of(call);
    let print = move |server: Server| Record::Output(render(&server, &printer, &blueprint));
    Ok(Records::of(chosen.into_iter().map(print)))
}

fn is_named(server: &Server, blueprint: &Blueprint, identity: &str) -> bool {
    let legacy_dn = listing::server_legacy_dn(&blueprint.name, &server.name);
    [
        server.name.as_str(),
        &server.fqdn,
        &server.guid.to_string(),
        &distinguished_name(server, blueprint),
        &legacy_dn,
    ]
    .iter()
    .any(|held| held.eq_ignore_ascii_case(identity))
}

fn distinguished_name(server: &Server, blueprint: &Blueprint) -> String {
    let group = administrative_group(&blueprint.name, &blueprint.domain);
    format!("CN={},CN=Servers,{group}", server.name)
}

fn render(server: &Server, printer: &Printer, blueprint: &Blueprint) -> Value {
    let version = server.version;
    let [major, minor, build, revision] = version.numbers();
    let site = printer.site(&server.site);
    let (roles, role_number) = roles(version);
    let object = Object::default()
        .with("Fqdn", server.fqdn.as_str())
        .with("Domain", blueprint.domain.as_str())
        .with("Site", site)
        .with(
            "ServerRole",
            rendering::enumeration(
                "Microsoft.Exchange.Data.Directory.SystemConfiguration.ServerRole",
                roles,
                role_number,
            ),
        )
        .with("AdminDisplayVersion", rendering::server_version([major, minor, build, revision]))
        .with(
            "Edition",
            rendering::enumeration("Microsoft.Exchange.Data.ServerEditionType", "Enterprise", 4),
        )
        .with("IsHubTransportServer", true)
        .with("IsClientAccessServer", true)
        .with("IsMailboxServer", true)
        .with("IsEdgeServer", false)
        .with("IsUnifiedMessagingServer", false)
        .with("IsProvisionedServer", false)
        .with("IsExchange2007OrLater", true)
        .with("IsE14OrLater", true)
        .with("IsExchangeTrialEdition", false)
        .with("IsExpiredExchangeTrialEdition", false)
        .with("NetworkAddress", network_addresses(server))
        .with("ExchangeLegacyDN", listing::server_legacy_dn(&blueprint.name, &server.name))
        .with("OrganizationalUnit", format!("{}/{}", blueprint.domain, server.name));
    printer.directory(
        rest(object, server, printer),
        "0.1 (8.0.535.0)",
        &Entry {
            type_names: type_names(),
            name: &server.name,
            identity: &server.name,
            distinguished_name: &distinguished_name(server, blueprint),
            guid: server.guid,
            class: &["top", "server", "msExchExchangeServer"],
            created: server.created,
            changed: server.created,
        },
    )
}

/// What nobody sets here.
fn rest(object: Object, server: &Server, printer: &Printer) -> Object {
    let controllers = rendering::multi(&[printer.domain_controller().to_owned()]);
    let mut object = object
        .with("ExchangeLegacyServerRole", 0_i32)
        .with("CustomerFeedbackEnabled", false)
        .with("ErrorReportingEnabled", false)
        .with("StaticDomainControllers", rendering::multi(&[]))
        .with("StaticGlobalCatalogs", rendering::multi(&[]))
        .with("StaticConfigDomainController", "")
        .with("StaticExcludedDomainControllers", rendering::multi(&[]))
        .with("CurrentDomainControllers", controllers.clone())
        .with("CurrentGlobalCatalogs", controllers)
        .with("CurrentConfigDomainController", printer.domain_controller())
        .with("ProductID", "");
    if printer.is_modern() {
        object = object
            .with("IsE15OrLater", server.version.is_modern())
            .with("IsFrontendTransportServer", server.version.is_modern())
            .with("MonitoringGroup", "");
    }
    object
}

/// `NetworkAddress`: the names it is reached by, each with its protocol.
fn network_addresses(server: &Server) -> Value {
    let data = "Microsoft.Exchange.Data";
    let address = |protocol: &str, name: &str| {
        let names = ["CustomNetworkAddress", "NetworkAddress", "ProtocolAddress"];
        let names = names.map(|name| format!("{data}.{name}"));
        let object = Object::of_type(names.into_iter().chain(["System.Object".to_owned()]));
        let object = object.with_text(format!("{protocol}:{name}"));
        Value::object(object.with("ProtocolType", protocol).with("AddressString", name))
    };
    let items = vec![address("netbios", &server.name), address("ncacn_ip_tcp", &server.fqdn)];
    let names = ["NetworkAddressCollection", "MultiValuedPropertyBase"];
    let names = names.map(|name| format!("{data}.{name}"));
    Value::object(Object {
        content: Content::List(ListKind::List, items),
        ..Object::of_type(names.into_iter().chain(["System.Object".to_owned()]))
    })
}

/// `ServerRole`: since 2016 there is one role, although it serves clients too. Seen for 2016 and later;
/// unverified for 2010 and 2013.
fn roles(version: Version) -> (&'static str, i32) {
    if version.is_since_2016() {
        ("Mailbox", 2)
    } else if version.is_modern() {
        ("Mailbox, ClientAccess", 16_386)
    } else {
        ("Mailbox, ClientAccess, HubTransport", 38)
    }
}

fn type_names() -> &'static Arc<[String]> {
    &TYPE_NAMES
}
