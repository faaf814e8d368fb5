//! The facts of one case in the form in which expressions ask for them: made once, when the first
//! expression asks, and only those that any expression of the bundle asks for.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::str::FromStr as _;
use std::sync::LazyLock;

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
};
use jiff::Timestamp;

use exgate_domain::case::{Case, Management};
use exgate_domain::record::{ManagedDevice, User};

use super::attributes::{self, HOUR_SECONDS, LAST_SYNC, NOW, Of, attributes};
use super::scan::{GROUP, NamedGroup};
use super::words::WordType;
use super::{WORD_TYPES, schema};
use crate::bundles::fold;

/// What expressions ask for.
#[derive(Debug, Default, Clone)]
pub(crate) struct Asked {
    /// Attributes by number, as bits.
    attributes: u64,
    /// Groups, as they are compared.
    pub(super) groups: BTreeMap<String, EntityUid>,
}

impl Asked {
    pub(super) fn new(attributes: u64, groups: &[NamedGroup]) -> Self {
        let groups = groups.iter().map(|group| fold(&group.name));
        let uid = |name: String| Some((uid(GROUP, &name)?, name)).map(|(uid, name)| (name, uid));
        Self { attributes, groups: groups.filter_map(uid).collect() }
    }

    /// Adds what another expression asks for.
    pub(crate) fn add(&mut self, other: &Self) {
        self.attributes |= other.attributes;
        self.groups.extend(other.groups.iter().map(|(name, uid)| (name.clone(), uid.clone())));
    }

    fn has(&self, number: usize) -> bool {
        self.attributes & attributes::bit(number) != 0
    }

    /// Whether it is asked when a device last synchronised.
    pub(crate) fn asks_last_sync(&self) -> bool {
        self.attributes & attributes::numbers(LAST_SYNC) != 0
    }

    fn asks_for_the_time(&self) -> bool {
        self.attributes & attributes::numbers(NOW) != 0
    }
}

/// Where attributes are read from.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) case: &'a Case,
    pub(super) owner: &'a User,
    pub(super) record: Option<&'a ManagedDevice>,
}

impl Source<'_> {
    /// A word of a closed list.
    pub(super) fn word(&self, of: &WordType, word: &str) -> Option<RestrictedExpression> {
        let uid = NAMES.as_ref()?.words.get(&(of.name, word))?.clone();
        Some(RestrictedExpression::new_entity_uid(uid))
    }
}

/// Names that are the same in every case.
struct Names {
    person: EntityUid,
    device: EntityUid,
    action: EntityUid,
    words: HashMap<(&'static str, &'static str), EntityUid>,
}

static NAMES: LazyLock<Option<Names>> = LazyLock::new(|| {
    let mut words = HashMap::new();
    for of in WORD_TYPES {
        for word in of.words {
            words.insert((of.name, *word), uid(of.name, word)?);
        }
    }
    Some(Names {
        person: uid(schema::PERSON, "owner")?,
        device: uid(schema::DEVICE, "device")?,
        action: uid("Action", schema::ACTION)?,
        words,
    })
});

fn uid(of: &str, id: &str) -> Option<EntityUid> {
    let of = EntityTypeName::from_str(of).ok()?;
    Some(EntityUid::from_type_name_and_id(of, EntityId::new(id)))
}

/// The facts of one case, made when the first expression asks for them.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    case: &'a Case,
    asked: &'a Asked,
    prepared: Option<Option<(Request, Entities)>>,
    time_was_asked: bool,
}

impl<'a> Facts<'a> {
    /// The facts of a case, as far as a bundle's expressions ask for them.
    pub(crate) fn of(case: &'a Case, asked: &'a Asked) -> Self {
        Self { case, asked, prepared: None, time_was_asked: false }
    }

    /// When time alone may change what an expression that was tried says.
    pub(crate) fn changes_at(&self) -> Option<Timestamp> {
        let next = attributes::full_hour(self.case.now).checked_add(HOUR_SECONDS)?;
        Timestamp::from_second(next).ok().filter(|_| self.time_was_asked)
    }

    /// What an expression is evaluated against; none when the owner is not known.
    pub(super) fn prepared(&mut self, asked: &Asked) -> Option<(&Request, &Entities)> {
        self.time_was_asked |= asked.asks_for_the_time();
        let (case, all) = (self.case, self.asked);
        let prepared = self.prepared.get_or_insert_with(|| prepare(case, all));
        prepared.as_ref().map(|(request, entities)| (request, entities))
    }
}

fn prepare(case: &Case, asked: &Asked) -> Option<(Request, Entities)> {
    let names = NAMES.as_ref()?;
    let source = Source {
        case,
        owner: case.owner.as_ref()?,
        record: match &case.management {
            Management::Managed { record, basis: _ } => Some(record),
            Management::Unmanaged(_) | Management::Unavailable { .. } => None,
        },
    };
    let known = |of: Of| {
        let asked =
            attributes().enumerate().filter(move |(number, it)| it.of == of && asked.has(*number));
        asked.filter_map(|(_, it)| Some((it.name.to_owned(), (it.read)(&source)?)))
    };
    let groups: HashSet<_> = if asked.groups.is_empty() {
        HashSet::new()
    } else {
        source.owner.groups.iter().filter_map(|it| asked.groups.get(&fold(it)).cloned()).collect()
    };
    let person = Entity::new(names.person.clone(), known(Of::Principal).collect(), groups).ok()?;
    let device =
        Entity::new(names.device.clone(), known(Of::Resource).collect(), HashSet::new()).ok()?;
    let context = Context::from_pairs(known(Of::Context)).ok()?;
    let entities = Entities::from_entities([person, device], None).ok()?;
    let (person, device) = (names.person.clone(), names.device.clone());
    let request = Request::new(person, names.action.clone(), device, context, None).ok()?;
    Some((request, entities))
}
