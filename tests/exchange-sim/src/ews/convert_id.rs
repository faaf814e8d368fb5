//! Owns `ConvertId`, which clients call to learn a server's version.
//!
//! Ids here have one format, `EwsId`; another is refused.

use super::code::{Code, Failure};
use super::envelope;
use super::identity::Named;
use crate::xml::{Element, escaped};

/// `ConvertId`.
pub fn convert(asked: &Element) -> Result<String, Failure> {
    let wanted = asked.attribute("DestinationFormat").ok_or(Code::ErrorSchemaValidation)?;
    let ids = asked.child("SourceIds").map(|ids| ids.children.as_slice()).unwrap_or_default();
    let messages: Vec<_> = ids.iter().map(|source| one(source, wanted)).collect();
    Ok(envelope::responses("ConvertId", &messages))
}

fn one(source: &Element, wanted: &str) -> Result<String, Failure> {
    let id = source.attribute("Id").unwrap_or_default();
    if source.attribute("Format") != Some("EwsId") || Named::read(id).is_none() {
        return Err(Code::ErrorInvalidIdMalformed.into());
    }
    if wanted != "EwsId" {
        return Err(Code::ErrorUnsupportedTypeForConversion.into());
    }
    let mailbox = escaped(source.attribute("Mailbox").unwrap_or_default());
    Ok(format!(
        "<m:AlternateId xsi:type=\"t:AlternateIdType\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" Format=\"EwsId\" Id=\"{}\" \
         Mailbox=\"{mailbox}\"/>",
        escaped(id)
    ))
}
