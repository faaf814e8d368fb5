//! Owns the shapes of values that Exchange prints: directory ids, enumerations, multi-valued
//! properties, addresses, versions, dates.
//!
//! Source: exported objects of real servers in microsoft/CSS-Exchange (shapes only).

use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use uuid::Uuid;

use exgate_exchange::clixml::{Content, DateTime, ListKind, Object, Value};

use crate::world::device::{AccessReason, AccessState};
use crate::world::mailbox::{LEGACY_GROUP, domain_components};
use crate::world::organization::{AccessLevel, Characteristic};

/// The namespace of configuration objects.
pub const SYSTEM: &str = "Microsoft.Exchange.Data.Directory.SystemConfiguration";
/// The namespace of recipient objects.
pub const MANAGEMENT: &str = "Microsoft.Exchange.Data.Directory.Management";

/// A list of type names that many objects share.
pub type TypeNames = LazyLock<Arc<[String]>>;

/// The type names of an object, most derived first, with those that every directory object has.
pub fn type_names(own: &[&str]) -> Arc<[String]> {
    let above = [
        "Microsoft.Exchange.Data.Directory.ADObject",
        "Microsoft.Exchange.Data.Directory.ADRawEntry",
        "Microsoft.Exchange.Data.ConfigurableObject",
        "System.Object",
    ];
    own.iter().chain(&above).map(|name| (*name).to_owned()).collect()
}

static AD_OBJECT_ID: TypeNames = LazyLock::new(|| {
    let own = ["Microsoft.Exchange.Data.Directory.ADObjectId", "Microsoft.Exchange.Data.ObjectId"];
    own.iter().chain(&["System.Object"]).map(|name| (*name).to_owned()).collect()
});
static MULTI: TypeNames = LazyLock::new(|| {
    let own = "Microsoft.Exchange.Data.MultiValuedProperty`1[[System.String, mscorlib, \
               Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089]]";
    [own, "Microsoft.Exchange.Data.MultiValuedPropertyBase", "System.Object"]
        .map(str::to_owned)
        .into()
});

/// A multi-valued property of SMTP addresses.
pub static ADDRESSES: TypeNames = LazyLock::new(|| {
    let own = "Microsoft.Exchange.Data.MultiValuedProperty`1[[Microsoft.Exchange.Data.SmtpAddress, \
               Microsoft.Exchange.Data, Version=15.0.0.0, Culture=neutral, \
               PublicKeyToken=31bf3856ad364e35]]";
    [own, "Microsoft.Exchange.Data.MultiValuedPropertyBase", "System.Object"]
        .map(str::to_owned)
        .into()
});

/// A directory object's id.
#[derive(Clone, Debug)]
pub struct ObjectId<'a> {
    /// What people see: a canonical path or a name.
    pub text: &'a str,
    /// The relative name.
    pub name: &'a str,
    /// The distinguished name.
    pub distinguished_name: &'a str,
    /// The Guid.
    pub guid: Uuid,
    /// The domain.
    pub domain: &'a str,
}

impl ObjectId<'_> {
    /// The id as it travels.
    pub fn to_value(&self) -> Value {
        let parent = self.text.rsplit_once('/').map_or("", |(parent, _)| parent);
        let object = Object {
            type_names: Arc::clone(&AD_OBJECT_ID),
            to_string: Some(self.text.to_owned()),
            ..Object::default()
        };
        Value::object(
            object
                .with("OrgHierarchyToIgnore", Value::Nil)
                .with("IsDeleted", false)
                .with("Rdn", first_component(self.distinguished_name))
                .with("Parent", parent)
                .with("Depth", depth(self.distinguished_name))
                .with("DistinguishedName", self.distinguished_name)
                .with("IsRelativeDn", false)
                .with("DomainId", self.domain)
                .with("PartitionGuid", PARTITION)
                .with("PartitionFQDN", self.domain)
                .with("ObjectGuid", self.guid)
                .with("Name", self.name)
                .with_extended("SerializationData", SERIALIZATION_DATA.to_vec()),
        )
    }
}

/// Every directory here has one partition, and its Guid is of no use to anybody.
const PARTITION: Uuid = Uuid::from_u128(0x59CE_2F71_0000_4000_8000_0000_0000_0001);
/// The head of a BinaryFormatter stream, as real servers add it unsigned; nobody may decode it.
const SERIALIZATION_DATA: [u8; 17] = [0, 1, 0, 0, 0, 255, 255, 255, 255, 1, 0, 0, 0, 0, 0, 0, 0];

/// The configuration container of an organization, as a distinguished name.
pub fn configuration_container(organization: &str, domain: &str) -> String {
    format!(
        "CN={organization},CN=Microsoft Exchange,CN=Services,CN=Configuration,{}",
        domain_components(domain)
    )
}

/// The administrative group of an organization, as a distinguished name.
pub fn administrative_group(organization: &str, domain: &str) -> String {
    let group = LEGACY_GROUP.replacen("ou=", "CN=", 1);
    let container = configuration_container(organization, domain);
    format!("{group},CN=Administrative Groups,{container}")
}

/// A multi-valued property of texts.
pub fn multi(texts: &[String]) -> Value {
    multi_of(&MULTI, texts.iter().map(|text| Value::from(text.as_str())).collect())
}

