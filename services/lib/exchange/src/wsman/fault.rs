//! Owns SOAP faults and Microsoft's detail inside them ([MS-WSMV] 2.2.4.43, WSManFaultType).
//! Invariant: the numeric code, when the server sent one, is what decides; texts are
//! localised.

use std::fmt::Write;

use super::{
    EnvelopeError,
    envelope::{close, deep_text, element, local, trimmed},
    uris,
};
use crate::xml::{self, Scanner};

/// Nothing happened within the operation timeout: receive again (Windows SDK,
/// `ERROR_WSMAN_OPERATION_TIMEDOUT`).
pub const TIMED_OUT: u32 = 2_150_858_793;
/// The shell is gone: the code that Windows prints with the text of [`Fault::shell_not_found`],
/// 0x8033805B (from Exchange unverified).
pub const SHELL_NOT_FOUND: u32 = 2_150_858_843;
/// The operation was aborted: the shell or the command closed under it
/// (Windows SDK, `ERROR_OPERATION_ABORTED`).
pub const OPERATION_ABORTED: u32 = 995;

/// The codes of quotas: too many shells, operations or users, by the constants of the Windows
/// SDK (`ERROR_WSMAN_QUOTA_LIMIT`, `_MAX_SHELLS`, `_MAX_OPERATIONS`, `_USER`, `_SYSTEM`,
/// `_MAX_SHELLUSERS`, `_MAX_SHELLS_PPQ`, `_MAX_USERS_PPQ`, `_MAX_PLUGINSHELLS_PPQ`,
/// `_MAX_OPERATIONS_USER_PPQ`).
pub const QUOTAS: [u32; 10] = [
    2_150_858_815,
    2_150_859_173,
    2_150_859_174,
    2_150_859_175,
    2_150_859_176,
    2_150_859_179,
    2_150_859_236,
    2_150_859_237,
    2_150_859_238,
    2_150_859_240,
];

/// A SOAP fault.
#[derive(Clone, Debug, PartialEq, Eq, Default, thiserror::Error)]
#[error("the server answered with fault {value} {subcode}, code {code:?}")]
pub struct Fault {
    /// `WSManFault`'s code.
    pub code: Option<u32>,
    /// SOAP's code without its prefix: `Sender` or `Receiver`.
    pub value: String,
    /// The subcode without its prefix, such as `TimedOut` or `InvalidSelectors`.
    pub subcode: String,
    /// The text for people.
    pub reason: String,
    /// `WSManFault`'s own message, with the provider's text inside.
    pub message: String,
    /// The machine that answered.
    pub machine: String,
}

impl Fault {
    /// The fault of a long poll without output (`wsman:TimedOut` of WS-Management).
    pub fn timed_out() -> Self {
        let reason = "The WS-Management service cannot complete the operation within the time \
                      specified in OperationTimeout.  ";
        Self::new(TIMED_OUT, "Receiver", "TimedOut", reason)
    }

    /// The fault of a request to a shell that is not there (`wsman:InvalidSelectors` of
    /// WS-Management).
    pub fn shell_not_found(shell_id: &str) -> Self {
        let reason = format!(
            "The request for the Windows Remote Shell with ShellId {shell_id} failed because \
             the shell was not found on the server. Possible causes are: the specified ShellId \
             is incorrect or the shell no longer exists on the server. Provide the correct \
             ShellId or create a new shell and retry the operation.  "
        );
        Self::new(SHELL_NOT_FOUND, "Sender", "InvalidSelectors", reason)
    }

    /// A fault with the same text for SOAP and for the detail.
    pub fn new(code: u32, value: &str, subcode: &str, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self {
            code: Some(code),
            value: value.to_owned(),
            subcode: subcode.to_owned(),
            message: reason.clone(),
            reason,
            machine: String::new(),
        }
    }

    /// Whether only time passed: receive again.
    pub fn is_timeout(&self) -> bool {
        self.code.map_or(self.subcode == "TimedOut", |code| code == TIMED_OUT)
    }

    /// Whether the shell is gone: a new one is needed, and what ran in it is unknown.
    pub fn is_shell_gone(&self) -> bool {
        self.code.map_or(self.subcode == "InvalidSelectors", |code| code == SHELL_NOT_FOUND)
    }

    /// Whether a quota was exceeded: fewer shells or less work helps ([MS-WSMV] 3.1.4.5.2.1).
    pub fn is_quota(&self) -> bool {
        self.subcode == "QuotaLimit" || self.code.is_some_and(|code| QUOTAS.contains(&code))
    }

    /// The text for people: the detail's, else SOAP's.
    pub fn text(&self) -> &str {
        [&self.message, &self.reason]
            .into_iter()
            .map(|it| it.trim())
            .find(|it| !it.is_empty())
            .unwrap_or_default()
    }

    /// Reads the `Fault` element just opened, through its end.
    pub(super) fn read(scanner: &mut Scanner<'_>) -> Result<Self, EnvelopeError> {
        let mut fault = Self::default();
        while let Some(tag) = scanner.next_child()? {
            match local(&tag) {
                "Code" => fault.read_code(scanner)?,
                "Reason" => fault.reason = deep_text(scanner)?,
                "Detail" => fault.read_detail(scanner)?,
                _ => scanner.skip()?,
            }
        }
        Ok(fault)
    }

    fn read_code(&mut self, scanner: &mut Scanner<'_>) -> Result<(), EnvelopeError> {
        while let Some(tag) = scanner.next_child()? {
            match local(&tag) {
                "Value" => self.value = unprefixed(&trimmed(scanner)?),
                "Subcode" => {
                    while let Some(tag) = scanner.next_child()? {
                        match local(&tag) {
                            "Value" => self.subcode = unprefixed(&trimmed(scanner)?),
                            _ => scanner.skip()?,
                        }
                    }
                }
                _ => scanner.skip()?,
            }
        }
        Ok(())
    }

    fn read_detail(&mut self, scanner: &mut Scanner<'_>) -> Result<(), EnvelopeError> {
        while let Some(tag) = scanner.next_child()? {
            if local(&tag) != "WSManFault" {
                scanner.skip()?;
                continue;
            }
            self.code = xml::attribute(&tag, "Code")?.and_then(|code| code.trim().parse().ok());
            self.machine = xml::attribute(&tag, "Machine")?.unwrap_or_default().into_owned();
            self.message = deep_text(scanner)?;
        }
        Ok(())
    }

    /// Appends the `Fault` element.
    pub(super) fn write(&self, out: &mut String) {
        out.push_str("<s:Fault><s:Code>");
        element(out, "s:Value", &format!("s:{}", self.value));
        if !self.subcode.is_empty() {
            out.push_str("<s:Subcode>");
            element(out, "s:Value", &format!("w:{}", self.subcode));
            close(out, "s:Subcode");
        }
        out.push_str("</s:Code><s:Reason>");
        element(out, "s:Text xml:lang=\"en-US\"", &self.reason);
        close(out, "s:Reason");
        if let Some(code) = self.code {
            let detail = uris::FAULT_DETAIL;
            _ = write!(
                out,
                "<s:Detail><f:WSManFault xmlns:f=\"{detail}\" Code=\"{code}\" Machine=\""
            );
            xml::escape_into(&self.machine, out);
            out.push_str("\">");
            element(out, "f:Message", &self.message);
            out.push_str("</f:WSManFault></s:Detail>");
        }
        close(out, "s:Fault");
    }
}

fn unprefixed(name: &str) -> String {
    name.split_once(':').map_or(name, |(_, local)| local).to_owned()
}
