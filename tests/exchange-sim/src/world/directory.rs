//! Owns who and what is in the organization now: the population, and over it what was changed since.
//!
//! Invariant: a copy is cheap and stays as it is, so that a listing shows the state of its start; memory
//! grows with what was changed, never with the number of objects.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::Found;
use super::blueprint::Blueprint;
use super::device::{AccessState, Device};
use super::mailbox::Mailbox;
use super::overlay::{Difference, Overlay, Place};
use super::people::Person;
use super::population::{Population, States};
use super::rhythm::Rhythm;

/// How many of the objects that share a name are looked for.
const NAMESAKES_MAX: usize = 10;

/// The mailboxes and partnerships of an organization.
#[derive(Clone, Debug)]
pub struct Directory {
    organization: Arc<str>,
    domain: Arc<str>,
    population: Arc<Population>,
    mailboxes: Overlay<Mailbox>,
    devices: Overlay<Device>,
    /// What mailboxes are called whose names do not lead to their number.
    names: Arc<HashMap<String, Uuid>>,
    /// The places of added partnerships, by owner.
    owned: Arc<HashMap<Uuid, Vec<Place>>>,
    discovering: Arc<BTreeSet<Place>>,
    rhythm: Option<Rhythm>,
}

impl Directory {
    /// The organization of a blueprint in its beginning.
    pub fn new(blueprint: &Blueprint) -> Self {
        Self {
            organization: blueprint.name.as_str().into(),
            domain: blueprint.domain.as_str().into(),
            population: Arc::new(Population::new(blueprint)),
            mailboxes: Overlay::default(),
            devices: Overlay::default(),
            names: Arc::default(),
            owned: Arc::default(),
            discovering: Arc::default(),
            rhythm: None,
        }
    }

    /// The organization's name.
    pub fn organization(&self) -> &str {
        &self.organization
    }

    /// Its domain.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// How many mailboxes there are.
    pub fn mailbox_count(&self) -> usize {
        let (added, removed) = self.mailboxes.balance();
        self.population.mailboxes() as usize + added - removed
    }

    /// How many partnerships there are.
    pub fn device_count(&self) -> usize {
        let (added, removed) = self.devices.balance();
        self.population.devices() as usize + added - removed
    }

    /// Every mailbox, in the order they were made.
    pub fn mailboxes(&self) -> impl Iterator<Item = Arc<Mailbox>> + Send + use<> {
        let (held, drawn) = (self.clone(), self.population.mailboxes());
        let places = places(drawn, self.mailboxes.added_places());
        places.filter_map(move |place| held.mailbox_at(place))
    }

    /// Every mailbox, from the one that many have gone before, and round to it again.
    pub fn mailboxes_from(
        &self,
        place: usize,
    ) -> impl Iterator<Item = Arc<Mailbox>> + Send + use<> {
        let (held, drawn) = (self.clone(), self.population.mailboxes());
        let places = || places(drawn, self.mailboxes.added_places());
        let round = places().skip(place).chain(places().take(place));
        round.filter_map(move |place| held.mailbox_at(place))
    }

    /// Every partnership, in the order they were made.
    pub fn devices(&self) -> impl Iterator<Item = Arc<Device>> + Send + use<> {
        let (held, drawn) = (self.clone(), self.population.devices());
        let places = places(drawn, self.devices.added_places());
        places.filter_map(move |place| held.device_at(place))
    }

    /// A mailbox by its key.
    pub fn mailbox(&self, guid: Uuid) -> Option<Arc<Mailbox>> {
        self.mailbox_at(self.mailbox_place(guid)?)
    }

    /// A partnership by its key.
    pub fn device(&self, guid: Uuid) -> Option<Arc<Device>> {
        self.device_at(self.device_place(guid)?)
    }

    /// The partnerships of one mailbox.
    pub fn devices_of(&self, mailbox: Uuid) -> impl Iterator<Item = Arc<Device>> {
        let number = self.population.mailbox_number(mailbox);
        let drawn = number.into_iter().flat_map(|number| self.population.devices_of(number));
        let added = self.owned.get(&mailbox).into_iter().flatten().copied();
        drawn.map(Place::Drawn).chain(added).filter_map(|place| self.device_at(place))
    }

    /// The partnerships with this DeviceId.
    pub fn devices_with_id(&self, id: &str) -> Vec<Arc<Device>> {
        let drawn = self.population.devices_with_id(id).into_iter().map(Place::Drawn);
        let touched = self.devices.touched().filter(|(_, held)| held.has_id(id));
        let touched = touched.filter_map(|(_, held)| self.device_place(held.guid));
        let places: BTreeSet<_> = drawn.chain(touched).collect();
        let found = places.into_iter().filter_map(|place| self.device_at(place));
        found.filter(|held| held.has_id(id)).collect()
    }

    /// The partnerships that Exchange still collects data about.
    pub fn discovering(&self) -> impl Iterator<Item = Arc<Device>> {
        self.discovering.iter().filter_map(|place| self.device_at(*place))
    }

    /// How many partnerships are in each state.
    pub fn states(&self) -> States {
        let mut states = self.population.states().clone();
        self.devices.untrue().for_each(|number| states.take(self.population.state(number)));
        self.devices.touched().for_each(|(_, held)| states.add(held.state));
        states
    }

