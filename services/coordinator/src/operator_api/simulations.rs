//! `exgate.v1.PolicyService.SimulatePolicies`: the events of a simulation in the order in which they are
//! told. Changed devices come as they are found and are told at the end, so they wait in a spool.

mod spool;

use exgate_domain::decision::Reason;
use exgate_proto::convert;
use exgate_proto::convert::field::{instant_if_any, to_instant};
use exgate_proto::names::{OrganizationName, Parent, PolicyName};
use exgate_proto::types::v1 as types;
use exgate_proto::v1 as pb;
use exgate_proto::v1::simulate_policies_response::Event;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use tonic::Status;

use super::{OperatorApi, name};
use crate::operator::{Change, OperatorError, Simulate, Simulation, SimulationEvent, Summary};
use crate::policies::PolicyFile;
use crate::what_if::{Answer, Row, Tally, Turn};
use spool::{Spool, Told};

/// What a simulation is told as.
pub(super) type Events = BoxStream<'static, Result<pb::SimulatePoliciesResponse, Status>>;

/// Where the telling is.
enum Telling {
    /// Cases are answered.
    Asking(Box<Simulation>, Spool),
    /// The devices that changed.
    Changes(Told),
    /// There is nothing more.
    Over,
}

impl OperatorApi {
    /// Begins a simulation.
    pub(super) async fn simulate(
        &self,
        request: pb::SimulatePoliciesRequest,
    ) -> Result<Events, Status> {
        let pb::SimulatePoliciesRequest { parent, files, replay_at, changes_max } = request;
        let Parent(organization) = name("parent", &parent)?;
        let changes_max = usize::try_from(changes_max).map_err(|_| OperatorError::Invalid {
            field: "changes_max",
            problem: format!("{changes_max} is negative"),
        })?;
        let replay_at = instant_if_any("replay_at", replay_at)?;
        let file = |types::PolicyFile { path, content }| PolicyFile { path, content };
        let files = files.into_iter().map(file).collect();
        let request = Simulate { files, organization, replay_at };
        let simulation = self.operator.simulate(request).await?;
        let telling = Telling::Asking(Box::new(simulation), Spool::of(changes_max));
        Ok(stream::unfold(telling, tell).boxed())
    }
}

async fn tell(telling: Telling) -> Option<(Result<pb::SimulatePoliciesResponse, Status>, Telling)> {
    let (event, telling) = match telling {
        Telling::Asking(simulation, spool) => match ask(simulation, spool).await {
            Ok((event, telling)) => (event, telling),
            Err(error) => return Some((Err(error.into()), Telling::Over)),
        },
        Telling::Changes(mut told) => match told.page() {
            Ok(Some(changes)) => (Event::Changes(changes), Telling::Changes(told)),
            Ok(None) => return None,
            Err(error) => {
                return Some((Err(OperatorError::Spool(error).into()), Telling::Over));
            }
        },
        Telling::Over => return None,
    };
    Some((Ok(pb::SimulatePoliciesResponse { event: Some(event) }), telling))
}

/// Listens until there is something to tell.
async fn ask(
    mut simulation: Box<Simulation>,
    mut spool: Spool,
) -> Result<(Event, Telling), OperatorError> {
    while let Some(event) = simulation.next().await {
        match event? {
            SimulationEvent::Progress { done, total } => {
                let event = Event::Progress(pb::SimulationProgress { done, total });
                return Ok((event, Telling::Asking(simulation, spool)));
            }
            SimulationEvent::Changed(changes) => {
                for change in changes {
                    let turn = change.turn;
                    spool.put(turn, &changed(change)).map_err(OperatorError::Spool)?;
                }
            }
            SimulationEvent::Summary(summary) => {
                let told = spool.tell().map_err(OperatorError::Spool)?;
                let left_out = summary.sums.total.changed().saturating_sub(told.left());
                let event = Event::Summary(finished(*summary, left_out));
                return Ok((event, Telling::Changes(told)));
            }
        }
    }
    // A simulation ends with its summary or an error.
    Ok((Event::Progress(pb::SimulationProgress::default()), Telling::Over))
}

fn finished(summary: Summary, changes_left_out: u64) -> pb::Simulation {
    let Summary { simulated_at, replay_at, bundle, in_force, sums, removed } = summary;
    let row = |key: String, sum: Tally| pb::SimulationRow { key, tally: Some(tally(sum)) };
    let named = |it: &Row| row(it.name.clone(), it.tally);
    let organizations = sums.organizations.iter();
    let by_reason = |reason: &Reason| Some(row(reason_word(*reason), *sums.reasons.get(reason)?));
    pb::Simulation {
        simulated_at: Some(to_instant(simulated_at)),
        replay_at: replay_at.map(to_instant),
        bundle_digest: bundle.to_string(),
        bundle_digest_in_force: in_force.map(|digest| digest.to_string()).unwrap_or_default(),
        total: Some(tally(sums.total)),
        organizations: organizations
            .map(|(id, sum)| row(OrganizationName(id.clone()).to_string(), *sum))
            .collect(),
        groups: sums.groups.iter().map(named).collect(),
        platforms: sums.platforms().map(named).collect(),
        reasons: Reason::ALL.iter().filter_map(by_reason).collect(),
        changes: Vec::new(),
        changes_left_out,
        policies_removed: removed.into_iter().map(|it| PolicyName(it.name).to_string()).collect(),
    }
}

fn reason_word(reason: Reason) -> String {
    types::Reason::from(reason).as_str_name().to_owned()
}

fn tally(tally: Tally) -> pb::SimulationTally {
    let Tally { cases, unchanged, lose_mail, gain_mail, stricter, looser, taken_over, left_alone } =
        tally;
    pb::SimulationTally {
        cases,
        unchanged,
        lose_mail,
        gain_mail,
        stricter,
        looser,
        taken_over,
        left_alone,
    }
}

fn changed(change: Change) -> pb::SimulatedChange {
    let Change { device, turn, primary_smtp, model, platform, before, after, state, predicted } =
        change;
    let turn = match turn {
        Turn::LoseMail => pb::AccessTurn::LoseMail,
        Turn::GainMail => pb::AccessTurn::GainMail,
        Turn::Stricter => pb::AccessTurn::Stricter,
        Turn::Looser => pb::AccessTurn::Looser,
        Turn::TakenOver => pb::AccessTurn::TakenOver,
        Turn::LeftAlone => pb::AccessTurn::LeftAlone,
    };
    let reasons = |answer: &Answer| {
        answer.reasons.iter().map(|reason| types::Reason::from(*reason).into()).collect()
    };
    let (access_state, access_state_text) = convert::access_state(state);
    pb::SimulatedChange {
        device: device.to_string(),
        turn: turn.into(),
        primary_smtp,
        device_model: model,
        platform,
        reasons_before: reasons(&before),
        reasons_after: reasons(&after),
        access_before: types::Access::from(before.access).into(),
        access_after: types::Access::from(after.access).into(),
        access_state: access_state.into(),
        access_state_text,
        predicted_state: predicted.map(|state| convert::access_state(state).0.into()),
    }
}
