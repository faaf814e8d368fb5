//! Why a sign-in failed or a signed-in connection can no longer be believed. Each cause that an
//! operator can cure has its own variant. Codes in the comments are those of [RFC 4120] 7.5.9.

use std::io;

/// Why a sign-in failed, or its protection broke.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The server does not offer the scheme.
    #[error("the server does not offer {scheme} (it offers: {offered})")]
    NotOffered {
        /// The scheme that we may use.
        scheme: &'static str,
        /// The schemes that the server names.
        offered: String,
    },
    /// The directory says that the password or key is wrong (KDC_ERR_PREAUTH_FAILED 24), or a
    /// server refused the whole proof of NTLM, where an unknown account looks the same.
    #[error("the password or key of '{account}' is refused ({scheme})")]
    BadCredentials {
        /// The account.
        account: String,
        /// The scheme.
        scheme: &'static str,
    },
    /// KDC_ERR_C_PRINCIPAL_UNKNOWN (6).
    #[error("the directory knows no account '{account}'")]
    UnknownAccount {
        /// The account.
        account: String,
    },
    /// KDC_ERR_CLIENT_REVOKED (18): locked or disabled, or outside its logon hours; Active Directory
    /// says so of an expired account, too ([MS-KILE] 3.3.5.7.1).
    #[error("the account '{account}' is locked or disabled")]
    AccountLocked {
        /// The account.
        account: String,
    },
    /// KDC_ERR_NAME_EXP (1), as MIT's KDC says it.
    #[error("the account '{account}' has expired")]
    AccountExpired {
        /// The account.
        account: String,
    },
    /// KDC_ERR_KEY_EXPIRED (23).
    #[error("the password of '{account}' has expired")]
    PasswordExpired {
        /// The account.
        account: String,
    },
    /// The account may sign in without proving that it knows its password, which this client does
    /// not do.
    #[error("the account '{account}' does not require Kerberos pre-authentication")]
    NoPreauthentication {
        /// The account.
        account: String,
    },
    /// KDC_ERR_S_PRINCIPAL_UNKNOWN (7): no account of the directory holds the name.
    #[error("the directory knows no service '{spn}'")]
    WrongSpn {
        /// The service principal name.
        spn: String,
    },
    /// The server refused a ticket that the directory gave: another account holds the name than the
    /// one the server runs as, or the server's clock is off.
    #[error("the server refused the ticket for '{spn}' of '{account}'")]
    TicketRefused {
        /// The service principal name.
        spn: String,
        /// The account.
        account: String,
    },
    /// The account or the service has no AES256 key (KDC_ERR_ETYPE_NOSUPP 14, or an answer in another
    /// encryption type), and nothing weaker is used.
    #[error("'{account}' or '{spn}' has no AES256 key")]
    NoAes256 {
        /// The account.
        account: String,
        /// The service principal name.
        spn: String,
    },
    /// KRB_AP_ERR_SKEW (37), although the KDC's own time was taken.
    #[error("the clock of this machine and that of the directory are too far apart")]
    ClockSkew,
    /// No KDC of the realm answered.
    #[error("no Kerberos server of {realm} answers (tried: {tried})")]
    KdcUnreachable {
        /// The realm.
        realm: String,
        /// The addresses, in order.
        tried: String,
        /// What came of the last one.
        source: io::Error,
    },
    /// The way to the service leads through a realm whose KDC is not known.
    #[error("the way to '{spn}' leads through a realm whose Kerberos servers are not known")]
    UnknownRealm {
        /// The service principal name.
        spn: String,
    },
    /// `[domain_realm]` of the machine's `krb5.conf` sends the account to another realm.
    #[error("the machine's krb5.conf turns realm {wanted} into {found} ([domain_realm])")]
    RealmRewritten {
        /// The account's realm.
        wanted: String,
        /// What became of it.
        found: String,
    },
    /// Any other refusal of the KDC ([RFC 4120] 7.5.9).
    #[error("the Kerberos server refused with code {code}")]
    Kdc {
        /// The code.
        code: u32,
    },
    /// The server did not prove that it is the one that was meant.
    #[error("the server did not prove that it holds '{spn}'")]
    MutualAuthFailed {
        /// The service principal name.
        spn: String,
        /// What the library said, when there was anything to look at.
        source: Option<sspi::Error>,
    },
    /// A sealed answer was changed or cut on its way.
    #[error("the sealed answer is not what the server sent: {reason}")]
    Tampered {
        /// What does not fit.
        reason: &'static str,
        /// What the library said.
        source: Option<sspi::Error>,
    },
    /// A sealed answer is one to another request.
    #[error("the sealed answer belongs to another request")]
    Replayed,
    /// An answer came without the seal that the connection has.
    #[error("the answer is not sealed, although the connection is")]
    Unsealed,
    /// What the server says is no sign-in.
    #[error("the server's part of the sign-in cannot be read: {reason}")]
    Protocol {
        /// What does not fit.
        reason: &'static str,
        /// What the library said.
        source: Option<sspi::Error>,
    },
    /// A request could not be sealed.
    #[error("the request could not be sealed")]
    Seal {
        /// What the library said.
        source: sspi::Error,
    },
    /// The account's name or key is none that the library takes.
    #[error("cannot sign in as '{account}'")]
    Unusable {
        /// The account.
        account: String,
        /// What the library said.
        source: sspi::Error,
    },
}

