//! Owns the bytes of NTLM's three messages ([MS-NLMP] 2.2.1). Nothing here trusts an offset or a length.

use super::{NtlmError, Target, utf16};

const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";
/// The longest message that is read.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// The most attributes of one list.
const PAIRS_MAX: usize = 32;
/// Windows Server 2019, NTLM revision 15 ([MS-NLMP] 2.2.2.10).
const VERSION: [u8; 8] = [10, 0, 0x63, 0x45, 0, 0, 0, 15];

/// NEGOTIATE flags ([MS-NLMP] 2.2.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flags(pub(super) u32);

impl Flags {
    pub(super) const UNICODE: u32 = 0x1;
    const REQUEST_TARGET: u32 = 0x4;
    const SIGN: u32 = 0x10;
    const SEAL: u32 = 0x20;
    const NTLM: u32 = 0x200;
    const ALWAYS_SIGN: u32 = 0x8000;
    const TARGET_TYPE_DOMAIN: u32 = 0x1_0000;
    pub(super) const EXTENDED_SECURITY: u32 = 0x8_0000;
    const TARGET_INFO: u32 = 0x80_0000;
    const VERSION: u32 = 0x200_0000;
    pub(super) const KEY_128: u32 = 0x2000_0000;
    pub(super) const KEY_EXCHANGE: u32 = 0x4000_0000;
    const KEY_56: u32 = 0x8000_0000;

    pub(super) fn has(self, flag: u32) -> bool {
        self.0 & flag == flag
    }

    /// Whether names are Unicode and keys are long.
    pub(super) fn is_strong(self) -> bool {
        self.has(Self::UNICODE | Self::EXTENDED_SECURITY | Self::KEY_128)
    }

    /// What a server answers to what a client offers.
    pub(super) fn answered(self) -> Self {
        let kept = Self::SIGN
            | Self::SEAL
            | Self::ALWAYS_SIGN
            | Self::EXTENDED_SECURITY
            | Self::KEY_128
            | Self::KEY_EXCHANGE
            | Self::KEY_56;
        let own = Self::UNICODE
            | Self::REQUEST_TARGET
            | Self::NTLM
            | Self::TARGET_TYPE_DOMAIN
            | Self::TARGET_INFO
            | Self::VERSION;
        Self(self.0 & kept | own)
    }
}

/// The flags of a NEGOTIATE_MESSAGE.
pub(super) fn client_flags(message: &[u8]) -> Result<Flags, NtlmError> {
    check(message, 1)?;
    number(message, 12).map(Flags).ok_or(NtlmError::Unreadable)
}

/// A CHALLENGE_MESSAGE.
pub(super) struct Challenge<'t> {
    pub(super) flags: Flags,
    pub(super) nonce: [u8; 8],
    pub(super) target: &'t Target,
    pub(super) now: u64,
}

impl Challenge<'_> {
    const HEADER_BYTES: u32 = 56;

    pub(super) fn write(&self) -> Vec<u8> {
        let name = utf16(&self.target.domain);
        let mut pairs = Vec::new();
        let texts = [
            (AvPairs::DOMAIN, &self.target.domain),
            (AvPairs::SERVER, &self.target.server),
            (AvPairs::DNS_DOMAIN, &self.target.dns_domain),
            (AvPairs::DNS_SERVER, &self.target.dns_server),
        ];
        for (id, text) in texts {
            put_pair(&mut pairs, id, &utf16(text));
        }
        put_pair(&mut pairs, AvPairs::TIMESTAMP, &self.now.to_le_bytes());
        put_pair(&mut pairs, AvPairs::END, &[]);
        let mut message = SIGNATURE.to_vec();
        message.extend(2_u32.to_le_bytes());
        put_field(&mut message, &name, Self::HEADER_BYTES);
        message.extend(self.flags.0.to_le_bytes());
        message.extend(self.nonce);
        message.extend([0; 8]);
        put_field(&mut message, &pairs, Self::HEADER_BYTES + length(&name));
        message.extend(VERSION);
        message.extend(name);
        message.extend(pairs);
        message
    }
}

/// An AUTHENTICATE_MESSAGE.
#[derive(Debug)]
pub(super) struct Authenticate<'m> {
    pub(super) flags: Flags,
    pub(super) domain: String,
    pub(super) user: String,
    pub(super) nt_response: &'m [u8],
    pub(super) session_key: Option<[u8; 16]>,
    /// The integrity code, where there is room for one.
    pub(super) mic: Option<[u8; 16]>,
    mic_at: usize,
}

impl<'m> Authenticate<'m> {
    /// The header without version and integrity code.
    const HEADER_BYTES: usize = 64;
    const FIELDS_AT: [usize; 6] = [12, 20, 28, 36, 44, 52];

    pub(super) fn read(message: &'m [u8]) -> Result<Self, NtlmError> {
        check(message, 3)?;
        Self::parse(message).ok_or(NtlmError::Unreadable)
    }

