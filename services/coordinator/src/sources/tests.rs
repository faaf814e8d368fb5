//! Facts about sources.
