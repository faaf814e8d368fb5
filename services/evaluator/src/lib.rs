//! Decides, and says why.

pub mod bundles;
pub mod verdict;
pub mod explain;
