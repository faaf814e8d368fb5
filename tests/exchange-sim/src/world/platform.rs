//! Owns what phones say about themselves: per platform the EAS device type, model, system, user agent
//! and the shape of the DeviceId.
//!
//! Sources of the shapes: New-ActiveSyncDeviceAccessRule's examples (`iOS 6.1 10B145`,
//! `Apple-iPhone5C2/1002.329`), and ids printed in public reports (`androidc...`, 26 characters on
//! iOS). Models and builds are examples; nothing depends on them.

use serde::{Deserialize, Serialize};

use super::chance::Chance;

/// A family of phones that speak Exchange ActiveSync alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// Apple's phone.
    #[default]
    IPhone,
    /// Apple's tablet.
    IPad,
    /// Android with the stock mail application.
    Android,
    /// Samsung's mail application, which names the model in the device type.
    Samsung,
    /// The mail application of Windows.
    Windows,
}

/// What a phone tells Exchange about itself at first contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handset {
    /// `DeviceId`.
    pub id: String,
    /// `DeviceType`.
    pub kind: String,
    /// `DeviceModel`.
    pub model: String,
    /// `DeviceOS`.
    pub system: String,
    /// `DeviceUserAgent`.
    pub user_agent: String,
    /// `DeviceActiveSyncVersion`.
    pub protocol: &'static str,
    /// `DeviceImei`, empty where the platform tells none.
    pub imei: String,
    /// `DeviceTelephoneNumber`, masked as phones mask it.
    pub telephone: String,
    /// `DeviceMobileOperator`.
    pub operator: &'static str,
}

impl Platform {
    /// Draws a platform in the mix of an ordinary company.
    pub fn draw(chance: &mut Chance) -> Self {
        match chance.below(100) {
            0..46 => Self::IPhone,
            46..56 => Self::IPad,
            56..80 => Self::Samsung,
            80..94 => Self::Android,
            _ => Self::Windows,
        }
    }

    /// The platform that a `DeviceType` stands for.
    pub fn of_type(kind: &str) -> Self {
        let kind = kind.to_ascii_lowercase();
        match kind.as_str() {
            "ipad" => Self::IPad,
            "iphone" | "ipod" => Self::IPhone,
            "windowsmail" | "wp8" | "wp" => Self::Windows,
            _ if kind.starts_with("samsung") => Self::Samsung,
            _ => Self::Android,
        }
    }

    /// Draws a phone of this platform.
    pub fn handset(self, chance: &mut Chance) -> Handset {
        let [a, b, c, d, ..] = chance.number().to_le_bytes();
        let id = self.device_id(u32::from_le_bytes([a, b, c, d]), chance);
        self.handset_with(id, chance)
    }

    /// Writes a DeviceId around a mark, which [`marks`] finds again.
    pub fn device_id(self, mark: u32, chance: &mut Chance) -> String {
        match self {
            Self::IPhone | Self::IPad => {
                let text = chance.text(APPLE, APPLE_CHARACTERS - APPLE_MARK_CHARACTERS);
                apple_mark(mark) + &text
            }
            Self::Android => format!("{ANDROID}{mark:010}"),
            Self::Samsung => format!("{SAMSUNG}{mark:08X}{}", chance.text(HEX, 5)),
            Self::Windows => format!("{mark:08X}{}", chance.text(HEX, 24)),
        }
    }

