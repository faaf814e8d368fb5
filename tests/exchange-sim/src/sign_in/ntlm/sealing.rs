//! Owns what an NTLM session seals with ([MS-NLMP] 3.4): a key and a running RC4 stream for each
//! direction, and the numbers of the messages.
//!
//! Invariant: messages are opened in the order in which they were sealed; one that does not fit ends the
//! session, since the stream has moved on.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use rc4::{Rc4, StreamCipher as _};

use crate::sign_in::sealing::{SealError, Sealed};

/// The length of a signature.
const SIGNATURE_BYTES: usize = 16;

/// A signed-in session.
pub struct Session {
    from_client: Direction,
    to_client: Direction,
}

struct Direction {
    sealing_key: [u8; 16],
    signing_key: [u8; 16],
    stream: Option<Rc4>,
    number: u32,
    /// Whether checksums go through the stream as well.
    exchanged_key: bool,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(..)")
    }
}

impl Session {
    /// Derives the keys of both directions.
    pub(super) fn new(key: &[u8; 16], exchanged_key: bool) -> Self {
        let direction = |name: &str| {
            let derived = |purpose: &str| -> [u8; 16] {
                let magic = format!("session key to {name} {purpose} key magic constant\0");
                Md5::new().chain_update(key).chain_update(magic).finalize().into()
            };
            let (sealing_key, signing_key) = (derived("sealing"), derived("signing"));
            let stream = Rc4::new_from_slice(&sealing_key).ok();
            Direction { sealing_key, signing_key, stream, number: 0, exchanged_key }
        };
        Self {
            from_client: direction("client-to-server"),
            to_client: direction("server-to-client"),
        }
    }

    /// The same keys as the client holds them.
    #[cfg(test)]
    pub(super) fn swap(&mut self) {
        std::mem::swap(&mut self.from_client, &mut self.to_client);
    }

    /// Seals what goes to the client.
    pub fn seal(&mut self, plain: &[u8]) -> Result<Sealed, SealError> {
        let direction = &mut self.to_client;
        let mut bytes = plain.to_vec();
        direction.run(&mut bytes)?;
        Ok(Sealed { header: direction.sign(plain)?.to_vec(), bytes })
    }

    /// Opens what came from the client.
    pub fn unseal(&mut self, header: &[u8], bytes: &mut [u8]) -> Result<(), SealError> {
        if header.len() != SIGNATURE_BYTES {
            return Err(SealError::Unreadable);
        }
        let direction = &mut self.from_client;
        direction.run(bytes)?;
        if direction.sign(bytes)? == *header { Ok(()) } else { Err(SealError::Altered) }
    }

    /// Checks the client's signature over SPNEGO's list of mechanisms, which leaves the stream at its
    /// beginning ([MS-SPNG] 3.3.5.1).
    pub fn verify_list(&mut self, list: &[u8], signature: &[u8]) -> Result<(), SealError> {
        let signed = self.from_client.sign(list)?;
        self.from_client.rewind();
        if signed == *signature { Ok(()) } else { Err(SealError::Altered) }
    }

    /// Signs SPNEGO's list of mechanisms, in the same way.
    pub fn sign_list(&mut self, list: &[u8]) -> Result<Vec<u8>, SealError> {
        let signed = self.to_client.sign(list)?;
        self.to_client.rewind();
        Ok(signed.to_vec())
    }
}

impl Direction {
    fn run(&mut self, bytes: &mut [u8]) -> Result<(), SealError> {
        let stream = self.stream.as_mut().ok_or(SealError::Ended)?;
        stream.try_apply_keystream(bytes).map_err(|_| SealError::Ended)
    }

    /// A signature and the next number ([MS-NLMP] 3.4.4.2).
    fn sign(&mut self, plain: &[u8]) -> Result<[u8; SIGNATURE_BYTES], SealError> {
        let number = self.number.to_le_bytes();
        self.number = self.number.checked_add(1).ok_or(SealError::Ended)?;
        let digest = hmac_md5(&self.signing_key, &[&number, plain]);
        let [mut checksum, _] = halves(digest);
        if self.exchanged_key {
            self.run(&mut checksum)?;
        }
        let mut signature = [0; SIGNATURE_BYTES];
        let parts = [1, 0, 0, 0].into_iter().chain(checksum).chain(number);
        for (place, byte) in signature.iter_mut().zip(parts) {
            *place = byte;
        }
        Ok(signature)
    }

    fn rewind(&mut self) {
        self.stream = Rc4::new_from_slice(&self.sealing_key).ok();
    }
}

fn halves([a, b, c, d, e, f, g, h, rest @ ..]: [u8; 16]) -> [[u8; 8]; 2] {
    [[a, b, c, d, e, f, g, h], rest]
}

/// HMAC-MD5 over the parts.
pub(super) fn hmac_md5(key: &[u8; 16], parts: &[&[u8]]) -> [u8; 16] {
    // A key shorter than the hash's block is filled up with zeros ([RFC 2104] 2).
    let mut block = [0; 64];
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    let mut mac = Hmac::<Md5>::new(&block.into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// One block by a key of its own.
pub(super) fn rc4(key: &[u8; 16], mut block: [u8; 16]) -> [u8; 16] {
    if let Ok(mut stream) = Rc4::new_from_slice(key) {
        stream.apply_keystream(&mut block);
    }
    block
}
