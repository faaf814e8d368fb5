//! Facts about record files.
