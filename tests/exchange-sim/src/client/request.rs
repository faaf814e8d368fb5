//! Owns finding a simulator and one request to it, on a connection of its own.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;
use tokio::net::TcpStream;

use exchange_sim::simulator::{ENDPOINTS_FILE, Endpoints};

use crate::arguments::ask::Reach;

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// A simulator that runs somewhere on this machine.
#[derive(Debug)]
pub(super) struct Simulator {
    authority: String,
    first: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum RequestError {
    /// It is not said where the simulator is.
    #[error("where is the simulator? give --state DIR as to `serve`, or --control URL")]
    Nowhere,
    /// The state directory does not say where it answers.
    #[error("{path} could not be read; does a simulator run with this --state?")]
    Endpoints {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: std::io::Error,
    },
    /// Nobody answers there.
    #[error("nobody answers on http://{authority}; is the simulator running?")]
    NoAnswer {
        /// Where.
        authority: String,
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It took too long.
    #[error("http://{authority} did not answer within {} s", ANSWER_MAX.as_secs())]
    Late {
        /// Where.
        authority: String,
    },
    /// The simulator refused.
    #[error("{detail}{}", .cure.as_ref().map(|cure| format!(": {cure}")).unwrap_or_default())]
    Refused {
        /// Why.
        detail: String,
        /// What to do about it.
        cure: Option<String>,
    },
    /// It serves nobody.
    #[error("the simulator has no organization")]
    NoOrganization,
}

impl Simulator {
    /// Finds the simulator.
    pub(super) fn find(reach: &Reach) -> Result<Self, RequestError> {
        if let Some(url) = &reach.control {
            return Ok(Self { authority: authority(url), first: None });
        }
        let directory = reach.state.as_ref().ok_or(RequestError::Nowhere)?;
        let path = directory.join(ENDPOINTS_FILE);
        let read = std::fs::read(&path)
            .and_then(|text| Ok(serde_json::from_slice::<Endpoints>(&text)?))
            .map_err(|source| RequestError::Endpoints { path, source })?;
        let first = read.organizations.first().map(|held| held.name.clone());
        Ok(Self { authority: authority(&read.control), first })
    }

    /// The organization that is asked about.
    pub(super) async fn organization(&self, reach: &Reach) -> Result<String, RequestError> {
        if let Some(name) = reach.organization.as_ref().or(self.first.as_ref()) {
            return Ok(name.clone());
        }
        let all = self.get("/organizations").await?;
        let first = all.get(0).and_then(|held| held.get("name")).and_then(Value::as_str);
        first.map(str::to_owned).ok_or(RequestError::NoOrganization)
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, RequestError> {
        self.ask(Method::GET, path, Bytes::new()).await
    }

    pub(super) async fn post(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Value, RequestError> {
        let body = serde_json::to_vec(body).map_err(|source| self.failed(source))?;
        self.ask(Method::POST, path, body.into()).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<Value, RequestError> {
        self.ask(Method::DELETE, path, Bytes::new()).await
    }

    async fn ask(&self, method: Method, path: &str, body: Bytes) -> Result<Value, RequestError> {
        let late = |_| RequestError::Late { authority: self.authority.clone() };
        let exchange = self.exchange(method, path, body);
        let (is_done, text) = tokio::time::timeout(ANSWER_MAX, exchange).await.map_err(late)??;
        let answer: Result<Value, _> = serde_json::from_slice(&text);
        if is_done {
            return answer.map_err(|source| self.failed(source));
        }
        let answer = answer.unwrap_or_default();
        let said = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        let detail = said("detail").unwrap_or_else(|| String::from_utf8_lossy(&text).into_owned());
        Err(RequestError::Refused { detail, cure: said("cure") })
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(bool, Bytes), RequestError> {
        let stream =
            TcpStream::connect(&self.authority).await.map_err(|error| self.failed(error))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.failed(error))?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.authority)
            .header("connection", "close")
            .header("content-type", "application/json")
            .body(Full::new(body))
            .map_err(|error| self.failed(error))?;
        let answer = async {
            let response = sender.send_request(request).await?;
            let is_done = response.status().is_success();
            Ok::<_, hyper::Error>((is_done, response.into_body().collect().await?.to_bytes()))
        };
        // The connection's own error shows in the answer.
        let (answer, _) = tokio::join!(answer, connection);
        answer.map_err(|error| self.failed(error))
    }

    fn failed(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> RequestError {
        RequestError::NoAnswer { authority: self.authority.clone(), source: source.into() }
    }
}

fn authority(url: &str) -> String {
    url.trim_start_matches("http://").trim_end_matches('/').to_owned()
}

/// A text as one segment of a path or one value of a query.
pub(super) fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
