//! Owns what a phone's request says in its address and its headers.
//!
//! Source: [MS-ASHTTP] 2.2.1.1.1 (the query value, plain and in base64) and 2.2.1.1.2 (headers).
//! Invariant: a request names a command, a phone and its kind, or it is refused.

use std::fmt;

use axum::extract::Query;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use http::header::{HeaderMap, USER_AGENT};
use serde::Deserialize;
use thiserror::Error;

/// The longest DeviceId and DeviceType ([MS-ASHTTP] 2.2.1.1.1.2.3 has 32 characters for both).
const NAME_CHARACTERS_MAX: usize = 32;
/// The longest user agent that is kept.
const USER_AGENT_CHARACTERS_MAX: usize = 256;

/// A version of the protocol, such as 14.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Protocol(pub u8, pub u8);

/// What a phone asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Changes of a folder.
    Sync,
    /// The list of folders.
    FolderSync,
    /// To be told when something changed.
    Ping,
    /// Its policy, or what to do beside mail.
    Provision,
    /// To tell about itself.
    Settings,
    /// Anything else.
    Other,
}

/// A request without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked for.
    pub command: Command,
    /// The phone's id.
    pub device_id: String,
    /// The phone's kind.
    pub device_type: String,
    /// The policy key that the phone has; none when it sends none.
    pub policy_key: Option<u32>,
    /// The version it speaks.
    pub protocol: Protocol,
    /// Its user agent.
    pub user_agent: Option<String>,
}

