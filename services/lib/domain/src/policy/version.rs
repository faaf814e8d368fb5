//! Versions of operating systems as they are compared: number by number, never as text.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::trimmed;

/// The most parts a [`Version`] has, as Windows builds do.
pub const VERSION_PARTS_MAX: usize = 4;

/// A dotted version, compared number by number: 17.10 is later than 17.9, and 17 equals 17.0.
#[derive(Debug, Clone, Copy)]
pub struct Version {
    parts: [u32; VERSION_PARTS_MAX],
    /// How many parts were written, at least one.
    written: u8,
}

/// The text is not one to four numbers parted by dots.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a version of one to four numbers such as 17.4")]
pub struct InvalidVersion(pub String);

impl Version {
    /// Reads a version; none when the text is not one. For those who do not say why.
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = [0; VERSION_PARTS_MAX];
        let mut written = 0_u8;
        for part in trimmed(text).split('.') {
            *parts.get_mut(usize::from(written))? = number(part)?;
            written += 1;
        }
        Some(Self { parts, written })
    }

    /// All four numbers, 0 where none was written.
    pub fn parts(&self) -> [u32; VERSION_PARTS_MAX] {
        self.parts
    }
}

/// Digits and nothing else.
fn number(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        Self::read(text).ok_or_else(|| InvalidVersion(text.to_owned()))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts.cmp(&other.parts)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().take(usize::from(self.written)).enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            write!(f, "{part}")?;
        }
        Ok(())
    }
}

/// A build as Apple numbers it, such as `21E219`: a train, a letter, a number and, for those not
/// released, a small letter. Compared part by part, so that `21E219` is later than `21E36`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Build {
    train: u32,
    letter: char,
    number: u32,
    /// After all released ones with the same number: `21E219a` follows `21E219`.
    suffix: Option<char>,
}

/// The text is not a build as Apple numbers it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a build such as 21E219")]
pub struct InvalidBuild(pub String);

impl Build {
    /// Reads a build; none when the text is not one.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let at = text.find(|letter: char| letter.is_ascii_uppercase())?;
        let (train, rest) = text.split_at_checked(at)?;
        let letter = rest.chars().next()?;
        let rest = rest.get(1..)?;
        let suffix = rest.chars().next_back().filter(char::is_ascii_lowercase);
        let digits = rest.strip_suffix(|letter: char| letter.is_ascii_lowercase()).unwrap_or(rest);
        let filled = |text: &str| if text.is_empty() { None } else { number(text) };
        Some(Self { train: filled(train)?, letter, number: filled(digits)?, suffix })
    }
}

impl FromStr for Build {
    type Err = InvalidBuild;

    fn from_str(text: &str) -> Result<Self, InvalidBuild> {
        Self::read(text).ok_or_else(|| InvalidBuild(text.to_owned()))
    }
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.train, self.letter, self.number)?;
        self.suffix.map_or(Ok(()), |suffix| write!(f, "{suffix}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers_not_text() {
        let version = |text: &str| text.parse::<Version>().unwrap();
        assert!(version("17.10") > version("17.9"));
        assert_eq!(version("17"), version("17.0.0.0"));
        assert!(version("10.0.19045.3570") < version("10.0.22631"));
        assert_eq!(version(" 17.4 ").to_string(), "17.4");
        for text in ["", "17.", "17.4b", "1.2.3.4.5", "-1", "+1", "17,4", "99999999999"] {
            assert!(text.parse::<Version>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn builds_are_compared_part_by_part() {
        let build = |text: &str| text.parse::<Build>().unwrap();
        assert!(build("21E219") > build("21E36"));
        assert!(build("21F79") > build("21E219"));
        assert!(build("9A405") < build("21A5"));
        assert!(build("21E219") < build("21E219a") && build("21E219a") < build("21E220"));
        assert_eq!(build("21E219a").to_string(), "21E219a");
        for text in ["", "21", "E219", "21E", "21e219", "21E2.1", "21EF219", "21E219ab"] {
            assert!(text.parse::<Build>().is_err(), "{text:?}");
        }
    }
}
