//! Owns error records: the classes, texts and ids that Exchange and PowerShell give to a refusal.
//!
//! Sources: public transcripts of the management shell; the bracketed id of 2013 and later is
//! confirmed for transport failures and assumed for cmdlets.

use jiff::Timestamp;
use uuid::Uuid;

use exgate_exchange::psrp::body::{ErrorCategory, ErrorRecord};

use super::catalogue::Cmdlet;
use super::{Call, Engine};
use crate::world::journal::JournalError;

/// An error record before it is serialized.
#[derive(Clone, Debug, PartialEq)]
pub struct Complaint {
    /// The text.
    pub message: String,
    /// The full name of the exception's class.
    pub exception: String,
    /// The category.
    pub category: ErrorCategory,
    /// The cmdlet.
    pub activity: Box<str>,
    /// What it was about.
    pub target: String,
    /// The fully qualified error id.
    pub id: String,
}

const MANAGEMENT: &str = "Microsoft.Exchange.Configuration.Tasks";
const AUTOMATION: &str = "System.Management.Automation";

impl Complaint {
    /// The short class name: the part a machine reads.
    pub fn reason(&self) -> &str {
        self.exception.rsplit('.').next().unwrap_or(&self.exception)
    }

    /// Says whether the pipeline goes on after it.
    pub fn is_written_beside_output(&self) -> bool {
        self.exception.starts_with(MANAGEMENT)
    }

    /// No such cmdlet, or the role hides it.
    pub fn command_not_found(name: &str) -> Self {
        Self {
            message: format!(
                "The term '{name}' is not recognized as the name of a cmdlet, function, script \
                 file, or operable program. Check the spelling of the name, or if a path was \
                 included, verify that the path is correct and try again."
            ),
            exception: format!("{AUTOMATION}.CommandNotFoundException"),
            category: ErrorCategory::ObjectNotFound,
            activity: name.into(),
            target: name.to_owned(),
            id: "CommandNotFoundException".to_owned(),
        }
    }

    /// The runspace takes commands, no script.
    pub fn no_language() -> Self {
        Self {
            message:
                "The syntax is not supported by this runspace. This might be because it is in \
                      no-language mode."
                    .into(),
            exception: format!("{AUTOMATION}.RemoteException"),
            category: ErrorCategory::NotSpecified,
            activity: Box::default(),
            target: String::new(),
            id: "ScriptsNotAllowed".to_owned(),
        }
    }

    /// Binding failed; `id` is PowerShell's own.
    pub fn binding(cmdlet: &Cmdlet, id: &str, parameter: &str, message: String) -> Self {
        Self {
            message,
            exception: format!("{AUTOMATION}.ParameterBindingException"),
            category: ErrorCategory::InvalidArgument,
            activity: cmdlet.name.into(),
            target: parameter.to_owned(),
            id: format!("{id},{}", cmdlet.class),
        }
    }

    /// A filter that Exchange does not take.
    pub fn filter(cmdlet: &Cmdlet, problem: &str) -> Self {
        Self {
            message: format!(
                "Cannot bind parameter 'Filter' to the target. Exception setting \"Filter\": \
                 \"{problem}\""
            ),
            category: ErrorCategory::WriteError,
            ..Self::binding(cmdlet, "ParameterBindingFailed", "Filter", String::new())
        }
    }

    /// Says whether it is a question that nobody answered.
    pub fn is_question(&self) -> bool {
        self.exception.ends_with(".HostException")
    }

    /// A property that nothing can be ordered by. The text is unverified.
    pub fn sort(cmdlet: &Cmdlet, property: &str) -> Self {
        let message = format!(
            "Cannot bind parameter 'SortBy' to the target. Exception setting \"SortBy\": \"The \
             property '{property}' isn't sortable.\""
        );
        Self {
            category: ErrorCategory::WriteError,
            ..Self::binding(cmdlet, "ParameterBindingFailed", "SortBy", message)
        }
    }

    /// A question that nobody is there to answer: a remote session has no host.
    pub fn nobody_to_ask(cmdlet: &Cmdlet) -> Self {
        Self {
            message: "A command that prompts the user failed because the host program or the command \
                      type does not support user interaction. The host was attempting to request \
                      confirmation with the following message: Are you sure you want to perform this \
                      action?"
                .to_owned(),
            exception: format!("{AUTOMATION}.Host.HostException"),
            category: ErrorCategory::NotImplemented,
            activity: cmdlet.name.into(),
            target: String::new(),
            id: format!("HostFunctionNotImplemented,{}", cmdlet.class),
        }
    }

