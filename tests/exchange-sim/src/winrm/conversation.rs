//! Owns the requests of one connection: sign-in, the seal around bodies, cookies, and the envelope inside.
//!
//! Invariant: nothing of an organization is told before the account signed in, and over plain http nothing
//! is taken or told unsealed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_TYPE as TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue};
use http::header::{DATE, HOST, LOCATION, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;

use exgate_exchange::wsman::CONTENT_TYPE;
use exgate_runtime::report;

use super::frame;
use super::listener::Front;
use super::soap::{self, NoAnswer};
use crate::autodiscover;
use crate::faults::{self, Kind};
use crate::settings::Account;
use crate::sign_in::{Caller, Channel, Scheme, Step};
use crate::web::{self, Site};

/// What the frame of a sealed request adds to its envelope at most.
const FRAME_BYTES_MAX: usize = 1024;
/// How much of a request that is too large is read on, so that its sender gets to read why: who is still
/// sending when the connection is closed reads nothing (RFC 9112, 9.6).
const DISCARDED_BYTES_MAX: usize = 1024 * 1024;
/// The cookie by which a front end finds the back end again (the name is unverified).
const BACK_END: &str = "X-BackEndCookie";

/// One connection's conversation with a server.
#[derive(Debug)]
pub(super) struct Conversation<'f> {
    front: &'f Front,
    caller: Mutex<Caller>,
    is_secure: bool,
}

/// What came of reading a body.
enum Received {
    /// All of it.
    Whole(Bytes),
    /// More than is allowed, of which nothing is kept.
    TooLarge,
    /// The connection ended first.
    Cut,
}

/// A body, and how it came.
struct Opened {
    body: Bytes,
    seal: Option<Scheme>,
}

impl<'f> Conversation<'f> {
    pub(super) fn new(front: &'f Front, channel: Channel) -> Self {
        let is_secure = matches!(channel, Channel::Tls { .. });
        Self { front, caller: Mutex::new(Caller::new(channel)), is_secure }
    }

    /// Answers a request.
    pub(super) async fn respond(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, NoAnswer> {
        self.answer(request).await.map(|response| self.dated(response))
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, NoAnswer> {
        let path = request.uri().path().trim_end_matches('/').to_ascii_lowercase();
        if path == "/powershell/healthcheck.htm" && request.method() == Method::GET {
            return Ok(plain(StatusCode::OK, "200 OK"));
        }
        if let Some(phones) = &self.front.phones
            && self.is_secure
            && path == "/microsoft-server-activesync"
        {
            return Ok(phones.respond(request).await);
        }
        let site = Site::of(&path);
        if site.is_none() && path != "/powershell" {
            return Ok(plain(StatusCode::NOT_FOUND, "there is nothing here"));
        }
        if let Some(response) = self.refusal() {
            return Ok(response);
        }
        let (parts, body) = request.into_parts();
        if let Some(site) = site.filter(|_| !self.is_secure) {
            return Ok(self.insecure(site, &parts));
        }
        // Read in any case: a connection is signed in to as long as it is kept.
        let envelope_bytes_max = self.front.wire.envelope_bytes_max();
        let bytes_max = site.map_or(envelope_bytes_max, Site::request_bytes_max);
        let body = receive(body, bytes_max.saturating_add(FRAME_BYTES_MAX)).await;
        let step = self.front.gate.step(&mut self.caller(), &parts.headers);
        let (account, proof) = match step {
            Step::SignedIn { account, proof } => (account, proof),
            Step::Challenge(challenges) | Step::Refused(challenges) => {
                return Ok(unauthorized(challenges));
            }
        };
        let body = match body {
            Received::Whole(body) => body,
            // What WinRM answers to more than MaxEnvelopeSizekb (ansible.windows issue 620).
            Received::TooLarge => {
                return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "request is too large"));
            }
            Received::Cut => return Ok(plain(StatusCode::BAD_REQUEST, "request ended early")),
        };
        let mut response = match site {
            _ if parts.method != Method::POST => plain(StatusCode::METHOD_NOT_ALLOWED, "only POST"),
            Some(site) => self.web(site, account, &parts, &body).await?,
            None if !self.front.gate.administers(&account) => {
                plain(StatusCode::FORBIDDEN, "access is denied")
            }
            None => self.serve(&account, &parts.headers, body).await?,
        };
        if let Some(proof) = proof {
            response.headers_mut().insert(WWW_AUTHENTICATE, proof);
        }
        Ok(response)
    }