/// A multi-valued property of a type.
pub fn multi_of(type_names: &TypeNames, items: Vec<Value>) -> Value {
    Value::object(Object {
        type_names: Arc::clone(type_names),
        content: Content::List(ListKind::List, items),
        ..Object::default()
    })
}

/// An SMTP address.
pub fn smtp_address(address: &str) -> Value {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let length = i32::try_from(address.chars().count()).unwrap_or(i32::MAX);
    Value::object(
        Object::of_type([
            "Microsoft.Exchange.Data.SmtpAddress",
            "System.ValueType",
            "System.Object",
        ])
        .with_text(address)
        .with("Length", length)
        .with("Local", local)
        .with("Domain", domain)
        .with("Address", address)
        .with("IsUTF8", false)
        .with("IsValidAddress", true),
    )
}

/// A date in the server's own zone: the same instant, written with an offset.
pub fn local(instant: Timestamp) -> Value {
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(SERVER_OFFSET_HOURS));
    let text = instant.to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string();
    Value::from(DateTime(text))
}

/// The servers stand in a zone one hour ahead of UTC.
const SERVER_OFFSET_HOURS: i8 = 1;

/// `DeviceAccessState`; the ordinals follow the documented order of the names.
pub fn access_state(state: AccessState) -> Value {
    let (word, number) = match state {
        AccessState::Unknown => ("Unknown", 0),
        AccessState::Allowed => ("Allowed", 1),
        AccessState::Blocked => ("Blocked", 2),
        AccessState::Quarantined => ("Quarantined", 3),
        AccessState::DeviceDiscovery => ("DeviceDiscovery", 4),
    };
    enumeration(&format!("{SYSTEM}.DeviceAccessState"), word, number)
}

/// `DeviceAccessStateReason`.
pub fn access_reason(reason: AccessReason) -> Value {
    let (word, number) = match reason {
        AccessReason::Unknown => ("Unknown", 0),
        AccessReason::Global => ("Global", 1),
        AccessReason::Individual => ("Individual", 2),
        AccessReason::DeviceRule => ("DeviceRule", 3),
        AccessReason::Upgrade => ("Upgrade", 4),
        AccessReason::Policy => ("Policy", 5),
        AccessReason::UserAgentsChanges => ("UserAgentsChanges", 6),
        AccessReason::RecentCommands => ("RecentCommands", 7),
        AccessReason::Watsons => ("Watsons", 8),
        AccessReason::OutOfBudgets => ("OutOfBudgets", 9),
        AccessReason::SyncCommands => ("SyncCommands", 10),
        AccessReason::EnableNotificationEmail => ("EnableNotificationEmail", 11),
        AccessReason::CommandFrequency => ("CommandFrequency", 12),
    };
    enumeration(&format!("{SYSTEM}.DeviceAccessStateReason"), word, number)
}

/// `DeviceAccessLevel`.
pub fn access_level(level: AccessLevel) -> Value {
    let (word, number) = level.word();
    enumeration(&format!("{SYSTEM}.DeviceAccessLevel"), word, number)
}

/// `DeviceAccessCharacteristic`.
pub fn characteristic(characteristic: Characteristic) -> Value {
    let (word, number) = characteristic.word();
    enumeration(&format!("{SYSTEM}.DeviceAccessCharacteristic"), word, number)
}

/// A member of an enumeration.
pub fn enumeration(type_name: &str, word: &str, number: i32) -> Value {
    Value::object(Object::enumeration(type_name, word, number))
}

/// `ExchangeObjectVersion`, by what it prints.
pub fn object_version(text: &str) -> Value {
    let names = ["Microsoft.Exchange.Data.ExchangeObjectVersion", "System.Object"];
    Value::object(Object::of_type(names).with_text(text))
}

/// `ServerVersion`, such as `Version 15.2 (Build 986.5)`.
pub fn server_version([major, minor, build, revision]: [i32; 4]) -> Value {
    let names = ["Microsoft.Exchange.Data.ServerVersion", "System.Object"];
    Value::object(
        Object::of_type(names)
            .with_text(format!("Version {major}.{minor} (Build {build}.{revision})"))
            .with("Major", major)
            .with("Minor", minor)
            .with("Build", build)
            .with("Revision", revision)
            .with("FilePatchLevelDescription", Value::Nil),
    )
}

/// `ByteQuantifiedSize`, such as `10 MB (10,485,760 bytes)`.
pub fn size(bytes: u64) -> String {
    let digits = bytes.to_string();
    let mut exact = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            exact.push(',');
        }
        exact.push(digit);
    }
    let (short, unit) = match bytes {
        0..=1023 => (bytes, "B"),
        1024..=1_048_575 => (bytes >> 10, "KB"),
        1_048_576.. => (bytes >> 20, "MB"),
    };
    format!("{short} {unit} ({exact} bytes)")
}

/// The first component of a distinguished name, up to its unescaped comma.
pub fn first_component(distinguished_name: &str) -> &str {
    let mut escaped = false;
    for (place, character) in distinguished_name.char_indices() {
        if character == ',' && !escaped {
            return distinguished_name.get(..place).unwrap_or_default();
        }
        escaped = character == '\\' && !escaped;
    }
    distinguished_name
}

fn depth(distinguished_name: &str) -> i32 {
    i32::try_from(distinguished_name.matches([',']).count()).unwrap_or(0)
}
