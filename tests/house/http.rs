//! Owns plain HTTP to loopback: what the simulator's control surface and the probes need.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// The answer to a request: its status and its text.
pub type Answer = (u16, String);

/// Sends a request to `authority`, such as `127.0.0.1:8080`; a body is sent as JSON.
///
/// # Errors
/// When nobody answers.
pub async fn request(
    authority: &str,
    method: &str,
    path: &str,
    body: Option<String>,
) -> Result<Answer, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{method} {authority}{path}: {error}");
    let stream = TcpStream::connect(authority).await.map_err(|error| failed(&error))?;
    let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(|error| failed(&error))?;
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("host", authority)
        .header("connection", "close")
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body.unwrap_or_default())))
        .map_err(|error| failed(&error))?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await?.to_bytes();
        Ok::<_, hyper::Error>((status, String::from_utf8_lossy(&bytes).into_owned()))
    };
    // The connection ends when the sender is gone; its own error shows in the exchange.
    let (answer, _) = futures_util::future::join(exchange, connection).await;
    answer.map_err(|error| failed(&error))
}
