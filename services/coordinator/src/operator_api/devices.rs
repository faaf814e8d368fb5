//! `exgate.v1.DeviceService`.

use exgate_domain::command::CommandState;
use exgate_domain::observation::AccessState;
use exgate_domain::policy::Access;
use exgate_proto::convert;
use exgate_proto::convert::field::{instant_if_any, to_instant};
use exgate_proto::convert::{Fault, Malformed};
use exgate_proto::names::{CommandName, DeviceName, Parent};
use exgate_proto::types::v1 as types;
use exgate_proto::v1 as pb;
use exgate_proto::v1::device_service_server::DeviceService;
use tonic::{Request, Response, Status};

use super::{OperatorApi, name, page, trace_id};
use crate::operator::{DeviceQuery, Explanation};
use crate::store::{StoredCommand, StoredDevice, StoredStatistics};

#[tonic::async_trait]
impl DeviceService for OperatorApi {
    async fn list_devices(
        &self,
        request: Request<pb::ListDevicesRequest>,
    ) -> Result<Response<pb::ListDevicesResponse>, Status> {
        let pb::ListDevicesRequest {
            parent,
            page_size,
            page_token,
            states,
            device_id,
            primary_smtp,
        } = request.into_inner();
        let Parent(organization) = name("parent", &parent)?;
        let states = states.into_iter().map(access_state).collect::<Result<_, _>>()?;
        let query = DeviceQuery { organization, states, device_id, primary_smtp };
        let found = self.operator.list_devices(query, &page(page_size, page_token)).await?;
        Ok(Response::new(pb::ListDevicesResponse {
            devices: found.rows.into_iter().map(device).collect(),
            next_page_token: found.next,
        }))
    }

    async fn get_device(
        &self,
        request: Request<pb::GetDeviceRequest>,
    ) -> Result<Response<pb::Device>, Status> {
        let asked: DeviceName = name("name", &request.into_inner().name)?;
        Ok(Response::new(device(self.operator.get_device(&asked).await?)))
    }

    async fn explain_device(
        &self,
        request: Request<pb::ExplainDeviceRequest>,
    ) -> Result<Response<pb::ExplainDeviceResponse>, Status> {
        let pb::ExplainDeviceRequest { name: asked, language, at } = request.into_inner();
        let asked: DeviceName = name("name", &asked)?;
        let at = instant_if_any("at", at)?;
        let explained = Box::pin(self.operator.explain_device(&asked, &language, at)).await?;
        Ok(Response::new(explanation(explained)))
    }
}

/// A state to filter by. What is unrecognised has no single word, so it is one class.
fn access_state(number: i32) -> Result<AccessState, Malformed> {
    let wrong = |fault| Err(Malformed::new("states", fault));
    match types::AccessState::try_from(number) {
        Ok(types::AccessState::Unspecified) => wrong(Fault::Unspecified),
        Ok(types::AccessState::Unknown) => Ok(AccessState::Unknown),
        Ok(types::AccessState::Allowed) => Ok(AccessState::Allowed),
        Ok(types::AccessState::Blocked) => Ok(AccessState::Blocked),
        Ok(types::AccessState::Quarantined) => Ok(AccessState::Quarantined),
        Ok(types::AccessState::DeviceDiscovery) => Ok(AccessState::DeviceDiscovery),
        Ok(types::AccessState::Unrecognised) => Ok(AccessState::Unrecognised(String::new())),
        Err(_) => wrong(Fault::UnknownNumber(number)),
    }
}

fn device(stored: StoredDevice) -> pb::Device {
    let StoredDevice { organization, device, mailbox, intent, statistics, seen_at, .. } = stored;
    let about = match mailbox {
        Some(mailbox) => pb::Device {
            name: DeviceName::new(organization, device.device_id.clone(), mailbox.id).to_string(),
            mailbox_guid: mailbox.id.to_string(),
            primary_smtp: mailbox.primary_smtp,
            mailbox_display_name: mailbox.display_name,
            ..pb::Device::default()
        },
        None => pb::Device::default(),
    };
    let about = match statistics {
        Some(StoredStatistics { asked_at, said, failure }) => pb::Device {
            statistics: said.map(types::DeviceStatistics::from),
            statistics_read_at: Some(to_instant(asked_at)),
            statistics_failure: failure,
            ..about
        },
        None => about,
    };
    let about = pb::Device {
        eas: Some(device.into()),
        seen_at: Some(to_instant(seen_at)),
        intended: types::Access::from(Access::Leave).into(),
        compliance: types::Compliance::NotEvaluated.into(),
        ..about
    };
    let Some(intent) = intent else { return about };
    pb::Device {
        intended: types::Access::from(intent.access).into(),
        compliance: types::Compliance::from(intent.compliance).into(),
        reasons: intent.reasons.into_iter().map(|it| types::Reason::from(it).into()).collect(),
        decided_at: Some(to_instant(intent.decided_at)),
        ..about
    }
}

fn explanation(explanation: Explanation) -> pb::ExplainDeviceResponse {
    let Explanation {
        device: stored,
        case,
        decision,
        sentences,
        cures,
        prediction,
        commands,
        held,
        undecided,
        language,
        at,
        decided_at,
    } = explanation;
    let prediction = prediction.map(|it| convert::prediction(it, &stored.device));
    pb::ExplainDeviceResponse {
        device: Some(device(stored)),
        case: case.map(types::Case::from),
        decision: decision.map(types::Decision::from),
        sentences,
        cures,
        prediction,
        commands: commands.into_iter().map(command).collect(),
        held,
        undecided,
        language,
        at: at.map(to_instant),
        decided_at: decided_at.map(to_instant),
    }
}

fn command(stored: StoredCommand) -> pb::CommandRecord {
    let StoredCommand { command, state, created_at, answer } = stored;
    let (state, mut said) = match state {
        CommandState::Queued => ("queued", String::new()),
        CommandState::Lent { .. } => ("lent", String::new()),
        CommandState::Done { .. } => ("done", "done".to_owned()),
        CommandState::Refused { reason, .. } => ("refused", reason),
        CommandState::Unknown { reason, .. } => ("unknown", reason),
        CommandState::Superseded { .. } => ("superseded", "never handed out".to_owned()),
    };
    let name = CommandName { organization: command.organization, command: command.id };
    let about = pb::CommandRecord {
        name: name.to_string(),
        state: state.to_owned(),
        created_at: Some(to_instant(created_at)),
        trace_id: trace_id(&command.traceparent),
        ..pb::CommandRecord::default()
    };
    let Some(answer) = answer else { return pb::CommandRecord { answer: said, ..about } };
    if said.is_empty() {
        said = "recorded without effect".to_owned();
    }
    let trace = trace_id(&answer.traceparent);
    pb::CommandRecord {
        cmdlet: answer.cmdlet,
        answer: said,
        server: answer.server,
        answered_at: Some(to_instant(answer.at)),
        took_ms: u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX),
        trace_id: if trace.is_empty() { about.trace_id } else { trace },
        ..about
    }
}
