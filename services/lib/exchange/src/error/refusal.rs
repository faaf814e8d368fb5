//! What an error record means: the classes and the texts of Exchange's refusals, each with its
//! consequence.
//!
//! Classes are .NET's names, PowerShell's own and Exchange's; that a server puts the latter into
//! `CategoryInfo.Reason` as listed here is common knowledge and unverified, but where a source stands
//! beside it.

use std::time::Duration;

use crate::error::{BUSY_PAUSE, Retry};
use crate::psrp::body::ErrorRecord;

/// What an error record means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The object does not exist, or not yet on this domain controller.
    NotFound,
    /// Several objects answer to the name; ask by GUID.
    Ambiguous,
    /// The account's roles hide the cmdlet, or the version does not have it.
    CmdletMissing,
    /// The account's roles hide this parameter, or the version does not have it.
    ParameterMissing(String),
    /// The account's roles or scopes forbid it.
    Forbidden,
    /// Too much at once; the server may say how long to wait.
    Throttled(Option<Duration>),
    /// The cmdlet cannot filter by this property: read everything instead.
    NotFilterable,
    /// The directory has trouble; another domain controller may not.
    DirectoryTrouble,
    /// The mailbox is on the move.
    MailboxBusy,
    /// The mailbox's database cannot be reached.
    MailboxUnavailable,
    /// Anything else.
    Other,
}

/// Texts of hard throttling. There is no class behind most of them. Printed in public posts: the shells
/// and the load quota by Exchange 2010, the shells of a tenant by Lync on the same layer, connections by
/// Exchange Online; the last is a subcode ([MS-WSMV] 3.1.4.5.2.1).
const THROTTLED: [&str; 5] = [
    "concurrent shells, which has been exceeded",
    "The user load quota of",
    "maximum number of concurrent shells",
    "you have exceeded the maximum number of connections allowed",
    "wsman:QuotaLimit",
];

impl Refusal {
    /// Classifies an error record.
    pub fn of(record: &ErrorRecord) -> Self {
        let text = record.message.as_str();
        if is_throttling(text) {
            return Self::Throttled(wait(text));
        }
        match class(record) {
            "ManagementObjectNotFoundException" => Self::NotFound,
            "ManagementObjectAmbiguousException" => Self::Ambiguous,
            "CommandNotFoundException" => Self::CmdletMissing,
            "ParameterBindingException" => match parameter(record) {
                Some(parameter) => Self::ParameterMissing(parameter),
                // A filter that does not bind is refused under this class too.
                None => Self::of_text(text),
            },
            "CmdletAccessDeniedException" => Self::Forbidden,
            "OverBudgetException" => Self::Throttled(wait(text)),
            "ADTransientException" | "ADServerSettingsChangedException" => Self::DirectoryTrouble,
            "StorageTransientException" | "MapiExceptionMailboxInTransit" => Self::MailboxBusy,
            "StoragePermanentException" | "MailboxUnavailableException" => Self::MailboxUnavailable,
            _ => Self::of_text(text),
        }
    }

    fn of_text(text: &str) -> Self {
        // The first from the page `filter-properties`; the texts of permission are unverified.
        if text.contains("not a recognized filterable property") {
            Self::NotFilterable
        } else if text.contains("sufficient permissions") || text.contains("current write scopes") {
            Self::Forbidden
        } else {
            Self::Other
        }
    }

    /// When the same cmdlet may be said again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Throttled(wait) => Retry::After(wait.unwrap_or(BUSY_PAUSE)),
            Self::DirectoryTrouble | Self::MailboxBusy => Retry::After(BUSY_PAUSE),
            Self::NotFound
            | Self::Ambiguous
            | Self::CmdletMissing
            | Self::ParameterMissing(_)
            | Self::Forbidden
            | Self::NotFilterable
            | Self::MailboxUnavailable
            | Self::Other => Retry::Never,
        }
    }

    /// One word for a metric or a span.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Ambiguous => "ambiguous",
            Self::CmdletMissing => "cmdlet_missing",
            Self::ParameterMissing(_) => "parameter_missing",
            Self::Forbidden => "forbidden",
            Self::Throttled(_) => "throttled",
            Self::NotFilterable => "not_filterable",
            Self::DirectoryTrouble => "directory_trouble",
            Self::MailboxBusy => "mailbox_busy",
            Self::MailboxUnavailable => "mailbox_unavailable",
            Self::Other => "refused",
        }
    }
}

/// The short class of the exception, the machine key: the category's reason; else what 2013 and
/// later put into the id (`[FailureCategory=Cmdlet-ManagementObjectNotFoundException]`); else the
/// last part of the exception's own type name. Public posts show the form in brackets for refusals of
/// WSMan and AuthZ; for those of cmdlets it is unverified.
pub fn class(record: &ErrorRecord) -> &str {
    let id = record.fully_qualified_id.as_str();
    let category = id.split_once("[FailureCategory=").and_then(|(_, rest)| rest.split_once(']'));
    let category = category.and_then(|(category, _)| category.split('-').next_back());
    let type_name = record.exception_type.rsplit('.').next();
    [Some(record.reason.as_str()), category, type_name]
        .into_iter()
        .flatten()
        .find(|class| !class.is_empty())
        .unwrap_or_default()
}

/// Whether a text is one of hard throttling.
pub(crate) fn is_throttling(text: &str) -> bool {
    THROTTLED.iter().any(|signal| text.contains(signal))
}

