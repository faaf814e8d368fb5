//! Owns the security context of one connection: its tokens, and the seal that it gives. A seam of
//! our own, so that another library can stand behind it; nothing here knows HTTP.

use std::fmt;

use sspi::generator::GeneratorState;
use sspi::{
    AuthIdentity, BufferType, ClientRequestFlags, CredentialUse, DataRepresentation,
    EncryptionFlags, KdcResolution, Kerberos, KerberosConfig, KeytabIdentity, Negotiate,
    NegotiateConfig, Ntlm, SecurityBuffer, SecurityBufferRef, SecurityStatus, Sspi, SspiImpl,
    Username,
};

use picky_krb::crypto::CipherSuite;

use super::error::SignInError;
use super::kdc::{Kdcs, OWN_REALM};
use crate::credentials::Credentials;
use crate::http::authentication::{KerberosAccount, Proof};

/// What a context has to give: the server's proof, order, and the means to seal ([RFC 2743] 1.2.1).
/// Never DELEGATE: nobody else shall act in the account's name.
const FLAGS: ClientRequestFlags = ClientRequestFlags::MUTUAL_AUTH
    .union(ClientRequestFlags::INTEGRITY)
    .union(ClientRequestFlags::CONFIDENTIALITY)
    .union(ClientRequestFlags::REPLAY_DETECT)
    .union(ClientRequestFlags::SEQUENCE_DETECT);
/// Only NTLM inside SPNEGO: the library (sspi 0.23) would fall back silently otherwise.
const NTLM_ONLY: &str = "!kerberos,ntlm";
/// The least that stands before sealed bytes: NTLM's signature ([MS-NLMP] 2.2.2.9).
const HEADER_BYTES_MIN: usize = 16;

/// One connection's context.
pub(crate) enum Mechanism {
    /// Kerberos in its own tokens ([RFC 4121]).
    Kerberos(Box<Context<Kerberos>>),
    /// NTLM in its own tokens ([MS-NLMP]).
    Ntlm(Box<Context<Ntlm>>),
    /// NTLM wrapped in SPNEGO ([RFC 4178]).
    Negotiate(Box<Context<Negotiate>>),
    /// Kerberos by the system's library.
    #[cfg(feature = "gssapi")]
    Gssapi(Box<super::gssapi::Context>),
}

/// What comes of a token.
#[derive(Debug)]
pub(crate) struct Step {
    /// What is to be sent; empty for nothing.
    pub(crate) token: Vec<u8>,
    /// Whether both sides have proved themselves.
    pub(crate) is_done: bool,
}

/// Why a token or a seal was not taken.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The Kerberos servers, or the way to them.
    Cause(SignInError),
    /// The library of this mechanism.
    Library(sspi::Error),
}

/// Sealed bytes and what stands before them.
#[derive(Debug)]
pub(crate) struct Sealed {
    /// The token of the message.
    pub(crate) header: Vec<u8>,
    /// As many bytes as the plain ones, and what the mechanism adds.
    pub(crate) bytes: Vec<u8>,
}

impl Mechanism {
    /// Kerberos, with the account's password or key. It goes without a binding: MIT's library (1.20)
    /// refuses the flag with which this one announces it altogether; what Windows does is unverified.
    /// `binding` is the system's library's alone.
    pub(crate) fn kerberos(
        account: &KerberosAccount,
        spn: &str,
        binding: Option<Vec<u8>>,
    ) -> sspi::Result<Self> {
        let principal = account.principal();
        let username = Username::new_down_level_logon_name(principal.name(), principal.realm())
            .map_err(|error| unusable(&error))?;
        let credentials = match account.proof() {
            Proof::Password(password) => sspi::Credentials::AuthIdentity(AuthIdentity {
                username,
                password: password.to_string().into(),
            }),
            Proof::Key(key) => sspi::Credentials::Keytab(KeytabIdentity {
                principal: username,
                key: key.secret().to_vec().into(),
                key_enctype: CipherSuite::Aes256CtsHmacSha196,
            }),
            #[cfg(feature = "gssapi")]
            Proof::System => {
                let context = super::gssapi::Context::new(principal, spn, binding)?;
                return Ok(Self::Gssapi(Box::new(context)));
            }
        };
        drop(binding);
        // A constant that parses (there is a test): what does not would turn discovery on.
        let own = sspi::kerberos::config::parse_kdc_url(&format!("tcp://{OWN_REALM}:88"));
        let package = Kerberos::new_client_from_config(KerberosConfig {
            kdc_resolution: KdcResolution::KdcUrl(own),
            client_computer_name: machine(),
        })?;
        Ok(Self::Kerberos(Box::new(Context::new(package, &credentials, spn, None)?)))
    }