    /// Answers for a service beside remote PowerShell.
    async fn web(
        &self,
        site: Site,
        account: Account,
        parts: &Parts,
        body: &[u8],
    ) -> Result<Response<Full<Bytes>>, NoAnswer> {
        let person = self.front.gate.person(account);
        let call = web::Call {
            site,
            live: self.front.shells.live(),
            server: &self.front.name,
            person: &person,
            host: host(parts),
            https_port: self.front.https_port,
            body,
        };
        match web::answer(call).await {
            Ok(answer) => Ok(self.dressed(answer)),
            Err(web::NoAnswer::Lost) => Err(NoAnswer::Lost),
            Err(web::NoAnswer::Journal(error)) => {
                tracing::error!(error = report(&error), "request was not carried out");
                Ok(plain(StatusCode::INTERNAL_SERVER_ERROR, ""))
            }
        }
    }

    /// Over plain http Autodiscover leads to https, and nothing else is there: its directories require SSL.
    fn insecure(&self, site: Site, parts: &Parts) -> Response<Full<Bytes>> {
        match site {
            Site::Ews => plain(StatusCode::FORBIDDEN, "SSL is required"),
            Site::AutodiscoverSoap | Site::AutodiscoverPox => {
                let (live, path) = (self.front.shells.live(), parts.uri.path());
                let port = self.front.https_port;
                self.dressed(autodiscover::over_https(live, host(parts), port, path))
            }
        }
    }

