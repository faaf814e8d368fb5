//! Owns what a signed-in connection seals with, whichever mechanism made the keys.
//!
//! Invariant: after an error a sealer is of no use any more; its connection has to end.

use thiserror::Error;

use super::{kerberos, ntlm};

/// The keys of one signed-in connection.
#[derive(Debug)]
pub enum Sealer {
    /// Those of NTLM.
    Ntlm(Box<ntlm::Session>),
    /// Those of Kerberos.
    Kerberos(Box<kerberos::Session>),
}

/// A sealed message, in the two parts in which WinRM sends it.
#[derive(Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The signature, or the token's head.
    pub header: Vec<u8>,
    /// The sealed bytes.
    pub bytes: Vec<u8>,
}

/// Why a message was not sealed or opened.
#[derive(Debug, Error)]
pub enum SealError {
    /// It has not the shape of a sealed message.
    #[error("sealed message could not be read")]
    Unreadable,
    /// It was changed, repeated, or is out of order.
    #[error("sealed message does not fit")]
    Altered,
    /// No more can be sealed with these keys.
    #[error("keys are used up")]
    Ended,
    /// The library refused.
    #[error("message could not be sealed or opened")]
    Library(#[source] sspi::Error),
}

impl Sealer {
    /// Seals what goes to the client.
    pub fn seal(&mut self, plain: &[u8]) -> Result<Sealed, SealError> {
        match self {
            Self::Ntlm(session) => session.seal(plain),
            Self::Kerberos(session) => session.seal(plain),
        }
    }

    /// Opens what came from the client.
    pub fn unseal(&mut self, header: &[u8], mut bytes: Vec<u8>) -> Result<Vec<u8>, SealError> {
        match self {
            Self::Ntlm(session) => session.unseal(header, &mut bytes)?,
            Self::Kerberos(session) => session.unseal(header, &mut bytes)?,
        }
        Ok(bytes)
    }
}
