//! Owns one request of a phone: who it is, what was decided about it, and the answer.
//!
//! The first of the nine steps is here (401), the others are `behaviour`'s. Invariant: whatever a phone
//! gets was decided by the same rules as over the control surface, and a first contact makes the same
//! partnership.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use http::{Method, Request as HttpRequest};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use jiff::Timestamp;
use uuid::Uuid;

use exgate_runtime::report;

use super::request::{Command, Protocol, Request};
use super::status::{Refusal, Reply, autoblocked, document, plain};
use super::wbxml::{self, Element};
use super::{mailbox, provision};
use crate::accounts::Accounts;
use crate::behaviour::contact::{self, Moment, Service, Told};
use crate::live::Live;
use crate::time::Mode;
use crate::world::World;
use crate::world::chance::Chance;
use crate::world::device::{AccessReason, Device};
use crate::world::event::Event;
use crate::world::journal::JournalError;
use crate::world::mailbox::Mailbox;
use crate::world::organization::Version;
use crate::world::platform::{Handset, Platform};

/// The longest request.
const REQUEST_BYTES_MAX: usize = 512_000;
/// How often a waiting Ping looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The commands that are served.
const COMMANDS: &str = "Sync,FolderSync,Ping,Provision,Settings";

/// The front of one server.
#[derive(Debug)]
pub struct Front {
    live: Arc<Live>,
    accounts: Accounts,
}

/// A phone at the door: its partnership after the request, and what it gets.
#[derive(Debug)]
struct Visitor {
    device: Device,
    service: Service,
    needs_policy: bool,
    sends_no_key: bool,
}

impl Visitor {
    fn contact(&self) -> Option<(Uuid, Timestamp)> {
        self.device.contacted.map(|at| (self.device.guid, at))
    }

    /// The answer when the phone gets nothing of what it asks for.
    fn refusal(&self, request: &Request) -> Option<Reply> {
        let provisions = request.command == Command::Provision;
        match self.service {
            // A phone that did not apply its policy gets another chance to.
            Service::Refused if provisions && self.device.reason == AccessReason::Policy => None,
            Service::Refused => Some(plain(403)),
            Service::TooMany if request.protocol >= Protocol(14, 1) => {
                Some(Refusal::TooMany.reply(request))
            }
            Service::TooMany => Some(plain(403)),
            Service::Autoblocked { left_ms } => {
                Some(autoblocked(left_ms.div_ceil(1000), &format!("{:?}", self.device.reason)))
            }
            _ if provisions => None,
            Service::Wipe if provision::can_be_told(&self.device, request.protocol) => {
                Some(Refusal::Wipe.reply(request))
            }
            Service::Provision => Some(Refusal::NotProvisioned.reply(request)),
            Service::Mail | Service::QuarantineMail | Service::Wipe if self.needs_policy => {
                Some(Refusal::NotProvisioned.reply(request))
            }
            Service::Mail | Service::QuarantineMail | Service::Wipe if self.sends_no_key => {
                Some(Refusal::NoPolicyKey.reply(request))
            }
            Service::Mail | Service::QuarantineMail | Service::Wipe => None,
        }
    }
}

impl Front {
    /// The front for these people.
    pub fn new(live: Arc<Live>, accounts: Accounts) -> Self {
        Self { live, accounts }
    }

    /// Answers a request.
    pub async fn respond(&self, request: HttpRequest<Incoming>) -> Reply {
        let Some(owner) = self.sign_in(request.headers()) else {
            let mut reply = plain(401);
            let realm = self.live.read(|world| world.blueprint.server_fqdn());
            if let Ok(value) = HeaderValue::from_str(&format!("Basic realm=\"{realm}\"")) {
                reply.headers_mut().insert(WWW_AUTHENTICATE, value);
            }
            return reply;
        };
        let mut reply = match *request.method() {
            Method::OPTIONS => self.options(owner),
            Method::POST => self.post(owner, request).await,
            _ => plain(405),
        };
        let headers = reply.headers_mut();
        let version = self.live.read(|world| world.blueprint.version);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private"));
        if let Ok(value) = HeaderValue::from_str(&server_version(version)) {
            headers.insert("MS-Server-ActiveSync", value);
        }
        reply
    }

