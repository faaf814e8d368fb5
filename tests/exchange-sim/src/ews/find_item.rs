//! Owns `FindItem`: which mails lie in a folder, page by page, newest first unless asked otherwise.
//!
//! Sources: "FindItem operation", "IndexedPageItemView"; 1,000 rows a page is the default of
//! `EWSFindCountLimit` (New-ThrottlingPolicy).

use std::cmp::Ordering;
use std::sync::Arc;

use uuid::Uuid;

use super::access::Access;
use super::code::{Code, Failure};
use super::envelope;
use super::folders::{self, Place};
use super::items::{self, Shape};
use super::restriction::Restriction;
use crate::mailboxes::Mail;
use crate::xml::Element;

/// The most rows of an answer.
const ROWS_MAX: usize = 1000;

/// What is asked of every folder.
struct Search {
    shape: Shape,
    restriction: Option<Restriction>,
    order: Vec<(Key, bool)>,
    offset: usize,
    rows: usize,
    is_shallow: bool,
}

#[derive(Clone, Copy)]
enum Key {
    Received,
    Subject,
    Sender,
}

/// `FindItem`.
pub fn find(access: &Access<'_>, asked: &Element) -> Result<String, Failure> {
    let search = Search::read(asked)?;
    let ids = asked.child("ParentFolderIds").map(|ids| ids.children.as_slice()).unwrap_or_default();
    let messages: Vec<_> = ids
        .iter()
        .map(|id| folders::find(access, id).map(|found| search.page(access, found)))
        .collect();
    Ok(envelope::responses("FindItem", &messages))
}

impl Search {
    fn read(asked: &Element) -> Result<Self, Failure> {
        let shape = Shape::read(asked.child("ItemShape"), false)?;
        let restriction = asked.child("Restriction").map(Restriction::read).transpose()?;
        let order = asked.child("SortOrder").map(order).transpose()?.unwrap_or_default();
        let (mut offset, mut rows) = (0, ROWS_MAX);
        if let Some(view) = asked.child("IndexedPageItemView") {
            let number = |name| view.attribute(name).map(str::parse::<usize>).transpose();
            let invalid = |_| Failure::from(Code::ErrorInvalidPagingMaxRows);
            rows = number("MaxEntriesReturned").map_err(invalid)?.unwrap_or(ROWS_MAX).min(ROWS_MAX);
            offset = number("Offset").map_err(invalid)?.unwrap_or(0);
            if rows == 0 {
                return Err(Code::ErrorInvalidPagingMaxRows.into());
            }
            if view.attribute("BasePoint") == Some("End") {
                return Err(Failure::saying(Code::ErrorInvalidOperation, "BasePoint End."));
            }
        }
        let is_shallow = asked.attribute("Traversal") == Some("Shallow");
        Ok(Self { shape, restriction, order, offset, rows, is_shallow })
    }

    fn page(&self, access: &Access<'_>, (mailbox, place): (Uuid, Place)) -> String {
        let world = access.world;
        let is_meant = |mail: &&Arc<Mail>| {
            self.is_shallow
                && mail.mailbox == Some(mailbox)
                && place.holds(mail)
                && self.restriction.as_ref().is_none_or(|asked| asked.holds(world, mail))
        };
        let mut found: Vec<_> = world.mails.iter().rev().filter(is_meant).collect();
        found.sort_by(|one, other| self.compare(one, other));
        let total = found.len();
        let shown: Vec<_> = found
            .into_iter()
            .skip(self.offset)
            .take(self.rows)
            .map(|mail| items::show(world, mail, &self.shape))
            .collect();
        let end = self.offset.saturating_add(shown.len()).min(total);
        format!(
            "<m:RootFolder IndexedPagingOffset=\"{end}\" TotalItemsInView=\"{total}\" \
             IncludesLastItemInRange=\"{}\"><t:Items>{}</t:Items></m:RootFolder>",
            end >= total,
            shown.concat()
        )
    }

    fn compare(&self, one: &Mail, other: &Mail) -> Ordering {
        let keys = self.order.iter().map(|(key, descends)| {
            let ordering = match key {
                Key::Received => (one.at, one.number).cmp(&(other.at, other.number)),
                Key::Subject => one.subject.to_lowercase().cmp(&other.subject.to_lowercase()),
                Key::Sender => one.from.to_lowercase().cmp(&other.from.to_lowercase()),
            };
            if *descends { ordering.reverse() } else { ordering }
        });
        keys.fold(Ordering::Equal, Ordering::then)
    }
}

fn order(asked: &Element) -> Result<Vec<(Key, bool)>, Failure> {
    let keys = asked.children.iter().map(|field| {
        let uri = field.child("FieldURI").and_then(|path| path.attribute("FieldURI"));
        let key = match uri {
            Some("item:DateTimeReceived" | "item:DateTimeSent" | "item:DateTimeCreated") => {
                Key::Received
            }
            Some("item:Subject") => Key::Subject,
            Some("message:From" | "message:Sender") => Key::Sender,
            Some(_) | None => return Err(Code::ErrorUnsupportedPathForQuery.into()),
        };
        Ok((key, field.attribute("Order") == Some("Descending")))
    });
    keys.collect()
}
