//! Owns writing answers, the server's part ([MS-WSMV] 3.1.4).
//! Invariant: an answer names the message it answers exactly as that message named itself.

use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use uuid::Uuid;

use super::{
    CommandState, Fault, Header,
    envelope::{close, element, id, open},
    uris,
};
use crate::xml;

/// The answer to one request, still to be said.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'r> {
    request: &'r Header,
    message_id: Uuid,
}

impl<'r> Reply<'r> {
    /// Answers this request in a message of this id.
    pub fn new(request: &'r Header, message_id: Uuid) -> Self {
        Self { request, message_id }
    }

    /// A shell was created; `owner` is the account.
    pub fn created(&self, shell_id: &str, owner: &str) -> String {
        let mut out = self.open("Response");
        let (transfer, resource) = (uris::TRANSFER, &self.request.resource_uri);
        _ = write!(out, "<x:ResourceCreated xmlns:x=\"{transfer}\">");
        element(&mut out, "a:Address", &self.request.to);
        out.push_str("<a:ReferenceParameters>");
        element(&mut out, "w:ResourceURI", resource);
        out.push_str("<w:SelectorSet>");
        element(&mut out, "w:Selector Name=\"ShellId\"", shell_id);
        out.push_str("</w:SelectorSet></a:ReferenceParameters></x:ResourceCreated><rsp:Shell>");
        element(&mut out, "rsp:ShellId", shell_id);
        element(&mut out, "rsp:ResourceUri", resource);
        element(&mut out, "rsp:Owner", owner);
        // Fifteen minutes: `MaxShellIdleTimeoutMinutes` in the configuration of the back end of 2016
        // and 2019 servers.
        element(&mut out, "rsp:IdleTimeOut", "PT900.000S");
        element(&mut out, "rsp:InputStreams", "stdin pr");
        element(&mut out, "rsp:OutputStreams", "stdout");
        close(&mut out, "rsp:Shell");
        finish(out)
    }

    /// A command was started.
    pub fn command(&self, command_id: Uuid) -> String {
        let mut out = self.open("Response");
        out.push_str("<rsp:CommandResponse>");
        element(&mut out, "rsp:CommandId", &id(command_id));
        close(&mut out, "rsp:CommandResponse");
        finish(out)
    }

    /// Output of a command or of the shell: each piece is one or more whole fragments.
    pub fn receive<'p>(
        &self,
        command_id: Option<Uuid>,
        pieces: impl IntoIterator<Item = &'p [u8]>,
        state: Option<CommandState>,
    ) -> String {
        let mut out = self.open("Response");
        let command = match command_id {
            Some(command_id) => format!(" CommandId=\"{}\"", id(command_id)),
            None => String::new(),
        };
        out.push_str("<rsp:ReceiveResponse>");
        for piece in pieces {
            _ = write!(out, "<rsp:Stream Name=\"stdout\"{command}>");
            STANDARD.encode_string(piece, &mut out);
            close(&mut out, "rsp:Stream");
        }
        if let Some(state) = state {
            let state = match state {
                CommandState::Pending => uris::STATE_PENDING,
                CommandState::Running => uris::STATE_RUNNING,
                CommandState::Done => uris::STATE_DONE,
            };
            _ = write!(out, "<rsp:CommandState{command} State=\"{state}\" />");
        }
        close(&mut out, "rsp:ReceiveResponse");
        finish(out)
    }

    /// Input was taken.
    pub fn send(&self) -> String {
        let mut out = self.open("Response");
        out.push_str("<rsp:SendResponse />");
        finish(out)
    }

    /// A signal was taken.
    pub fn signal(&self) -> String {
        let mut out = self.open("Response");
        out.push_str("<rsp:SignalResponse />");
        finish(out)
    }

    /// The shell is gone, as was asked.
    pub fn deleted(&self) -> String {
        finish(self.open("Response"))
    }

    /// The request failed; goes with HTTP status 500, also when only time passed,
    /// as pypsrp expects it.
    pub fn fault(&self, fault: &Fault) -> String {
        let mut out = self.open_action(uris::FAULT);
        fault.write(&mut out);
        finish(out)
    }

    fn open(&self, suffix: &str) -> String {
        self.open_action(&format!("{}{suffix}", self.request.action))
    }

    fn open_action(&self, action: &str) -> String {
        let mut out = String::new();
        open(&mut out);
        element(&mut out, "a:Action", action);
        element(&mut out, "a:MessageID", &format!("uuid:{}", id(self.message_id)));
        element(&mut out, "a:To", uris::ANONYMOUS);
        out.push_str("<a:RelatesTo>");
        xml::escape_into(&self.request.message_id, &mut out);
        out.push_str("</a:RelatesTo></s:Header><s:Body>");
        out
    }
}

fn finish(mut out: String) -> String {
    close(&mut out, "s:Body");
    close(&mut out, "s:Envelope");
    out
}
