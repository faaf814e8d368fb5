//! Owns which platform words of Exchange, MDMs and policies are about.

/// What the words of a device say about the platforms that are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Platform<'a> {
    /// It is this one.
    Named(&'a str),
    /// It is none of them; this is the first.
    Foreign(&'a str),
    /// Nothing; this is the first.
    Untold(&'a str),
}

impl<'a> Platform<'a> {
    pub(super) fn name(self) -> &'a str {
        match self {
            Self::Named(name) | Self::Foreign(name) | Self::Untold(name) => name,
        }
    }
}

/// How the words for one platform start.
const FAMILIES: [&[&str]; 7] = [
    &["ios", "ipados", "iphone", "ipad", "ipod"],
    &["android"],
    &["windows"],
    &["macos", "macbook", "macintosh"],
    &["blackberry"],
    &["tizen"],
    &["symbian"],
];

/// The one family that a text is about: apps that there are for several name them all.
fn family(text: &str) -> Option<usize> {
    let text = text.to_lowercase();
    let words = || text.split(|it: char| !it.is_alphanumeric());
    let mut families = FAMILIES
        .iter()
        .enumerate()
        .filter(|(_, names)| words().any(|word| names.iter().any(|name| word.starts_with(name))));
    let (first, _) = families.next()?;
    families.next().is_none().then_some(first)
}

/// Whether a text says which platform it is about.
pub(super) fn is_told(text: &str) -> bool {
    family(text).is_some()
}

/// The platform that a text is about. Those that are nobody's family are found by their own name.
pub(super) fn named<'a>(platforms: &[&'a str], text: &str) -> Option<&'a str> {
    let lower = text.to_lowercase();
    let told = family(text);
    let is_spelt = |one: &&&str| {
        let its = family(one);
        lower.contains(&one.to_lowercase()) && (its.is_none() || its == told)
    };
    let is_family = |one: &&&str| told.is_some() && family(one) == told;
    platforms.iter().find(is_spelt).or_else(|| platforms.iter().find(is_family)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_is_told_by_the_words_of_exchange_and_of_mdms() {
        let platforms = ["android", "iOS", "Zebra"];
        for (text, platform) in [
            ("iOS 17.4.1 21E236", Some("iOS")),
            ("iPadOS 17", Some("iOS")),
            ("iPhone15C2", Some("iOS")),
            ("Android 14", Some("android")),
            ("AndroidEnterprise", Some("android")),
            ("Zebra OS", Some("Zebra")),
            ("Kiosk 3", None),
            ("Outlook for iOS and Android", None),
            ("Windows 10", None),
            ("", None),
        ] {
            assert_eq!(named(&platforms, text), platform, "{text}");
        }
        assert_eq!(named(&["iOS", "iPadOS"], "iPadOS 17"), Some("iPadOS"));
        assert!(is_told("WindowsPhone") && !is_told("Outlook for iOS and Android"));
        assert!(!is_told("Kiosk 3") && !is_told(""));
    }
}
