//! Owns ERROR_RECORD ([MS-PSRP] 2.2.2.20, 2.2.3.15): what a cmdlet refused and why.
//! Invariant: a record without a text is never made up; parts the server left out are empty.

use super::{BodyError, text};
use crate::clixml::{Object, Value};

macro_rules! categories {
    ($($name:ident = $number:literal,)+) => {
        /// The class of an error ([MS-PSRP] 2.2.3.9, with .NET's later members).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
        #[expect(missing_docs, reason = "the names are .NET's own and say it")]
        pub enum ErrorCategory {
            #[default]
            NotSpecified,
            $($name,)+
            /// Any other number.
            Unknown(i32),
        }

        impl From<i32> for ErrorCategory {
            fn from(number: i32) -> Self {
                match number {
                    0 => Self::NotSpecified,
                    $($number => Self::$name,)+
                    other => Self::Unknown(other),
                }
            }
        }

        impl From<ErrorCategory> for i32 {
            fn from(category: ErrorCategory) -> Self {
                match category {
                    ErrorCategory::NotSpecified => 0,
                    $(ErrorCategory::$name => $number,)+
                    ErrorCategory::Unknown(other) => other,
                }
            }
        }
    };
}

categories! {
    OpenError = 1, CloseError = 2, DeviceError = 3, DeadlockDetected = 4, InvalidArgument = 5,
    InvalidData = 6, InvalidOperation = 7, InvalidResult = 8, InvalidType = 9, MetadataError = 10,
    NotImplemented = 11, NotInstalled = 12, ObjectNotFound = 13, OperationStopped = 14,
    OperationTimeout = 15, SyntaxError = 16, ParserError = 17, PermissionDenied = 18,
    ResourceBusy = 19, ResourceExists = 20, ResourceUnavailable = 21, ReadError = 22,
    WriteError = 23, FromStdErr = 24, SecurityError = 25, ProtocolError = 26,
    ConnectionError = 27, AuthenticationError = 28, LimitsExceeded = 29, QuotaExceeded = 30,
    NotEnabled = 31,
}

/// One error of a pipeline.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ErrorRecord {
    /// The text of the exception, in the server's language.
    pub message: String,
    /// The full name of the exception's class; empty when unknown.
    pub exception_type: String,
    /// `FullyQualifiedErrorId`
    pub fully_qualified_id: String,
    /// `CategoryInfo.Category`
    pub category: ErrorCategory,
    /// `CategoryInfo.Activity`, usually the cmdlet's name.
    pub activity: String,
    /// `CategoryInfo.Reason`, the short name of the exception's class: the machine key.
    pub reason: String,
    /// `CategoryInfo.TargetName`
    pub target_name: String,
    /// `CategoryInfo.TargetType`
    pub target_type: String,
    /// `ErrorDetails.Message`, which PowerShell shows instead of the message.
    pub details: Option<String>,
    /// `TargetObject`
    pub target: Value,
}

impl ErrorRecord {
    /// A record of an exception class and its text.
    pub fn new(exception_type: impl Into<String>, message: impl Into<String>) -> Self {
        let exception_type = exception_type.into();
        let reason = exception_type.rsplit('.').next().unwrap_or_default().to_owned();
        Self { message: message.into(), exception_type, reason, ..Self::default() }
    }

    /// The text PowerShell would show.
    pub fn text(&self) -> &str {
        self.details.as_deref().unwrap_or(&self.message)
    }

    /// A record to keep: its texts have at most `bytes_max` bytes each, and the object that the
    /// error is about, which may be of any size, is left out.
    #[must_use]
    pub fn shortened(&self, bytes_max: usize) -> Self {
        let short = |text: &String| {
            text.get(..text.floor_char_boundary(bytes_max)).unwrap_or_default().to_owned()
        };
        Self {
            message: short(&self.message),
            exception_type: short(&self.exception_type),
            fully_qualified_id: short(&self.fully_qualified_id),
            category: self.category,
            activity: short(&self.activity),
            reason: short(&self.reason),
            target_name: short(&self.target_name),
            target_type: short(&self.target_type),
            details: self.details.as_ref().map(short),
            target: Value::Nil,
        }
    }

