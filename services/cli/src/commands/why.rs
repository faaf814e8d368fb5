//! Why a device has the access it has: one numbered line per station, from the record to what Exchange
//! shows, and what would let it in.

mod trace;

use exgate_proto::v1 as pb;

use super::Session;
use crate::args::{Format, Why};
use crate::failure::Failure;
use crate::find;
use crate::render::message;
use crate::target::{DeviceRef, OrganizationRef};

/// Explains one device.
pub(super) async fn run(
    session: Session<'_>,
    why: Why,
    organization: Option<OrganizationRef>,
) -> Result<(), Failure> {
    let coordinator = session.coordinator;
    let name = match &why.device {
        DeviceRef::Name(name) => name.to_string(),
        DeviceRef::Id { .. } => {
            find::device(coordinator, &why.device, organization.as_ref()).await?.name
        }
    };
    let request = pb::ExplainDeviceRequest { name: name.clone() };
    let answer = coordinator.explain_device(request).await?;
    let terminal = session.terminal;
    match terminal.format {
        Format::Table | Format::Wide => {
            terminal.result(&trace::text(&answer, terminal.now(), terminal.color))
        }
        Format::Json => terminal.document(&message(&answer)?),
        Format::Name => terminal.result(&name),
    }
}
