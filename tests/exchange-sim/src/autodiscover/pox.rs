//! Owns Autodiscover as plain old XML ([MS-OXDSCLI]): the provider for Outlook, which also names EWS.

use http::StatusCode;
use jiff::Timestamp;

use super::{Authorities, Whose, over_http, whose};
use crate::faults::AutodiscoverAnswer;
use crate::web::{Answer, Call};
use crate::world::World;
use crate::world::mailbox::Mailbox;
use crate::xml::{Element, escaped};

/// The namespaces of answers ([MS-OXDSCLI] 2.2.4.1); the request's is not looked at, as its schema is.
const OUTER: &str = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006";
const OUTLOOK: &str =
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

/// Error codes with their messages ([MS-OXDSCLI] 2.2.4.1.1.3.2).
const NOT_FOUND: (u16, &str) = (500, "The email address can't be found.");
const INVALID: (u16, &str) = (600, "Invalid Request");
const NO_PROVIDER: (u16, &str) = (601, "Provider is not available");
const INTERNAL: (u16, &str) = (603, "Internal error");

/// Answers a request.
pub fn answer(call: &Call<'_>) -> Answer {
    let now = call.live.moment().now;
    let wanted = call.live.autodiscover_answer();
    if let Some(answer) = wanted.as_ref().and_then(over_http) {
        return answer;
    }
    let Ok(root) = Element::parse(call.body) else { return error(INVALID, now) };
    let Some(address) = root.text_at(&["Request", "EMailAddress"]) else {
        return error(INVALID, now);
    };
    if root.text_at(&["Request", "AcceptableResponseSchema"]) != Some(OUTLOOK) {
        return error(NO_PROVIDER, now);
    }
    match wanted {
        Some(AutodiscoverAnswer::RedirectAddress(target)) => {
            elsewhere("redirectAddr", "RedirectAddr", &target)
        }
        Some(AutodiscoverAnswer::RedirectUrl(target)) => {
            elsewhere("redirectUrl", "RedirectUrl", &target)
        }
        Some(AutodiscoverAnswer::Error(_)) => error(INTERNAL, now),
        Some(AutodiscoverAnswer::HttpRedirect(_) | AutodiscoverAnswer::HttpStatus(_)) | None => {
            let authorities = Authorities::of(call);
            call.live.read(|world| match whose(world, address) {
                Whose::Mailbox(mailbox) => settings(world, &mailbox, &authorities),
                Whose::Nobody | Whose::OtherDomain => error(NOT_FOUND, now),
            })
        }
    }
}

fn settings(world: &World, mailbox: &Mailbox, authorities: &Authorities) -> Answer {
    let Authorities { inside, outside } = authorities;
    let name = |authority: &str| {
        let name = authority.split(':').next().unwrap_or(authority);
        escaped(name)
    };
    let dn = mailbox.legacy_dn(&world.blueprint.name);
    respond(&format!(
        "<User><DisplayName>{}</DisplayName><LegacyDN>{}</LegacyDN>\
         <AutoDiscoverSMTPAddress>{}</AutoDiscoverSMTPAddress><DeploymentId>{}</DeploymentId></User>\
         <Account><AccountType>email</AccountType><Action>settings</Action>\
         <MicrosoftOnline>False</MicrosoftOnline>{}{}</Account>",
        escaped(&mailbox.display_name),
        escaped(&dn),
        escaped(&mailbox.primary_smtp_address),
        world.settings.guid,
        protocol("EXCH", &name(inside), inside),
        protocol("EXPR", &name(outside), outside),
    ))
}

fn protocol(kind: &str, server: &str, authority: &str) -> String {
    let url = format!("https://{}/EWS/Exchange.asmx", escaped(authority));
    let reach = match kind {
        "EXPR" => "<SSL>On</SSL><AuthPackage>Ntlm</AuthPackage>",
        _ => "",
    };
    format!(
        "<Protocol><Type>{kind}</Type><Server>{server}</Server>{reach}<ASUrl>{url}</ASUrl>\
         <EwsUrl>{url}</EwsUrl></Protocol>"
    )
}

fn elsewhere(action: &str, element: &str, target: &str) -> Answer {
    respond(&format!(
        "<Account><AccountType>email</AccountType><Action>{action}</Action><{element}>{}</{element}>\
         </Account>",
        escaped(target)
    ))
}

fn respond(inner: &str) -> Answer {
    enclose(&format!("<Response xmlns=\"{OUTLOOK}\">{inner}</Response>"))
}

fn error((code, message): (u16, &str), now: Timestamp) -> Answer {
    let time = now.strftime("%H:%M:%S%.6f");
    enclose(&format!(
        "<Response><Error Time=\"{time}\" Id=\"1054084152\"><ErrorCode>{code}</ErrorCode>\
         <Message>{message}</Message><DebugData/></Error></Response>"
    ))
}

fn enclose(inner: &str) -> Answer {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns=\"{OUTER}\">{inner}\
         </Autodiscover>"
    );
    Answer::new(StatusCode::OK, "text/xml; charset=utf-8", body)
}
