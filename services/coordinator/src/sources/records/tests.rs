//! Facts about what records say.
