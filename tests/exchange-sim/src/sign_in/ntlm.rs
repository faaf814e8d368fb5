//! Owns NTLM as the server side plays it ([MS-NLMP]): the challenge, the proof of the password, and the
//! keys that seal.
//!
//! Invariant: nobody signs in whose NTLMv2 proof does not fit the account's password, and a message
//! integrity code that the client announced has to fit as well. NTLMv1, OEM names and weak keys are
//! refused, as Exchange's servers do by policy today.
//!
//! Why not the acceptor of the `sspi` crate (0.23.1): tried, it let a client with a wrong password in. It
//! derives keys from the answer and never compares the proof; what it checks is the integrity code, and
//! that only where the client sends one. It also leaves open which account was meant. A stand-in for a
//! server must not be easier to enter than the server.

mod messages;
mod sealing;

use md4::{Digest as _, Md4};
use rustls::crypto::SecureRandom;
use thiserror::Error;

use messages::{Authenticate, AvPairs, Challenge, Flags, client_flags};
pub use sealing::Session;
use sealing::{hmac_md5, rc4};

use crate::accounts::Accounts;
use crate::settings::Account;

/// What an NTLM challenge tells about the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// NetBIOS name of the domain, such as `CONTOSO`.
    pub domain: String,
    /// NetBIOS name of the server, such as `EX01`.
    pub server: String,
    /// DNS name of the domain.
    pub dns_domain: String,
    /// DNS name of the server.
    pub dns_server: String,
}

/// A handshake whose challenge is out.
#[derive(Debug)]
pub struct Handshake {
    negotiate: Vec<u8>,
    challenge: Vec<u8>,
    nonce: [u8; 8],
}

/// Why NTLM lets nobody in.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NtlmError {
    /// The bytes are no NTLM message of the kind that is due.
    #[error("NTLM message could not be read")]
    Unreadable,
    /// The client offers less than Unicode names, extended session security and 128-bit keys.
    #[error("NTLM client offers too little")]
    Weak,
    /// An answer by NTLMv1 or LM.
    #[error("NTLM answer is older than NTLMv2")]
    Old,
    /// No account has this name.
    #[error("NTLM account is unknown")]
    Unknown,
    /// The proof does not fit the account's password.
    #[error("NTLM proof is wrong")]
    WrongProof,
    /// The message integrity code does not fit.
    #[error("NTLM messages were altered")]
    Altered,
    /// The client bound another TLS channel, or none where one is required.
    #[error("NTLM is bound to another channel")]
    WrongBinding,
    /// No random bytes.
    #[error("no random bytes")]
    Random,
}

/// What the channel has to be bound to ([MS-NLMP] 3.1.5.1.2, `MsvAvChannelBindings`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Binding {
    /// Nothing is looked at, as with `ExtendedProtectionTokenChecking None`.
    #[default]
    Ignored,
    /// What the client bound has to be this.
    Allowed([u8; 16]),
    /// The client has to bind this.
    Required([u8; 16]),
}

impl Binding {
    /// The hash of a `tls-server-end-point` ([RFC 5929] 4) as NTLM carries it: MD5 of the
    /// `gss_channel_bindings_struct` without addresses.
    pub fn hash(end_point: &[u8]) -> [u8; 16] {
        let length = u32::try_from(end_point.len()).unwrap_or(u32::MAX);
        let mut md5 = md5::Md5::new();
        md5.update([0; 16]);
        md5.update(length.to_le_bytes());
        md5.update(end_point);
        md5.finalize().into()
    }

    fn check(self, bound: Option<[u8; 16]>) -> Result<(), NtlmError> {
        let is_right = match (self, bound.filter(|hash| *hash != [0; 16])) {
            (Self::Ignored, _) | (Self::Allowed(_), None) => true,
            (Self::Required(_), None) => false,
            (Self::Allowed(wanted) | Self::Required(wanted), Some(hash)) => wanted == hash,
        };
        if is_right { Ok(()) } else { Err(NtlmError::WrongBinding) }
    }
}

impl Handshake {
    /// Answers a NEGOTIATE_MESSAGE with a challenge; `now` is a FILETIME.
    pub fn begin(
        target: &Target,
        negotiate: &[u8],
        now: u64,
        random: &dyn SecureRandom,
    ) -> Result<(Self, Vec<u8>), NtlmError> {
        let flags = client_flags(negotiate)?;
        if !flags.is_strong() {
            return Err(NtlmError::Weak);
        }
        let mut nonce = [0; 8];
        random.fill(&mut nonce).map_err(|_| NtlmError::Random)?;
        let challenge = Challenge { flags: flags.answered(), nonce, target, now }.write();
        let handshake = Self { negotiate: negotiate.to_vec(), challenge: challenge.clone(), nonce };
        Ok((handshake, challenge))
    }

    /// Checks an AUTHENTICATE_MESSAGE against the accounts.
    pub fn finish(
        self,
        authenticate: &[u8],
        accounts: &Accounts,
        binding: Binding,
    ) -> Result<(Account, Session), NtlmError> {
        let message = Authenticate::read(authenticate)?;
        if !message.flags.is_strong() {
            return Err(NtlmError::Weak);
        }
        let (proof, answer) =
            message.nt_response.split_first_chunk::<16>().ok_or(NtlmError::Old)?;
        // An NTLMv1 answer has 24 bytes; what follows the proof of NTLMv2 alone has 28 and more.
        let pairs = AvPairs::of_answer(answer).ok_or(NtlmError::Old)?;
        let name = if message.domain.is_empty() {
            message.user.clone()
        } else {
            format!("{}\\{}", message.domain, message.user)
        };
        let candidates = accounts.candidates(&name);
        if message.user.is_empty() || candidates.is_empty() {
            return Err(NtlmError::Unknown);
        }
        let (account, base_key) = candidates
            .into_iter()
            .find_map(|account| {
                let key = response_key(account.password.expose(), &message.user, &message.domain);
                let fits = hmac_md5(&key, &[&self.nonce, answer]) == *proof;
                fits.then(|| (account, hmac_md5(&key, &[proof])))
            })
            .ok_or(NtlmError::WrongProof)?;
        let key = match message.session_key {
            Some(sealed) if message.flags.has(Flags::KEY_EXCHANGE) => rc4(&base_key, sealed),
            Some(_) | None => base_key,
        };
        if pairs.announces_mic() {
            let whole = message.without_mic(authenticate).ok_or(NtlmError::Unreadable)?;
            let mic = hmac_md5(&key, &[&self.negotiate, &self.challenge, &whole]);
            if message.mic != Some(mic) {
                return Err(NtlmError::Altered);
            }
        }
        binding.check(pairs.channel_binding())?;
        Ok((account, Session::new(&key, message.flags.has(Flags::KEY_EXCHANGE))))
    }
}

/// NTOWFv2 ([MS-NLMP] 3.3.2): the domain as sent, the user in upper case.
fn response_key(password: &str, user: &str, domain: &str) -> [u8; 16] {
    let password: [u8; 16] = Md4::digest(utf16(password)).into();
    hmac_md5(&password, &[&utf16(&user.to_uppercase()), &utf16(domain)])
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests;
