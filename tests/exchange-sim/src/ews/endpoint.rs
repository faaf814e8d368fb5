//! Owns what happens to one request: read, refused on purpose, acted on, answered.

use http::StatusCode;

use super::access::Access;
use super::code::{Code, Failure};
use super::envelope::{self, Asked};
use super::{convert_id, create_item, find_item, folders, get_item, names};
use crate::accounts::Person;
use crate::faults::EwsError;
use crate::live::Live;
use crate::web::{Answer, NoAnswer};
use crate::xml::Element;

/// The largest request, in bytes: a message of the largest size in base64, and its envelope.
pub const REQUEST_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What EWS answers in.
const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// Serves a request of a signed-in person at the server of this name.
pub async fn answer(
    live: &Live,
    server: &str,
    person: &Person,
    body: &[u8],
) -> Result<Answer, NoAnswer> {
    let root = match Element::parse(body) {
        Ok(root) => root,
        Err(error) => {
            let more = exgate_runtime::report(&error);
            return Ok(refused(&Failure::saying(Code::ErrorSchemaValidation, &more)));
        }
    };
    let asked = match envelope::open(&root) {
        Ok(asked) => asked,
        Err(failure) => return Ok(refused(&failure)),
    };
    let operation = asked.operation.name.as_str();
    let latency = live.faults().named_latency(operation);
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let numbers = live.read(|world| {
        let held = world.servers.iter().find(|held| held.name == server);
        held.map_or(world.blueprint.version, |held| held.version).numbers()
    });
    if asked.version.is_some_and(|version| !envelope::takes(numbers, version)) {
        return Ok(refused(&Code::ErrorInvalidServerVersion.into()));
    }
    if let Some(trouble) = live.ews_error(operation) {
        return Ok(on_purpose(&trouble, operation, numbers));
    }
    let done = act(live, person, asked)?;
    if live.loses_answer(&crate::faults::Site { cmdlet: operation, server }) {
        return Err(NoAnswer::Lost);
    }
    Ok(match done {
        Ok(body) => Answer::new(StatusCode::OK, CONTENT_TYPE, envelope::answer(numbers, &body)),
        Err(failure) => refused(&failure),
    })
}

/// Does what is asked. A failure here is of the whole request.
fn act(
    live: &Live,
    person: &Person,
    asked: Asked<'_>,
) -> Result<Result<String, Failure>, NoAnswer> {
    let Asked { operation, connecting, .. } = asked;
    if operation.name == "CreateItem" {
        let done =
            live.change(|world, moment| match Access::new(world, person, connecting, moment) {
                Err(failure) => (Vec::new(), Err(failure)),
                Ok(access) => {
                    let (events, answer) = create_item::create(&access, operation);
                    (events, Ok(answer))
                }
            });
        return done.map_err(NoAnswer::Journal);
    }
    let moment = live.moment();
    Ok(live.read(|world| {
        let access = Access::new(world, person, connecting, &moment)?;
        match operation.name.as_str() {
            "FindItem" => find_item::find(&access, operation),
            "GetItem" => get_item::get(&access, operation),
            "GetFolder" => folders::get(&access, operation),
            "FindFolder" => folders::find_below(&access, operation),
            "ResolveNames" => names::resolve(&access, operation),
            "ConvertId" => convert_id::convert(operation),
            _ => Err(Failure::saying(Code::ErrorInvalidOperation, OPERATIONS)),
        }
    }))
}

/// What there is.
const OPERATIONS: &str = "There are CreateItem, FindItem, GetItem, GetFolder, FindFolder, ResolveNames and \
                          ConvertId.";

/// The answer that the experimenter wants.
fn on_purpose(trouble: &EwsError, operation: &str, numbers: [i32; 4]) -> Answer {
    if let Some(status) = trouble.http_status {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        let mut answer = Answer::new(status, "text/plain; charset=utf-8", status.to_string());
        answer.retry_after_s = trouble.retry_after_s;
        return answer;
    }
    let mut failure = Failure::from(trouble.code.unwrap_or(Code::ErrorInternalServerError));
    failure.values.extend(trouble.back_off_ms.map(|ms| ("BackOffMilliseconds", ms.to_string())));
    if trouble.in_message.unwrap_or(!failure.code.is_fault()) {
        let body = envelope::responses(operation, &[Err(failure)]);
        return Answer::new(StatusCode::OK, CONTENT_TYPE, envelope::answer(numbers, &body));
    }
    refused(&failure)
}

fn refused(failure: &Failure) -> Answer {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Answer::new(status, CONTENT_TYPE, envelope::fault(failure))
}
