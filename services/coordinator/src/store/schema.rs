//! The schema, as numbered steps that only go forward. A released step is never edited: the engine
//! keeps its checksum and refuses a file whose steps are not these.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Number, title and text of every step.
const STEPS: [(i64, &str, &str); 5] = [
    (1, "first light", include_str!("../../migrations/sqlite/0001_first_light.sql")),
    (2, "resumable syncs", include_str!("../../migrations/sqlite/0002_resumable_syncs.sql")),
    (3, "statistics", include_str!("../../migrations/sqlite/0003_statistics.sql")),
    (4, "bundles", include_str!("../../migrations/sqlite/0004_bundles.sql")),
    (5, "sweeps", include_str!("../../migrations/sqlite/0005_sweeps.sql")),
];

/// Brings a file to the newest step.
pub(super) fn migrator() -> Migrator {
    let step = |(number, title, sql): (i64, &'static str, &'static str)| {
        Migration::new(number, title.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(STEPS.into_iter().map(step).collect())
}
