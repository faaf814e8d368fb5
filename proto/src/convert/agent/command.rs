//! Commands and receipts. A receipt's class and message say why, so only an outcome that needs a why
//! may carry them.

use exgate_domain::command::{Command, ListEdit, Receipt, ReceiptOutcome};
use exgate_domain::ids::{CommandId, Generation, MailboxId, Revision};

use crate::agent::v1 as pb;
use crate::convert::field::{guid, id, ids, required, span, to_span};
use crate::convert::{Fault, Malformed};
use crate::types::v1 as types;

impl From<ListEdit> for pb::ListEdit {
    fn from(edit: ListEdit) -> Self {
        let ListEdit { allowed_add, allowed_remove, blocked_add, blocked_remove } = edit;
        let texts = |ids: Vec<_>| ids.into_iter().map(String::from).collect();
        Self {
            allowed_add: texts(allowed_add),
            allowed_remove: texts(allowed_remove),
            blocked_add: texts(blocked_add),
            blocked_remove: texts(blocked_remove),
        }
    }
}

impl TryFrom<pb::ListEdit> for ListEdit {
    type Error = Malformed;

    fn try_from(wire: pb::ListEdit) -> Result<Self, Malformed> {
        let pb::ListEdit { allowed_add, allowed_remove, blocked_add, blocked_remove } = wire;
        Ok(Self {
            allowed_add: ids("allowed_add", &allowed_add)?,
            allowed_remove: ids("allowed_remove", &allowed_remove)?,
            blocked_add: ids("blocked_add", &blocked_add)?,
            blocked_remove: ids("blocked_remove", &blocked_remove)?,
        })
    }
}

impl From<Command> for pb::Command {
    fn from(command: Command) -> Self {
        let Command {
            id,
            organization,
            generation,
            revision,
            mailbox,
            edit,
            valid_for,
            traceparent,
        } = command;
        Self {
            command_id: id.to_string(),
            organization: organization.to_string(),
            generation: generation.get(),
            revision: revision.get(),
            mailbox_guid: mailbox.guid().as_bytes().to_vec(),
            edit: Some(edit.into()),
            valid_for: Some(to_span(valid_for)),
            traceparent,
        }
    }
}

impl TryFrom<pb::Command> for Command {
    type Error = Malformed;

    fn try_from(wire: pb::Command) -> Result<Self, Malformed> {
        let pb::Command {
            command_id,
            organization,
            generation,
            revision,
            mailbox_guid,
            edit,
            valid_for,
            traceparent,
        } = wire;
        let edit = required("edit", edit)?.try_into();
        Ok(Self {
            id: id::<CommandId>("command_id", &command_id)?,
            organization: id("organization", &organization)?,
            generation: Generation::new(generation),
            revision: Revision::new(revision),
            mailbox: MailboxId::new(guid("mailbox_guid", &mailbox_guid)?),
            edit: edit.map_err(|it: Malformed| it.within("edit"))?,
            valid_for: span("valid_for", required("valid_for", valid_for)?)?,
            traceparent,
        })
    }
}

impl From<Receipt> for pb::Receipt {
    fn from(receipt: Receipt) -> Self {
        let Receipt { command, generation, outcome, read_back, cmdlet, server, took, traceparent } =
            receipt;
        let (outcome, refusal_class, message) = match outcome {
            ReceiptOutcome::Done => (pb::ReceiptOutcome::Done, String::new(), String::new()),
            ReceiptOutcome::Refused { class, message } => {
                (pb::ReceiptOutcome::Refused, class, message)
            }
            ReceiptOutcome::Unknown { message } => {
                (pb::ReceiptOutcome::Unknown, String::new(), message)
            }
        };
        Self {
            command_id: command.to_string(),
            generation: generation.get(),
            outcome: outcome.into(),
            refusal_class,
            message,
            read_back: read_back.map(types::Mailbox::from),
            cmdlet,
            server,
            took: Some(to_span(took)),
            traceparent,
        }
    }
}

impl TryFrom<pb::Receipt> for Receipt {
    type Error = Malformed;

    fn try_from(wire: pb::Receipt) -> Result<Self, Malformed> {
        let pb::Receipt {
            command_id,
            generation,
            outcome: number,
            refusal_class,
            message,
            read_back,
            cmdlet,
            server,
            took,
            traceparent,
        } = wire;
        let read_back = read_back.map(TryInto::try_into).transpose();
        Ok(Self {
            command: id::<CommandId>("command_id", &command_id)?,
            generation: Generation::new(generation),
            outcome: outcome(number, refusal_class, message)?,
            read_back: read_back.map_err(|it: Malformed| it.within("read_back"))?,
            cmdlet,
            server,
            took: span("took", required("took", took)?)?,
            traceparent,
        })
    }
}

fn outcome(number: i32, class: String, message: String) -> Result<ReceiptOutcome, Malformed> {
    let wire = pb::ReceiptOutcome::try_from(number)
        .map_err(|_| Malformed::new("outcome", Fault::UnknownNumber(number)))?;
    let unexpected = |field: &str| Err(Malformed::new(field, Fault::Unexpected));
    match wire {
        pb::ReceiptOutcome::Unspecified => Err(Malformed::new("outcome", Fault::Unspecified)),
        pb::ReceiptOutcome::Done if !message.is_empty() => unexpected("message"),
        pb::ReceiptOutcome::Done | pb::ReceiptOutcome::Unknown if !class.is_empty() => {
            unexpected("refusal_class")
        }
        pb::ReceiptOutcome::Done => Ok(ReceiptOutcome::Done),
        pb::ReceiptOutcome::Refused => Ok(ReceiptOutcome::Refused { class, message }),
        pb::ReceiptOutcome::Unknown => Ok(ReceiptOutcome::Unknown { message }),
    }
}