    /// Finds a mailbox by any of the texts that Exchange takes for its identity.
    pub fn find_mailbox(&self, identity: &str) -> Found<Mailbox> {
        if let Ok(guid) = Uuid::try_parse(identity) {
            return self.mailbox(guid).map_or(Found::None, Found::One);
        }
        let key = identity.to_lowercase();
        let drawn = self.population.mailboxes_named(&key).map(|held| held.guid);
        let known = self.names.get(&key).copied().into_iter().chain(drawn);
        let mut named = known.filter_map(|guid| self.mailbox(guid));
        if let Some(mailbox) = named.find(|held| self.keys(held).contains(&key)) {
            return Found::One(mailbox);
        }
        let is_shown = |held: &Arc<Mailbox>| held.display_name.to_lowercase() == key;
        if Person::is_called(&key) {
            return Found::among(self.mailboxes().filter(is_shown).take(NAMESAKES_MAX).collect());
        }
        let touched = self.mailboxes.touched().map(|(_, held)| Arc::clone(held));
        Found::among(touched.filter(is_shown).take(NAMESAKES_MAX).collect())
    }

    /// How many turns the phones' calls go through.
    pub fn device_places(&self) -> usize {
        self.population.devices() as usize + self.devices.added_places()
    }

    /// The partnership whose turn it is.
    pub fn device_of_turn(&self, place: usize) -> Option<Arc<Device>> {
        let drawn = self.population.devices() as usize;
        self.device_at(match place.checked_sub(drawn) {
            Some(added) => Place::Added(added),
            None => Place::Drawn(u32::try_from(place).ok()?),
        })
    }

    /// From now on phones called as this rhythm says; none: only when they were told to.
    pub fn set_rhythm(&mut self, rhythm: Option<Rhythm>) {
        self.rhythm = rhythm;
    }

    /// A mailbox is now as given; a new Guid is a new mailbox.
    pub fn put_mailbox(&mut self, mailbox: Mailbox) {
        let (guid, place) = (mailbox.guid, self.mailbox_place(mailbox.guid));
        let drawn = match place {
            Some(Place::Drawn(number)) => self.population.mailbox(number),
            Some(Place::Added(_)) | None => None,
        };
        let keys = self.keys(&mailbox);
        if drawn.is_none_or(|drawn| self.keys(&drawn) != keys) {
            let names = Arc::make_mut(&mut self.names);
            names.extend(keys.into_iter().map(|key| (key, guid)));
        }
        self.mailboxes.put(place, guid, mailbox);
    }

    /// A partnership is now as given; a new Guid is a new partnership.
    pub fn put_device(&mut self, device: Device) {
        let (guid, owner) = (device.guid, device.mailbox);
        let is_discovering = device.discovery_ends_ms.is_some();
        let known = self.device_place(guid);
        let place = self.devices.put(known, guid, device);
        if known.is_none() {
            Arc::make_mut(&mut self.owned).entry(owner).or_default().push(place);
        }
        if is_discovering {
            Arc::make_mut(&mut self.discovering).insert(place);
        } else if self.discovering.contains(&place) {
            Arc::make_mut(&mut self.discovering).remove(&place);
        }
    }

    /// Takes a partnership out.
    pub fn remove_device(&mut self, guid: Uuid) {
        let Some(device) = self.device(guid) else { return };
        let Some(place) = self.device_place(guid) else { return };
        self.devices.remove(place, guid);
        if let Some(places) = Arc::make_mut(&mut self.owned).get_mut(&device.mailbox) {
            places.retain(|held| *held != place);
        }
        Arc::make_mut(&mut self.discovering).remove(&place);
    }

    /// Notes a contact that changed nothing else.
    pub fn touch(&mut self, guid: Uuid, at: Timestamp) {
        let Some(mut device) = self.device(guid).map(Arc::unwrap_or_clone) else { return };
        device.contacted = Some(at);
        if device.state == AccessState::Allowed {
            device.succeeded = Some(at);
        }
        self.put_device(device);
    }

    fn mailbox_place(&self, guid: Uuid) -> Option<Place> {
        let drawn = self.population.mailbox_number(guid).map(Place::Drawn);
        drawn.or_else(|| self.mailboxes.added(guid))
    }

    fn device_place(&self, guid: Uuid) -> Option<Place> {
        let drawn = self.population.device_number(guid).map(Place::Drawn);
        drawn.or_else(|| self.devices.added(guid))
    }

    fn mailbox_at(&self, place: Place) -> Option<Arc<Mailbox>> {
        match (self.mailboxes.at(place), place) {
            (Difference::Now(held), _) => Some(held),
            (Difference::None, Place::Drawn(number)) => {
                self.population.mailbox(number).map(Arc::new)
            }
            (Difference::None, Place::Added(_)) | (Difference::Gone, _) => None,
        }
    }

    fn device_at(&self, place: Place) -> Option<Arc<Device>> {
        let device = match (self.devices.at(place), place) {
            (Difference::Now(held), _) => held,
            (Difference::None, Place::Drawn(number)) => Arc::new(self.population.device(number)?),
            (Difference::None, Place::Added(_)) | (Difference::Gone, _) => return None,
        };
        Some(self.called(device, place))
    }

    /// Adds the calls that a phone made by itself.
    fn called(&self, mut device: Arc<Device>, place: Place) -> Arc<Device> {
        let turn = match place {
            Place::Drawn(number) => number as usize,
            Place::Added(added) => self.population.devices() as usize + added,
        };
        let Some(at) = self.rhythm.and_then(|rhythm| rhythm.last_call(turn)) else { return device };
        if at > device.contacted.unwrap_or(device.created) {
            let held = Arc::make_mut(&mut device);
            held.contacted = Some(at);
            if held.state == AccessState::Allowed {
                held.succeeded = Some(at);
            }
        }
        device
    }

    fn keys(&self, mailbox: &Mailbox) -> Vec<String> {
        mailbox.keys(&self.organization, &self.domain)
    }
}

fn places(drawn: u32, added: usize) -> impl Iterator<Item = Place> + Send {
    (0..drawn).map(Place::Drawn).chain((0..added).map(Place::Added))
}
