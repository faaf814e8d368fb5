//! Lists. The rows are the same at any page size; an empty list is no failure.

mod columns;

use exgate_proto::{types::v1 as types, v1 as pb};
use serde_json::Value;

use super::Session;
use crate::args::{Format, Get, Kind, State};
use crate::connect::Coordinator;
use crate::failure::Failure;
use crate::find;
use crate::render::{Named, Table, array, object};
use crate::target::{DeviceRef, InvalidTarget, OrganizationRef, SyncRef};

pub(super) use columns::took;

/// How many syncs are listed unless told otherwise.
const SYNCS: usize = 50;

/// Lists what was asked for.
pub(super) async fn run(
    session: Session<'_>,
    get: Get,
    organization: Option<OrganizationRef>,
) -> Result<(), Failure> {
    if !get.state.is_empty() && get.kind != Kind::Devices {
        let message = "--state is for devices".to_owned();
        return Err(Failure::Usage { message, cure: "exgate get devices --state …".to_owned() });
    }
    let coordinator = session.coordinator.clone().paged(get.page_size);
    let organization = organization.as_ref();
    match get.kind {
        Kind::Organizations => {
            let rows = organizations(&coordinator, &get, organization).await?;
            print(session, "organizations", &rows)
        }
        Kind::Connectors => {
            let rows = connectors(&coordinator, &get, organization).await?;
            print(session, "connectors", &rows)
        }
        Kind::Devices => {
            let rows = devices(&coordinator, &get, organization).await?;
            print(session, "devices", &rows)
        }
        Kind::Syncs => {
            let rows = syncs(&coordinator, &get, organization).await?;
            if get.limit.is_none() && rows.len() == SYNCS {
                session.terminal.hint("the newest 50; all: --limit 0");
            }
            print(session, "syncRuns", &rows)
        }
        Kind::Policies => {
            let rows = policies(&coordinator, &get).await?;
            print(session, "policies", &rows)
        }
    }
}

/// A message that can be a row.
pub(super) trait Row: Named {
    /// Its resource name.
    fn name(&self) -> &str;
    /// A table of many of them.
    fn table(rows: &[Self], view: &columns::View) -> Table
    where
        Self: Sized;
}

fn print<T: Row>(session: Session<'_>, key: &'static str, rows: &[T]) -> Result<(), Failure> {
    let terminal = session.terminal;
    match terminal.format {
        Format::Json => {
            let rows: Value = array(rows)?;
            terminal.document(&object([(key, rows)]))
        }
        Format::Name => {
            let names: Vec<_> = rows.iter().map(Row::name).collect();
            terminal.result(&names.join("\n"))
        }
        Format::Table | Format::Wide if rows.is_empty() => {
            terminal.hint("nothing found");
            Ok(())
        }
        Format::Table | Format::Wide => {
            let view = columns::View {
                now: terminal.now(),
                wide: terminal.format == Format::Wide,
                color: terminal.color,
            };
            terminal.result(&T::table(rows, &view).text())
        }
    }
}

fn parsed<T: std::str::FromStr<Err = InvalidTarget>>(name: &str) -> Result<T, Failure> {
    name.parse().map_err(|error: InvalidTarget| Failure::Usage {
        message: error.to_string(),
        cure: String::new(),
    })
}

/// The organizations named, or the one of `-O`.
fn wanted(
    get: &Get,
    organization: Option<&OrganizationRef>,
) -> Result<Vec<OrganizationRef>, Failure> {
    match organization {
        Some(organization) if get.names.is_empty() => Ok(vec![organization.clone()]),
        _ => {
            // A connector is named after its organization.
            let short = |name: &String| parsed(name.strip_suffix("/connector").unwrap_or(name));
            get.names.iter().map(short).collect()
        }
    }
}

