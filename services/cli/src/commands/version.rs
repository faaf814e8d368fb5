//! Which versions answer. The client's own is printed even when nobody answers.

use exgate_proto::v1 as pb;
use serde_json::Value;

use super::Session;
use crate::args::{Format, Version};
use crate::failure::Failure;
use crate::render::{message, object};

const CLIENT: &str = env!("CARGO_PKG_VERSION");

/// Prints the versions.
pub(super) async fn run(session: Session<'_>, args: Version) -> Result<(), Failure> {
    let server = if args.client {
        None
    } else {
        Some(session.coordinator.server_info(pb::GetServerInfoRequest {}).await)
    };
    let (server, failure) = match server.transpose() {
        Ok(server) => (server, None),
        Err(failure) => (None, Some(failure)),
    };
    let terminal = session.terminal;
    match terminal.format {
        Format::Table | Format::Wide => terminal.result(&text(server.as_ref()))?,
        Format::Name => terminal.result(CLIENT)?,
        Format::Json => {
            let server: Value = server.as_ref().map_or(Ok(Value::Null), message)?;
            let client = object([("version", CLIENT.into())]);
            terminal.document(&object([("client", client), ("server", server)]))?;
        }
    }
    failure.map_or(Ok(()), Err)
}

fn text(server: Option<&pb::ServerInfo>) -> String {
    let Some(server) = server else { return format!("client  {CLIENT}") };
    let skew = if server.version == CLIENT { "" } else { "   (not the client's)" };
    format!("client  {CLIENT}\nserver  {}{skew}", server.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skew_is_pointed_out() {
        let server =
            |version: &str| pb::ServerInfo { version: version.into(), ..Default::default() };
        assert_eq!(text(None), format!("client  {CLIENT}"));
        assert_eq!(text(Some(&server(CLIENT))), format!("client  {CLIENT}\nserver  {CLIENT}"));
        assert!(text(Some(&server("9.9.9"))).ends_with("server  9.9.9   (not the client's)"));
    }
}
