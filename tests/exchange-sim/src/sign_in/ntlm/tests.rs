//! NTLM, against the numbers of [MS-NLMP] 4.2.4 and a client made of them.

use rustls::crypto::aws_lc_rs;

use super::messages::{AvPairs, Flags};
use super::*;
use crate::sign_in::sealing::SealError;

const OFFER: u32 = 0xe208_8237;

fn target() -> Target {
    Target {
        domain: "CONTOSO".to_owned(),
        server: "EX01".to_owned(),
        dns_domain: "contoso.com".to_owned(),
        dns_server: "ex01.contoso.com".to_owned(),
    }
}

fn accounts() -> Accounts {
    let account = |name: &str, password: &str| Account::new(name, password);
    Accounts::only(vec![
        account("CONTOSO\\svc-admin", "correct"),
        account("CONTOSO\\other", "wrong"),
    ])
}

/// What a client answers.
struct Client {
    user: &'static str,
    domain: &'static str,
    password: &'static str,
    with_mic: bool,
    binding: Option<[u8; 16]>,
}

impl Client {
    const GOOD: Self = Self {
        user: "svc-admin",
        domain: "CONTOSO",
        password: "correct",
        with_mic: true,
        binding: None,
    };

    /// AUTHENTICATE_MESSAGE and the session's key.
    fn answer(&self, negotiate: &[u8], challenge: &[u8]) -> (Vec<u8>, [u8; 16]) {
        let nonce = &challenge[24..32];
        let mut answer = vec![1, 1, 0, 0, 0, 0, 0, 0];
        answer.extend([9; 8]);
        answer.extend([0xaa; 8]);
        answer.extend([0; 4]);
        if self.with_mic {
            answer.extend([6, 0, 4, 0, 2, 0, 0, 0]);
        }
        if let Some(binding) = self.binding {
            answer.extend([10, 0, 16, 0]);
            answer.extend(binding);
        }
        answer.extend([0; 8]);
        let key = response_key(self.password, self.user, self.domain);
        let proof = hmac_md5(&key, &[nonce, &answer]);
        let base = hmac_md5(&key, &[&proof]);
        let session = [0x55; 16];
        let fields = [
            Vec::new(),
            [proof.as_slice(), &answer].concat(),
            utf16(self.domain),
            utf16(self.user),
            Vec::new(),
            rc4(&base, session).to_vec(),
        ];
        let mut message = b"NTLMSSP\0\x03\0\0\0".to_vec();
        let mut at = 88_u32;
        for field in &fields {
            let length = u16::try_from(field.len()).unwrap().to_le_bytes();
            message.extend([length, length].concat());
            message.extend(at.to_le_bytes());
            at += u32::try_from(field.len()).unwrap();
        }
        message.extend(OFFER.to_le_bytes());
        message.extend([0; 24]);
        message.extend(fields.concat());
        if self.with_mic {
            let mic = hmac_md5(&session, &[negotiate, challenge, &message]);
            message[72..88].copy_from_slice(&mic);
        }
        (message, session)
    }

    fn sign_in(&self, binding: Binding) -> Result<(String, Session), NtlmError> {
        let (negotiate, handshake, challenge) = begun();
        let (message, _) = self.answer(&negotiate, &challenge);
        let accounts = accounts();
        let (account, session) = handshake.finish(&message, &accounts, binding)?;
        Ok((account.name, session))
    }
}

fn begun() -> (Vec<u8>, Handshake, Vec<u8>) {
    let mut negotiate = b"NTLMSSP\0\x01\0\0\0".to_vec();
    negotiate.extend(OFFER.to_le_bytes());
    negotiate.extend([0; 24]);
    let random = aws_lc_rs::default_provider().secure_random;
    let (handshake, challenge) = Handshake::begin(&target(), &negotiate, 7, random).unwrap();
    (negotiate, handshake, challenge)
}

#[test]
fn keys_are_those_of_the_document() {
    // [MS-NLMP] 4.2.4.1.1 and 4.2.4.4.
    let key = response_key("Password", "User", "Domain");
    assert_eq!(hex(&key), "0c868a403bfd7a93a3001ef22ef02e3f");
    let mut session = Session::new(&[0x55; 16], true);
    let mut bytes = unhex("54e50165bf1936dc996020c1811b0f06fb5f");
    session.unseal(&unhex("010000007fb38ec5c55d497600000000"), &mut bytes).unwrap();
    assert_eq!(bytes, utf16("Plaintext"));
}

#[test]
fn only_the_right_proof_signs_in() {
    let signed_in = |client: Client| client.sign_in(Binding::Ignored).map(|(name, _)| name);
    assert_eq!(signed_in(Client::GOOD).unwrap(), "CONTOSO\\svc-admin");
    assert_eq!(
        signed_in(Client { user: "SVC-Admin", ..Client::GOOD }).unwrap(),
        "CONTOSO\\svc-admin"
    );
    let principal = Client { user: "svc-admin@contoso.com", domain: "", ..Client::GOOD };
    assert_eq!(signed_in(principal).unwrap(), "CONTOSO\\svc-admin");
    for with_mic in [true, false] {
        let wrong = Client { password: "wrong", with_mic, ..Client::GOOD };
        assert_eq!(signed_in(wrong).unwrap_err(), NtlmError::WrongProof);
        signed_in(Client { with_mic, ..Client::GOOD }).unwrap();
    }
    let unknown = Client { user: "nobody", ..Client::GOOD };
    assert_eq!(signed_in(unknown).unwrap_err(), NtlmError::Unknown);
}