    /// The mailbox of whoever signs in; people without one, and without the right password, have none.
    fn sign_in(&self, headers: &HeaderMap) -> Option<Uuid> {
        let header = headers.get(AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = header.split_once(' ')?;
        let decoded = STANDARD.decode(token.trim()).ok()?;
        let text = String::from_utf8(decoded).ok()?;
        let (name, password) = text.split_once(':')?;
        let person = self.accounts.sign_in(name, password);
        person.filter(|_| scheme.eq_ignore_ascii_case("Basic"))?.mailbox
    }

    /// [MS-ASHTTP] 2.2.4: what is spoken here.
    fn options(&self, owner: Uuid) -> Reply {
        let (version, is_on) = self.live.read(|world| {
            let is_on = world.mailbox(owner).is_some_and(|held| held.active_sync_enabled);
            (world.blueprint.version, is_on)
        });
        if !is_on {
            return plain(403);
        }
        let mut reply = plain(200);
        let headers = reply.headers_mut();
        headers.insert(ALLOW, HeaderValue::from_static("OPTIONS,POST"));
        headers.insert("Public", HeaderValue::from_static("OPTIONS,POST"));
        headers.insert("MS-ASProtocolVersions", HeaderValue::from_static(protocols(version)));
        headers.insert("MS-ASProtocolCommands", HeaderValue::from_static(COMMANDS));
        reply
    }

    async fn post(&self, owner: Uuid, http: HttpRequest<Incoming>) -> Reply {
        let request = match Request::read(http.uri(), http.headers()) {
            Ok(request) => request,
            Err(error) => return refuse(400, &error),
        };
        let body = match Limited::new(http.into_body(), REQUEST_BYTES_MAX).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return plain(413),
            Err(_) => return plain(400),
        };
        let sent = match body.is_empty() {
            true => None,
            false => match wbxml::decode(&body) {
                Ok(sent) => Some(sent),
                Err(error) => return refuse(400, &error),
            },
        };
        let answered = match self.visit(owner, &request) {
            Ok(Some(visitor)) => match visitor.refusal(&request) {
                Some(reply) => Ok(reply),
                None => self.command(visitor, &request, sent.as_ref()).await,
            },
            Ok(None) => Ok(plain(403)),
            Err(error) => Err(error),
        };
        answered.unwrap_or_else(|error| refuse(500, &error))
    }

    /// Lets the phone in as far as it is let in, and notes that it came.
    fn visit(&self, owner: Uuid, request: &Request) -> Result<Option<Visitor>, JournalError> {
        let visitor = self.live.change(|world, moment| {
            let Some(owner) = world.mailbox(owner) else { return (Vec::new(), None) };
            let known = world.devices_of(owner.guid).find(|held| held.has_id(&request.device_id));
            let mut events = Vec::new();
            let called = match known {
                None => {
                    let device = first_contact(world, &owner, request, moment);
                    contact::connect(world, &owner, device, moment)
                }
                Some(known) => {
                    let user_agent = request.user_agent.clone();
                    let told = Told { user_agent, ..Told::default() };
                    events = contact::tell(world, &known, &told, moment);
                    let told = events.iter().find_map(|event| {
                        if let Event::Device(device) = event { Some(&**device) } else { None }
                    });
                    contact::ask(world, told.unwrap_or(&known), moment)
                }
            };
            let policy = world.policy_of(&owner);
            let key = provision::policy_key(&called.device, &owner, policy);
            let is_lenient = policy.is_none_or(|policy| policy.lets_in_everybody());
            let visitor = Visitor {
                needs_policy: request.policy_key.is_some_and(|sent| sent != key),
                sends_no_key: request.policy_key.is_none() && !is_lenient,
                device: called.device,
                service: called.service,
            };
            events.extend(called.events);
            (events, Some(visitor))
        })?;
        if let Some((guid, at)) = visitor.as_ref().and_then(Visitor::contact) {
            self.live.touch(vec![(guid, at)]);
        }
        Ok(visitor)
    }

