//! Owns writing requests ([MS-WSMV] 3.2.4; their forms in 3.1.4.5.2 and 3.1.4.11 to 3.1.4.14).
//! Invariant: every request carries the headers a real server demands, and a stop is spelled
//! as that server compares it.

use std::{fmt::Write, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use uuid::Uuid;

use super::{
    ENVELOPE_BYTES_FIRST,
    envelope::{close, element, id, open},
    uris,
};
use crate::xml;

/// Room left in an envelope beside its payload, for longer ids and names.
const MARGIN_BYTES: usize = 256;

/// What all requests of one session share.
#[derive(Clone, Debug)]
pub struct Client {
    /// The address, as the server shall see it.
    pub to: String,
    /// The kind of shell; Exchange's by default.
    pub resource_uri: String,
    /// How large an answer may be.
    pub max_envelope_bytes: u32,
    /// How long the server may hold a request open.
    pub operation_timeout: Duration,
    /// The language of messages.
    pub locale: String,
    /// Ties the requests of one session together.
    pub session_id: Uuid,
}

impl Client {
    /// A client of Exchange's shell with pypsrp's defaults.
    pub fn new(to: impl Into<String>, session_id: Uuid) -> Self {
        Self {
            to: to.into(),
            resource_uri: uris::EXCHANGE.to_owned(),
            max_envelope_bytes: ENVELOPE_BYTES_FIRST,
            operation_timeout: Duration::from_secs(20),
            locale: "en-US".to_owned(),
            session_id,
        }
    }

    /// Creates a shell. `creation` is the fragments that open the runspace pool, `protocol`
    /// the version of [MS-PSRP] they offer ([MS-PSRP] 3.1.5.3.1).
    pub fn create(
        &self,
        message_id: Uuid,
        shell_id: Uuid,
        protocol: &str,
        creation: &[u8],
    ) -> String {
        let mut out = String::new();
        let option = format!("protocolversion\" MustComply=\"true\">{protocol}");
        self.header(&mut out, uris::CREATE, message_id, Some(&option), None);
        _ = write!(
            out,
            "<rsp:Shell ShellId=\"{}\"><rsp:InputStreams>stdin pr</rsp:InputStreams>\
             <rsp:OutputStreams>stdout</rsp:OutputStreams><creationXml xmlns=\"{}\">",
            id(shell_id),
            uris::POWERSHELL
        );
        STANDARD.encode_string(creation, &mut out);
        out.push_str("</creationXml></rsp:Shell>");
        finish(out)
    }

    /// Starts a command in a shell; `fragment` is the first of the pipeline's fragments
    /// ([MS-PSRP] 3.1.5.3.3; the option as pypsrp sends it).
    pub fn command(
        &self,
        message_id: Uuid,
        shell_id: &str,
        command_id: Uuid,
        fragment: &[u8],
    ) -> String {
        let mut out = String::new();
        let option = "WINRS_SKIP_CMD_SHELL\">False";
        self.header(&mut out, uris::COMMAND, message_id, Some(option), Some(shell_id));
        _ = write!(
            out,
            "<rsp:CommandLine CommandId=\"{}\"><rsp:Command /><rsp:Arguments>",
            id(command_id)
        );
        STANDARD.encode_string(fragment, &mut out);
        out.push_str("</rsp:Arguments></rsp:CommandLine>");
        finish(out)
    }

    /// Waits for output of a command, or of the shell itself ([MS-PSRP] 3.1.5.3.7; the option as
    /// pypsrp sends it).
    pub fn receive(&self, message_id: Uuid, shell_id: &str, command_id: Option<Uuid>) -> String {
        let mut out = String::new();
        let option = "WSMAN_CMDSHELL_OPTION_KEEPALIVE\">True";
        self.header(&mut out, uris::RECEIVE, message_id, Some(option), Some(shell_id));
        out.push_str("<rsp:Receive><rsp:DesiredStream");
        command_attribute(&mut out, command_id);
        out.push_str(">stdout</rsp:DesiredStream></rsp:Receive>");
        finish(out)
    }

    /// Sends input to a command, or to the shell itself ([MS-WSMV] 3.1.4.13).
    pub fn send(
        &self,
        message_id: Uuid,
        shell_id: &str,
        command_id: Option<Uuid>,
        data: &[u8],
    ) -> String {
        let mut out = String::new();
        self.header(&mut out, uris::SEND, message_id, None, Some(shell_id));
        out.push_str("<rsp:Send><rsp:Stream Name=\"stdin\"");
        command_attribute(&mut out, command_id);
        out.push('>');
        STANDARD.encode_string(data, &mut out);
        out.push_str("</rsp:Stream></rsp:Send>");
        finish(out)
    }

    /// Signals a command: [`uris::SIGNAL_STOP`] stops its pipeline, any other code closes it
    /// ([MS-PSRP] 3.1.5.3.9).
    pub fn signal(&self, message_id: Uuid, shell_id: &str, command_id: Uuid, code: &str) -> String {
        let mut out = String::new();
        self.header(&mut out, uris::SIGNAL, message_id, None, Some(shell_id));
        _ = write!(out, "<rsp:Signal CommandId=\"{}\">", id(command_id));
        element(&mut out, "rsp:Code", code);
        out.push_str("</rsp:Signal>");
        finish(out)
    }

    /// Deletes a shell (WS-Transfer).
    pub fn delete(&self, message_id: Uuid, shell_id: &str) -> String {
        let mut out = String::new();
        self.header(&mut out, uris::DELETE, message_id, None, Some(shell_id));
        finish(out)
    }

    /// How many bytes of data fit into one request: the size for outgoing fragments.
    pub fn payload_bytes_max(&self) -> usize {
        let empty = self.send(Uuid::nil(), &id(Uuid::nil()), Some(Uuid::nil()), b"").len();
        let envelope = usize::try_from(self.max_envelope_bytes).unwrap_or(usize::MAX);
        envelope.saturating_sub(empty + MARGIN_BYTES) / 4 * 3
    }

    /// Writes the header and opens the body. `option` is one option from its name on, written
    /// by this file alone.
    fn header(
        &self,
        out: &mut String,
        action: &str,
        message_id: Uuid,
        option: Option<&str>,
        shell_id: Option<&str>,
    ) {
        open(out);
        element(out, "a:To", &self.to);
        element(out, "w:ResourceURI s:mustUnderstand=\"true\"", &self.resource_uri);
        out.push_str("<a:ReplyTo>");
        element(out, "a:Address s:mustUnderstand=\"true\"", uris::ANONYMOUS);
        out.push_str("</a:ReplyTo>");
        element(out, "a:Action s:mustUnderstand=\"true\"", action);
        let size = self.max_envelope_bytes.to_string();
        element(out, "w:MaxEnvelopeSize s:mustUnderstand=\"true\"", &size);
        element(out, "a:MessageID", &format!("uuid:{}", id(message_id)));
        for locale in ["w:Locale", "p:DataLocale"] {
            _ = write!(out, "<{locale} xml:lang=\"");
            xml::escape_into(&self.locale, out);
            out.push_str("\" s:mustUnderstand=\"false\" />");
        }
        let session = format!("uuid:{}", id(self.session_id));
        element(out, "p:SessionId s:mustUnderstand=\"false\"", &session);
        if let Some(option) = option {
            _ = write!(
                out,
                "<w:OptionSet s:mustUnderstand=\"true\"><w:Option Name=\"{option}</w:Option>\
                 </w:OptionSet>"
            );
        }
        if let Some(shell_id) = shell_id {
            out.push_str("<w:SelectorSet>");
            element(out, "w:Selector Name=\"ShellId\"", shell_id);
            out.push_str("</w:SelectorSet>");
        }
        let timeout = format!("PT{}S", self.operation_timeout.as_secs());
        element(out, "w:OperationTimeout", &timeout);
        out.push_str("</s:Header><s:Body>");
    }
}

fn command_attribute(out: &mut String, command_id: Option<Uuid>) {
    if let Some(command_id) = command_id {
        _ = write!(out, " CommandId=\"{}\"", id(command_id));
    }
}

fn finish(mut out: String) -> String {
    close(&mut out, "s:Body");
    close(&mut out, "s:Envelope");
    out
}