    /// Draws the rest of a phone that has this id.
    pub fn handset_with(self, id: String, chance: &mut Chance) -> Handset {
        match self {
            Self::IPhone => apple("iPhone", "iOS", IPHONES, id, chance),
            Self::IPad => apple("iPad", "iPadOS", IPADS, id, chance),
            Self::Android => {
                let (model, version) = (chance.pick(PIXELS), chance.pick(ANDROIDS));
                let mut handset = android(version, id, chance);
                handset.kind = "Android".to_owned();
                handset.model = model.to_owned();
                handset.user_agent = format!("Android/{version}-EAS-2.0");
                handset
            }
            Self::Samsung => {
                let (model, version) = (chance.pick(GALAXIES), chance.pick(ANDROIDS));
                let mut handset = android(version, id, chance);
                handset.kind = format!("SAMSUNG{}", model.replace('-', ""));
                handset.model = model.to_owned();
                handset.user_agent = format!("SAMSUNG-{model}/101.{version}");
                handset
            }
            Self::Windows => {
                let (build, model) = chance.pick(WINDOWS);
                Handset {
                    id,
                    kind: "WindowsMail".to_owned(),
                    model: model.to_owned(),
                    system: format!("Windows 10.0.{build}"),
                    user_agent: format!("MSFT-WIN-4/10.0.{build}"),
                    protocol: "14.1",
                    imei: String::new(),
                    telephone: String::new(),
                    operator: "",
                }
            }
        }
    }

    /// Says what this platform reports after the system version became `version`.
    pub fn system(self, version: &str) -> String {
        match self {
            Self::IPhone => format!("iOS {version}"),
            Self::IPad => format!("iPadOS {version}"),
            Self::Android | Self::Samsung => format!("Android {version}"),
            Self::Windows => format!("Windows {version}"),
        }
    }

    /// Draws the name the owner gave the phone; often none, sometimes beyond ASCII.
    pub fn friendly_name(self, owner: &str, chance: &mut Chance) -> String {
        let noun = match self {
            Self::IPhone => "iPhone",
            Self::IPad => "iPad",
            Self::Android | Self::Samsung => "Handy",
            Self::Windows => return String::new(),
        };
        match chance.below(5) {
            0 => format!("{owner}’s {noun}"),
            1 => format!("{noun} von {owner}"),
            2 => format!("📱 {owner}"),
            _ => String::new(),
        }
    }
}

/// The marks that a DeviceId may have been written around.
pub fn marks(id: &str) -> Vec<u32> {
    let after = |prefix: &str, length| {
        id.get(..prefix.len()).filter(|held| held.eq_ignore_ascii_case(prefix))?;
        id.get(prefix.len()..prefix.len() + length)
    };
    let hex = |text| u32::from_str_radix(text, 16).ok();
    let found = [
        after(ANDROID, 10).and_then(|text| text.parse().ok()),
        after(SAMSUNG, 8).and_then(hex),
        after("", 8).filter(|_| id.len() == 32).and_then(hex),
        after("", APPLE_MARK_CHARACTERS)
            .filter(|_| id.len() == APPLE_CHARACTERS)
            .and_then(apple_marked),
    ];
    found.into_iter().flatten().collect()
}

fn apple_mark(mark: u32) -> String {
    let mut left = mark as usize;
    let digit = |_| {
        let digit = APPLE.get(left % APPLE.len()).copied().unwrap_or_default();
        left /= APPLE.len();
        char::from(digit)
    };
    (0..APPLE_MARK_CHARACTERS).map(digit).collect()
}

fn apple_marked(text: &str) -> Option<u32> {
    let mut mark = 0_u64;
    for character in text.bytes().rev() {
        let digit = APPLE.iter().position(|held| *held == character.to_ascii_uppercase())?;
        mark = mark * APPLE.len() as u64 + digit as u64;
    }
    u32::try_from(mark).ok()
}

fn apple(
    kind: &str,
    system: &str,
    models: &[(u8, u8)],
    id: String,
    chance: &mut Chance,
) -> Handset {
    let (major, minor) = chance.pick(models);
    let (version, build, agent) = chance.pick(IOS);
    let model = format!("{kind}{major}C{minor}");
    Handset {
        id,
        kind: kind.to_owned(),
        system: format!("{system} {version} {build}"),
        user_agent: format!("Apple-{model}/{agent}"),
        model,
        protocol: "16.1",
        imei: String::new(),
        telephone: String::new(),
        operator: "",
    }
}

