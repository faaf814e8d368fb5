//! Owns the properties that every directory object prints, and those that remoting adds.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use exgate_exchange::clixml::{Object, Value};

use super::Call;
use super::rendering::{ObjectId, enumeration, local, multi, object_version};
use crate::world::mailbox::domain_components;
use crate::world::organization::Version;

/// What the schema calls a class: `ms-Exch-Exchange-Server` for `msExchExchangeServer`.
fn schema_name(class: &str) -> String {
    if class == "user" {
        return "Person".to_owned();
    }
    let mut name = String::with_capacity(class.len() + 8);
    for character in class.chars() {
        if character.is_uppercase() {
            name.push('-');
        }
        name.push(character);
    }
    name
}

/// Nobody looks the schema's objects up.
const SCHEMA: Uuid = Uuid::from_u128(0x464F_BBC6_0000_4000_8000_0000_0000_0001);
const SITE: Uuid = Uuid::from_u128(0xEF73_06ED_0000_4000_8000_0000_0000_0001);

/// The container of a hoster's tenants.
const HOSTED: &str = "Microsoft Exchange Hosted Organizations";

/// What of an object every listing prints.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// The type names, most derived first.
    pub type_names: &'a Arc<[String]>,
    /// The relative name.
    pub name: &'a str,
    /// What people see as its identity.
    pub identity: &'a str,
    /// The distinguished name.
    pub distinguished_name: &'a str,
    /// The Guid.
    pub guid: Uuid,
    /// The schema class.
    pub class: &'a [&'a str],
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub changed: Timestamp,
}

/// Who prints: what is the same for every object of one call.
#[derive(Clone, Debug)]
pub struct Printer {
    /// The organization's domain.
    pub domain: String,
    runspace: Uuid,
    computer: String,
    domain_controller: String,
    version: Version,
    tenant: Option<String>,
}

impl Printer {
    /// Gathers it from a call.
    pub fn of(call: &Call) -> Self {
        call.live.read(|world| Self {
            domain: world.blueprint.domain.clone(),
            runspace: call.runspace.id,
            computer: format!(
                "{}.{}",
                call.runspace.engine.server.to_lowercase(),
                world.blueprint.domain
            ),
            domain_controller: call.domain_controller.clone(),
            version: call.runspace.engine.version,
            tenant: call.runspace.engine.hosted.then(|| {
                let blueprint = &world.blueprint;
                format!("{}/{HOSTED}/{}", blueprint.domain, blueprint.name)
            }),
        })
    }

    /// The domain controller that answers.
    pub fn domain_controller(&self) -> &str {
        &self.domain_controller
    }

    /// Which Exchange prints.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Says whether the server is 2013 or later.
    pub fn is_modern(&self) -> bool {
        self.version.is_modern()
    }

    /// Completes an object whose own properties are in `object`.
    pub fn finish(&self, object: Object, entry: &Entry<'_>) -> Value {
        let version = if self.is_modern() { "0.20 (15.0.0.0)" } else { "0.10 (14.0.100.0)" };
        self.directory(object.with("AdminDisplayName", ""), version, entry)
    }

    /// Completes an object with what every directory object prints, as made by a version of Exchange.
    pub fn directory(&self, mut object: Object, version: &str, entry: &Entry<'_>) -> Value {
        let id = ObjectId {
            text: entry.identity,
            name: entry.name,
            distinguished_name: entry.distinguished_name,
            guid: entry.guid,
            domain: &self.domain,
        }
        .to_value();
        let class: Vec<String> = entry.class.iter().map(|class| (*class).to_owned()).collect();
        object.type_names = Arc::clone(entry.type_names);
        object.to_string = Some(entry.identity.to_owned());
        Value::object(
            object
                .with("ExchangeVersion", object_version(version))
                .with("Name", entry.name)
                .with("DistinguishedName", entry.distinguished_name)
                .with("Identity", id.clone())
                .with("Guid", entry.guid)
                .with("ObjectCategory", self.category(entry.class))
                .with("ObjectClass", multi(&class))
                .with("WhenChanged", local(entry.changed))
                .with("WhenCreated", local(entry.created))
                .with("WhenChangedUTC", entry.changed)
                .with("WhenCreatedUTC", entry.created)
                .with("OrganizationId", self.organization())
                .with("Id", id)
                .with("OriginatingServer", self.domain_controller.as_str())
                .with("IsValid", true)
                .with(
                    "ObjectState",
                    enumeration("Microsoft.Exchange.Data.ObjectState", "Unchanged", 1),
                )
                .with_extended("PSComputerName", self.computer.as_str())
                .with_extended("RunspaceId", self.runspace)
                .with_extended("PSShowComputerName", false),
        )
    }

    /// Completes an object that is none of the directory's.
    pub fn remoted(&self, mut object: Object, type_names: &Arc<[String]>, identity: &str) -> Value {
        object.type_names = Arc::clone(type_names);
        object.to_string = Some(identity.to_owned());
        let unchanged = enumeration("Microsoft.Exchange.Data.ObjectState", "Unchanged", 1);
        Value::object(
            object
                .with("IsValid", true)
                .with("ObjectState", unchanged)
                .with_extended("PSComputerName", self.computer.as_str())
                .with_extended("RunspaceId", self.runspace)
                .with_extended("PSShowComputerName", false),
        )
    }

    /// Whose objects these are: nobody's in particular, or a tenant's.
    fn organization(&self) -> Object {
        let names = ["Microsoft.Exchange.Data.Directory.OrganizationId", "System.Object"];
        let (text, unit) = match &self.tenant {
            Some(tenant) => (tenant.as_str(), Value::from(tenant.as_str())),
            None => ("", Value::Nil),
        };
        Object::of_type(names)
            .with_text(text)
            .with("OrganizationalUnit", unit)
            .with("ConfigurationUnit", Value::Nil)
            .with("IsConsumerOrganization", false)
            .with("IdForEventLog", "")
    }

    /// The id of the schema's object for a class.
    fn category(&self, class: &[&str]) -> Value {
        let name = schema_name(class.last().copied().unwrap_or("top"));
        ObjectId {
            text: &format!("{}/Configuration/Schema/{name}", self.domain),
            name: &name,
            distinguished_name: &format!(
                "CN={name},CN=Schema,CN=Configuration,{}",
                domain_components(&self.domain)
            ),
            guid: SCHEMA,
            domain: &self.domain,
        }
        .to_value()
    }

    /// The id of a site.
    pub fn site(&self, name: &str) -> Value {
        ObjectId {
            text: &format!("{}/Configuration/Sites/{name}", self.domain),
            name,
            distinguished_name: &format!(
                "CN={name},CN=Sites,CN=Configuration,{}",
                domain_components(&self.domain)
            ),
            guid: SITE,
            domain: &self.domain,
        }
        .to_value()
    }

    /// The id of an object of the configuration partition.
    pub fn configuration_id(&self, name: &str, container: &str, guid: Uuid) -> Value {
        let distinguished_name =
            format!("CN={name},{container},CN=Configuration,{}", domain_components(&self.domain));
        ObjectId {
            text: name,
            name,
            distinguished_name: &distinguished_name,
            guid,
            domain: &self.domain,
        }
        .to_value()
    }
}
