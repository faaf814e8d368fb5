//! Owns SOAP 1.1 as Exchange Web Services speak it: the request taken apart, answers and faults put together.

use super::code::{Code, Failure};
use crate::xml::{Element, escaped};

/// SOAP 1.1, 4.
pub const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// Operations and their answers (`messages.xsd`).
pub const MESSAGES: &str = "http://schemas.microsoft.com/exchange/services/2006/messages";
/// Everything in them (`types.xsd`).
pub const TYPES: &str = "http://schemas.microsoft.com/exchange/services/2006/types";
/// The details of a fault.
const ERRORS: &str = "http://schemas.microsoft.com/exchange/services/2006/errors";

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The operation's element, such as `CreateItem`.
    pub operation: &'a Element,
    /// `RequestServerVersion`.
    pub version: Option<&'a str>,
    /// `ConnectingSID` of an `ExchangeImpersonation`.
    pub connecting: Option<&'a Element>,
}

/// Finds the parts of a request.
pub fn open(root: &Element) -> Result<Asked<'_>, Failure> {
    let schema = |what: &str| Failure::saying(Code::ErrorSchemaValidation, what);
    if (root.namespace.as_str(), root.name.as_str()) != (SOAP, "Envelope") {
        return Err(schema("The root is no SOAP 1.1 envelope."));
    }
    let operation = root.child("Body").and_then(|body| body.children.first());
    let operation = operation.ok_or_else(|| schema("The body is empty."))?;
    if operation.namespace != MESSAGES {
        return Err(schema("The body is none of an operation."));
    }
    let header = root.child("Header");
    let version = header.and_then(|header| header.child("RequestServerVersion"));
    let version = version.and_then(|version| version.attribute("Version"));
    let connecting =
        header.and_then(|header| header.at(&["ExchangeImpersonation", "ConnectingSID"]));
    Ok(Asked { operation, version, connecting })
}

/// The request's versions that a server knows, oldest first, by the numbers of its own.
///
/// Source: "RequestServerVersion" in the EWS reference. Without one a request is one of `Exchange2007`.
pub fn schemas([major, minor, _, _]: [i32; 4]) -> &'static [&'static str] {
    let all: &[&str] = &[
        "Exchange2007",
        "Exchange2007_SP1",
        "Exchange2010",
        "Exchange2010_SP1",
        "Exchange2010_SP2",
        "Exchange2013",
        "Exchange2013_SP1",
        "Exchange2015",
        "Exchange2016",
    ];
    let known = match (major, minor) {
        (..=14, _) => 5,
        (15, 0) => 7,
        (_, _) => all.len(),
    };
    all.get(..known).unwrap_or(all)
}

/// Says whether a server takes a request of this version.
pub fn takes(numbers: [i32; 4], version: &str) -> bool {
    let [major, minor, _, _] = numbers;
    // 2016 and later also name their schemas by date, such as V2017_07_11.
    schemas(numbers).contains(&version) || (major, minor) >= (15, 1) && version.starts_with("V20")
}

/// Wraps an answer; `numbers` are the server's.
pub fn answer(numbers: [i32; 4], body: &str) -> String {
    let [major, minor, build, revision] = numbers;
    let newest = schemas(numbers).last().copied().unwrap_or_default();
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"{SOAP}\"><s:Header>\
         <h:ServerVersionInfo MajorVersion=\"{major}\" MinorVersion=\"{minor}\" \
         MajorBuildNumber=\"{build}\" MinorBuildNumber=\"{revision}\" Version=\"{newest}\" \
         xmlns:h=\"{TYPES}\" xmlns=\"{TYPES}\"/></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
}

/// A fault: the whole request is refused.
pub fn fault(failure: &Failure) -> String {
    let (code, text) = (failure.code.name(), escaped(&failure.text));
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"{SOAP}\"><s:Body><s:Fault>\
         <faultcode xmlns:a=\"{TYPES}\">a:{code}</faultcode>\
         <faultstring xml:lang=\"en-US\">{text}</faultstring><detail>\
         <e:ResponseCode xmlns:e=\"{ERRORS}\">{code}</e:ResponseCode>\
         <e:Message xmlns:e=\"{ERRORS}\">{text}</e:Message>{}</detail></s:Fault></s:Body></s:Envelope>",
        message_xml("t:MessageXml", &format!(" xmlns:t=\"{TYPES}\""), failure)
    )
}

/// The answer to an operation on several things: a message for each.
pub fn responses(operation: &str, messages: &[Result<String, Failure>]) -> String {
    let messages = messages.iter().map(|message| match message {
        Ok(inner) => format!(
            "<m:{operation}ResponseMessage ResponseClass=\"Success\">\
             <m:ResponseCode>NoError</m:ResponseCode>{inner}</m:{operation}ResponseMessage>"
        ),
        Err(failure) => refusal(operation, "Error", failure, ""),
    });
    wrapped(operation, &messages.collect::<String>())
}

/// Puts messages into an answer.
pub fn wrapped(operation: &str, messages: &str) -> String {
    format!(
        "<m:{operation}Response xmlns:m=\"{MESSAGES}\" xmlns:t=\"{TYPES}\"><m:ResponseMessages>\
         {messages}</m:ResponseMessages></m:{operation}Response>"
    )
}

/// A message of an answer that is an error, or a warning with a result.
pub fn refusal(operation: &str, class: &str, failure: &Failure, inner: &str) -> String {
    format!(
        "<m:{operation}ResponseMessage ResponseClass=\"{class}\"><m:MessageText>{}</m:MessageText>\
         <m:ResponseCode>{}</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>{}{inner}\
         </m:{operation}ResponseMessage>",
        escaped(&failure.text),
        failure.code.name(),
        message_xml("m:MessageXml", "", failure),
    )
}

fn message_xml(tag: &str, declared: &str, failure: &Failure) -> String {
    if failure.values.is_empty() {
        return String::new();
    }
    let values: String = failure
        .values
        .iter()
        .map(|(name, value)| format!("<t:Value Name=\"{name}\">{}</t:Value>", escaped(value)))
        .collect();
    format!("<{tag}{declared}>{values}</{tag}>")
}
