//! Facts about the store.