    /// The body: category flat, as [MS-PSRP] 2.2.3.15 writes it, without invocation info.
    pub fn to_value(&self) -> Value {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let mut exception = Object { to_string: text(&self.message), ..Object::default() }
            .with("Message", self.message.as_str());
        if !self.exception_type.is_empty() {
            let types = [self.exception_type.as_str(), "System.Exception", "System.Object"];
            exception.type_names = Object::of_type(types).type_names;
        }
        let record = "System.Management.Automation.ErrorRecord";
        let mut body = Object::of_type([record, "System.Object"])
            .with_text(self.text())
            .with_extended("Exception", exception)
            .with_extended("TargetObject", self.target.clone())
            .with_extended("FullyQualifiedErrorId", self.fully_qualified_id.as_str())
            .with_extended("InvocationInfo", Value::Nil)
            .with_extended("ErrorCategory_Category", i32::from(self.category))
            .with_extended("ErrorCategory_Activity", self.activity.as_str())
            .with_extended("ErrorCategory_Reason", self.reason.as_str())
            .with_extended("ErrorCategory_TargetName", self.target_name.as_str())
            .with_extended("ErrorCategory_TargetType", self.target_type.as_str())
            .with_extended("ErrorCategory_Message", self.category_text());
        if let Some(details) = &self.details {
            body = body
                .with_extended("ErrorDetails_Message", details.as_str())
                .with_extended("ErrorDetails_RecommendedAction", Value::Nil);
        }
        body.with_extended("SerializeExtendedInfo", false).into()
    }

    /// `CategoryInfo` as PowerShell prints it (`ErrorCategoryInfo.GetMessage` of .NET):
    /// `NotSpecified: (jane:String) [Get-X], Reason`.
    pub fn category_text(&self) -> String {
        let Self { category, target_name, target_type, activity, reason, .. } = self;
        format!("{category:?}: ({target_name}:{target_type}) [{activity}], {reason}")
    }

    /// Reads the body. The text is the exception's message, else its own text, else the
    /// record's.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let exception = value.property("Exception").unwrap_or(&Value::Nil);
        let message = text(exception, "Message")
            .or_else(|| exception.to_text().map(|text| text.into_owned()))
            .or_else(|| text(value, "ErrorDetails_Message"))
            .or_else(|| value.to_text().map(|text| text.into_owned()))
            .ok_or(BodyError::Property { name: "Exception" })?;
        let exception_type = exception.as_object().and_then(|it| it.type_names.first());
        let or_empty = |name| text(value, name).unwrap_or_default();
        let category = value.property("ErrorCategory_Category").and_then(Value::as_i64);
        Ok(Self {
            message,
            exception_type: exception_type.cloned().unwrap_or_default(),
            fully_qualified_id: or_empty("FullyQualifiedErrorId"),
            category: category.and_then(|n| i32::try_from(n).ok()).unwrap_or_default().into(),
            activity: or_empty("ErrorCategory_Activity"),
            reason: or_empty("ErrorCategory_Reason"),
            target_name: or_empty("ErrorCategory_TargetName"),
            target_type: or_empty("ErrorCategory_TargetType"),
            details: text(value, "ErrorDetails_Message"),
            target: value.property("TargetObject").cloned().unwrap_or_default(),
        })
    }

    /// The record inside a state message, if there is one.
    pub(super) fn of_state(value: &Value) -> Result<Option<Self>, BodyError> {
        match value.property("ExceptionAsErrorRecord") {
            None | Some(Value::Nil) => Ok(None),
            Some(record) => Self::from_value(record).map(Some),
        }
    }
}