    /// NTLM. `binding` ties the sign-in to the TLS channel it is made in.
    pub(crate) fn ntlm(
        credentials: &Credentials,
        spn: &str,
        binding: Option<Vec<u8>>,
    ) -> sspi::Result<Self> {
        let package = Ntlm::with_config(sspi::ntlm::NtlmConfig::new(machine()));
        let identity = identity(credentials)?;
        Ok(Self::Ntlm(Box::new(Context::new(package, &identity, spn, binding)?)))
    }

    /// NTLM inside SPNEGO.
    pub(crate) fn negotiate(
        credentials: &Credentials,
        spn: &str,
        binding: Option<Vec<u8>>,
    ) -> sspi::Result<Self> {
        let package = Negotiate::new_client(NegotiateConfig::new(
            Box::new(sspi::ntlm::NtlmConfig::new(machine())),
            Some(NTLM_ONLY.to_owned()),
            machine(),
        ))?;
        let credentials = sspi::Credentials::AuthIdentity(identity(credentials)?);
        Ok(Self::Negotiate(Box::new(Context::new(package, &credentials, spn, binding)?)))
    }

    /// Takes the server's token, empty at first, and says what to answer.
    pub(crate) async fn step(
        &mut self,
        token: Vec<u8>,
        kdcs: &mut Kdcs<'_>,
    ) -> Result<Step, Failure> {
        match self {
            Self::Kerberos(context) => context.step(token, kdcs).await,
            Self::Ntlm(context) => context.step(token, kdcs).await,
            Self::Negotiate(context) => context.step(token, kdcs).await,
            #[cfg(feature = "gssapi")]
            Self::Gssapi(context) => context.step(token).await,
        }
    }

    /// Whether the server has to prove itself by a token of its own.
    pub(crate) fn is_mutual(&self) -> bool {
        match self {
            Self::Kerberos(_) => true,
            Self::Ntlm(_) | Self::Negotiate(_) => false,
            #[cfg(feature = "gssapi")]
            Self::Gssapi(_) => true,
        }
    }

    /// Seals the next message.
    pub(crate) fn seal(&mut self, plain: &[u8]) -> Result<Sealed, Failure> {
        match self {
            Self::Kerberos(context) => context.seal(plain),
            Self::Ntlm(context) => context.seal(plain),
            Self::Negotiate(context) => context.seal(plain),
            #[cfg(feature = "gssapi")]
            Self::Gssapi(context) => context.seal(plain),
        }
    }

    /// Opens the next message in its place; returns how many bytes of `bytes` are plain now.
    pub(crate) fn unseal(&mut self, header: &mut [u8], bytes: &mut [u8]) -> Result<usize, Failure> {
        match self {
            Self::Kerberos(context) => context.unseal(header, bytes),
            Self::Ntlm(context) => context.unseal(header, bytes),
            Self::Negotiate(context) => context.unseal(header, bytes),
            #[cfg(feature = "gssapi")]
            Self::Gssapi(context) => context.unseal(header, bytes),
        }
    }
}

/// Neither keys nor the library's own print, which shows some.
impl fmt::Debug for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kerberos(_) => "Kerberos",
            Self::Ntlm(_) => "Ntlm",
            Self::Negotiate(_) => "Negotiate",
            #[cfg(feature = "gssapi")]
            Self::Gssapi(_) => "Gssapi",
        })
    }
}

/// A context of one package of the library.
pub(crate) struct Context<P: SspiImpl> {
    package: P,
    /// Held until the context stands: a copy of the secret lives in it.
    handle: Option<P::CredentialsHandle>,
    spn: String,
    binding: Option<Vec<u8>>,
}