impl SignInError {
    /// Whether the directory refused the account itself, so that another try could lock it.
    pub fn refuses_account(&self) -> bool {
        match self {
            Self::BadCredentials { .. }
            | Self::UnknownAccount { .. }
            | Self::AccountLocked { .. }
            | Self::AccountExpired { .. }
            | Self::PasswordExpired { .. } => true,
            Self::NotOffered { .. }
            | Self::NoPreauthentication { .. }
            | Self::WrongSpn { .. }
            | Self::TicketRefused { .. }
            | Self::NoAes256 { .. }
            | Self::ClockSkew
            | Self::KdcUnreachable { .. }
            | Self::UnknownRealm { .. }
            | Self::RealmRewritten { .. }
            | Self::Kdc { .. }
            | Self::MutualAuthFailed { .. }
            | Self::Tampered { .. }
            | Self::Replayed
            | Self::Unsealed
            | Self::Protocol { .. }
            | Self::Seal { .. }
            | Self::Unusable { .. } => false,
        }
    }

    /// Whether the server may have acted on the request whose answer failed.
    pub(crate) fn may_have_acted(&self) -> bool {
        matches!(self, Self::Tampered { .. } | Self::Replayed | Self::Unsealed)
    }

    /// Whether waiting may help: nobody has to change anything.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::KdcUnreachable { .. })
    }

    /// One word for a metric or a span.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotOffered { .. } => "scheme_not_offered",
            Self::BadCredentials { .. } => "bad_credentials",
            Self::UnknownAccount { .. } => "unknown_account",
            Self::AccountLocked { .. } => "account_locked",
            Self::AccountExpired { .. } => "account_expired",
            Self::PasswordExpired { .. } => "password_expired",
            Self::NoPreauthentication { .. } => "no_preauthentication",
            Self::WrongSpn { .. } => "wrong_spn",
            Self::TicketRefused { .. } => "ticket_refused",
            Self::NoAes256 { .. } => "no_aes256",
            Self::ClockSkew => "clock_skew",
            Self::KdcUnreachable { .. } => "kdc_unreachable",
            Self::UnknownRealm { .. } | Self::RealmRewritten { .. } => "realm",
            Self::Kdc { .. } => "kdc",
            Self::MutualAuthFailed { .. } => "mutual_auth_failed",
            Self::Tampered { .. } => "tampered",
            Self::Replayed => "replayed",
            Self::Unsealed => "unsealed",
            Self::Protocol { .. } | Self::Seal { .. } => "sign_in_protocol",
            Self::Unusable { .. } => "account_unusable",
        }
    }
}
