//! Owns the cmdlets themselves, each with its class and its parameters, by what they are about.

mod organization;
mod phones;
mod policies;
mod recipients;
mod servers;

use super::{Cmdlet, Parameter, Run, Since};

/// Every cmdlet of every version.
pub(super) fn all() -> impl Iterator<Item = &'static Cmdlet> {
    let parts = [
        servers::CMDLETS,
        organization::CMDLETS,
        policies::CMDLETS,
        phones::CMDLETS,
        recipients::CMDLETS,
    ];
    parts.into_iter().flatten()
}

impl Cmdlet {
    const fn new(
        name: &'static str,
        class: &'static str,
        parameters: &'static [Parameter],
        run: Run,
    ) -> Self {
        Self {
            name,
            class,
            since: Since::Always,
            on_premises: false,
            parameters,
            more: &[],
            sets: &[],
            confirms: false,
            run,
        }
    }

    /// One that 2013 brought.
    const fn modern(self) -> Self {
        Self { since: Since::Modern, ..self }
    }

    /// One that Exchange has on-premises only, as its page says.
    const fn on_premises(self) -> Self {
        Self { on_premises: true, ..self }
    }

    /// One that asks before it acts.
    const fn asking(self) -> Self {
        Self { confirms: true, ..self }
    }

    /// One with further parameters.
    const fn with(self, more: &'static [Parameter]) -> Self {
        Self { more, ..self }
    }

    /// One whose parameter sets exclude one another.
    const fn of_sets(self, sets: &'static [&'static [&'static str]]) -> Self {
        Self { sets, ..self }
    }
}
