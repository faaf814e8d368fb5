//! Owns Kerberos as the server side plays it ([RFC 4121], [MS-KILE]): a ticket for one of our services, the
//! proof that we could read it, and the keys that seal.
//!
//! Invariant: a token signs in once; sealed requests are taken in the order in which they were sealed.
//!
//! The acceptor is the one of the `sspi` crate (0.23.1), tried here against MIT's client (pypsrp with
//! pyspnego and libgssapi) with tickets of a real KDC, mutual authentication and sealing included. What it
//! leaves open is closed here: its memory of authenticators ends with each context, and it looks neither
//! at the number of a sealed message nor at how the message is rotated. It sees no channel binding. Session
//! keys are AES256: it answers with no other kind.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use sspi::generator::GeneratorState;
use sspi::kerberos::ServerProperties;
use sspi::{
    BufferType, DataRepresentation, EncryptionFlags, KdcResolution, Kerberos, KerberosConfig,
    SecurityBuffer, SecurityBufferRef, SecurityStatus, ServerRequestFlags, Sspi as _, SspiImpl,
};
use thiserror::Error;

use super::keytab::{Keytab, Service};
use super::sealing::{SealError, Sealed};

/// How far clocks may be apart ([RFC 4120] 3.1.3's usual five minutes).
const SKEW_MAX: Duration = Duration::from_secs(300);
/// How many tokens are remembered; the oldest go first.
const TOKENS_SEEN_MAX: usize = 10_000;
/// The head of a sealed message: token header, and what is rotated behind it.
const HEAD_BYTES: usize = 60;
/// By how much a sealed message is rotated ([MS-KILE] 3.4.5.4.1).
const ROTATED: [u8; 4] = [0, 0, 0, 28];

/// What a server is signed in to by.
#[derive(Debug)]
pub struct Acceptor {
    keytab: Keytab,
    seen: Mutex<HashMap<[u8; 32], Instant>>,
}

/// Somebody with a ticket.
#[derive(Debug)]
pub struct Accepted {
    /// The client's principal, such as `svc-admin@contoso.test`.
    pub principal: String,
    /// What proves that the server could read the ticket.
    pub proof: Option<Vec<u8>>,
    /// The keys.
    pub session: Session,
}

/// Why a token signs nobody in.
#[derive(Debug, Error)]
pub enum KerberosError {
    /// It was seen before.
    #[error("Kerberos token was sent before")]
    Replayed,
    /// The client wants one more leg, as with a ticket from user to user.
    #[error("Kerberos token asks for more than a ticket's check")]
    Unfinished,
    /// The library refused: another key, another service, too old.
    #[error("Kerberos token was refused")]
    Refused(#[source] sspi::Error),
}

/// A signed-in session.
pub struct Session {
    context: Kerberos,
    number_due: Option<u64>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(..)")
    }
}

impl Acceptor {
    /// Takes tickets for these services.
    pub fn new(keytab: Keytab) -> Self {
        Self { keytab, seen: Mutex::default() }
    }