fn android(version: &str, id: String, chance: &mut Chance) -> Handset {
    Handset {
        id,
        kind: String::new(),
        model: String::new(),
        system: format!("Android {version}"),
        user_agent: String::new(),
        protocol: "16.1",
        imei: imei(chance),
        telephone: format!("******{}", chance.text(DIGITS, 4)),
        operator: chance.pick(OPERATORS),
    }
}

/// Draws fifteen digits whose last one satisfies Luhn's sum.
fn imei(chance: &mut Chance) -> String {
    let body = format!("35{}", chance.text(DIGITS, 12));
    let sum: u32 = body
        .bytes()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte.saturating_sub(b'0'));
            let doubled = if place % 2 == 1 { digit * 2 } else { digit };
            doubled / 10 + doubled % 10
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

const DIGITS: &[u8] = b"0123456789";
const HEX: &[u8] = b"0123456789ABCDEF";
const APPLE: &[u8] = b"ABCDEFGHJKLMNOPQRSTUV0123456789";
const APPLE_CHARACTERS: usize = 26;
/// 31 characters to the seventh are more than 32 bits.
const APPLE_MARK_CHARACTERS: usize = 7;
const ANDROID: &str = "androidc";
const SAMSUNG: &str = "SEC";
const IPHONES: &[(u8, u8)] = &[(12, 1), (13, 2), (14, 5), (14, 7), (15, 2), (15, 4), (16, 1)];
const IPADS: &[(u8, u8)] = &[(11, 6), (12, 1), (13, 4), (13, 18), (14, 1)];
const IOS: &[(&str, &str, &str)] = &[
    ("16.7.2", "20H115", "2008.115"),
    ("17.2.1", "21C66", "2103.66"),
    ("17.4.1", "21E236", "2105.236"),
    ("17.6", "21G80", "2107.80"),
    ("18.1", "22B83", "2202.83"),
    ("18.2", "22C152", "2203.152"),
];
const PIXELS: &[&str] = &["Pixel 6", "Pixel 7a", "Pixel 8", "Pixel 8 Pro", "Pixel 9"];
const GALAXIES: &[&str] = &["SM-G991B", "SM-G998B", "SM-S901B", "SM-S918B", "SM-A546B", "SM-S921B"];
const ANDROIDS: &[&str] = &["11", "12", "13", "14", "15"];
const WINDOWS: &[(&str, &str)] =
    &[("19045", "Surface Pro 7"), ("22631", "Surface Laptop 5"), ("26100", "Latitude 7440")];
const OPERATORS: &[&str] = &["", "Vodafone", "Telekom", "Orange", "AT&T", "Verizon"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_device_id_fits_exchange() {
        let mut chance = Chance::new(7, "ids");

        for _ in 0..500 {
            let handset = Platform::draw(&mut chance).handset(&mut chance);

            assert!((1..=32).contains(&handset.id.len()), "{handset:?}");
            assert!(handset.id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{handset:?}");
        }
    }

    #[test]
    fn a_device_id_leads_back_to_its_mark() {
        let mut chance = Chance::new(7, "marks");

        for mark in [0, 1, 30, 31, 0x1234_5678, u32::MAX - 1, u32::MAX] {
            for platform in [
                Platform::IPhone,
                Platform::IPad,
                Platform::Android,
                Platform::Samsung,
                Platform::Windows,
            ] {
                let id = platform.device_id(mark, &mut chance);

                assert!(marks(&id).contains(&mark), "{id}");
                assert!(marks(&id.to_lowercase()).contains(&mark), "{id}");
            }
        }
        assert!(marks("").is_empty());
        assert!(marks("§§§§§§§§§§§§§").is_empty());
    }

    #[test]
    fn an_imei_satisfies_its_check_digit() {
        let mut chance = Chance::new(7, "imei");

        let imei = imei(&mut chance);
        let sum: u32 = imei
            .bytes()
            .rev()
            .enumerate()
            .map(|(place, byte)| {
                let digit = u32::from(byte - b'0') * if place % 2 == 1 { 2 } else { 1 };
                digit / 10 + digit % 10
            })
            .sum();

        assert_eq!((imei.len(), sum % 10), (15, 0), "{imei}");
    }
}
