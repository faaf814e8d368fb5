//! Owns the door of one server: what it offers, and how the tokens of a connection bring it through.
//!
//! Invariant: a handshake is taken out of its caller before a token is looked at, so that nothing of a
//! failed one is left.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use thiserror::Error;

use exgate_runtime::clock::Clock;
use exgate_runtime::report;

use super::kerberos::{Acceptor, KerberosError};
use super::keytab::{Keytab, KeytabError};
use super::ntlm::{Binding, Handshake, NtlmError, Target};
use super::sealing::{SealError, Sealer};
use super::spnego::{self, Mechanism, State, Token};
use super::{
    Caller, Channel, Known, Method, Protection, Scheme, Shaking, SignIn, Stage, Step, Wrapping,
    basic, certificate,
};
use crate::accounts::{Accounts, Person};
use crate::settings::Account;

/// The longest token; tickets with many groups reach tens of kilobytes.
const TOKEN_BYTES_MAX: usize = 64 * 1024;
/// From the FILETIME epoch, 1601, to 1970, in seconds.
const FILETIME_EPOCH_SECONDS: i64 = 11_644_473_600;

/// The sign-in of one server.
#[derive(Debug)]
pub struct Gate {
    methods: Vec<Method>,
    accounts: Accounts,
    target: Target,
    protection: Protection,
    kerberos: Option<Acceptor>,
    clock: Clock,
    crypto: CryptoProvider,
}

