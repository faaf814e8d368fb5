//! Owns what the submission port says.

use jiff::Timestamp;

/// To `QUIT`.
pub const BYE: &str = "221 2.0.0 Service closing transmission channel";
/// To `STARTTLS`.
pub const TLS_READY: &str = "220 2.0.0 SMTP server ready";
/// To credentials that fit.
pub const SIGNED_IN: &str = "235 2.7.0 Authentication successful";
/// To credentials that do not.
pub const NOT_SIGNED_IN: &str = "535 5.7.3 Authentication unsuccessful";
/// To a mechanism that is not offered, and to any before TLS.
pub const NO_MECHANISM: &str = "504 5.7.4 Unrecognized authentication type";
/// `Username:` and `Password:` of AUTH LOGIN.
pub const LOGIN_PROMPTS: [&str; 2] = ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"];
/// To `RSET`.
pub const RESET: &str = "250 2.0.0 Resetting";
/// To `NOOP`.
pub const NOTHING: &str = "250 2.0.0 OK";
/// To `MAIL FROM`.
pub const SENDER_OK: &str = "250 2.1.0 Sender OK";
/// To `RCPT TO`.
pub const RECIPIENT_OK: &str = "250 2.1.5 Recipient OK";
/// To an address that is none.
pub const BAD_ADDRESS: &str = "501 5.1.3 Invalid address";
/// To one recipient too many.
pub const TOO_MANY_RECIPIENTS: &str = "452 4.5.3 Too many recipients";
/// To `DATA`.
pub const GO_ON: &str = "354 Start mail input; end with <CRLF>.<CRLF>";
/// To a message that is too large, announced or sent.
pub const TOO_LARGE: &str = "552 5.3.4 Message size exceeds fixed maximum message size";
/// To a command out of order.
pub const NO_HELLO: &str = "503 5.5.2 Send hello first";
/// To a command out of order.
pub const NO_SENDER: &str = "503 5.5.2 Need mail command";
/// To a command out of order.
pub const NO_RECIPIENT: &str = "503 5.5.2 Need rcpt command";
/// To a second `MAIL FROM`.
pub const SENDER_GIVEN: &str = "503 5.5.2 Sender already specified";
/// To a second sign-in.
pub const SIGNED_IN_BEFORE: &str = "503 5.5.2 Client already authenticated";
/// To what nobody knows.
pub const UNKNOWN: &str = "500 5.3.3 Unrecognized command";
/// To a command that cannot be read.
pub const MALFORMED: &str = "501 5.5.4 Invalid arguments";
/// To a line without an end.
pub const LINE_TOO_LONG: &str = "500 5.5.2 Line too long";
/// To one mistake too many (`MaxProtocolErrors`).
pub const TOO_MANY_ERRORS: &str =
    "421 4.7.0 Too many errors on this connection, closing transmission channel";
/// To silence (`ConnectionInactivityTimeout`).
pub const IDLE: &str = "421 4.4.1 Connection timed out";
/// Where a message could not be kept.
pub const NOT_KEPT: &str = "451 4.3.0 Message could not be stored. Please try again later.";

/// Where there is no more room.
pub const NO_ROOM: &str = "452 4.3.1 Insufficient system resources";

/// To a new connection.
pub fn greeting(fqdn: &str, now: Timestamp) -> String {
    let date = now.strftime("%a, %d %b %Y %H:%M:%S +0000");
    format!("220 {fqdn} Microsoft ESMTP MAIL Service ready at {date}")
}

/// To `MAIL FROM` of somebody who did not sign in: 5.7.57 since 2013.
pub fn not_authenticated(is_modern: bool) -> &'static str {
    if is_modern {
        "530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM"
    } else {
        "530 5.7.1 Client was not authenticated"
    }
}

/// To a message in somebody else's name: 5.7.60 since 2013.
pub fn not_the_sender(is_modern: bool) -> &'static str {
    if is_modern {
        "550 5.7.60 SMTP; Client does not have permissions to send as this sender"
    } else {
        "550 5.7.1 Client does not have permissions to send as this sender"
    }
}

/// To `EHLO`. AUTH is offered inside TLS, as `BasicAuthRequireTLS` has it.
pub fn extensions(fqdn: &str, bytes_max: usize, is_secure: bool) -> String {
    let offer = if is_secure { "250-AUTH LOGIN" } else { "250-STARTTLS" };
    format!(
        "250-{fqdn} Hello [127.0.0.1]\r\n250-SIZE {bytes_max}\r\n250-PIPELINING\r\n\
         250-ENHANCEDSTATUSCODES\r\n{offer}\r\n250 8BITMIME"
    )
}

/// To a message that was taken.
pub fn queued(message_id: &str, fqdn: &str, number: u64) -> String {
    format!(
        "250 2.6.0 {message_id} [InternalId={number}, Hostname={fqdn}] Queued mail for delivery"
    )
}
