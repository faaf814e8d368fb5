//! Owns which mails a search means: a `Restriction` read once, and asked of each mail.
//!
//! Source: "Restriction" in the EWS reference. A property that cannot be searched for here is refused, as
//! Exchange refuses one of its own.

use jiff::Timestamp;

use super::code::{Code, Failure};
use super::items::{header_name, message_id};
use crate::mailboxes::Mail;
use crate::world::World;
use crate::xml::Element;

/// A condition.
#[derive(Clone, Debug)]
pub enum Restriction {
    /// All of these.
    And(Vec<Restriction>),
    /// One of these.
    Or(Vec<Restriction>),
    /// Not this.
    Not(Box<Restriction>),
    /// The property is there.
    Exists(Property),
    /// The property compares so with a value.
    Compares(Property, Comparison, String),
    /// The property contains a text.
    Contains(Property, Containment, String),
}

/// What is compared.
#[derive(Clone, Debug)]
pub enum Property {
    /// `item:Subject`.
    Subject,
    /// `item:Body`.
    Body,
    /// `message:From` or `message:Sender`, the address.
    Sender,
    /// `message:ToRecipients`, `item:DisplayTo`: the addresses.
    Recipients,
    /// `message:InternetMessageId`.
    MessageId,
    /// `item:DateTimeReceived` and the like.
    Date,
    /// An internet header.
    Header(String),
}

/// How values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// Where a text has to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Containment {
    place: ContainmentPlace,
    ignores_case: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ContainmentPlace {
    Whole,
    Start,
    Anywhere,
}

impl Restriction {
    /// Reads the one condition in a `Restriction`, `And`, `Or` or `Not`.
    pub fn read(parent: &Element) -> Result<Self, Failure> {
        let one = parent.children.first().ok_or(Code::ErrorSchemaValidation)?;
        Self::one(one)
    }

    fn one(asked: &Element) -> Result<Self, Failure> {
        let each = || asked.children.iter().map(Self::one).collect::<Result<Vec<_>, _>>();
        let comparison = match asked.name.as_str() {
            "And" => return Ok(Self::And(each()?)),
            "Or" => return Ok(Self::Or(each()?)),
            "Not" => return Ok(Self::Not(Box::new(Self::read(asked)?))),
            "Exists" => return Ok(Self::Exists(Property::of(asked)?)),
            "Contains" => return Self::contains(asked),
            "IsEqualTo" => Comparison::Equal,
            "IsNotEqualTo" => Comparison::NotEqual,
            "IsGreaterThan" => Comparison::Greater,
            "IsGreaterThanOrEqualTo" => Comparison::GreaterOrEqual,
            "IsLessThan" => Comparison::Less,
            "IsLessThanOrEqualTo" => Comparison::LessOrEqual,
            _ => return Err(Failure::saying(Code::ErrorInvalidRequest, &asked.name)),
        };
        let value = asked.at(&["FieldURIOrConstant", "Constant"]);
        let value = value.and_then(|constant| constant.attribute("Value"));
        let value = value.ok_or(Code::ErrorSchemaValidation)?;
        Ok(Self::Compares(Property::of(asked)?, comparison, value.to_owned()))
    }

    fn contains(asked: &Element) -> Result<Self, Failure> {
        let place = match asked.attribute("ContainmentMode") {
            None | Some("FullString") => ContainmentPlace::Whole,
            Some("Prefixed" | "PrefixOnWords" | "ExactPhrase") => ContainmentPlace::Start,
            Some(_) => ContainmentPlace::Anywhere,
        };
        let comparison = asked.attribute("ContainmentComparison").unwrap_or("Exact");
        let value = asked.child("Constant").and_then(|constant| constant.attribute("Value"));
        let value = value.ok_or(Code::ErrorSchemaValidation)?.to_owned();
        let containment = Containment { place, ignores_case: comparison.contains("IgnoreCase") };
        Ok(Self::Contains(Property::of(asked)?, containment, value))
    }

