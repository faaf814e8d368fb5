//! Owns `ResolveNames`: which mailboxes an incomplete name may mean.
//!
//! Source: "ResolveNames operation"; at most 100 candidates. Exchange searches by ambiguous name resolution
//! (beginnings of names and addresses), and so does this.

use super::access::Access;
use super::code::{Code, Failure};
use super::envelope;
use super::items::mailbox;
use crate::world::mailbox::Mailbox;
use crate::xml::Element;

/// The most candidates.
const CANDIDATES_MAX: usize = 100;

/// `ResolveNames`.
pub fn resolve(access: &Access<'_>, asked: &Element) -> Result<String, Failure> {
    let entry = asked.text_at(&["UnresolvedEntry"]).ok_or(Code::ErrorSchemaValidation)?;
    let entry = entry.trim_start_matches("smtp:").trim_start_matches("SMTP:").to_lowercase();
    let mut found = Vec::new();
    for held in access.world.mailboxes() {
        if found.len() > CANDIDATES_MAX {
            break;
        }
        let held: &Mailbox = &held;
        if means(held, &entry) {
            let address = mailbox(access.world, &held.primary_smtp_address);
            found.push(format!("<t:Resolution>{address}</t:Resolution>"));
        }
    }
    let is_whole = found.len() <= CANDIDATES_MAX;
    found.truncate(CANDIDATES_MAX);
    let count = found.len();
    let set = format!(
        "<m:ResolutionSet TotalItemsInView=\"{count}\" IncludesLastItemInRange=\"{is_whole}\">{}\
         </m:ResolutionSet>",
        found.concat()
    );
    Ok(match count {
        0 => envelope::responses("ResolveNames", &[Err(Code::ErrorNameResolutionNoResults.into())]),
        1 => envelope::responses("ResolveNames", &[Ok(set)]),
        _ => {
            let several = Code::ErrorNameResolutionMultipleResults.into();
            let message = envelope::refusal("ResolveNames", "Warning", &several, &set);
            envelope::wrapped("ResolveNames", &message)
        }
    })
}

fn means(held: &Mailbox, entry: &str) -> bool {
    let names = [&held.display_name, &held.alias, &held.primary_smtp_address];
    let begins = |text: &str| text.to_lowercase().starts_with(entry);
    names.into_iter().any(|name| begins(name))
        || held.display_name.split_once(' ').is_some_and(|(_, family)| begins(family))
}
