//! Owns the control surface over HTTP: JSON in, JSON out, on loopback, without a password.
//!
//! Invariant: every path does one thing of [`Control`]; a refusal is a problem document (RFC 9457) whose
//! `detail` is one clear sentence, and whose `cure` says what to do about it where that is not clear.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{delete, get, post};
use serde::{Deserialize, Serialize};
use serde_json::json;

use exgate_runtime::report;

use super::handle::Control;
use super::refusal::ControlError;
use super::streaming::array;
use super::views::{DeviceQuery, Misbehaviour, NewDevice, NewSettings, OsUpdate};
use crate::cmdlets::rights::Rights;
use crate::faults::Faults;
use crate::faults::validation::with_suggestion;
use crate::time::Mode;
use crate::winrm::throttle::Limits;

/// A refusal over HTTP.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    detail: String,
    cure: Option<&'static str>,
}

type Answer = Result<Response, Refusal>;

/// The paths.
pub fn router(control: Control) -> Router {
    let organization = Router::new()
        .route("/", get(organization))
        .route("/devices", get(devices).post(new_device))
        .route("/devices/{device}", get(device))
        .route("/devices/{device}/sync", post(sync))
        .route("/devices/{device}/os-update", post(os_update))
        .route("/devices/{device}/reset", post(reset))
        .route("/devices/{device}/misbehave", post(misbehave))
        .route("/mailboxes", get(mailboxes))
        .route("/mailboxes/{mailbox}", get(mailbox))
        .route("/mailboxes/{mailbox}/move", post(move_mailbox))
        .route("/mails", get(mails))
        .route("/cmdlets", get(cmdlets))
        .route("/settings", post(settings))
        .route("/accounts", get(accounts).post(set_accounts))
        .route("/throttle", get(throttle).post(set_throttle))
        .route("/faults", get(faults).post(set_faults).delete(clear_faults))
        .route("/faults/add", post(add_faults))
        .route("/faults/{number}", delete(clear_fault));
    Router::new()
        .route("/organizations", get(organizations))
        .nest("/organizations/{organization}", organization)
        .route("/_ledger", get(ledger))
        .route("/time", get(time))
        .route("/time/advance", post(advance))
        .route("/time/speed", post(speed))
        .fallback(unknown)
        .with_state(control)
}

async fn organizations(State(control): State<Control>) -> Answer {
    ok(control.organizations())
}

async fn organization(State(control): State<Control>, Path(name): Path<String>) -> Answer {
    ok(control.organization(&name)?)
}

async fn devices(
    State(control): State<Control>,
    Path(name): Path<String>,
    query: Result<Query<DeviceQuery>, QueryRejection>,
) -> Answer {
    let Query(query) = query?;
    Ok(array(control.each_device(&name, query)?))
}

async fn device(
    State(control): State<Control>,
    Path((name, device)): Path<(String, String)>,
) -> Answer {
    ok(control.device(&name, &device)?)
}

async fn new_device(
    State(control): State<Control>,
    Path(name): Path<String>,
    new: Result<Json<NewDevice>, JsonRejection>,
) -> Answer {
    let Json(new) = new?;
    let device = control.new_device(&name, &new)?;
    Ok((StatusCode::CREATED, Json(device)).into_response())
}

async fn sync(
    State(control): State<Control>,
    Path((name, device)): Path<(String, String)>,
) -> Answer {
    ok(control.sync(&name, &device)?)
}

async fn os_update(
    State(control): State<Control>,
    Path((name, device)): Path<(String, String)>,
    update: Result<Json<OsUpdate>, JsonRejection>,
) -> Answer {
    let Json(update) = update?;
    ok(control.os_update(&name, &device, &update)?)
}

async fn reset(
    State(control): State<Control>,
    Path((name, device)): Path<(String, String)>,
) -> Answer {
    Ok((StatusCode::CREATED, Json(control.reset(&name, &device)?)).into_response())
}

async fn misbehave(
    State(control): State<Control>,
    Path((name, device)): Path<(String, String)>,
    misbehaviour: Result<Json<Misbehaviour>, JsonRejection>,
) -> Answer {
    let Json(misbehaviour) = misbehaviour?;
    ok(control.misbehave(&name, &device, &misbehaviour)?)
}