    /// Says whether a mail meets it.
    pub fn holds(&self, world: &World, mail: &Mail) -> bool {
        match self {
            Self::And(all) => all.iter().all(|one| one.holds(world, mail)),
            Self::Or(any) => any.iter().any(|one| one.holds(world, mail)),
            Self::Not(one) => !one.holds(world, mail),
            Self::Exists(property) => !property.values(world, mail).is_empty(),
            Self::Compares(property, comparison, value) => {
                let held = property.values(world, mail);
                match comparison {
                    Comparison::NotEqual => {
                        !held.iter().any(|held| property.compares(held, Comparison::Equal, value))
                    }
                    Comparison::Equal
                    | Comparison::Greater
                    | Comparison::GreaterOrEqual
                    | Comparison::Less
                    | Comparison::LessOrEqual => {
                        held.iter().any(|held| property.compares(held, *comparison, value))
                    }
                }
            }
            Self::Contains(property, containment, value) => {
                property.values(world, mail).iter().any(|held| containment.holds(held, value))
            }
        }
    }
}

impl Property {
    fn of(asked: &Element) -> Result<Self, Failure> {
        let path = asked.children.iter().find(|child| child.name.ends_with("FieldURI"));
        let path = path.ok_or(Code::ErrorSchemaValidation)?;
        if let Some(name) = header_name(path) {
            return Ok(Self::Header(name.to_owned()));
        }
        match path.attribute("FieldURI") {
            Some("item:Subject") => Ok(Self::Subject),
            Some("item:Body") => Ok(Self::Body),
            Some("message:From" | "message:Sender") => Ok(Self::Sender),
            Some("message:ToRecipients" | "item:DisplayTo") => Ok(Self::Recipients),
            Some("message:InternetMessageId") => Ok(Self::MessageId),
            Some("item:DateTimeReceived" | "item:DateTimeSent" | "item:DateTimeCreated") => {
                Ok(Self::Date)
            }
            Some(_) | None => Err(Code::ErrorUnsupportedPathForQuery.into()),
        }
    }

    fn values(&self, world: &World, mail: &Mail) -> Vec<String> {
        match self {
            Self::Subject => vec![mail.subject.clone()],
            Self::Body => vec![mail.body.clone()],
            Self::Sender => vec![mail.from.clone()],
            Self::Recipients => mail.named_recipients().into_iter().map(str::to_owned).collect(),
            Self::MessageId => vec![message_id(world, mail)],
            Self::Date => vec![mail.at.to_string()],
            Self::Header(asked) => {
                let named =
                    mail.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(asked));
                named.map(|(_, value)| value.clone()).collect()
            }
        }
    }

    /// Compares dates as dates, addresses without regard to case, and everything else as text.
    fn compares(&self, held: &str, comparison: Comparison, value: &str) -> bool {
        let ordering = match self {
            Self::Date => match (held.parse::<Timestamp>(), value.parse::<Timestamp>()) {
                (Ok(held), Ok(value)) => held.cmp(&value),
                _ => return false,
            },
            Self::Sender | Self::Recipients => held.to_lowercase().cmp(&value.to_lowercase()),
            Self::Subject | Self::Body | Self::MessageId | Self::Header(_) => held.cmp(value),
        };
        match comparison {
            Comparison::Equal => ordering.is_eq(),
            Comparison::NotEqual => ordering.is_ne(),
            Comparison::Greater => ordering.is_gt(),
            Comparison::GreaterOrEqual => ordering.is_ge(),
            Comparison::Less => ordering.is_lt(),
            Comparison::LessOrEqual => ordering.is_le(),
        }
    }
}

impl Containment {
    fn holds(self, held: &str, value: &str) -> bool {
        let fold =
            |text: &str| if self.ignores_case { text.to_lowercase() } else { text.to_owned() };
        let (held, value) = (fold(held), fold(value));
        match self.place {
            ContainmentPlace::Whole => held == value,
            ContainmentPlace::Start => held.starts_with(&value),
            ContainmentPlace::Anywhere => held.contains(&value),
        }
    }
}
