//! Owns which systems are good enough, in words.

use jiff::civil::Date;

use exgate_domain::policy::{Build, Version};

use crate::messages::{Key, Language, Value};

/// A system that is new enough and not too new, and its parts that have to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Release {
    pub(super) platform: String,
    /// The oldest version, where the device has to get there.
    pub(super) version: Option<Version>,
    /// The newest version that may be had.
    pub(super) newest: Option<Version>,
    /// The oldest build, where the device has to get there.
    pub(super) build: Option<Build>,
    /// The newest build that may be had.
    pub(super) newest_build: Option<Build>,
    /// The day of the oldest security patches.
    pub(super) patch: Option<Date>,
}

impl Release {
    pub(super) fn in_words(&self, language: Language) -> Vec<String> {
        let patch = self.patch.map(|it| language.say(Key::WantPatchLevel, &[("day", it.into())]));
        [self.versions(language), self.builds(language), patch].into_iter().flatten().collect()
    }

    fn versions(&self, language: Language) -> Option<String> {
        let platform = ("platform", Value::from(self.platform.as_str()));
        let one =
            |key, version| language.say(key, &[platform.clone(), ("version", Value::of(version))]);
        Some(match (self.version, self.newest) {
            (None, None) => return None,
            (Some(oldest), None) => one(Key::WantOldestVersion, oldest),
            (None, Some(newest)) => one(Key::WantNewestVersion, newest),
            (Some(oldest), Some(newest)) if oldest == newest => one(Key::WantVersion, newest),
            (Some(oldest), Some(newest)) => {
                let ends = [("oldest", Value::of(oldest)), ("newest", Value::of(newest))];
                let [oldest, newest] = ends;
                language.say(Key::WantVersionBetween, &[platform, oldest, newest])
            }
        })
    }

    fn builds(&self, language: Language) -> Option<String> {
        let one = |key, build| language.say(key, &[("build", Value::of(build))]);
        Some(match (self.build, self.newest_build) {
            (None, None) => return None,
            (Some(oldest), None) => one(Key::WantOldestBuild, oldest),
            (None, Some(newest)) => one(Key::WantNewestBuild, newest),
            (Some(oldest), Some(newest)) => {
                let ends = [("oldest", Value::of(oldest)), ("newest", Value::of(newest))];
                language.say(Key::WantBuildBetween, &ends)
            }
        })
    }
}