    fn dressed(&self, answer: web::Answer) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(answer.body)));
        *response.status_mut() = answer.status;
        let headers = response.headers_mut();
        headers.insert(TYPE, HeaderValue::from_static(answer.content_type));
        for (name, value) in [
            (HeaderName::from_static("x-feserver"), Some(self.front.name.clone())),
            (LOCATION, answer.location),
            (RETRY_AFTER, answer.retry_after_s.map(|seconds| seconds.to_string())),
        ] {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                headers.insert(name, value);
            }
        }
        response
    }

    /// What a fault says instead of anything else.
    fn refusal(&self) -> Option<Response<Full<Bytes>>> {
        let shells = &self.front.shells;
        let cmdlet = shells.last_cmdlet();
        let site = faults::Site { cmdlet: &cmdlet, server: &self.front.name };
        let wanted = |kind: &Kind| matches!(kind, Kind::Unauthorized | Kind::Unavailable);
        if shells.live().strikes(&site, wanted)? == Kind::Unavailable {
            let text = "The service is unavailable.";
            return Some(plain(StatusCode::SERVICE_UNAVAILABLE, text));
        }
        // As to a stranger without any proof of who it is.
        let mut stranger = Caller::new(Channel::Plain);
        Some(match self.front.gate.step(&mut stranger, &HeaderMap::new()) {
            Step::Challenge(challenges) | Step::Refused(challenges) => unauthorized(challenges),
            Step::SignedIn { .. } => plain(StatusCode::UNAUTHORIZED, ""),
        })
    }

    /// Dates an answer by the organization's clock where that is not the client's.
    fn dated(&self, mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
        let live = self.front.shells.live();
        if !live.faults().skew().is_zero() {
            let text = live.moment().now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            if let Ok(value) = HeaderValue::from_str(&text) {
                response.headers_mut().insert(DATE, value);
            }
        }
        response
    }

    async fn serve(
        &self,
        account: &Account,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response<Full<Bytes>>, NoAnswer> {
        let has_keys = self.caller().sealer().is_some();
        if body.is_empty() && has_keys {
            // The leg that only signs in.
            return Ok(plain(StatusCode::OK, ""));
        }
        let opened = match self.open(headers, body) {
            Ok(opened) => opened,
            Err(refusal) => return Ok(*refusal),
        };
        if opened.body.len() > self.front.wire.envelope_bytes_max() {
            return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "request is too large"));
        }
        let route = soap::Route {
            front: &self.front.name,
            is_known: self.knows_back_end(headers),
            bytes_max: self.front.wire.envelope_bytes_max(),
        };
        match soap::answer(&self.front.shells, account, &opened.body, &route).await {
            Ok(answer) => Ok(self.envelope(answer, opened.seal)),
            Err(NoAnswer::Lost) => Err(NoAnswer::Lost),
            Err(unreadable) => Ok(plain(StatusCode::BAD_REQUEST, &report(&unreadable))),
        }
    }

    /// Takes the seal off a body.
    fn open(&self, headers: &HeaderMap, body: Bytes) -> Result<Opened, Box<Response<Full<Bytes>>>> {
        let content_type = headers.get(TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default();
        if !frame::is_sealed(content_type) {
            if self.is_secure {
                return Ok(Opened { body, seal: None });
            }
            // As WinRM with AllowUnencrypted off, which is its default (unverified for Exchange).
            return Err(Box::new(plain(StatusCode::INTERNAL_SERVER_ERROR, "")));
        }
        let mut caller = self.caller();
        let opened = caller.sealer().and_then(|(sealer, scheme)| {
            let frame = frame::open(scheme, content_type, &body)?;
            let plain = sealer.unseal(frame.header, frame.bytes.to_vec());
            let plain = plain.inspect_err(|error| {
                tracing::debug!(error = report(error), "sealed request was refused");
            });
            let plain = plain.ok().filter(|plain| plain.len() == frame.length)?;
            Some(Opened { body: plain.into(), seal: Some(scheme) })
        });
        opened.ok_or_else(|| {
            caller.forget();
            let mut response = plain(StatusCode::BAD_REQUEST, "");
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            Box::new(response)
        })
    }

    fn envelope(&self, answer: soap::Answer, seal: Option<Scheme>) -> Response<Full<Bytes>> {
        let (body, content_type) = match seal {
            None => (answer.body.into_bytes(), HeaderValue::from_static(CONTENT_TYPE)),
            Some(scheme) => {
                let mut caller = self.caller();
                let sealed = caller.sealer().map(|(it, _)| it.seal(answer.body.as_bytes()));
                let Some(Ok(sealed)) = sealed else {
                    caller.forget();
                    return plain(StatusCode::INTERNAL_SERVER_ERROR, "");
                };
                let (length, is_spaced) = (answer.body.len(), !self.front.is_modern());
                let body = frame::close(scheme, is_spaced, length, &sealed);
                (body, frame::content_type(scheme))
            }
        };
        let mut response = Response::new(Full::new(Bytes::from(body)));
        if answer.is_fault {
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
        let headers = response.headers_mut();
        headers.insert(TYPE, content_type);
        let mut put = |name: HeaderName, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.append(name, value);
            }
        };
        let server = &self.front.name;
        let secure = if self.is_secure { "; secure" } else { "" };
        put(HeaderName::from_static("x-feserver"), server.clone());
        put(SET_COOKIE, format!("{BACK_END}={server}; path=/PowerShell{secure}; HttpOnly"));
        put(SET_COOKIE, format!("MS-WSMAN={server}; path=/PowerShell"));
        response
    }

    /// Whether the front end finds the back end that has the client's shells.
    fn knows_back_end(&self, headers: &HeaderMap) -> bool {
        if !self.front.wire.affinity {
            return true;
        }
        let cookies = headers.get_all(COOKIE).into_iter().filter_map(|it| it.to_str().ok());
        let mut pairs = cookies.flat_map(|it| it.split(';')).filter_map(|it| it.split_once('='));
        pairs.any(|(name, value)| name.trim() == BACK_END && value.trim() == self.front.name)
    }

    fn caller(&self) -> MutexGuard<'_, Caller> {
        self.caller.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a body that may have so many bytes.
async fn receive(mut body: Incoming, bytes_max: usize) -> Received {
    let (mut kept, mut length) = (BytesMut::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Received::Cut };
        let Ok(chunk) = frame.into_data() else { continue };
        length = length.saturating_add(chunk.len());
        if length <= bytes_max {
            kept.extend_from_slice(&chunk);
        } else if length > bytes_max.saturating_add(DISCARDED_BYTES_MAX) {
            return Received::TooLarge;
        }
    }
    if length > bytes_max { Received::TooLarge } else { Received::Whole(kept.freeze()) }
}

fn host(parts: &Parts) -> &str {
    parts.headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn unauthorized(challenges: Vec<HeaderValue>) -> Response<Full<Bytes>> {
    let mut response = plain(StatusCode::UNAUTHORIZED, "");
    for challenge in challenges {
        response.headers_mut().append(WWW_AUTHENTICATE, challenge);
    }
    response
}

fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(text.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
