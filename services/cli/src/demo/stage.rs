//! What the demo looks at and acts on: the coordinator as an operator sees it, and the simulator's
//! control surface as its users' hands.

use bytes::Bytes;
use exgate_proto::v1 as pb;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use super::DemoError;
use crate::connect::Coordinator;
use crate::failure::Failure;

/// The coordinator and the simulator.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) coordinator: Coordinator,
    /// Address of the simulator's control surface, without scheme.
    control: String,
}

/// A phone as the simulator knows it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Phone {
    pub(super) device_id: String,
    pub(super) device_type: String,
    pub(super) device_model: String,
    pub(super) device_os: String,
    pub(super) platform: String,
    pub(super) user_principal_name: String,
    pub(super) primary_smtp_address: String,
}

/// A person as the simulator knows them.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Person {
    pub(super) display_name: String,
    pub(super) user_principal_name: String,
    pub(super) primary_smtp_address: String,
}

/// What a phone that called gets.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Call {
    pub(super) answer: String,
}

/// A cmdlet that changed something.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct LedgerEntry {
    pub(super) sequence: u64,
}

impl Stage {
    pub(super) fn new(coordinator: Coordinator, control: String) -> Self {
        let control = control.trim_start_matches("http://").trim_end_matches('/').to_owned();
        Self { coordinator, control }
    }

    /// Every phone of an organization.
    pub(super) async fn phones(&self, organization: &str) -> Result<Vec<Phone>, DemoError> {
        self.ask(Method::GET, &format!("/organizations/{organization}/devices")).await
    }

    /// Some phones of an organization in one state, in Exchange's word.
    pub(super) async fn some(
        &self,
        organization: &str,
        state: &str,
    ) -> Result<Vec<Phone>, DemoError> {
        let path = format!("/organizations/{organization}/devices?state={state}&limit=400");
        self.ask(Method::GET, &path).await
    }

    /// Everybody in an organization.
    pub(super) async fn people(&self, organization: &str) -> Result<Vec<Person>, DemoError> {
        self.ask(Method::GET, &format!("/organizations/{organization}/mailboxes")).await
    }

    /// Lets a phone call now.
    pub(super) async fn call(&self, organization: &str, id: &str) -> Result<Call, DemoError> {
        self.ask(Method::POST, &format!("/organizations/{organization}/devices/{id}/sync")).await
    }

    /// The cmdlets that changed something after `sequence`.
    pub(super) async fn ledger(&self, after: u64) -> Result<Vec<LedgerEntry>, DemoError> {
        self.ask(Method::GET, &format!("/_ledger?after={after}")).await
    }

    /// The organizations as an operator sees them.
    pub(super) async fn organizations(&self) -> Result<Vec<pb::Organization>, Failure> {
        self.coordinator.list_organizations(pb::ListOrganizationsRequest::default(), None).await
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str) -> Result<T, DemoError> {
        let fault = |problem: String| DemoError::Simulator { path: path.to_owned(), problem };
        let (status, body) =
            self.exchange(method, path).await.map_err(|error| fault(error.to_string()))?;
        if status != StatusCode::OK {
            return Err(fault(format!("{status}: {}", String::from_utf8_lossy(&body))));
        }
        serde_json::from_slice(&body).map_err(|error| fault(error.to_string()))
    }

    /// One request on a connection of its own: the simulator may have been started again meanwhile.
    async fn exchange(
        &self,
        method: Method,
        path: &str,
    ) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
        let stream = TcpStream::connect(&self.control).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.control)
            .body(Full::new(Bytes::new()))?;
        let answer = async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            let body = response.into_body().collect().await?.to_bytes();
            // The connection ends when nobody can ask on it any more.
            drop(sender);
            Ok::<_, hyper::Error>((status, body))
        };
        let (answered, served) = tokio::join!(answer, connection);
        let answered = answered?;
        drop(served);
        Ok(answered)
    }
}