/// Why an address is no request.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// Something is missing or unreadable.
    #[error("the query value is unreadable")]
    Query,
    /// An id or a kind that no phone has.
    #[error("{0} must be 1 to {NAME_CHARACTERS_MAX} letters and digits")]
    Name(&'static str),
    /// A version nobody speaks.
    #[error("{0:?} is not a protocol version")]
    Protocol(String),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Plain {
    cmd: String,
    device_id: String,
    device_type: String,
}

impl Request {
    /// Reads it.
    pub fn read(uri: &Uri, headers: &HeaderMap) -> Result<Self, RequestError> {
        let query = uri.query().unwrap_or_default();
        let mut request = if query.contains('=') && query.contains("Cmd") {
            plain(uri, headers)?
        } else {
            encoded(query)?
        };
        for (name, text) in [("DeviceId", &request.device_id), ("DeviceType", &request.device_type)]
        {
            let is_name = (1..=NAME_CHARACTERS_MAX).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if !is_name {
                return Err(RequestError::Name(name));
            }
        }
        let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        let agent = agent.filter(|text| !text.is_empty());
        request.user_agent =
            agent.map(|text| text.chars().take(USER_AGENT_CHARACTERS_MAX).collect());
        Ok(request)
    }
}

fn plain(uri: &Uri, headers: &HeaderMap) -> Result<Request, RequestError> {
    let Query(Plain { cmd, device_id, device_type }) =
        Query::try_from_uri(uri).map_err(|_| RequestError::Query)?;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let protocol = header("MS-ASProtocolVersion").unwrap_or("2.5");
    Ok(Request {
        command: Command::named(&cmd),
        device_id,
        device_type,
        policy_key: header("X-MS-PolicyKey").and_then(|key| key.trim().parse().ok()),
        protocol: Protocol::read(protocol)?,
        user_agent: None,
    })
}

/// The value in base64: version, command, locale, then id, key and kind, each after its length.
fn encoded(query: &str) -> Result<Request, RequestError> {
    let bytes = STANDARD.decode(query).map_err(|_| RequestError::Query)?;
    let [version, command, _, _, rest @ ..] = bytes.as_slice() else {
        return Err(RequestError::Query);
    };
    let (device_id, rest) = counted(rest)?;
    let (key, rest) = counted(rest)?;
    let (device_type, _) = counted(rest)?;
    let key: Option<[u8; 4]> = key.try_into().ok();
    Ok(Request {
        command: Command::coded(*command),
        device_id: name(device_id),
        device_type: name(device_type),
        policy_key: key.map(u32::from_le_bytes),
        protocol: Protocol(version / 10, version % 10),
        user_agent: None,
    })
}

fn counted(bytes: &[u8]) -> Result<(&[u8], &[u8]), RequestError> {
    let (length, rest) = bytes.split_first().ok_or(RequestError::Query)?;
    rest.split_at_checked(usize::from(*length)).ok_or(RequestError::Query)
}

/// Some phones send the bytes of their id, not its letters.
fn name(bytes: &[u8]) -> String {
    if bytes.iter().all(u8::is_ascii_alphanumeric) {
        return bytes.iter().map(|byte| char::from(*byte)).collect();
    }
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

impl Command {
    fn named(name: &str) -> Self {
        match name {
            "Sync" => Self::Sync,
            "FolderSync" => Self::FolderSync,
            "Ping" => Self::Ping,
            "Provision" => Self::Provision,
            "Settings" => Self::Settings,
            _ => Self::Other,
        }
    }

    /// By command code.
    fn coded(code: u8) -> Self {
        match code {
            0 => Self::Sync,
            9 => Self::FolderSync,
            17 => Self::Settings,
            18 => Self::Ping,
            20 => Self::Provision,
            _ => Self::Other,
        }
    }
}

impl Protocol {
    fn read(text: &str) -> Result<Self, RequestError> {
        let parts = text.trim().split_once('.');
        let read =
            parts.and_then(|(major, minor)| Some(Self(major.parse().ok()?, minor.parse().ok()?)));
        read.ok_or_else(|| RequestError::Protocol(text.to_owned()))
    }

    /// Says whether refusals come as a status in an answer, and not as an HTTP status.
    pub fn has_statuses(self) -> bool {
        self >= Self(14, 0)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(address: &str, headers: &[(&'static str, &str)]) -> Result<Request, RequestError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        Request::read(&address.parse().unwrap(), &map)
    }

    #[test]
    fn the_published_plain_query_is_read() {
        // [MS-ASPROV] 4.1.1.
        let address = "/Microsoft-Server-ActiveSync?User=deviceuser&\
                       DeviceId=6F24CAD599A5BF1A690246B8C68FAE8D&DeviceType=PocketPC&Cmd=FolderSync";
        let headers =
            [("ms-asprotocolversion", "14.0"), ("x-ms-policykey", "0"), ("user-agent", "ASOM")];

        let request = read(address, &headers).unwrap();

        assert_eq!(request.command, Command::FolderSync);
        assert_eq!(request.device_id, "6F24CAD599A5BF1A690246B8C68FAE8D");
        assert_eq!((request.policy_key, request.protocol), (Some(0), Protocol(14, 0)));
        assert_eq!(request.user_agent.as_deref(), Some("ASOM"));
        assert!(request.protocol.has_statuses());
    }

    #[test]
    fn the_published_query_in_base64_is_read() {
        // [MS-ASHTTP] 2.2.1.1.1.1.
        let address = "/Microsoft-Server-ActiveSync?jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l";

        let request = read(address, &[]).unwrap();

        assert_eq!(request.command, Command::Sync);
        assert_eq!((&*request.device_id, &*request.device_type), ("v140Device", "SmartPhone"));
        assert_eq!((request.policy_key, request.protocol), (None, Protocol(14, 0)));
    }

    #[test]
    fn what_names_no_phone_is_refused() {
        let base = "/Microsoft-Server-ActiveSync";
        for query in ["", "?Cmd=Sync", "?Cmd=Sync&DeviceId=a%20b&DeviceType=x", "?jAAJBAp2"] {
            assert!(read(&format!("{base}{query}"), &[]).is_err(), "{query}");
        }
        let whole = format!("{base}?Cmd=Sync&DeviceId=A1&DeviceType=x");
        assert!(read(&whole, &[]).is_ok());
        assert!(read(&whole, &[("ms-asprotocolversion", "new")]).is_err());
    }
}
