//! Owns Autodiscover over SOAP: `GetUserSettings` ([MS-OXWSADISC] 3.1.4.3).

use http::StatusCode;

use super::{Authorities, Whose, over_http, whose};
use crate::ews::envelope::{SOAP, schemas};
use crate::faults::AutodiscoverAnswer;
use crate::web::{Answer, Call};
use crate::world::World;
use crate::world::mailbox::Mailbox;
use crate::xml::{Element, escaped};

/// The namespace, which is also the beginning of the actions.
const AUTODISCOVER: &str = "http://schemas.microsoft.com/exchange/2010/Autodiscover";
const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";
const CONTENT_TYPE: &str = "text/xml; charset=utf-8";
/// The most users of a request ("GetUserSettings operation (SOAP)").
const USERS_MAX: usize = 100;
/// The most settings of a request.
const SETTINGS_MAX: usize = 200;

/// Settings that a server may be asked for and has nothing to tell of here ("Setting (SOAP)").
const OTHER_SETTINGS: &[&str] = &[
    "ActiveDirectoryServer",
    "AlternateMailboxes",
    "CrossOrganizationSharingEnabled",
    "EcpDeliveryReportUrlFragment",
    "EcpEmailSubscriptionsUrlFragment",
    "EcpPublishingUrlFragment",
    "EcpRetentionPolicyTagsUrlFragment",
    "EcpTextMessagingUrlFragment",
    "EcpVoicemailUrlFragment",
    "ExchangeRpcUrl",
    "ExternalEcpDeliveryReportUrl",
    "ExternalEcpEmailSubscriptionsUrl",
    "ExternalEcpPublishingUrl",
    "ExternalEcpRetentionPolicyTagsUrl",
    "ExternalEcpTextMessagingUrl",
    "ExternalEcpUrl",
    "ExternalEcpVoicemailUrl",
    "ExternalEwsVersion",
    "ExternalImap4Connections",
    "ExternalMailboxServer",
    "ExternalMailboxServerAuthenticationMethods",
    "ExternalMailboxServerRequiresSSL",
    "ExternalOABUrl",
    "ExternalPop3Connections",
    "ExternalServerExclusiveConnect",
    "ExternalSmtpConnections",
    "ExternalUMUrl",
    "ExternalWebClientUrls",
    "GroupingInformation",
    "InternalEcpDeliveryReportUrl",
    "InternalEcpEmailSubscriptionsUrl",
    "InternalEcpPublishingUrl",
    "InternalEcpRetentionPolicyTagsUrl",
    "InternalEcpTextMessagingUrl",
    "InternalEcpUrl",
    "InternalEcpVoicemailUrl",
    "InternalImap4Connections",
    "InternalMailboxServerDN",
    "InternalOABUrl",
    "InternalPop3Connections",
    "InternalRpcClientServer",
    "InternalServerExclusiveConnect",
    "InternalSmtpConnections",
    "InternalUMUrl",
    "InternalWebClientUrls",
    "InteropExternalEwsUrl",
    "InteropExternalEwsVersion",
    "MailboxDN",
    "MapiHttpEnabled",
    "MobileMailboxPolicyInterop",
    "PublicFolderServer",
    "ShowGalAsDefaultView",
    "UserMSOnline",
];

/// Answers a request.
pub fn answer(call: &Call<'_>) -> Answer {
    let numbers = call.live.read(|world| {
        let held = world.servers.iter().find(|held| held.name == call.server);
        held.map_or(world.blueprint.version, |held| held.version).numbers()
    });
    let root = match Element::parse(call.body) {
        Ok(root) if root.namespace == SOAP && root.name == "Envelope" => root,
        Ok(_) => return fault("The message is no SOAP 1.1 envelope."),
        Err(error) => return fault(&exgate_runtime::report(&error)),
    };
    let asked = root.at(&["Body", "GetUserSettingsRequestMessage", "Request"]);
    let Some(asked) = asked else {
        return fault("The action is not supported; there is GetUserSettings.");
    };
    let wanted = call.live.autodiscover_answer();
    if let Some(answer) = wanted.as_ref().and_then(over_http) {
        return answer;
    }
    if let Some(AutodiscoverAnswer::Error(code)) = &wanted {
        return enclosed(numbers, code, "The experimenter wants it.", "");
    }
    let users: Vec<_> =
        asked.child("Users").into_iter().flat_map(|users| &users.children).collect();
    let settings = asked.child("RequestedSettings").into_iter().flat_map(|held| &held.children);
    let settings: Vec<_> = settings.map(|setting| setting.text.trim()).collect();
    if users.is_empty() || users.len() > USERS_MAX {
        let text = "At least one and at most 100 users must be specified.";
        return enclosed(numbers, "InvalidRequest", text, "");
    }
    if settings.is_empty() || settings.len() > SETTINGS_MAX {
        return enclosed(numbers, "InvalidRequest", "The number of settings is invalid.", "");
    }
    let authorities = Authorities::of(call);
    let responses: String = users
        .iter()
        .map(|user| {
            let address = user.text_at(&["Mailbox"]).unwrap_or_default();
            match &wanted {
                Some(AutodiscoverAnswer::RedirectAddress(target)) => {
                    redirect("RedirectAddress", target)
                }
                Some(AutodiscoverAnswer::RedirectUrl(target)) => redirect("RedirectUrl", target),
                Some(
                    AutodiscoverAnswer::Error(_)
                    | AutodiscoverAnswer::HttpRedirect(_)
                    | AutodiscoverAnswer::HttpStatus(_),
                )
                | None => call.live.read(|world| {
                    user_response(world, address, &settings, (&authorities, numbers))
                }),
            }
        })
        .collect();
    enclosed(numbers, "NoError", "", &format!("<UserResponses>{responses}</UserResponses>"))
}

