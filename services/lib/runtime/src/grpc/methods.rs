//! Owns what a server knows of its methods, from their descriptors: whether a path is one, and
//! whether the caller streams.

use std::{collections::HashMap, sync::Arc};

use prost::Message;
use prost_types::FileDescriptorSet;

/// The name of every method that is none of ours, so that callers cannot invent label values.
pub(super) const OTHER: &str = "_OTHER";

/// The methods of one server, by `package.Service/Method`.
#[derive(Clone, Debug, Default)]
pub(super) struct Methods(Arc<HashMap<Arc<str>, CallerStreams>>);

/// Whether the request is a stream.
type CallerStreams = bool;

impl Methods {
    /// Reads the methods out of encoded descriptor sets.
    pub(super) fn read(sets: &[&[u8]]) -> Result<Self, prost::DecodeError> {
        let mut methods = HashMap::new();
        for set in sets {
            for file in FileDescriptorSet::decode(*set)?.file {
                let package = file.package.clone().unwrap_or_default();
                for service in &file.service {
                    for method in &service.method {
                        let name = format!("{package}.{}/{}", service.name(), method.name());
                        methods.insert(name.into(), method.client_streaming());
                    }
                }
            }
        }
        Ok(Self(Arc::new(methods)))
    }

    /// The name of the method at `path`, without its first slash.
    pub(super) fn name(&self, path: &str) -> Arc<str> {
        let name = path.strip_prefix('/').unwrap_or(path);
        self.0.get_key_value(name).map_or_else(|| OTHER.into(), |(name, _)| Arc::clone(name))
    }

    /// Whether the caller of `path` streams, so that the answer comes as late as the caller likes.
    pub(super) fn caller_streams(&self, path: &str) -> bool {
        let name = path.strip_prefix('/').unwrap_or(path);
        self.0.get(name).copied().unwrap_or(false)
    }
}