/// How long a throttled caller is told to wait: `.. wait for at least 1500 milliseconds ..`
/// (in public posts on Exchange 2010; the words around the number are unverified).
pub(crate) fn wait(text: &str) -> Option<Duration> {
    let (_, rest) = text.split_once("at least ")?;
    let (number, unit) = rest.trim_start().split_once(' ')?;
    let number: u64 = number.replace([',', '.'], "").parse().ok()?;
    unit.starts_with("milliseconds").then(|| Duration::from_millis(number))
}

/// How much a warning says that Exchange slowed the session down: `Micro delay applied. Actual
/// delayed: 120 msecs, ..` (Microsoft support, KB 2881759).
pub fn delay_applied(warning: &str) -> Option<Duration> {
    let (_, rest) = warning.split_once("Micro delay applied")?;
    let (_, rest) = rest.split_once("Actual delayed:")?;
    let number = rest.trim_start().split(|c: char| !c.is_ascii_digit() && c != ',').next()?;
    number.replace(',', "").parse().ok().map(Duration::from_millis)
}

/// Whether a warning says that the result was cut short (the text is unverified).
pub fn is_more_available(warning: &str) -> bool {
    warning.contains("more results available")
}

/// The parameter that a binding error names: `A parameter cannot be found that matches parameter
/// name 'X'.` (PowerShell's own text and id; from Exchange unverified).
fn parameter(record: &ErrorRecord) -> Option<String> {
    let named = record.fully_qualified_id.starts_with("NamedParameterNotFound");
    let (_, rest) = record.message.split_once("matches parameter name '").or_else(|| {
        // Another language: the name is still the one thing in quotes.
        named.then(|| record.message.split_once('\'')).flatten()
    })?;
    let (name, _) = rest.split_once('\'')?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(class: &str, message: &str) -> Refusal {
        Refusal::of(&ErrorRecord {
            reason: class.into(),
            message: message.into(),
            ..ErrorRecord::default()
        })
    }

    #[test]
    fn the_class_is_the_reason_else_the_failure_category_else_the_type() {
        let mut record = ErrorRecord {
            reason: "ManagementObjectAmbiguousException".into(),
            fully_qualified_id: "[Server=EX01] [FailureCategory=Cmdlet-OverBudgetException] 1A2B,X"
                .into(),
            exception_type: "Microsoft.Exchange.ManagementObjectNotFoundException".into(),
            ..ErrorRecord::default()
        };
        assert_eq!(class(&record), "ManagementObjectAmbiguousException");
        record.reason.clear();
        assert_eq!(class(&record), "OverBudgetException");
        record.fully_qualified_id = "1A2B,X".into();
        assert_eq!(class(&record), "ManagementObjectNotFoundException");
        assert_eq!(class(&ErrorRecord::default()), "");
    }

    #[test]
    fn classes_decide_before_texts() {
        for (class, message, expected) in [
            (
                "ManagementObjectNotFoundException",
                "konnte nicht gefunden werden",
                Refusal::NotFound,
            ),
            ("ManagementObjectAmbiguousException", "", Refusal::Ambiguous),
            (
                "CommandNotFoundException",
                "The term 'Set-CASMailbox' is not recognized",
                Refusal::CmdletMissing,
            ),
            (
                "ParameterBindingException",
                "A parameter cannot be found that matches parameter name 'Filter'.",
                Refusal::ParameterMissing("Filter".into()),
            ),
            ("ParameterBindingException", "Cannot bind argument", Refusal::Other),
            ("CmdletAccessDeniedException", "", Refusal::Forbidden),
            (
                "InvalidOperationException",
                "isn't within your current write scopes",
                Refusal::Forbidden,
            ),
            ("ADTransientException", "", Refusal::DirectoryTrouble),
            ("StorageTransientException", "", Refusal::MailboxBusy),
            ("MailboxUnavailableException", "", Refusal::MailboxUnavailable),
            (
                "ArgumentException",
                "'WhenChangedUTC' is not a recognized filterable property",
                Refusal::NotFilterable,
            ),
            (
                "ParameterBindingException",
                "Cannot bind parameter 'Filter' to the target. \"WhenChangedUTC\" is not a recognized filterable property.",
                Refusal::NotFilterable,
            ),
            ("SomethingNew", "a text", Refusal::Other),
        ] {
            assert_eq!(refusal(class, message), expected, "{class} {message}");
        }
    }

    #[test]
    fn every_signal_of_throttling_is_one() {
        let quota = "The user load quota of 200 requests per 5 seconds has been exceeded. \
                     Wait for at least 1500 milliseconds.";
        assert_eq!(refusal("", quota), Refusal::Throttled(Some(Duration::from_millis(1500))));
        for text in [
            "This user is allowed a maximum number of 18 concurrent shells, which has been exceeded.",
            "The maximum number of concurrent shells for this tenant has been exceeded.",
            "Fail to create a runspace because you have exceeded the maximum number of connections allowed : 3",
        ] {
            assert_eq!(refusal("", text), Refusal::Throttled(None), "{text}");
        }
        assert_eq!(refusal("OverBudgetException", ""), Refusal::Throttled(None));
        assert_eq!(refusal("OverBudgetException", "").retry(), Retry::After(BUSY_PAUSE));
    }

    #[test]
    fn warnings_are_understood() {
        assert_eq!(
            delay_applied("Micro delay applied. Actual delayed: 21956 msecs, Enforced: True"),
            Some(Duration::from_millis(21_956))
        );
        assert_eq!(delay_applied("something else: 5 msecs"), None);
        assert!(is_more_available(
            "There are more results available than are currently displayed."
        ));
    }
}
