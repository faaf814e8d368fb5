//! Owns Exchange Web Services as far as mail is sent, found and read with them: `/EWS/Exchange.asmx`.
//!
//! `code` are the response codes, `envelope` is SOAP, `identity` the ids of folders and items, `access` who
//! may open what, `folders` and `items` show them, `create_item`, `find_item`, `get_item`, `names` and `convert_id`
//! are the operations, `endpoint` chooses between them. Sources: the EWS reference on learn.microsoft.com
//! ("EWS operations in Exchange", "ResponseCode") and `types.xsd`, whose order of elements is kept.
//! Invariant: nothing of a mailbox is told to anybody but its user, or whoever impersonates the user.

pub mod code;
pub mod envelope;
pub mod identity;
pub mod access;
pub mod folders;
pub mod items;
pub mod restriction;
pub mod create_item;
pub mod find_item;
pub mod get_item;
pub mod names;
pub mod convert_id;
pub mod endpoint;

#[cfg(test)]
mod tests;
