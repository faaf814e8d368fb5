//! Everything known about one thing, and what to do next.

mod sheet;

use exgate_proto::v1 as pb;
use serde_json::Value;

use super::Session;
use crate::args::{Describe, Format};
use crate::failure::Failure;
use crate::find;
use crate::render::{Named, message};
use crate::target::{OrganizationRef, Target};

/// Describes what was asked for.
pub(super) async fn run(
    session: Session<'_>,
    describe: Describe,
    organization: Option<OrganizationRef>,
) -> Result<(), Failure> {
    let coordinator = session.coordinator;
    let now = session.terminal.now();
    match describe.target {
        Target::Organization(target) => {
            let request = pb::GetOrganizationRequest { name: target.name() };
            let found = coordinator.get_organization(request).await?;
            print(session, &found.name, &found, &sheet::organization(&found, now))
        }
        Target::Connector(target) => {
            let request = pb::GetConnectorRequest { name: format!("{}/connector", target.name()) };
            let found = coordinator.get_connector(request).await?;
            print(session, &found.name, &found, &sheet::connector(&found, now))
        }
        Target::Device(target) => {
            let found = find::device(coordinator, &target, organization.as_ref()).await?;
            print(session, &found.name, &found, &sheet::device(&found, now))
        }
        Target::Sync(target) => {
            let found = find::sync(coordinator, &target, organization.as_ref()).await?;
            print(session, &found.name, &found, &sheet::sync(&found, now))
        }
        Target::Policy(target) => {
            let request = pb::GetPolicyRequest { name: format!("policies/{target}") };
            let found = coordinator.get_policy(request).await?;
            print(session, &found.name, &found, &sheet::policy(&found, now))
        }
    }
}

fn print<T: Named>(
    session: Session<'_>,
    name: &str,
    found: &T,
    sheet: &str,
) -> Result<(), Failure> {
    match session.terminal.format {
        Format::Table | Format::Wide => session.terminal.result(sheet),
        Format::Json => {
            let document: Value = message(found)?;
            session.terminal.document(&document)
        }
        Format::Name => session.terminal.result(name),
    }
}
