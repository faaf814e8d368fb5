//! Facts about applied documents.
