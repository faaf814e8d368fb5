//! One error record as PowerShell serializes it ([MS-PSRP] 2.2.3.15): flat `ErrorCategory_*` properties beside the exception.

use crate::clixml::Value;

/// One error record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorRecord {
    /// The exception's message, in the server's language.
    pub message: String,
    /// The short class of the exception, the machine key: `ManagementObjectNotFoundException`.
    pub class: String,
    /// `FullyQualifiedErrorId`.
    pub id: String,
    /// The number of the category.
    pub category: Option<i64>,
    /// The cmdlet that failed.
    pub activity: String,
    /// What it failed on.
    pub target: String,
}

/// The longest message that is kept.
const MESSAGE_CHARS_MAX: usize = 2000;

impl ErrorRecord {
    /// Reads an error record; a property that is missing is empty.
    pub fn from_value(value: &Value) -> Self {
        let text = |name: &str| {
            let found = value.property(name).and_then(Value::to_text);
            found.map(|text| text.into_owned()).unwrap_or_default()
        };
        let exception = value.property("Exception");
        let id = text("FullyQualifiedErrorId");
        let message = exception
            .and_then(|exception| exception.property("Message"))
            .and_then(Value::to_text)
            .or_else(|| value.to_text())
            .unwrap_or_default();
        let class = [text("ErrorCategory_Reason"), failure_category(&id)]
            .into_iter()
            .chain(exception.and_then(type_name))
            .find(|class| !class.is_empty())
            .unwrap_or_default();
        Self {
            message: message.chars().take(MESSAGE_CHARS_MAX).collect(),
            class,
            category: value.property("ErrorCategory_Category").and_then(Value::as_i64),
            activity: text("ErrorCategory_Activity"),
            target: text("ErrorCategory_TargetName"),
            id,
        }
    }
}

/// The class in `[Server=..] [FailureCategory=Cmdlet-ManagementObjectNotFoundException] ..`, as 2013 and later put it in the id.
fn failure_category(id: &str) -> String {
    let category = id.split_once("[FailureCategory=").and_then(|(_, rest)| rest.split_once(']'));
    category
        .map(|(category, _)| category.split_once('-').map_or(category, |(_, class)| class))
        .unwrap_or_default()
        .to_owned()
}

/// The last part of the exception's own type name.
fn type_name(exception: &Value) -> Option<String> {
    let name = exception.as_object()?.type_names.first()?;
    let name = name.rsplit('.').next()?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clixml;

    fn record(properties: &str) -> ErrorRecord {
        let xml = format!(
            r#"<Obj RefId="0"><TN RefId="0"><T>System.Management.Automation.ErrorRecord</T></TN>
            <ToString>short text</ToString><MS>{properties}</MS></Obj>"#
        );
        ErrorRecord::from_value(&clixml::read_str(&xml).unwrap())
    }

    const EXCEPTION: &str = r#"<Obj N="Exception" RefId="1"><TN RefId="1">
        <T>Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException</T><T>System.Exception</T></TN>
        <Props><S N="Message">object 'x' couldn't be found</S></Props></Obj>"#;

    #[test]
    fn the_class_is_the_reason_else_the_failure_category_else_the_type() {
        let id = r#"<S N="FullyQualifiedErrorId">[Server=EX01,RequestId=1] [FailureCategory=Cmdlet-OverBudgetException] 1A2B,X</S>"#;
        let reason = r#"<S N="ErrorCategory_Reason">ManagementObjectAmbiguousException</S>"#;
        assert_eq!(
            record(&format!("{EXCEPTION}{id}{reason}")).class,
            "ManagementObjectAmbiguousException"
        );
        assert_eq!(record(&format!("{EXCEPTION}{id}")).class, "OverBudgetException");
        assert_eq!(record(EXCEPTION).class, "ManagementObjectNotFoundException");
        assert_eq!(record("").class, "");
    }

    #[test]
    fn the_message_is_the_exceptions_else_the_records_text() {
        assert_eq!(record(EXCEPTION).message, "object 'x' couldn't be found");
        assert_eq!(record("").message, "short text");
    }
}
