//! Owns how an answer that is no content looks: as an HTTP status up to protocol 12.1, as a status in
//! the answer's document since 14.0.
//!
//! Source: [MS-ASHTTP] 2.2.2.1.1, [MS-ASCMD] 2.2.2 (common status codes), [MS-ASPROV] 3.1.5.2 and its
//! product behaviour notes (449 for 12.1).

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body_util::Full;

use super::request::{Command, Request};
use super::wbxml::{Element, Tag, air_sync, folder_hierarchy, ping, provision, settings};

/// What HTTP answers with.
pub(super) type Reply = Response<Full<Bytes>>;

/// The media type of WBXML documents ([MS-ASHTTP] 2.2.1.1.2.2).
const WBXML: &str = "application/vnd.ms-sync.wbxml";

/// Why a phone gets no content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// 140, `RemoteWipeRequested`.
    Wipe,
    /// 141, `LegacyDeviceOnStrictPolicy`: it sends no policy key where one is needed.
    NoPolicyKey,
    /// 142, `DeviceNotProvisioned`.
    NotProvisioned,
    /// 177, `MaximumDevicesReached`; known since 14.1.
    TooMany,
}

impl Refusal {
    /// The answer to a request.
    pub(super) fn reply(self, request: &Request) -> Reply {
        let (status, http) = match self {
            Self::Wipe => ("140", 449),
            Self::NoPolicyKey => ("141", 403),
            Self::NotProvisioned => ("142", 449),
            Self::TooMany => ("177", 403),
        };
        match root(request.command) {
            Some((root, place)) if request.protocol.has_statuses() => {
                document(&Element::of(root, [Element::text(place, status)]))
            }
            Some(_) | None => plain(http),
        }
    }
}

/// The root of a command's answer, and its status.
fn root(command: Command) -> Option<(Tag, Tag)> {
    match command {
        Command::Sync => Some((air_sync::SYNC, air_sync::STATUS)),
        Command::FolderSync => Some((folder_hierarchy::FOLDER_SYNC, folder_hierarchy::STATUS)),
        Command::Ping => Some((ping::PING, ping::STATUS)),
        Command::Provision => Some((provision::PROVISION, provision::STATUS)),
        Command::Settings => Some((settings::SETTINGS, settings::STATUS)),
        Command::Other => None,
    }
}

/// An answer with content.
pub(super) fn document(root: &Element) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(root.encode())));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(WBXML));
    reply
}

/// An answer of nothing but its status.
pub(super) fn plain(status: u16) -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
    reply
}

/// 503 for a phone under autoblock ([MS-ASHTTP] 3.1.5.2.3 and 2.2.2.1.2.13; which words the throttle
/// header has is *unverified*: here they are the names of the threshold rules).
pub(super) fn autoblocked(left_seconds: u64, reason: &str) -> Reply {
    let mut reply = plain(503);
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(left_seconds));
    if let Ok(reason) = HeaderValue::from_str(reason) {
        reply.headers_mut().insert("X-MS-ASThrottle", reason);
    }
    reply
}
