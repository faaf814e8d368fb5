//! Owns the submission port of an organization (RFC 6409, port 587 in life): mail from programs that speak
//! SMTP.
//!
//! `listener` are the port and its connections, `session` is one conversation, line by line, `replies` what it
//! says. Sources: RFC 5321, 3207, 4954; the receive connectors' defaults from "Receive connectors" and
//! Set-ReceiveConnector on learn.microsoft.com. The wording of replies is Exchange's as far as it is widely
//! quoted, and unverified.
//! Invariant: credentials are taken inside TLS only, and mail from people who signed in only.

pub mod replies;
pub mod session;
pub mod listener;
