//! Owns what is said about accounts while a simulator runs: what each may do in an organization.

use std::collections::BTreeMap;

use super::handle::Control;
use super::refusal::ControlError;
use crate::cmdlets::rights::Rights;

impl Control {
    /// What each account may do, as from its next shell.
    pub fn accounts(&self, organization: &str) -> Result<BTreeMap<String, Rights>, ControlError> {
        Ok(self.live(organization)?.all_rights())
    }

    /// Says what some accounts may do, as from their next shell; the others keep what they have.
    pub fn set_accounts(
        &self,
        organization: &str,
        accounts: BTreeMap<String, Rights>,
    ) -> Result<BTreeMap<String, Rights>, ControlError> {
        let live = self.live(organization)?;
        let known = live.all_rights();
        for (name, rights) in &accounts {
            if !known.keys().any(|held| held.eq_ignore_ascii_case(name)) {
                let known = known.keys().cloned().collect::<Vec<_>>().join(", ");
                return Err(ControlError::Account { name: name.clone(), known });
            }
            if let Some(problem) = rights.problem() {
                return Err(ControlError::Invalid { field: "roles", problem });
            }
        }
        for (name, rights) in accounts {
            live.set_rights(&name, rights);
        }
        Ok(live.all_rights())
    }
}
