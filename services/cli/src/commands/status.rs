//! Every organization at a glance: unhealthy first, and what is wrong last, so that it is the last thing
//! on the screen.

mod health;
mod page;

use std::time::Duration;

use exgate_proto::names::ConnectorName;
use exgate_proto::v1 as pb;

use super::Session;
use crate::args::{Format, Status};
use crate::failure::Failure;
use crate::target::OrganizationRef;

/// How often `--watch` looks.
const WATCH_EVERY: Duration = Duration::from_secs(2);

/// What the coordinator said about itself and its organizations.
#[derive(Debug, Clone, Default)]
pub(super) struct Fleet {
    /// The coordinator.
    pub(super) server: pb::ServerInfo,
    /// Each organization with its connector, if it has one.
    pub(super) organizations: Vec<(pb::Organization, Option<pb::Connector>)>,
}

/// Prints the status, once or again and again.
pub(super) async fn run(
    session: Session<'_>,
    args: Status,
    organization: Option<OrganizationRef>,
) -> Result<(), Failure> {
    let organization = args.org.or(organization);
    if !args.watch {
        let fleet = look(session, organization.as_ref()).await?;
        return print(session, &fleet, &page::text(&fleet, session.terminal));
    }
    if matches!(session.terminal.format, Format::Json | Format::Name) {
        let message = "--watch prints tables only".to_owned();
        let cure = "leave out --watch, or -o".to_owned();
        return Err(Failure::Usage { message, cure });
    }
    watch(session, organization.as_ref()).await
}

/// Shows the status whenever it changes; a coordinator that is away for a while is waited for.
async fn watch(
    session: Session<'_>,
    organization: Option<&OrganizationRef>,
) -> Result<(), Failure> {
    let (mut last, mut is_away) = (String::new(), false);
    let mut clock = tokio::time::interval(WATCH_EVERY);
    loop {
        clock.tick().await;
        let fleet = match look(session, organization).await {
            Err(failure) if failure.is_passing() && !last.is_empty() => {
                if !is_away {
                    session.terminal.hint("no coordinator answers; trying again");
                }
                is_away = true;
                continue;
            }
            other => other?,
        };
        let text = page::text(&fleet, session.terminal);
        if session.terminal.screen {
            session.terminal.result(&format!("\u{1b}[H\u{1b}[J{text}"))?;
        } else if text != last {
            let between = if last.is_empty() { "" } else { "\n" };
            session.terminal.result(&format!("{between}{text}"))?;
        }
        (last, is_away) = (text, false);
    }
}

fn print(session: Session<'_>, fleet: &Fleet, text: &str) -> Result<(), Failure> {
    match session.terminal.format {
        Format::Table | Format::Wide => session.terminal.result(text),
        Format::Json => session.terminal.document(&page::document(fleet, session.terminal.now())?),
        Format::Name => {
            let names: Vec<_> =
                fleet.organizations.iter().map(|(it, _)| it.name.as_str()).collect();
            session.terminal.result(&names.join("\n"))
        }
    }
}

async fn look(
    session: Session<'_>,
    organization: Option<&OrganizationRef>,
) -> Result<Fleet, Failure> {
    let coordinator = session.coordinator;
    let server = coordinator.server_info(pb::GetServerInfoRequest {}).await?;
    let Some(organization) = organization else {
        let request = pb::ListOrganizationsRequest::default();
        let organizations = coordinator.list_organizations(request, None).await?;
        let request = pb::ListConnectorsRequest::default();
        let mut connectors = coordinator.list_connectors(request, None).await?;
        let with_connector = |organization: pb::Organization| {
            let name = format!("{}/connector", organization.name);
            let found = connectors.iter().position(|it| it.name == name);
            (organization, found.map(|index| connectors.swap_remove(index)))
        };
        return Ok(Fleet {
            server,
            organizations: organizations.into_iter().map(with_connector).collect(),
        });
    };
    let request = pb::GetOrganizationRequest { name: organization.name() };
    let found = coordinator.get_organization(request).await?;
    let name = ConnectorName(organization.0.clone()).to_string();
    let connector = coordinator.get_connector(pb::GetConnectorRequest { name }).await?;
    Ok(Fleet { server, organizations: vec![(found, Some(connector))] })
}
