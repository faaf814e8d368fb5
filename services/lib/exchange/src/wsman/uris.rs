//! Owns the names of the protocol: namespaces, actions, states and codes ([MS-WSMV] 2.2 and
//! the specifications under it: WS-Management, WS-Transfer, WS-Addressing).
//! Invariant: each is spelled as the real server compares it.

/// SOAP 1.2.
pub const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
/// WS-Addressing.
pub const ADDRESSING: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
/// WS-Management.
pub const WSMAN: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd";
/// Microsoft's additions to WS-Management.
pub const WSMAN_MICROSOFT: &str = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd";
/// The remote shell.
pub const SHELL: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell";
/// WS-Transfer.
pub const TRANSFER: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer";
/// Details of faults.
pub const FAULT_DETAIL: &str = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault";
/// `creationXml` ([MS-PSRP] 3.1.5.3.1).
pub const POWERSHELL: &str = "http://schemas.microsoft.com/powershell";
/// Where answers go: back on the connection.
pub const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";

/// The shell of Exchange: the `ResourceUri` in the configuration of 2016 and 2019 servers.
pub const EXCHANGE: &str = "http://schemas.microsoft.com/powershell/Microsoft.Exchange";

/// Create a shell.
pub const CREATE: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Create";
/// Delete a shell.
pub const DELETE: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Delete";
/// Start a command.
pub const COMMAND: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Command";
/// Wait for output.
pub const RECEIVE: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Receive";
/// Send input.
pub const SEND: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Send";
/// Signal a command.
pub const SIGNAL: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Signal";
/// The action of faults of WS-Management.
pub const FAULT: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault";

/// Stops a pipeline, misspelt as [MS-PSRP] 3.1.5.3.9 demands. PowerShell's server compares it byte
/// by byte (`WSManPluginInstance.PerformWSManPluginSignal`); any other code closes the command.
pub const SIGNAL_STOP: &str = "powershell/signal/crtl_c";
/// Closes a command ([MS-WSMV] 2.2.5.6).
pub const SIGNAL_TERMINATE: &str =
    "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/signal/terminate";

/// The command runs.
pub const STATE_RUNNING: &str =
    "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState/Running";
/// The command waits for its start.
pub const STATE_PENDING: &str =
    "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState/Pending";
/// The command is over.
pub const STATE_DONE: &str =
    "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState/Done";
