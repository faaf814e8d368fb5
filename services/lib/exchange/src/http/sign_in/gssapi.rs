//! Kerberos by the system's own library (MIT's libgssapi_krb5), for what ours does not do: ticket caches
//! that somebody else fills, AES128 and RC4, and channel binding. Its calls block, so those that may ask
//! a KDC run apart. Which cache, key table and KDC it takes, its own environment says.

use std::io;
use std::sync::{Mutex, PoisonError};

use libgssapi::context::{ClientCtx, CtxFlags, SecurityContext as _};
use libgssapi::credential::{Cred, CredUsage};
use libgssapi::name::Name;
use libgssapi::oid::{GSS_MECH_KRB5, GSS_NT_KRB5_PRINCIPAL, OidSet};
use libgssapi::util::{GssIov, GssIovType};

use super::error::SignInError;
use super::kdc;
use super::mechanism::{Failure, Sealed, Step};
use crate::credentials::Principal;

/// Where MIT's codes of KRB-ERROR begin (`ERROR_TABLE_BASE_krb5`, as an unsigned minor status).
const CODES_BASE: u32 = 2_529_638_912;
/// Where the library's own codes begin, from that base on.
const OWN_CODES: u32 = 128;
/// `KRB5_KDC_UNREACH` and `KRB5_REALM_CANT_RESOLVE`, from that base on.
const UNREACHABLE: [u32; 2] = [156, 166];

/// One connection's context.
pub(crate) struct Context {
    /// Away while a step runs. Nobody ever waits for the lock: it only says that no two threads look at
    /// once, which the library does not bear.
    inner: Mutex<Option<ClientCtx>>,
    principal: Principal,
    spn: String,
    binding: Option<Vec<u8>>,
}

impl Context {
    /// A context for the account's own ticket or key; nobody is asked yet.
    pub(crate) fn new(
        principal: &Principal,
        spn: &str,
        binding: Option<Vec<u8>>,
    ) -> sspi::Result<Self> {
        let made = || {
            let mut mechanisms = OidSet::new();
            mechanisms.add(GSS_MECH_KRB5)?;
            let name = principal.to_string();
            let account = Name::new(name.as_bytes(), Some(GSS_NT_KRB5_PRINCIPAL))?;
            let credentials =
                Cred::acquire(Some(&account), None, CredUsage::Initiate, Some(&mechanisms))?;
            // By its principal, not by host: the library would look the host's name up.
            let target = Name::new(spn.as_bytes(), Some(GSS_NT_KRB5_PRINCIPAL))?;
            let flags = CtxFlags::GSS_C_MUTUAL_FLAG
                | CtxFlags::GSS_C_CONF_FLAG
                | CtxFlags::GSS_C_INTEG_FLAG
                | CtxFlags::GSS_C_REPLAY_FLAG
                | CtxFlags::GSS_C_SEQUENCE_FLAG;
            Ok(ClientCtx::new(Some(credentials), target, flags, Some(GSS_MECH_KRB5)))
        };
        let inner: Result<ClientCtx, libgssapi::error::Error> = made();
        let inner = inner.map_err(|error| library(&error))?;
        Ok(Self {
            inner: Mutex::new(Some(inner)),
            principal: principal.clone(),
            spn: spn.to_owned(),
            binding,
        })
    }

    pub(crate) async fn step(&mut self, token: Vec<u8>) -> Result<Step, Failure> {
        let gone = || sspi::Error::new(sspi::ErrorKind::OutOfSequence, "the context is gone");
        let mut inner = self.place().take().ok_or_else(|| Failure::Library(gone()))?;
        let binding = self.binding.clone();
        // It ends by the library's own time limits.
        let stepped = tokio::task::spawn_blocking(move || {
            let token = Some(token.as_slice()).filter(|token| !token.is_empty());
            let said = inner.step(token, binding.as_deref());
            let said = said.map(|said| said.map(|said| said.to_vec()).unwrap_or_default());
            (inner, said)
        })
        .await;
        let (inner, said) = stepped.map_err(|_| Failure::Library(gone()))?;
        let is_done = inner.is_complete();
        *self.place() = Some(inner);
        match said {
            Ok(token) => Ok(Step { token, is_done }),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn failed(&self, error: libgssapi::error::Error) -> Failure {
        let code = error.minor.wrapping_sub(CODES_BASE);
        if UNREACHABLE.contains(&code) {
            return Failure::Cause(SignInError::KdcUnreachable {
                realm: self.principal.realm().to_owned(),
                tried: "those of the system's krb5.conf".to_owned(),
                source: io::Error::other(error.to_string()),
            });
        }
        let account = self.principal.to_string();
        let known = (code < OWN_CODES).then(|| kdc::cause(code, &account, &self.spn)).flatten();
        known.map_or_else(|| Failure::Library(library(&error)), Failure::Cause)
    }

    pub(crate) fn seal(&mut self, plain: &[u8]) -> Result<Sealed, Failure> {
        let context = self.standing()?;
        let mut bytes = plain.to_vec();
        // No trailer: with one the library does not rotate ([RFC 4121] 4.2.5) as WinRM wants it,
        // and pyspnego's acceptor refuses the message.
        let (header, padding) = {
            let mut pieces = [
                GssIov::new_alloc(GssIovType::Header),
                GssIov::new(GssIovType::Data, &mut bytes),
                GssIov::new_alloc(GssIovType::Padding),
            ];
            let sealed = context.wrap_iov(true, &mut pieces);
            sealed.map_err(|error| Failure::Library(library(&error)))?;
            let [header, _, padding] = &pieces;
            (header.to_vec(), padding.to_vec())
        };
        bytes.extend(padding);
        Ok(Sealed { header, bytes })
    }

    pub(crate) fn unseal(&mut self, header: &mut [u8], bytes: &mut [u8]) -> Result<usize, Failure> {
        let context = self.standing()?;
        let whole = [&*header, &*bytes].concat();
        let opened = context.unwrap(&whole).map_err(|error| Failure::Library(library(&error)))?;
        let room = bytes
            .get_mut(..opened.len())
            .ok_or(Failure::Cause(SignInError::Tampered { reason: "it grew", source: None }))?;
        room.copy_from_slice(&opened);
        Ok(opened.len())
    }

    fn place(&mut self) -> &mut Option<ClientCtx> {
        self.inner.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    fn standing(&mut self) -> Result<&mut ClientCtx, Failure> {
        self.place().as_mut().ok_or_else(|| {
            let gone = "the context is gone";
            Failure::Library(sspi::Error::new(sspi::ErrorKind::OutOfSequence, gone))
        })
    }
}

/// Its words, in the error that all mechanisms share.
fn library(error: &libgssapi::error::Error) -> sspi::Error {
    sspi::Error::new(sspi::ErrorKind::InternalError, error.to_string())
}