    fn parse(message: &'m [u8]) -> Option<Self> {
        let payload_at = Self::FIELDS_AT
            .into_iter()
            .filter_map(|at| place(message, at))
            .filter(|(_, length)| *length > 0)
            .map(|(at, _)| at)
            .min()?;
        // The integrity code stands before the payload; the version before it is left out by some.
        let mic_at = payload_at.checked_sub(16).filter(|at| *at >= Self::HEADER_BYTES);
        let mic_at = mic_at.map(|at| at.min(Self::HEADER_BYTES + VERSION.len()));
        let mic = mic_at.and_then(|at| message.get(at..)?.first_chunk::<16>().copied());
        let session_key = field(message, 52)?;
        let session_key = match session_key.len() {
            0 | 1 => None,
            _ => Some(session_key.try_into().ok()?),
        };
        Some(Self {
            flags: Flags(number(message, 60)?),
            domain: text(field(message, 28)?)?,
            user: text(field(message, 36)?)?,
            nt_response: field(message, 20)?,
            session_key,
            mic,
            mic_at: mic_at.unwrap_or_default(),
        })
    }

    /// The message with zeros for the integrity code, which is computed over it.
    pub(super) fn without_mic(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.mic?;
        let mut message = message.to_vec();
        message.get_mut(self.mic_at..self.mic_at + 16)?.fill(0);
        Some(message)
    }
}

/// The attributes of an NTLMv2 answer ([MS-NLMP] 2.2.2.1).
#[derive(Debug)]
pub(super) struct AvPairs<'m>(Vec<(u16, &'m [u8])>);

impl<'m> AvPairs<'m> {
    const END: u16 = 0;
    const SERVER: u16 = 1;
    const DOMAIN: u16 = 2;
    const DNS_SERVER: u16 = 3;
    const DNS_DOMAIN: u16 = 4;
    const FLAGS: u16 = 6;
    const TIMESTAMP: u16 = 7;
    const CHANNEL_BINDINGS: u16 = 10;
    /// In `MsvAvFlags`: the message carries an integrity code.
    const HAS_MIC: u32 = 2;

    /// Those of what follows the proof ([MS-NLMP] 2.2.2.7); `None` when it is no NTLMv2 answer.
    pub(super) fn of_answer(answer: &'m [u8]) -> Option<Self> {
        if answer.first_chunk::<2>() != Some(&[1, 1]) {
            return None;
        }
        let mut rest = answer.get(28..)?;
        let mut pairs = Vec::new();
        for _ in 0..PAIRS_MAX {
            let (id, after) = rest.split_first_chunk::<2>()?;
            let (length, after) = after.split_first_chunk::<2>()?;
            let length = usize::from(u16::from_le_bytes(*length));
            let (value, after) = after.split_at_checked(length)?;
            let id = u16::from_le_bytes(*id);
            if id == Self::END {
                return Some(Self(pairs));
            }
            pairs.push((id, value));
            rest = after;
        }
        None
    }

    pub(super) fn announces_mic(&self) -> bool {
        let flags = self.get(Self::FLAGS).and_then(|value| value.first_chunk::<4>());
        flags.is_some_and(|flags| u32::from_le_bytes(*flags) & Self::HAS_MIC != 0)
    }

    pub(super) fn channel_binding(&self) -> Option<[u8; 16]> {
        self.get(Self::CHANNEL_BINDINGS)?.try_into().ok()
    }

    fn get(&self, id: u16) -> Option<&'m [u8]> {
        self.0.iter().find(|(held, _)| *held == id).map(|(_, value)| *value)
    }
}

fn check(message: &[u8], kind: u32) -> Result<(), NtlmError> {
    let fits = message.len() <= MESSAGE_BYTES_MAX
        && message.starts_with(SIGNATURE)
        && number(message, 8) == Some(kind);
    if fits { Ok(()) } else { Err(NtlmError::Unreadable) }
}

fn number(message: &[u8], at: usize) -> Option<u32> {
    message.get(at..)?.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes))
}

/// Offset and length of a field.
fn place(message: &[u8], at: usize) -> Option<(usize, usize)> {
    let length = message.get(at..)?.first_chunk::<2>()?;
    let offset = usize::try_from(number(message, at + 4)?).ok()?;
    Some((offset, usize::from(u16::from_le_bytes(*length))))
}

fn field(message: &[u8], at: usize) -> Option<&[u8]> {
    let (offset, length) = place(message, at)?;
    if length == 0 { Some(&[]) } else { message.get(offset..)?.get(..length) }
}

fn text(bytes: &[u8]) -> Option<String> {
    let (units, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
    rest.is_empty().then(|| String::from_utf16(&units).ok())?
}

fn put_pair(pairs: &mut Vec<u8>, id: u16, value: &[u8]) {
    pairs.extend(id.to_le_bytes());
    pairs.extend(short_length(value).to_le_bytes());
    pairs.extend(value);
}

fn put_field(message: &mut Vec<u8>, value: &[u8], at: u32) {
    let length = short_length(value).to_le_bytes();
    message.extend(length);
    message.extend(length);
    message.extend(at.to_le_bytes());
}

fn short_length(value: &[u8]) -> u16 {
    u16::try_from(value.len()).unwrap_or(u16::MAX)
}

fn length(value: &[u8]) -> u32 {
    u32::from(short_length(value))
}
