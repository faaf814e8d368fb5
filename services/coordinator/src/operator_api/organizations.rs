//! `exgate.v1.OrganizationService`.

use exgate_domain::organization::{Mode, Schedule};
use exgate_proto::convert::field::{enumeration, to_instant, to_span};
use exgate_proto::names::OrganizationName;
use exgate_proto::types::v1 as types;
use exgate_proto::v1 as pb;
use exgate_proto::v1::organization_service_server::OrganizationService;
use jiff::SignedDuration;
use tonic::{Request, Response, Status};

use super::{OperatorApi, name, page};
use crate::operator::{OrganizationView, PendingChange, SetMode};
use crate::store::{Configuration, DeviceTally, Pending};

#[tonic::async_trait]
impl OrganizationService for OperatorApi {
    async fn list_organizations(
        &self,
        request: Request<pb::ListOrganizationsRequest>,
    ) -> Result<Response<pb::ListOrganizationsResponse>, Status> {
        let pb::ListOrganizationsRequest { page_size, page_token } = request.into_inner();
        let found = self.operator.list_organizations(&page(page_size, page_token)).await?;
        Ok(Response::new(pb::ListOrganizationsResponse {
            organizations: found.rows.into_iter().map(organization).collect(),
            next_page_token: found.next,
        }))
    }

    async fn get_organization(
        &self,
        request: Request<pb::GetOrganizationRequest>,
    ) -> Result<Response<pb::Organization>, Status> {
        let OrganizationName(id) = name("name", &request.into_inner().name)?;
        Ok(Response::new(organization(self.operator.get_organization(&id).await?)))
    }

    async fn set_mode(
        &self,
        request: Request<pb::SetModeRequest>,
    ) -> Result<Response<pb::SetModeResponse>, Status> {
        let pb::SetModeRequest { name: text, mode, validate_only, changes_max } =
            request.into_inner();
        let OrganizationName(id) = name("name", &text)?;
        let mode: Mode = enumeration::<pb::Mode, Mode>("mode", mode)?;
        let asked = SetMode { organization: id, mode, validate_only, changes_max };
        let set = self.operator.set_mode(asked).await?;
        Ok(Response::new(pb::SetModeResponse {
            organization: Some(organization(set.organization)),
            changes: set.changes.into_iter().map(change).collect(),
        }))
    }
}

fn organization(view: OrganizationView) -> pb::Organization {
    let OrganizationView { stored, devices, pending, problems, configuration: seen } = view;
    let organization = stored.organization;
    let Schedule { quick_interval, quick_interval_scan, full_interval } = organization.schedule;
    let span = |span: SignedDuration| to_span(span.unsigned_abs());
    pb::Organization {
        name: OrganizationName(organization.id).to_string(),
        display_name: organization.display_name,
        mode: pb::Mode::from(organization.mode).into(),
        quick_interval: Some(span(quick_interval)),
        quick_interval_scan: Some(span(quick_interval_scan)),
        full_interval: Some(span(full_interval)),
        created_at: Some(to_instant(stored.created_at)),
        changed_at: Some(to_instant(stored.changed_at)),
        devices: Some(device_tally(devices)),
        pending: Some(pending_tally(pending)),
        problems,
        configuration: seen.map(configuration),
    }
}

fn configuration(seen: Configuration) -> pb::Configuration {
    let Configuration { settings, rules, servers, policies, classes, left_out } = seen;
    pb::Configuration {
        settings: settings.map(Into::into),
        rules: rules.into_iter().map(Into::into).collect(),
        servers: servers.into_iter().map(Into::into).collect(),
        mailbox_policies: policies.into_iter().map(Into::into).collect(),
        device_classes: classes.into_iter().map(Into::into).collect(),
        left_out,
    }
}

fn device_tally(tally: DeviceTally) -> pb::DeviceTally {
    let DeviceTally { known, allowed, blocked, quarantined, discovery, other } = tally;
    pb::DeviceTally { known, allowed, blocked, quarantined, discovery, other }
}

fn pending_tally(pending: Pending) -> pb::PendingTally {
    let Pending { allow, quarantine, block, mailboxes, in_flight, unknown } = pending;
    pb::PendingTally { allow, quarantine, block, mailboxes, in_flight, unknown }
}

fn change(change: PendingChange) -> pb::PendingChange {
    let PendingChange { device, primary_smtp, access, reasons } = change;
    pb::PendingChange {
        device: device.to_string(),
        primary_smtp,
        access: types::Access::from(access).into(),
        reasons: reasons.into_iter().map(|it| types::Reason::from(it).into()).collect(),
    }
}