    async fn command(
        &self,
        visitor: Visitor,
        request: &Request,
        sent: Option<&Element>,
    ) -> Result<Reply, JournalError> {
        let guid = visitor.device.guid;
        let done = match request.command {
            Command::Provision => self.live.change(|world, moment| {
                let Some(device) = world.device(guid) else { return (Vec::new(), None) };
                let done = provision::provision(world, &device, request, sent, moment);
                (done.events, Some(done.answer))
            })?,
            Command::Settings => self.live.change(|world, moment| {
                let (Some(device), Some(sent)) = (world.device(guid), sent) else {
                    return (Vec::new(), None);
                };
                let done = provision::settings(world, &device, sent, moment);
                (done.events, Some(done.answer))
            })?,
            Command::FolderSync => Some(mailbox::folder_sync(sent)),
            Command::Sync => {
                Some(self.live.read(|world| mailbox::sync(world, &visitor.device, sent)))
            }
            Command::Ping => Some(self.ping(guid, sent).await),
            Command::Other => return Ok(plain(501)),
        };
        Ok(done.map_or_else(|| plain(400), |answer| document(&answer)))
    }

    /// Waits for mail, as long as the phone wants to.
    async fn ping(&self, device: Uuid, sent: Option<&Element>) -> Element {
        let seconds = match mailbox::heartbeat(sent) {
            Ok(seconds) => seconds,
            Err(answer) => return answer,
        };
        let speed = match self.live.time().mode() {
            Mode::Auto { speed } => speed.max(1),
            Mode::Explicit => 1,
        };
        let newest = || {
            self.live.read(|world| {
                let device = world.device(device)?;
                let newest = mailbox::readable(world, &device).last().map(|mail| mail.number);
                Some((device.state, newest))
            })
        };
        let begun = newest();
        let mut look = tokio::time::interval(LOOK_EVERY);
        let changed = async {
            loop {
                look.tick().await;
                if newest() != begun {
                    return;
                }
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(seconds) / speed, changed).await;
        mailbox::told(waited.is_ok())
    }
}

fn refuse(status: u16, error: &(dyn std::error::Error + 'static)) -> Reply {
    tracing::debug!(status, error = report(error), "a phone's request was refused");
    let mut reply = plain(status);
    *reply.body_mut() = Bytes::from(report(error)).into();
    reply
}

/// What a phone is that says no more than its first request does.
fn first_contact(world: &World, owner: &Mailbox, request: &Request, moment: &Moment) -> Device {
    let topic = format!("{} phone {} {}", owner.guid, request.device_id, moment.now);
    let guid = Chance::new(world.blueprint.seed, &topic).guid();
    let handset = Handset {
        id: request.device_id.clone(),
        kind: request.device_type.clone(),
        model: request.device_type.clone(),
        system: String::new(),
        user_agent: request.user_agent.clone().unwrap_or_default(),
        protocol: "",
        imei: String::new(),
        telephone: String::new(),
        operator: "",
    };
    let platform = Platform::of_type(&request.device_type);
    let mut device = Device::first_contact(guid, owner.guid, platform, handset, moment.now);
    device.protocol = request.protocol.to_string();
    device
}

/// `MS-Server-ActiveSync`: the build, with two digits in 2010 as [MS-ASHTTP] 2.2.4 prints it; later ones
/// say major and minor (*unverified*).
fn server_version(version: Version) -> String {
    let [major, minor, build, revision] = version.numbers();
    if version.is_modern() {
        format!("{major}.{minor}")
    } else {
        format!("{major}.{minor:02}.{build:04}.{revision:03}")
    }
}

/// `MS-ASProtocolVersions`: 14.1 since 2010 SP1, 16.1 in 2019; the list of others is *unverified*.
fn protocols(version: Version) -> &'static str {
    match version.numbers() {
        [14 | 15, 0 | 3, ..] => "2.0,2.1,2.5,12.0,12.1,14.0,14.1",
        [15, 1, ..] => "2.0,2.1,2.5,12.0,12.1,14.0,14.1,16.0",
        _ => "2.0,2.1,2.5,12.0,12.1,14.0,14.1,16.0,16.1",
    }
}
