//! Owns the probes: `/healthz` (the process lives), `/readyz` (it can do its work) and `/metrics`
//! (Prometheus text). Loopback only; it tells nothing that a metric would not.

use std::{
    collections::BTreeMap,
    future::Future,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use tokio::net::TcpListener;

use crate::metrics::Metrics;

/// Whether a process can do its work: the conjunction of named conditions; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<&'static str, bool>>>);

impl Readiness {
    /// Nothing is required yet, so this is ready.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// States one condition; the first statement adds it.
    pub fn set(&self, condition: &'static str, met: bool) {
        self.conditions().insert(condition, met);
    }

    /// Whether every condition is met.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.conditions().values().all(|met| *met)
    }

    /// The conditions that are not met.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        self.conditions().iter().filter(|(_, met)| !**met).map(|(name, _)| *name).collect()
    }

    fn conditions(&self) -> MutexGuard<'_, BTreeMap<&'static str, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers probes on `listener` until `stop`.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    readiness: Readiness,
    metrics: Metrics,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let routes = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready).with_state(readiness))
        .route("/metrics", get(text).with_state(metrics));
    axum::serve(listener, routes).with_graceful_shutdown(stop).await
}

async fn ready(State(readiness): State<Readiness>) -> impl IntoResponse {
    let missing = readiness.missing();
    if missing.is_empty() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", missing.join(", ")))
    }
}

async fn text(State(metrics): State<Metrics>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.text())
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;
    use crate::Tasks;

    async fn get(address: std::net::SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn probes_tell_life_readiness_and_numbers() {
        let tasks = Tasks::new();
        let listener = crate::listen::bind("telemetry.metrics_listen", "127.0.0.1:0").await;
        let listener = listener.unwrap();
        let address = listener.local_addr().unwrap();
        let metrics = Metrics::new(opentelemetry_sdk::Resource::builder_empty().build());
        metrics
            .meter("test")
            .u64_counter("exgate.probe")
            .with_description("Probes")
            .build()
            .add(3, &[]);
        let readiness = tasks.readiness();
        tasks.spawn("health", serve(listener, readiness.clone(), metrics, tasks.stopped()));

        assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200"));
        assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 200"));
        readiness.set("coordinator", false);
        let answer = get(address, "/readyz").await;
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(answer.ends_with("not ready: coordinator\n"), "{answer}");
        readiness.set("coordinator", true);
        assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 200"));
        let answer = get(address, "/metrics").await;
        assert!(answer.contains("\nexgate_probe_total 3\n"), "{answer}");

        tasks.shutdown(std::time::Duration::from_secs(10)).await.unwrap();
    }
}