fn user_response(
    world: &World,
    address: &str,
    settings: &[&str],
    (authorities, numbers): (&Authorities, [i32; 4]),
) -> String {
    let mailbox = match whose(world, address) {
        Whose::Mailbox(mailbox) => mailbox,
        Whose::Nobody => return refused("InvalidUser", &format!("Invalid user: '{address}'")),
        Whose::OtherDomain => {
            return refused("InvalidDomain", &format!("Invalid domain: '{address}'"));
        }
    };
    let (mut errors, mut values) = (String::new(), String::new());
    for &name in settings {
        let escaped_name = escaped(name);
        if let Some(value) = value(world, &mailbox, name, (authorities, numbers)) {
            values.push_str(&format!(
                "<UserSetting i:type=\"StringSetting\"><Name>{escaped_name}</Name><Value>{}</Value>\
                 </UserSetting>",
                escaped(&value)
            ));
            continue;
        }
        let code = match OTHER_SETTINGS.contains(&name) {
            true => "SettingIsNotAvailable",
            false => "InvalidSetting",
        };
        errors.push_str(&format!(
            "<UserSettingError><ErrorCode>{code}</ErrorCode><ErrorMessage>{code}: {escaped_name}\
             </ErrorMessage><SettingName>{escaped_name}</SettingName></UserSettingError>"
        ));
    }
    format!(
        "<UserResponse><ErrorCode>NoError</ErrorCode><ErrorMessage>No error.</ErrorMessage>\
         <RedirectTarget i:nil=\"true\"/><UserSettingErrors>{errors}</UserSettingErrors>\
         <UserSettings>{values}</UserSettings></UserResponse>"
    )
}

fn value(
    world: &World,
    mailbox: &Mailbox,
    name: &str,
    (authorities, numbers): (&Authorities, [i32; 4]),
) -> Option<String> {
    let [major, minor, build, revision] = numbers;
    let ews = |authority: &str| format!("https://{authority}/EWS/Exchange.asmx");
    Some(match name {
        "UserDisplayName" => mailbox.display_name.clone(),
        "UserDN" => mailbox.legacy_dn(&world.blueprint.name),
        "UserDeploymentId" => world.settings.guid.to_string(),
        "AutoDiscoverSMTPAddress" => mailbox.primary_smtp_address.clone(),
        "InternalMailboxServer" => world.blueprint.server_fqdn(),
        "InternalEwsUrl" => ews(&authorities.inside),
        "ExternalEwsUrl" => ews(&authorities.outside),
        "EwsSupportedSchemas" => schemas(numbers).join(", "),
        "CasVersion" => format!("{major}.{minor}.{build}.{revision}"),
        _ => return None,
    })
}

fn redirect(code: &str, target: &str) -> String {
    format!(
        "<UserResponse><ErrorCode>{code}</ErrorCode><ErrorMessage>Redirection.</ErrorMessage>\
         <RedirectTarget>{}</RedirectTarget><UserSettingErrors/><UserSettings/></UserResponse>",
        escaped(target)
    )
}

fn refused(code: &str, text: &str) -> String {
    format!(
        "<UserResponse><ErrorCode>{code}</ErrorCode><ErrorMessage>{}</ErrorMessage>\
         <RedirectTarget i:nil=\"true\"/><UserSettingErrors i:nil=\"true\"/>\
         <UserSettings i:nil=\"true\"/></UserResponse>",
        escaped(text)
    )
}

fn enclosed(numbers: [i32; 4], code: &str, text: &str, inner: &str) -> Answer {
    let [major, minor, build, revision] = numbers;
    let version = schemas(numbers).last().copied().unwrap_or_default();
    let (code, text) = (escaped(code), escaped(text));
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"{SOAP}\" \
         xmlns:a=\"{ADDRESSING}\"><s:Header><a:Action s:mustUnderstand=\"1\">\
         {AUTODISCOVER}/Autodiscover/GetUserSettingsResponse</a:Action>\
         <h:ServerVersionInfo xmlns:h=\"{AUTODISCOVER}\"><h:MajorVersion>{major}</h:MajorVersion>\
         <h:MinorVersion>{minor}</h:MinorVersion><h:MajorBuildNumber>{build}</h:MajorBuildNumber>\
         <h:MinorBuildNumber>{revision}</h:MinorBuildNumber><h:Version>{version}</h:Version>\
         </h:ServerVersionInfo></s:Header><s:Body>\
         <GetUserSettingsResponseMessage xmlns=\"{AUTODISCOVER}\"><Response xmlns:i=\"{INSTANCE}\">\
         <ErrorCode>{code}</ErrorCode><ErrorMessage>{text}</ErrorMessage>{inner}</Response>\
         </GetUserSettingsResponseMessage></s:Body></s:Envelope>"
    );
    Answer::new(StatusCode::OK, CONTENT_TYPE, body)
}

fn fault(text: &str) -> Answer {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"{SOAP}\"><s:Body><s:Fault>\
         <faultcode>s:Client</faultcode><faultstring xml:lang=\"en-US\">{}</faultstring></s:Fault>\
         </s:Body></s:Envelope>",
        escaped(text)
    );
    Answer::new(StatusCode::INTERNAL_SERVER_ERROR, CONTENT_TYPE, body)
}
