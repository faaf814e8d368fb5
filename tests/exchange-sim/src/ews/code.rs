//! Owns the response codes, what each says, and how an experimenter asks for one.
//!
//! Source of the names: "ResponseCode" in the EWS reference on learn.microsoft.com. The wording of the
//! messages is what Exchange 2010 to 2019 is known to say where a page shows it, else made up.

use serde::{Deserialize, Serialize};

/// Makes the enumeration of a table: the name on the wire, what it ends, what it says to people.
macro_rules! codes {
    ($($name:ident, $ends:ident, $text:literal;)*) => {
        /// A response code other than `NoError`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Code {
            $(#[doc = $text] $name,)*
        }

        impl Code {
            /// What it says to people.
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            fn ends(self) -> Ends {
                match self {
                    $(Self::$name => Ends::$ends,)*
                }
            }
        }
    };
}

/// What a refusal ends, unless told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    /// The whole request: it is about the caller or the server.
    Whole,
    /// What is asked of one item or folder.
    One,
}

codes! {
    ErrorAccessDenied, One, "Access is denied. Check credentials and try again.";
    ErrorAccountDisabled, Whole, "The account is disabled.";
    ErrorADOperation, One, "An error occurred while trying to access Active Directory.";
    ErrorADUnavailable, One, "Active Directory is unavailable. Try your request again later.";
    ErrorConnectionFailed, One, "The connection failed. Try again later.";
    ErrorExceededConnectionCount, Whole,
    "You have exceeded the available concurrent connections for your account. Try again \
     once your other requests have completed.";
    ErrorFolderNotFound, One, "The specified folder could not be found in the store.";
    ErrorImpersonateUserDenied, Whole,
    "The account does not have permission to impersonate the requested user.";
    ErrorImpersonationDenied, Whole,
    "The caller does not have permission to impersonate users on this server.";
    ErrorImpersonationFailed, Whole, "Exchange Web Services failed to impersonate the user.";
    ErrorInternalServerError, One, "An internal server error occurred. The operation failed.";
    ErrorInternalServerTransientError, Whole, "An internal server error occurred. Try again later.";
    ErrorInvalidFolderId, One, "The folder Id is invalid.";
    ErrorInvalidIdMalformed, One, "Id is malformed.";
    ErrorInvalidOperation, One, "The operation is not supported here.";
    ErrorInvalidPagingMaxRows, One, "The number of requested items is invalid.";
    ErrorInvalidPropertyRequest, One, "The property can not be used with this type of request.";
    ErrorInvalidRecipients, One, "At least one recipient isn't valid.";
    ErrorInvalidRequest, Whole, "The request is invalid.";
    ErrorInvalidServerVersion, Whole, "The specified server version is invalid.";
    ErrorItemNotFound, One, "The specified object was not found in the store.";
    ErrorMailboxFailover, One, "Mailbox failover is in progress. Try again later.";
    ErrorMailboxMoveInProgress, One, "Mailbox move in progress. Try again later.";
    ErrorMailboxStoreUnavailable, One, "The mailbox database is temporarily unavailable.";
    ErrorMailRecipientNotFound, One, "Mailbox database or mail recipient could not be found.";
    ErrorMessageDispositionRequired, One,
    "A MessageDisposition is required for items of type Message.";
    ErrorMessageSizeExceeded, One, "The message exceeds the maximum supported size.";
    ErrorMissingEmailAddress, One,
    "When making a request as an account that does not have a mailbox, you must specify \
     the mailbox primary SMTP address for any distinguished folder Ids.";
    ErrorMissingRecipients, One, "At least one recipient must be specified.";
    ErrorNameResolutionMultipleResults, One, "Multiple results were found for the specified name.";
    ErrorNameResolutionNoResults, One, "No results were found.";
    ErrorNonExistentMailbox, Whole, "The SMTP address has no mailbox associated with it.";
    ErrorNoRespondingCASInDestinationSite, Whole,
    "Exchange Web Services are not currently available for this request because none of \
     the Client Access Servers in the destination site responded.";
    ErrorPasswordChangeRequired, Whole, "The password must be changed.";
    ErrorPasswordExpired, Whole, "The password has expired.";
    ErrorQuotaExceeded, One, "The mailbox is over its quota.";
    ErrorSchemaValidation, Whole, "The request failed schema validation.";
    ErrorSendAsDenied, One,
    "The user account which was used to submit this request does not have the right to \
     send mail on behalf of the specified sending account.";
    ErrorServerBusy, Whole, "The server cannot service this request right now. Try again later.";
    ErrorSubmissionQuotaExceeded, One, "The account has submitted too many messages.";
    ErrorTimeoutExpired, One, "The request timed out.";
    ErrorUnsupportedPathForQuery, One, "The property can not be used with this type of query.";
    ErrorUnsupportedTypeForConversion, One, "The type is not supported for conversion.";
}

impl Code {
    /// The name on the wire.
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// Says whether it is a SOAP fault (HTTP 500) unless told otherwise, and not a message of an answer.
    pub fn is_fault(self) -> bool {
        self.ends() == Ends::Whole
    }
}

/// Something refused, with the values that go beside its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub code: Code,
    /// What it says.
    pub text: String,
    /// `MessageXml`: names and values.
    pub values: Vec<(&'static str, String)>,
}

impl From<Code> for Failure {
    fn from(code: Code) -> Self {
        Self { code, text: code.text().to_owned(), values: Vec::new() }
    }
}

impl Failure {
    /// A refusal that says more.
    pub fn saying(code: Code, more: &str) -> Self {
        Self { text: format!("{} {more}", code.text()), ..Self::from(code) }
    }
}