async fn organizations(
    coordinator: &Coordinator,
    get: &Get,
    organization: Option<&OrganizationRef>,
) -> Result<Vec<pb::Organization>, Failure> {
    let wanted = wanted(get, organization)?;
    if wanted.is_empty() {
        let request = pb::ListOrganizationsRequest::default();
        return coordinator.list_organizations(request, limit(get, None)).await;
    }
    let mut rows = Vec::new();
    for organization in wanted {
        let request = pb::GetOrganizationRequest { name: organization.name() };
        rows.push(coordinator.get_organization(request).await?);
    }
    Ok(rows)
}

async fn connectors(
    coordinator: &Coordinator,
    get: &Get,
    organization: Option<&OrganizationRef>,
) -> Result<Vec<pb::Connector>, Failure> {
    let wanted = wanted(get, organization)?;
    if wanted.is_empty() {
        let request = pb::ListConnectorsRequest::default();
        return coordinator.list_connectors(request, limit(get, None)).await;
    }
    let mut rows = Vec::new();
    for organization in wanted {
        let name = format!("{}/connector", organization.name());
        rows.push(coordinator.get_connector(pb::GetConnectorRequest { name }).await?);
    }
    Ok(rows)
}

async fn devices(
    coordinator: &Coordinator,
    get: &Get,
    organization: Option<&OrganizationRef>,
) -> Result<Vec<pb::Device>, Failure> {
    if get.names.is_empty() {
        let request = pb::ListDevicesRequest {
            parent: find::parent(organization),
            states: get.state.iter().map(|it| state(*it).into()).collect(),
            ..pb::ListDevicesRequest::default()
        };
        return coordinator.list_devices(request, limit(get, None)).await;
    }
    let mut rows = Vec::new();
    for name in &get.names {
        let device: DeviceRef = parsed(name)?;
        let found = find::devices(coordinator, &device, organization).await?;
        if found.is_empty() {
            let see = "exgate get devices".to_owned();
            return Err(Failure::NotFound { what: "device", name: name.clone(), see });
        }
        rows.extend(found);
    }
    let in_state = |row: &pb::Device| {
        let shown = row.eas.as_ref().map_or(0, |eas| eas.access_state);
        get.state.is_empty() || get.state.iter().any(|it| i32::from(state(*it)) == shown)
    };
    rows.retain(in_state);
    Ok(rows)
}

async fn syncs(
    coordinator: &Coordinator,
    get: &Get,
    organization: Option<&OrganizationRef>,
) -> Result<Vec<pb::SyncRun>, Failure> {
    if get.names.is_empty() {
        let parent = find::parent(organization);
        let request = pb::ListSyncRunsRequest { parent, ..pb::ListSyncRunsRequest::default() };
        return coordinator.list_syncs(request, limit(get, Some(SYNCS))).await;
    }
    let mut rows = Vec::new();
    for name in &get.names {
        let sync: SyncRef = parsed(name)?;
        rows.push(find::sync(coordinator, &sync, organization).await?);
    }
    Ok(rows)
}

async fn policies(coordinator: &Coordinator, get: &Get) -> Result<Vec<pb::Policy>, Failure> {
    if get.names.is_empty() {
        let request = pb::ListPoliciesRequest::default();
        return coordinator.list_policies(request, limit(get, None)).await;
    }
    let mut rows = Vec::new();
    for name in &get.names {
        let short = name.strip_prefix("policies/").unwrap_or(name);
        let request = pb::GetPolicyRequest { name: format!("policies/{short}") };
        rows.push(coordinator.get_policy(request).await?);
    }
    Ok(rows)
}

fn limit(get: &Get, usual: Option<usize>) -> Option<usize> {
    match get.limit {
        Some(0) => None,
        Some(limit) => Some(limit),
        None => usual,
    }
}

fn state(state: State) -> types::AccessState {
    match state {
        State::Unknown => types::AccessState::Unknown,
        State::Allowed => types::AccessState::Allowed,
        State::Blocked => types::AccessState::Blocked,
        State::Quarantined => types::AccessState::Quarantined,
        State::Discovery => types::AccessState::DeviceDiscovery,
        State::Unrecognised => types::AccessState::Unrecognised,
    }
}