    /// Checks a token ([RFC 4121] 4.1, KRB_AP_REQ).
    pub fn accept(&self, token: &[u8]) -> Result<Accepted, KerberosError> {
        let mut context = self.context().map_err(KerberosError::Refused)?;
        let mut input = [SecurityBuffer::new(token.to_vec(), BufferType::Token)];
        let mut output = [SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let mut credentials = None;
        {
            let builder = context
                .accept_security_context()
                .with_credentials_handle(&mut credentials)
                .with_context_requirements(ServerRequestFlags::MUTUAL_AUTH)
                .with_target_data_representation(DataRepresentation::Native)
                .with_input(&mut input)
                .with_output(&mut output);
            let mut steps =
                context.accept_security_context_impl(builder).map_err(KerberosError::Refused)?;
            match steps.start() {
                GeneratorState::Completed(Ok(done)) if done.status == SecurityStatus::Ok => {}
                GeneratorState::Completed(Err(error)) => return Err(KerberosError::Refused(error)),
                GeneratorState::Completed(Ok(_)) | GeneratorState::Suspended(_) => {
                    return Err(KerberosError::Unfinished);
                }
            }
        }
        // Only now: a token that nobody could read need not be remembered.
        self.remember(token)?;
        let names = context.query_context_names().map_err(KerberosError::Refused)?;
        let [output] = output;
        let proof = Some(output.buffer).filter(|proof| !proof.is_empty());
        let session = Session { context, number_due: None };
        Ok(Accepted { principal: names.username.inner().to_owned(), proof, session })
    }

    fn context(&self) -> sspi::Result<Kerberos> {
        let config = KerberosConfig {
            kdc_resolution: KdcResolution::KdcUrl(None),
            client_computer_name: String::new(),
        };
        let mut services = self.keytab.services().iter();
        let name = |service: &Service| -> Vec<String> { service.name.clone() };
        let first = services.next();
        let first_name = first.map(name).unwrap_or_default();
        let mut properties = ServerProperties::new(
            &borrowed(&first_name),
            None,
            SKEW_MAX,
            first.map(|service| service.key.clone().into()),
        )?;
        for service in services {
            properties.add_service_key(&borrowed(&service.name), service.key.clone().into())?;
        }
        Kerberos::new_server_from_config(config, properties)
    }

    fn remember(&self, token: &[u8]) -> Result<(), KerberosError> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        let now = Instant::now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // A token older than twice the skew is refused by its own stamp.
        seen.retain(|_, at| now.duration_since(*at) < SKEW_MAX * 2);
        if seen.len() >= TOKENS_SEEN_MAX {
            tracing::warn!(tokens = seen.len(), "memory of kerberos tokens was full");
            let oldest = seen.iter().min_by_key(|(_, at)| **at).map(|(digest, _)| *digest);
            oldest.and_then(|digest| seen.remove(&digest));
        }
        match seen.insert(digest, now) {
            None => Ok(()),
            Some(_) => Err(KerberosError::Replayed),
        }
    }
}

fn borrowed(name: &[String]) -> Vec<&str> {
    name.iter().map(String::as_str).collect()
}

impl Session {
    /// Seals what goes to the client.
    pub fn seal(&mut self, plain: &[u8]) -> Result<Sealed, SealError> {
        let sizes = self.context.query_context_sizes().map_err(SealError::Library)?;
        let mut header = vec![0; usize::try_from(sizes.security_trailer).unwrap_or_default()];
        let mut bytes = plain.to_vec();
        let mut buffers =
            [SecurityBufferRef::token_buf(&mut header), SecurityBufferRef::data_buf(&mut bytes)];
        self.context
            .encrypt_message(EncryptionFlags::empty(), &mut buffers)
            .map_err(SealError::Library)?;
        Ok(Sealed { header, bytes })
    }

    /// Opens what came from the client ([RFC 4121] 4.2.6.2).
    pub fn unseal(&mut self, header: &[u8], bytes: &mut Vec<u8>) -> Result<(), SealError> {
        let head = header.first_chunk::<16>().filter(|_| header.len() == HEAD_BYTES);
        let [5, 4, flags, 0xff, a, b, c, d, number @ ..] = head.ok_or(SealError::Unreadable)?
        else {
            return Err(SealError::Unreadable);
        };
        let is_sealed = flags & 0b11 == 0b10;
        if !is_sealed || [*a, *b, *c, *d] != ROTATED {
            return Err(SealError::Unreadable);
        }
        let number = u64::from_be_bytes(*number);
        if self.number_due.is_some_and(|due| due != number) {
            return Err(SealError::Altered);
        }
        let mut header = header.to_vec();
        let mut buffers =
            [SecurityBufferRef::token_buf(&mut header), SecurityBufferRef::data_buf(bytes)];
        self.context.decrypt_message(&mut buffers).map_err(SealError::Library)?;
        let [_, plain] = &buffers;
        let length = plain.buf_len();
        bytes.truncate(length);
        self.number_due = Some(number.wrapping_add(1));
        Ok(())
    }
}
