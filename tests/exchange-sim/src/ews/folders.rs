//! Owns the folders that every mailbox has, how they are named, and how they are shown.

use uuid::Uuid;

use super::access::Access;
use super::code::{Code, Failure};
use super::envelope;
use super::identity::Named;
use crate::mailboxes::{Folder, Mail};
use crate::world::World;
use crate::xml::{Element, escaped};

/// A folder that every mailbox has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The root of everything.
    Root,
    /// The top of what people see.
    MsgFolderRoot,
    /// Where mail arrives.
    Inbox,
    /// Copies of what was sent.
    SentItems,
    /// What is not sent yet.
    Drafts,
    /// What was thrown away.
    DeletedItems,
    /// What is being sent.
    Outbox,
    /// What looks like junk.
    JunkEmail,
}

impl Place {
    const ALL: [Self; 8] = [
        Self::Root,
        Self::MsgFolderRoot,
        Self::Inbox,
        Self::SentItems,
        Self::Drafts,
        Self::DeletedItems,
        Self::Outbox,
        Self::JunkEmail,
    ];

    /// The distinguished id ("DistinguishedFolderId" in the EWS reference) and the name that people see.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Root => ("root", ""),
            Self::MsgFolderRoot => ("msgfolderroot", "Top of Information Store"),
            Self::Inbox => ("inbox", "Inbox"),
            Self::SentItems => ("sentitems", "Sent Items"),
            Self::Drafts => ("drafts", "Drafts"),
            Self::DeletedItems => ("deleteditems", "Deleted Items"),
            Self::Outbox => ("outbox", "Outbox"),
            Self::JunkEmail => ("junkemail", "Junk Email"),
        }
    }

    /// What it stands for in an id.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// What an id stands for.
    pub fn numbered(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|place| u64::from(place.number()) == number)
    }

    fn parent(self) -> Option<Self> {
        match self {
            Self::Root => None,
            Self::MsgFolderRoot => Some(Self::Root),
            Self::Inbox
            | Self::SentItems
            | Self::Drafts
            | Self::DeletedItems
            | Self::Outbox
            | Self::JunkEmail => Some(Self::MsgFolderRoot),
        }
    }

    fn is_below(self, other: Self) -> bool {
        self.parent().is_some_and(|parent| parent == other || parent.is_below(other))
    }

    /// Says whether a mail lies in it.
    pub fn holds(self, mail: &Mail) -> bool {
        match self {
            Self::Inbox => mail.folder == Folder::Inbox,
            Self::SentItems => mail.folder == Folder::SentItems,
            Self::Root
            | Self::MsgFolderRoot
            | Self::Drafts
            | Self::DeletedItems
            | Self::Outbox
            | Self::JunkEmail => false,
        }
    }
}

/// Finds the folder that a `FolderId` or `DistinguishedFolderId` names, if the caller may open it.
pub fn find(access: &Access<'_>, id: &Element) -> Result<(Uuid, Place), Failure> {
    let (mailbox, place) = match id.name.as_str() {
        "DistinguishedFolderId" => {
            let name = id.attribute("Id").unwrap_or_default();
            let place = Place::ALL.into_iter().find(|place| place.names().0 == name);
            let mailbox = access.named(id.text_at(&["Mailbox", "EmailAddress"]))?;
            (mailbox, place.ok_or(Code::ErrorFolderNotFound)?)
        }
        _ => match id.attribute("Id").and_then(Named::read) {
            Some(Named::Folder(mailbox, place)) => (mailbox, place),
            Some(Named::Item(..)) => return Err(Code::ErrorInvalidFolderId.into()),
            None => return Err(Code::ErrorInvalidIdMalformed.into()),
        },
    };
    access.may_open(mailbox)?;
    Ok((mailbox, place))
}

/// `GetFolder`.
pub fn get(access: &Access<'_>, asked: &Element) -> Result<String, Failure> {
    let ids = asked.child("FolderIds").map(|ids| ids.children.as_slice()).unwrap_or_default();
    let messages: Vec<_> = ids
        .iter()
        .map(|id| {
            let (mailbox, place) = find(access, id)?;
            Ok(format!("<m:Folders>{}</m:Folders>", show(access.world, mailbox, place)))
        })
        .collect();
    Ok(envelope::responses("GetFolder", &messages))
}

/// `FindFolder`: the folders below others, `Shallow` or `Deep`.
pub fn find_below(access: &Access<'_>, asked: &Element) -> Result<String, Failure> {
    let is_deep = asked.attribute("Traversal") == Some("Deep");
    let ids = asked.child("ParentFolderIds").map(|ids| ids.children.as_slice()).unwrap_or_default();
    let messages: Vec<_> = ids
        .iter()
        .map(|id| {
            let (mailbox, top) = find(access, id)?;
            let below = Place::ALL
                .into_iter()
                .filter(|place| place.parent() == Some(top) || is_deep && place.is_below(top));
            let shown: Vec<_> = below.map(|place| show(access.world, mailbox, place)).collect();
            let count = shown.len();
            Ok(format!(
                "<m:RootFolder IndexedPagingOffset=\"{count}\" TotalItemsInView=\"{count}\" \
                 IncludesLastItemInRange=\"true\"><t:Folders>{}</t:Folders></m:RootFolder>",
                shown.concat()
            ))
        })
        .collect();
    Ok(envelope::responses("FindFolder", &messages))
}

/// Shows a folder with all that is known of it (`FolderType` of types.xsd).
fn show(world: &World, mailbox: Uuid, place: Place) -> String {
    let (distinguished, name) = place.names();
    let id = Named::Folder(mailbox, place).id();
    let parent = place.parent().map(|parent| {
        let id = Named::Folder(mailbox, parent).id();
        format!("<t:ParentFolderId Id=\"{id}\" ChangeKey=\"AQAAAA==\"/>")
    });
    let lies = |mail: &&std::sync::Arc<Mail>| mail.mailbox == Some(mailbox) && place.holds(mail);
    let total = world.mails.iter().filter(lies).count();
    let unread = if place == Place::Inbox { total } else { 0 };
    let children = Place::ALL.into_iter().filter(|child| child.parent() == Some(place)).count();
    let class = if place == Place::Root { "" } else { "<t:FolderClass>IPF.Note</t:FolderClass>" };
    // DistinguishedFolderId came with 2013; older clients pass over what they do not know.
    format!(
        "<t:Folder><t:FolderId Id=\"{id}\" ChangeKey=\"AQAAAA==\"/>{}{class}\
         <t:DisplayName>{}</t:DisplayName><t:TotalCount>{total}</t:TotalCount>\
         <t:ChildFolderCount>{children}</t:ChildFolderCount>\
         <t:DistinguishedFolderId>{distinguished}</t:DistinguishedFolderId>\
         <t:UnreadCount>{unread}</t:UnreadCount></t:Folder>",
        parent.unwrap_or_default(),
        escaped(name),
    )
}