    /// A refusal by a cmdlet itself, with the id's shape of the version.
    pub fn exchange(cmdlet: &Cmdlet, engine: &Engine, class: &str, message: String) -> Self {
        let hash = hash(cmdlet.class, class);
        let id = if engine.version.is_modern() {
            format!(
                "[Server={},RequestId={},TimeStamp={}] [FailureCategory=Cmdlet-{class}] {hash:08X},{}",
                engine.server,
                Uuid::new_v4(),
                cmdlet_clock(),
                cmdlet.class,
            )
        } else {
            format!("{hash:08X},{}", cmdlet.class)
        };
        Self {
            message,
            exception: format!("{MANAGEMENT}.{class}"),
            category: ErrorCategory::NotSpecified,
            activity: cmdlet.name.into(),
            target: String::new(),
            id,
        }
    }

    /// The simulator's own disk failed: nothing was changed.
    pub fn journal(cmdlet: &Cmdlet, error: &JournalError) -> Self {
        Self {
            message: format!("The simulator could not write: {error}."),
            exception: "System.IO.IOException".to_owned(),
            category: ErrorCategory::WriteError,
            activity: cmdlet.name.into(),
            target: String::new(),
            id: format!("SimulatorJournal,{}", cmdlet.class),
        }
    }

    /// The record as it travels.
    pub fn to_record(&self) -> ErrorRecord {
        let target_type = if self.target.is_empty() { "" } else { "String" };
        ErrorRecord {
            message: self.message.clone(),
            exception_type: self.exception.clone(),
            fully_qualified_id: self.id.clone(),
            category: self.category,
            activity: self.activity.to_string(),
            reason: self.reason().to_owned(),
            target_name: self.target.clone(),
            target_type: target_type.to_owned(),
            details: None,
            target: Some(self.target.as_str()).filter(|target| !target.is_empty()).into(),
        }
    }
}

impl Call {
    /// Nothing has this identity.
    pub fn not_found(&self, identity: &str) -> Complaint {
        let controller = &self.domain_controller;
        self.refusal(
            "ManagementObjectNotFoundException",
            format!(
                "The operation couldn't be performed because object '{identity}' couldn't be found \
                 on '{controller}'."
            ),
        )
    }

    /// Several objects have this identity.
    pub fn ambiguous(&self, identity: &str) -> Complaint {
        self.refusal(
            "ManagementObjectAmbiguousException",
            format!(
                "The operation couldn't be performed because '{identity}' matches multiple entries."
            ),
        )
    }

    /// An object of this name is there already.
    pub fn already_exists(&self, name: &str) -> Complaint {
        self.refusal(
            "ADObjectAlreadyExistsException",
            format!("Active Directory operation failed. The object '{name}' already exists."),
        )
    }

    /// The mailbox's database is offline. Class and text are unverified.
    pub fn mailbox_unavailable(&self, mailbox: &str) -> Complaint {
        let message = format!("The database of mailbox '{mailbox}' is offline.");
        self.refusal("MailboxUnavailableException", message)
    }

    /// A value that a property can not have.
    pub fn invalid(&self, problem: String) -> Complaint {
        self.refusal("DataValidationException", problem)
    }

    /// The account's roles may change other objects, not this one. Class and category are unverified.
    pub fn out_of_scope(&self, identity: &str) -> Complaint {
        Complaint {
            category: ErrorCategory::PermissionDenied,
            ..self.refusal(
                "ADScopeException",
                format!(
                    "'{identity}' isn't within your current write scopes. Can't perform save \
                     operation."
                ),
            )
        }
    }

    /// The object is of a newer Exchange than the server's: it can be looked at, not changed. Unverified.
    pub fn newer(&self, identity: &str) -> Complaint {
        self.refusal(
            "InvalidObjectOperationException",
            format!(
                "The object '{identity}' is read-only, because it was created by a later version of \
                 Exchange: 0.20 (15.0.0.0). Current supported version is 0.10 (14.0.100.0)."
            ),
        )
    }

    fn refusal(&self, class: &str, message: String) -> Complaint {
        Complaint::exchange(self.cmdlet, &self.runspace.engine, class, message)
    }
}

/// The eight digits Exchange makes of an error's origin: stable for one cmdlet and class.
fn hash(cmdlet: &str, class: &str) -> u32 {
    cmdlet
        .bytes()
        .chain(class.bytes())
        .fold(0x811C_9DC5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn cmdlet_clock() -> String {
    let now: Timestamp = exgate_runtime::clock::Clock::system().now();
    now.strftime("%-m/%-d/%Y %-I:%M:%S %p").to_string()
}
