//! Owns `Get-ActiveSyncDeviceClass`: the families and models of the phones there are. A real server
//! collects them every few hours and forgets them after 90 days; here they are always up to date.
//!
//! Source: its page for parameters and filterable properties; names of objects are assumed.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use uuid::Uuid;

use exgate_exchange::clixml::{Object, Value};

use super::complaint::Complaint;
use super::directory_object::{Entry, Printer};
use super::filter::Held;
use super::listing::{self, Scene};
use super::rendering::{self, SYSTEM, TypeNames, configuration_container};
use super::{Call, Record, Records};
use crate::world::World;
use crate::world::chance::Chance;
use crate::world::mailbox::escaped;

const FILTERABLE: &[&str] = &["DeviceType", "DeviceModel", "LastUpdateTime"];

static TYPE_NAMES: TypeNames = LazyLock::new(|| {
    rendering::type_names(&[
        &format!("{SYSTEM}.ActiveSyncDeviceClass"),
        &format!("{SYSTEM}.ADConfigurationObject"),
    ])
});

#[derive(Debug)]
struct Class {
    guid: Uuid,
    device_type: String,
    device_model: String,
    first: Timestamp,
    last: Timestamp,
}

/// Runs `Get-ActiveSyncDeviceClass`.
pub(super) fn run(call: &Call) -> Result<Records, Complaint> {
    let (scene, blueprint, mut chosen) =
        call.read(|world| (Scene::of(world), world.blueprint.clone(), classes(world)));
    let container = configuration_container(&blueprint.name, &blueprint.domain);
    if let Some(identity) = call.arguments.text("Identity") {
        chosen.retain(|class| {
            let (name, guid) = (name(class), class.guid.to_string());
            let distinguished_name = distinguished_name(&name, &container);
            [name, guid, distinguished_name].iter().any(|held| held.eq_ignore_ascii_case(&identity))
        });
        if chosen.is_empty() {
            return Err(call.not_found(&identity));
        }
    }
    let chosen = Box::new(chosen.into_iter());
    let chosen = listing::narrow(call, &scene, chosen, (FILTERABLE, FILTERABLE), property)?;
    let printer = Printer::of(call);
    let print = move |class: Arc<Class>| Record::Output(render(&class, &printer, &container));
    Ok(Records::of(chosen.map(print)))
}

/// Every family and model once.
fn classes(world: &World) -> Vec<Arc<Class>> {
    let mut seen: BTreeMap<(String, String), (Timestamp, Timestamp)> = BTreeMap::new();
    for device in world.devices() {
        let last = device.contacted.unwrap_or(device.changed);
        let key = (device.device_type.clone(), device.device_model.clone());
        let span = seen.entry(key).or_insert((device.created, last));
        span.0 = span.0.min(device.created);
        span.1 = span.1.max(last);
    }
    let class = |((device_type, device_model), (first, last)): ((String, String), _)| {
        let topic = format!("{} class {device_type} {device_model}", world.blueprint.name);
        let guid = Chance::new(world.blueprint.seed, &topic).guid();
        Arc::new(Class { guid, device_type, device_model, first, last })
    };
    seen.into_iter().map(class).collect()
}

fn name(class: &Class) -> String {
    format!("{}§{}", class.device_type, class.device_model)
}

fn distinguished_name(name: &str, container: &str) -> String {
    let name = escaped(name);
    format!("CN={name},CN=ExchangeDeviceClasses,CN=Mobile Mailbox Settings,{container}")
}

fn render(class: &Class, printer: &Printer, container: &str) -> Value {
    let object = Object::default()
        .with("DeviceType", class.device_type.as_str())
        .with("DeviceModel", class.device_model.as_str())
        .with("LastUpdateTime", class.last);
    let name = name(class);
    printer.finish(
        object,
        &Entry {
            type_names: &TYPE_NAMES,
            name: &name,
            identity: &name,
            distinguished_name: &distinguished_name(&name, container),
            guid: class.guid,
            class: &["top", "msExchActiveSyncDeviceClass"],
            created: class.first,
            changed: class.last,
        },
    )
}

fn property(class: &Class, _: &Scene, name: &str) -> Option<Held> {
    Some(match name {
        "devicetype" => Held::Text(class.device_type.clone()),
        "devicemodel" => Held::Text(class.device_model.clone()),
        "lastupdatetime" => Held::Time(class.last),
        _ => return None,
    })
}
