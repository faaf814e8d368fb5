//! Reasons in order, each once, without memory of their own.

use exgate_domain::decision::Reason;

/// How many different reasons there are.
const REASONS_MAX: usize = Reason::ALL.len();

/// Some reasons, the weightiest first.
#[derive(Clone, Copy)]
pub(crate) struct Reasons {
    list: [Reason; REASONS_MAX],
    length: usize,
}

impl Reasons {
    pub(crate) fn none() -> Self {
        Self { list: [Reason::Compliant; REASONS_MAX], length: 0 }
    }

    pub(crate) fn of(reason: Reason) -> Self {
        let mut reasons = Self::none();
        reasons.push(reason);
        reasons
    }

    /// Adds a reason that is not among them yet.
    pub(crate) fn push(&mut self, reason: Reason) {
        if self.as_slice().contains(&reason) {
            return;
        }
        if let Some(place) = self.list.get_mut(self.length) {
            *place = reason;
            self.length += 1;
        }
    }

    pub(crate) fn extend(&mut self, others: &Self) {
        for reason in others.as_slice() {
            self.push(*reason);
        }
    }

    /// Puts a reason before all others.
    pub(crate) fn put_first(&mut self, reason: Reason) {
        let mut all = Self::of(reason);
        all.extend(self);
        *self = all;
    }

    pub(crate) fn as_slice(&self) -> &[Reason] {
        self.list.get(..self.length).unwrap_or_default()
    }

    pub(crate) fn to_vec(self) -> Vec<Reason> {
        self.as_slice().to_vec()
    }
}

impl std::fmt::Debug for Reasons {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

impl PartialEq for Reasons {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Reasons {}