impl<P> Context<P>
where
    P: Sspi + SspiImpl,
    P::CredentialsHandle: Send,
{
    fn new(
        mut package: P,
        credentials: &P::AuthenticationData,
        spn: &str,
        binding: Option<Vec<u8>>,
    ) -> sspi::Result<Self> {
        let acquired = package
            .acquire_credentials_handle()
            .with_credential_use(CredentialUse::Outbound)
            .with_auth_data(credentials)
            .execute(&mut package)?;
        let handle = Some(acquired.credentials_handle);
        Ok(Self { package, handle, spn: spn.to_owned(), binding })
    }

    async fn step(&mut self, token: Vec<u8>, kdcs: &mut Kdcs<'_>) -> Result<Step, Failure> {
        let mut input = vec![SecurityBuffer::new(token, BufferType::Token)];
        // On every step: Kerberos would read it in the first, NTLM does in the second.
        if let Some(binding) = &self.binding {
            input.push(SecurityBuffer::new(binding.clone(), BufferType::ChannelBindings));
        }
        let mut output = vec![SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let Some(handle) = self.handle.as_mut() else {
            let done = "the context already stands";
            return Err(Failure::Library(sspi::Error::new(sspi::ErrorKind::OutOfSequence, done)));
        };
        let status = {
            let builder = self.package.initialize_security_context();
            let mut builder = builder
                .with_credentials_handle(handle)
                .with_context_requirements(FLAGS)
                .with_target_data_representation(DataRepresentation::Native)
                .with_target_name(&self.spn)
                .with_input(&mut input)
                .with_output(&mut output);
            let mut generator = self
                .package
                .initialize_security_context_impl(&mut builder)
                .map_err(Failure::Library)?;
            let mut state = generator.start();
            loop {
                match state {
                    GeneratorState::Completed(result) => {
                        break result.map_err(Failure::Library)?.status;
                    }
                    GeneratorState::Suspended(request) => {
                        state = generator.resume(kdcs.ask(&request).await);
                    }
                }
            }
        };
        let is_done = status == SecurityStatus::Ok;
        if is_done {
            self.handle = None;
        }
        let token = output.pop().map(|buffer| buffer.buffer).unwrap_or_default();
        Ok(Step { token, is_done })
    }

    fn seal(&mut self, plain: &[u8]) -> Result<Sealed, Failure> {
        let sizes = self.package.query_context_sizes().map_err(Failure::Library)?;
        let mut header = vec![0; usize::try_from(sizes.security_trailer).unwrap_or_default()];
        let mut bytes = plain.to_vec();
        let mut buffers =
            [SecurityBufferRef::token_buf(&mut header), SecurityBufferRef::data_buf(&mut bytes)];
        self.package
            .encrypt_message(EncryptionFlags::empty(), &mut buffers)
            .map_err(Failure::Library)?;
        Ok(Sealed { header, bytes })
    }

    fn unseal(&mut self, header: &mut [u8], bytes: &mut [u8]) -> Result<usize, Failure> {
        if header.len() < HEADER_BYTES_MIN {
            return Err(Failure::Cause(SignInError::Tampered {
                reason: "its header is too short",
                source: None,
            }));
        }
        let mut buffers =
            [SecurityBufferRef::token_buf(header), SecurityBufferRef::data_buf(bytes)];
        self.package.decrypt_message(&mut buffers).map_err(Failure::Library)?;
        let [_, plain] = &buffers;
        Ok(plain.buf_len())
    }
}

/// An account as NTLM knows it: `DOMAIN\name`, `name@domain`, or a name alone.
fn identity(credentials: &Credentials) -> sspi::Result<AuthIdentity> {
    Ok(AuthIdentity {
        username: Username::parse(credentials.account()).map_err(|error| unusable(&error))?,
        password: credentials.secret().to_owned().into(),
    })
}

fn unusable(error: &impl fmt::Display) -> sspi::Error {
    sspi::Error::new(sspi::ErrorKind::UnknownCredentials, error.to_string())
}

/// What this machine calls itself, as a hint in the server's logs ([MS-NLMP] 2.2.1.3, `Workstation`);
/// the real name is none of its business.
fn machine() -> String {
    "exgate".to_owned()
}