#[test]
fn what_was_altered_or_is_old_is_refused() {
    let finish = |alter: &dyn Fn(&mut Vec<u8>, &mut Vec<u8>)| {
        let (mut negotiate, handshake, challenge) = begun();
        let mut message = Vec::new();
        alter(&mut negotiate, &mut message);
        if message.is_empty() {
            message = Client::GOOD.answer(&negotiate, &challenge).0;
        }
        handshake.finish(&message, &accounts(), Binding::Ignored).map(|_| ())
    };
    finish(&|_, _| {}).unwrap();
    // A client whose offer was weakened on the way signs another one than came.
    assert_eq!(finish(&|negotiate, _| negotiate[12] ^= 0x40), Err(NtlmError::Altered));
    assert_eq!(finish(&|_, message| *message = vec![0; 90]), Err(NtlmError::Unreadable));

    let (negotiate, handshake, challenge) = begun();
    let (mut message, _) = Client::GOOD.answer(&negotiate, &challenge);
    // 24 bytes are an NTLMv1 answer.
    message[20..24].copy_from_slice(&[24, 0, 24, 0]);
    let old = handshake.finish(&message, &accounts(), Binding::Ignored).map(|_| ());
    assert_eq!(old, Err(NtlmError::Old));

    let (negotiate, _, challenge) = begun();
    let (message, _) = Client::GOOD.answer(&negotiate, &challenge);
    for length in 0..message.len() {
        let (_, handshake, _) = begun();
        assert!(handshake.finish(&message[..length], &accounts(), Binding::Ignored).is_err());
    }
}

#[test]
fn a_binding_is_looked_at_as_told() {
    let here = Binding::hash(b"tls-server-end-point:here");
    let check = |binding: Option<[u8; 16]>, told: Binding| {
        Client { binding, ..Client::GOOD }.sign_in(told).map(|_| ())
    };
    let elsewhere = Binding::hash(b"tls-server-end-point:elsewhere");
    for (bound, none, allow, require) in [
        (None, true, true, false),
        (Some([0; 16]), true, true, false),
        (Some(here), true, true, true),
        (Some(elsewhere), true, false, false),
    ] {
        assert_eq!(check(bound, Binding::Ignored).is_ok(), none);
        assert_eq!(check(bound, Binding::Allowed(here)).is_ok(), allow);
        assert_eq!(check(bound, Binding::Required(here)).is_ok(), require);
    }
}

#[test]
fn sealed_messages_are_taken_in_order_and_unchanged() {
    let (_, mut server) = Client::GOOD.sign_in(Binding::Ignored).unwrap();
    // The client's direction is the server's own, seen from the other side.
    let mut client = Session::new(&[0x55; 16], true);
    client.swap();
    for text in [b"one".as_slice(), b"", &[7; 100_000]] {
        let sealed = client.seal(text).unwrap();
        let mut bytes = sealed.bytes;
        server.unseal(&sealed.header, &mut bytes).unwrap();
        assert_eq!(bytes, text);
        let sealed = server.seal(text).unwrap();
        let mut bytes = sealed.bytes;
        client.unseal(&sealed.header, &mut bytes).unwrap();
        assert_eq!(bytes, text);
    }
    let sealed = client.seal(b"last").unwrap();
    let mut changed = sealed.bytes.clone();
    changed[0] ^= 1;
    let refused = server.unseal(&sealed.header, &mut changed);
    assert!(matches!(refused, Err(SealError::Altered)), "{refused:?}");
}

#[test]
fn a_challenge_tells_who_asks() {
    let (_, _, challenge) = begun();
    assert_eq!(&challenge[..12], b"NTLMSSP\0\x02\0\0\0");
    let flags = Flags(u32::from_le_bytes(challenge[20..24].try_into().unwrap()));
    assert!(flags.is_strong() && flags.has(Flags::KEY_EXCHANGE));
    let text = hex(&challenge);
    for name in ["CONTOSO", "EX01", "contoso.com", "ex01.contoso.com"] {
        assert!(text.contains(&hex(&utf16(name))), "{name}");
    }
    let info = usize::from(u16::from_le_bytes([challenge[40], challenge[41]]));
    let at = usize::from(u16::from_le_bytes([challenge[44], challenge[45]]));
    let answer = [[1, 1].as_slice(), &[0; 26], &challenge[at..at + info]].concat();
    assert!(!AvPairs::of_answer(&answer).unwrap().announces_mic());
    let weak = b"NTLMSSP\0\x01\0\0\0\x07\x02\0\0";
    let random = aws_lc_rs::default_provider().secure_random;
    assert_eq!(Handshake::begin(&target(), weak, 7, random).unwrap_err(), NtlmError::Weak);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
