//! Owns what differs from the population: objects that were changed, taken out or added.
//!
//! Invariant: a copy costs a pointer until somebody changes the original, and an object that nobody
//! touched is not held here.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

/// The differences of one kind of object. Places are those of the population, and behind them those of
/// what was added, in its order; a place is never used again.
#[derive(Debug)]
pub struct Overlay<T>(Arc<Differences<T>>);

#[derive(Debug)]
struct Differences<T> {
    /// By number; none where the object was taken out.
    changed: HashMap<u32, Option<Arc<T>>>,
    added: Vec<Option<Arc<T>>>,
    places: HashMap<Uuid, usize>,
    removed: usize,
}

/// Where an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the population.
    Drawn(u32),
    /// Among what was added.
    Added(usize),
}

/// What an overlay says of a place.
#[derive(Clone, Debug)]
pub enum Difference<T> {
    /// The object is as it was drawn.
    None,
    /// It was taken out, or never was.
    Gone,
    /// It is this now.
    Now(Arc<T>),
}

impl<T> Overlay<T> {
    /// What it says of a place.
    pub fn at(&self, place: Place) -> Difference<T> {
        match place {
            Place::Drawn(number) => match self.0.changed.get(&number) {
                None => Difference::None,
                Some(None) => Difference::Gone,
                Some(Some(held)) => Difference::Now(Arc::clone(held)),
            },
            Place::Added(place) => match self.0.added.get(place) {
                Some(Some(held)) => Difference::Now(Arc::clone(held)),
                Some(None) | None => Difference::Gone,
            },
        }
    }

    /// Where something added is.
    pub fn added(&self, guid: Uuid) -> Option<Place> {
        self.0.places.get(&guid).map(|place| Place::Added(*place))
    }

    /// How many places there are behind the population's.
    pub fn added_places(&self) -> usize {
        self.0.added.len()
    }

    /// How many objects were added less those that were taken out, of all.
    pub fn balance(&self) -> (usize, usize) {
        (self.0.added.len(), self.0.removed)
    }

    /// Everything that was changed or added, in no order, with its number when it was drawn.
    pub fn touched(&self) -> impl Iterator<Item = (Option<u32>, &Arc<T>)> {
        let changed = self.0.changed.iter();
        let changed = changed.filter_map(|(number, held)| Some((Some(*number), held.as_ref()?)));
        changed.chain(self.0.added.iter().flatten().map(|held| (None, held)))
    }

    /// The numbers of what was drawn and is no more as it was.
    pub fn untrue(&self) -> impl Iterator<Item = u32> {
        self.0.changed.keys().copied()
    }

    /// Puts an object into a place; none makes one behind all others.
    pub fn put(&mut self, place: Option<Place>, guid: Uuid, object: T) -> Place {
        let differences = self.owned();
        let object = Some(Arc::new(object));
        match place {
            Some(Place::Drawn(number)) => {
                let before = differences.changed.insert(number, object);
                differences.removed -= usize::from(matches!(before, Some(None)));
                Place::Drawn(number)
            }
            Some(Place::Added(place)) => {
                if let Some(held) = differences.added.get_mut(place) {
                    *held = object;
                }
                Place::Added(place)
            }
            None => {
                let place = differences.added.len();
                differences.places.insert(guid, place);
                differences.added.push(object);
                Place::Added(place)
            }
        }
    }

    /// Takes an object out.
    pub fn remove(&mut self, place: Place, guid: Uuid) {
        let differences = self.owned();
        match place {
            Place::Drawn(number) => {
                let before = differences.changed.insert(number, None);
                differences.removed += usize::from(!matches!(before, Some(None)));
            }
            Place::Added(place) => {
                differences.places.remove(&guid);
                if differences.added.get_mut(place).and_then(Option::take).is_some() {
                    differences.removed += 1;
                }
            }
        }
    }

    /// The differences, copied first where a listing still reads them.
    fn owned(&mut self) -> &mut Differences<T> {
        Arc::make_mut(&mut self.0)
    }
}

impl<T> Default for Overlay<T> {
    fn default() -> Self {
        Self(Arc::new(Differences {
            changed: HashMap::new(),
            added: Vec::new(),
            places: HashMap::new(),
            removed: 0,
        }))
    }
}

impl<T> Clone for Overlay<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Clone for Differences<T> {
    fn clone(&self) -> Self {
        Self {
            changed: self.changed.clone(),
            added: self.added.clone(),
            places: self.places.clone(),
            removed: self.removed,
        }
    }
}