async fn move_mailbox(
    State(control): State<Control>,
    Path((name, mailbox)): Path<(String, String)>,
) -> Answer {
    ok(control.move_mailbox(&name, &mailbox)?)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MailboxQuery {
    limit: Option<usize>,
}

async fn mailboxes(
    State(control): State<Control>,
    Path(name): Path<String>,
    query: Result<Query<MailboxQuery>, QueryRejection>,
) -> Answer {
    let Query(query) = query?;
    Ok(array(control.each_mailbox(&name, query.limit.unwrap_or(usize::MAX))?))
}

async fn mailbox(
    State(control): State<Control>,
    Path((name, mailbox)): Path<(String, String)>,
) -> Answer {
    ok(control.mailbox(&name, &mailbox)?)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MailQuery {
    mailbox: Option<String>,
}

async fn mails(
    State(control): State<Control>,
    Path(name): Path<String>,
    query: Result<Query<MailQuery>, QueryRejection>,
) -> Answer {
    let Query(query) = query?;
    ok(control.mails(&name, query.mailbox.as_deref())?)
}

async fn cmdlets(State(control): State<Control>, Path(name): Path<String>) -> Answer {
    ok(control.cmdlets(&name)?)
}

async fn settings(
    State(control): State<Control>,
    Path(name): Path<String>,
    new: Result<Json<NewSettings>, JsonRejection>,
) -> Answer {
    let Json(new) = new?;
    ok(control.set_settings(&name, &new)?)
}

async fn faults(State(control): State<Control>, Path(name): Path<String>) -> Answer {
    ok(control.faults(&name)?)
}

async fn set_faults(
    State(control): State<Control>,
    Path(name): Path<String>,
    faults: Result<Json<Faults>, JsonRejection>,
) -> Answer {
    let Json(faults) = faults?;
    ok(control.set_faults(&name, faults)?)
}

async fn accounts(State(control): State<Control>, Path(name): Path<String>) -> Answer {
    ok(control.accounts(&name)?)
}

async fn set_accounts(
    State(control): State<Control>,
    Path(name): Path<String>,
    accounts: Result<Json<BTreeMap<String, Rights>>, JsonRejection>,
) -> Answer {
    let Json(accounts) = accounts?;
    ok(control.set_accounts(&name, accounts)?)
}

async fn add_faults(
    State(control): State<Control>,
    Path(name): Path<String>,
    more: Result<Json<Faults>, JsonRejection>,
) -> Answer {
    let Json(more) = more?;
    ok(control.add_faults(&name, more)?)
}

async fn clear_faults(State(control): State<Control>, Path(name): Path<String>) -> Answer {
    ok(control.set_faults(&name, Faults::default())?)
}

async fn clear_fault(
    State(control): State<Control>,
    Path((name, number)): Path<(String, usize)>,
) -> Answer {
    ok(control.clear_fault(&name, number)?)
}

async fn throttle(State(control): State<Control>, Path(name): Path<String>) -> Answer {
    ok(control.throttle(&name)?)
}

async fn set_throttle(
    State(control): State<Control>,
    Path(name): Path<String>,
    limits: Result<Json<Limits>, JsonRejection>,
) -> Answer {
    let Json(limits) = limits?;
    ok(control.set_throttle(&name, limits)?)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LedgerQuery {
    organization: Option<String>,
    after: u64,
}

async fn ledger(
    State(control): State<Control>,
    query: Result<Query<LedgerQuery>, QueryRejection>,
) -> Answer {
    let Query(query) = query?;
    ok(control.ledger(query.organization.as_deref(), query.after)?)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Advance {
    seconds: u64,
    milliseconds: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Speed {
    mode: Mode,
}

async fn time(State(control): State<Control>) -> Answer {
    ok(control.time())
}

async fn speed(
    State(control): State<Control>,
    speed: Result<Json<Speed>, JsonRejection>,
) -> Answer {
    let Json(speed) = speed?;
    ok(control.set_mode(speed.mode)?)
}

async fn advance(
    State(control): State<Control>,
    advance: Result<Json<Advance>, JsonRejection>,
) -> Answer {
    let Json(advance) = advance?;
    let Advance { seconds, milliseconds } = advance;
    ok(control.advance_ms(seconds.saturating_mul(1000).saturating_add(milliseconds))?)
}

async fn unknown() -> Refusal {
    let paths = "there are /organizations, /organizations/{name} with /devices, \
                 /devices/{id}, /devices/{id}/sync, /devices/{id}/os-update, /devices/{id}/reset, \
                 /devices/{id}/misbehave, /mailboxes, /mailboxes/{id}, /mailboxes/{id}/move, /mails, \
                 /cmdlets, /settings, /accounts, /throttle, /faults, /faults/add and /faults/{number} below it, \
                 /_ledger, /time, /time/advance and /time/speed";
    Refusal { status: StatusCode::NOT_FOUND, detail: "no such path".to_owned(), cure: Some(paths) }
}

fn ok(value: impl Serialize) -> Answer {
    Ok(Json(value).into_response())
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { status, detail, cure } = self;
        let title = status.canonical_reason();
        let problem = json!({
            "status": status.as_u16(),
            "title": title,
            "detail": detail,
            "cure": cure,
        });
        (status, [(CONTENT_TYPE, "application/problem+json")], problem.to_string()).into_response()
    }
}

impl From<ControlError> for Refusal {
    fn from(error: ControlError) -> Self {
        let status = match error {
            ControlError::Organization { .. }
            | ControlError::Account { .. }
            | ControlError::Mailbox { .. }
            | ControlError::Device { .. }
            | ControlError::Fault { .. } => StatusCode::NOT_FOUND,
            ControlError::Ambiguous { .. }
            | ControlError::Disabled { .. }
            | ControlError::Known { .. }
            | ControlError::TooMany { .. }
            | ControlError::TimeRuns => StatusCode::CONFLICT,
            ControlError::Invalid { .. } => StatusCode::BAD_REQUEST,
            ControlError::Journal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, detail: report(&error), cure: error.cure() }
    }
}

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Self {
        let detail = with_suggestion(&rejection.body_text());
        Self { status: rejection.status(), detail, cure: None }
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        let detail = with_suggestion(&rejection.body_text());
        Self { status: rejection.status(), detail, cure: None }
    }
}