#[derive(Debug, Error)]
enum Refusal {
    #[error("sign-in header could not be read")]
    Unreadable,
    #[error("sign-in by this mechanism is not offered")]
    NotOffered,
    #[error("sign-in messages are out of order")]
    OutOfOrder,
    #[error("sign-in names no account")]
    Unknown,
    #[error("sign-in by NTLM failed")]
    Ntlm(#[from] NtlmError),
    #[error("sign-in by Kerberos failed")]
    Kerberos(#[from] KerberosError),
    #[error("SPNEGO's list of mechanisms is not the client's")]
    List(#[from] SealError),
}

/// How far a token brought a handshake.
enum Progress {
    More(Vec<u8>, Shaking),
    Done(Account, Sealer, Option<Vec<u8>>),
}

impl Gate {
    /// A gate for these accounts.
    pub fn new(
        offer: &SignIn,
        accounts: Accounts,
        target: Target,
        clock: Clock,
    ) -> Result<Self, KeytabError> {
        let keytab = offer.keytab.as_deref();
        let keytab = keytab.map(|path| Keytab::open(path, offer.spn.as_deref())).transpose()?;
        if keytab.is_none() && offer.methods.contains(&Method::Kerberos) {
            return Err(KeytabError::None);
        }
        Ok(Self {
            methods: offer.methods.clone(),
            accounts,
            target,
            protection: offer.protection,
            kerberos: keytab.map(Acceptor::new),
            clock,
            crypto: aws_lc_rs::default_provider(),
        })
    }

    /// Whether the server asks for client certificates.
    pub fn asks_certificates(&self) -> bool {
        self.offers(Method::Certificate)
    }

    /// Looks at a request's headers.
    pub fn step(&self, caller: &mut Caller, headers: &HeaderMap) -> Step {
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, text) = header.unwrap_or_default().split_once(' ').unwrap_or_default();
        let looked = match scheme.to_ascii_lowercase().as_str() {
            "basic" => self.basic(caller, text),
            "negotiate" => self.negotiate(caller, Scheme::Negotiate, text),
            "kerberos" => self.negotiate(caller, Scheme::Kerberos, text),
            "ntlm" => self.negotiate(caller, Scheme::Ntlm, text),
            _ => return self.without_header(caller),
        };
        looked.unwrap_or_else(|refusal| {
            tracing::debug!(error = report(&refusal), "sign-in was refused");
            caller.forget();
            Step::Refused(self.challenges(caller))
        })
    }

    fn offers(&self, method: Method) -> bool {
        self.methods.contains(&method)
    }

    fn without_header(&self, caller: &Caller) -> Step {
        let client = match &caller.channel {
            Channel::Tls { client: Some(client), .. } if self.offers(Method::Certificate) => client,
            Channel::Tls { .. } | Channel::Plain => {
                return match &caller.stage {
                    Stage::Known(known) => {
                        Step::SignedIn { account: known.account.clone(), proof: None }
                    }
                    Stage::Unknown | Stage::Shaking(_) => Step::Challenge(self.challenges(caller)),
                };
            }
        };
        let names = certificate::names(client);
        let account = names.iter().find_map(|name| self.account(name));
        match account {
            Some(account) => Step::SignedIn { account, proof: None },
            None => Step::Refused(self.challenges(caller)),
        }
    }

    /// Whose account a sign-in was for, and which mailbox is theirs.
    pub fn person(&self, account: Account) -> Person {
        self.accounts.person(account)
    }

    /// Whether a sign-in was for one of the simulator's accounts.
    pub fn administers(&self, account: &Account) -> bool {
        self.accounts.administers(account)
    }

    fn account(&self, name: &str) -> Option<Account> {
        self.accounts.candidates(name).into_iter().next()
    }

    fn basic(&self, caller: &Caller, text: &str) -> Result<Step, Refusal> {
        if !self.offers(Method::Basic) || !caller.is_secure() {
            return Err(Refusal::NotOffered);
        }
        let account = basic::sign_in(text, &self.accounts).ok_or(Refusal::Unknown)?;
        Ok(Step::SignedIn { account, proof: None })
    }

    fn negotiate(&self, caller: &mut Caller, scheme: Scheme, text: &str) -> Result<Step, Refusal> {
        let text = text.trim();
        if text.len() > TOKEN_BYTES_MAX {
            return Err(Refusal::Unreadable);
        }
        let token = STANDARD.decode(text).map_err(|_| Refusal::Unreadable)?;
        let token = spnego::read(&token).ok_or(Refusal::Unreadable)?;
        let stage = std::mem::replace(&mut caller.stage, Stage::Unknown);
        let shaking = match stage {
            Stage::Shaking(shaking) => Some(shaking),
            Stage::Unknown | Stage::Known(_) => None,
        };
        let binding = self.binding(&caller.channel);
        let progress = match (token, scheme) {
            (Token::Raw(mechanism, token), _) => self.raw(mechanism, token, shaking, binding)?,
            (Token::Init(init), Scheme::Negotiate) => self.init(&init)?,
            (Token::Response(response), Scheme::Negotiate) => {
                self.response(&response, shaking.ok_or(Refusal::OutOfOrder)?, binding)?
            }
            (Token::Init(_) | Token::Response(_), Scheme::Kerberos | Scheme::Ntlm) => {
                return Err(Refusal::NotOffered);
            }
        };
        Ok(match progress {
            Progress::More(token, shaking) => {
                caller.stage = Stage::Shaking(shaking);
                Step::Challenge(vec![scheme.header(&token)])
            }
            Progress::Done(account, sealer, token) => {
                let known = Known { account: account.clone(), scheme, sealer };
                caller.stage = Stage::Known(known);
                Step::SignedIn { account, proof: token.map(|token| scheme.header(&token)) }
            }
        })
    }

    /// A token of the mechanism itself.
    fn raw(
        &self,
        mechanism: Mechanism,
        token: &[u8],
        shaking: Option<Shaking>,
        binding: Binding,
    ) -> Result<Progress, Refusal> {
        match (mechanism, shaking.and_then(|held| held.handshake)) {
            (Mechanism::Kerberos, _) => {
                let (account, sealer, proof) = self.accept(token)?;
                Ok(Progress::Done(account, sealer, proof))
            }
            (Mechanism::Ntlm, None) => {
                let (handshake, challenge) = self.begin(token)?;
                let shaking = Shaking { handshake: Some(handshake), wrapping: None };
                Ok(Progress::More(challenge, shaking))
            }
            (Mechanism::Ntlm, Some(handshake)) => {
                let (account, session) = handshake.finish(token, &self.accounts, binding)?;
                Ok(Progress::Done(account, Sealer::Ntlm(Box::new(session)), None))
            }
        }
    }

    /// SPNEGO's first token: the first mechanism that both sides have. Kerberos only as the client's
    /// favourite, which it is everywhere, so that its list needs no signature.
    fn init(&self, init: &spnego::Init<'_>) -> Result<Progress, Refusal> {
        let chosen = init.offered.iter().find(|offered| match offered.mechanism {
            Mechanism::Ntlm => self.offers(Method::Ntlm),
            Mechanism::Kerberos => self.kerberos().is_some() && offered.is_favourite,
        });
        let chosen = chosen.ok_or(Refusal::NotOffered)?;
        let token = init.token.filter(|_| chosen.is_favourite);
        let id = Some(chosen.id);
        let has_to_be_signed = !chosen.is_favourite;
        let wrapping = Some(Wrapping { list: init.list.to_vec(), has_to_be_signed });
        match (chosen.mechanism, token) {
            (Mechanism::Kerberos, token) => {
                let token = token.ok_or(Refusal::OutOfOrder)?;
                let (account, sealer, proof) = self.accept(token)?;
                let answer = spnego::answer(State::Completed, id, proof.as_deref(), None);
                Ok(Progress::Done(account, sealer, Some(answer)))
            }
            (Mechanism::Ntlm, Some(token)) => {
                let (handshake, challenge) = self.begin(token)?;
                let answer = spnego::answer(State::Incomplete, id, Some(&challenge), None);
                Ok(Progress::More(answer, Shaking { handshake: Some(handshake), wrapping }))
            }
            (Mechanism::Ntlm, None) => {
                let state =
                    if has_to_be_signed { State::IncompleteToSign } else { State::Incomplete };
                let answer = spnego::answer(state, id, None, None);
                Ok(Progress::More(answer, Shaking { handshake: None, wrapping }))
            }
        }
    }

    /// SPNEGO's later tokens, which only NTLM has.
    fn response(
        &self,
        response: &spnego::Response<'_>,
        shaking: Shaking,
        binding: Binding,
    ) -> Result<Progress, Refusal> {
        let token = response.token.ok_or(Refusal::OutOfOrder)?;
        let Shaking { handshake, wrapping: Some(wrapping) } = shaking else {
            return Err(Refusal::OutOfOrder);
        };
        let Some(handshake) = handshake else {
            let (handshake, challenge) = self.begin(token)?;
            let answer = spnego::answer(State::Incomplete, None, Some(&challenge), None);
            let shaking = Shaking { handshake: Some(handshake), wrapping: Some(wrapping) };
            return Ok(Progress::More(answer, shaking));
        };
        let (account, mut session) = handshake.finish(token, &self.accounts, binding)?;
        let signature = match response.signature {
            Some(signature) => {
                session.verify_list(&wrapping.list, signature)?;
                Some(session.sign_list(&wrapping.list)?)
            }
            None if wrapping.has_to_be_signed => return Err(Refusal::OutOfOrder),
            None => None,
        };
        let answer = spnego::answer(State::Completed, None, None, signature.as_deref());
        Ok(Progress::Done(account, Sealer::Ntlm(Box::new(session)), Some(answer)))
    }

    fn begin(&self, token: &[u8]) -> Result<(Handshake, Vec<u8>), Refusal> {
        if !self.offers(Method::Ntlm) {
            return Err(Refusal::NotOffered);
        }
        let now = self.clock.now();
        let ticks = (now.as_second() + FILETIME_EPOCH_SECONDS) * 10_000_000
            + i64::from(now.subsec_nanosecond() / 100);
        let now = u64::try_from(ticks).unwrap_or_default();
        Ok(Handshake::begin(&self.target, token, now, self.crypto.secure_random)?)
    }

    fn accept(&self, token: &[u8]) -> Result<(Account, Sealer, Option<Vec<u8>>), Refusal> {
        let acceptor = self.kerberos().ok_or(Refusal::NotOffered)?;
        let accepted = acceptor.accept(token)?;
        let account = self.account(&accepted.principal).ok_or(Refusal::Unknown)?;
        Ok((account, Sealer::Kerberos(Box::new(accepted.session)), accepted.proof))
    }

    fn kerberos(&self) -> Option<&Acceptor> {
        self.kerberos.as_ref().filter(|_| self.offers(Method::Kerberos))
    }

    fn binding(&self, channel: &Channel) -> Binding {
        match (channel, self.protection) {
            (Channel::Plain, _) | (_, Protection::None) => Binding::Ignored,
            (Channel::Tls { end_point, .. }, Protection::Allow) => {
                Binding::Allowed(Binding::hash(end_point))
            }
            (Channel::Tls { end_point, .. }, Protection::Require) => {
                Binding::Required(Binding::hash(end_point))
            }
        }
    }

    /// What a 401 names, in the order of IIS.
    fn challenges(&self, caller: &Caller) -> Vec<HeaderValue> {
        let (kerberos, ntlm) = (self.kerberos().is_some(), self.offers(Method::Ntlm));
        let mut named = Vec::new();
        let mut name = |is_offered: bool, text: &'static str| {
            named.extend(is_offered.then(|| HeaderValue::from_static(text)));
        };
        name(kerberos || ntlm, "Negotiate");
        name(kerberos, "Kerberos");
        name(ntlm, "NTLM");
        if self.offers(Method::Basic) && caller.is_secure() {
            let text = format!("Basic realm=\"{}\"", self.target.dns_server);
            named.extend(HeaderValue::from_str(&text));
        }
        named
    }
}
