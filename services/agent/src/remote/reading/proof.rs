//! What a look proves, gathered while it runs: who answered, what was printed, what went wrong.
//!
//! Proven is that every cmdlet ran to its end without an error record and without holding results
//! back, and that one domain controller answered for all recipients. Not proven is that this
//! controller knows all there is, or that the account may see it: that is what the coordinator
//! compares the counts of two looks for.

use jiff::Timestamp;

use exgate_domain::observation::Scope;
use exgate_domain::sync::{Completeness, Listing};
use exgate_exchange::cmdlets::DomainController;
use exgate_exchange::session::Summary;

use super::patience::names;
use crate::exchange::Wanted;

/// What a look has proven so far.
#[derive(Debug, Clone)]
pub(super) struct Proof {
    told: Completeness,
    /// Who is asked.
    controller: Option<DomainController>,
    /// What is asked for only makes sense at that very controller.
    must_be_it: bool,
    has_answer: bool,
}

impl Proof {
    pub(super) fn new(wanted: &Wanted) -> Self {
        let told = match &wanted.after {
            Some(finished) => finished.proof.clone(),
            None => Completeness { pipelines_completed: true, ..Completeness::default() },
        };
        let asked = if told.domain_controller.is_empty() {
            &wanted.controller
        } else {
            &told.domain_controller
        };
        let controller = DomainController::new(asked.clone()).ok();
        let must_be_it = matches!(wanted.scope, Scope::ChangedSince(_));
        Self { told, controller, must_be_it, has_answer: false }
    }

    pub(super) fn completeness(&self) -> Completeness {
        let mut told = self.told.clone();
        if told.domain_controller.is_empty()
            && let Some(asked) = &self.controller
        {
            // It was asked and had nothing to show.
            asked.as_str().clone_into(&mut told.domain_controller);
        }
        told
    }

    /// Who is asked: from the first answer on always the same.
    pub(super) fn controller(&self) -> Option<DomainController> {
        self.controller.clone()
    }

    pub(super) fn has_answer(&self) -> bool {
        self.has_answer
    }

    /// Nobody in particular is asked, and nothing has been answered.
    pub(super) fn ask_another(&mut self, fell_back: bool) {
        self.controller = None;
        self.must_be_it = false;
        self.told =
            Completeness { pipelines_completed: true, fell_back, ..Completeness::default() };
    }

    pub(super) fn filtered_by_server(&mut self) {
        self.told.filtered_by_server = true;
    }

    /// Notes who answered. The first answer decides for the rest of the look.
    pub(super) fn answered_by(&mut self, controller: Option<&str>) {
        self.has_answer = true;
        let Some(controller) = controller.filter(|name| !name.is_empty()) else { return };
        let told = &mut self.told.domain_controller;
        if told.is_empty() {
            controller.clone_into(told);
            let is_it = |asked: &DomainController| asked.as_str().eq_ignore_ascii_case(controller);
            if self.must_be_it && !self.controller.as_ref().is_none_or(is_it) {
                tracing::warn!(controller, "another domain controller answered than was asked");
                self.told.controller_changed = true;
            }
            self.controller = DomainController::new(controller).ok();
        } else if !told.eq_ignore_ascii_case(controller) && !self.told.controller_changed {
            tracing::warn!(first = told, then = controller, "two domain controllers answered");
            self.told.controller_changed = true;
        }
    }

    pub(super) fn changed_at(&mut self, at: Option<Timestamp>) {
        self.told.newest_change_at = self.told.newest_change_at.max(at);
    }

    /// The controller that is asked, when all that a cmdlet said is that it is not there.
    pub(super) fn refused_by_controller(&self, summary: &Summary) -> Option<String> {
        let asked = self.controller.as_ref()?.as_str();
        let about_it = |text: &str| names(text, asked);
        let refused = summary.rows == 0
            && !summary.errors.is_empty()
            && summary.errors.iter().all(|record| about_it(&record.message));
        refused.then(|| asked.to_owned())
    }

    /// A cmdlet ran to its end; so many of its rows could not be told.
    pub(super) fn listed(&mut self, cmdlet: &'static str, summary: &Summary, untold: u32) {
        self.has_answer = true;
        let errors = u32::try_from(summary.errors_total).unwrap_or(u32::MAX);
        self.told.error_records =
            self.told.error_records.saturating_add(errors).saturating_add(untold);
        self.told.truncated |= summary.is_cut_short;
        if let Some(first) = summary.errors.first() {
            tracing::warn!(cmdlet, errors, first = first.message, "a listing had errors");
        }
        self.count(cmdlet, |listing| {
            listing.calls = listing.calls.saturating_add(1);
            listing.rows = listing.rows.saturating_add(summary.rows);
        });
    }

    /// A cmdlet broke off and is run again.
    pub(super) fn repeated(&mut self, cmdlet: &'static str) {
        self.count(cmdlet, |listing| listing.repeats = listing.repeats.saturating_add(1));
    }

    fn count(&mut self, cmdlet: &'static str, count: impl FnOnce(&mut Listing)) {
        let listings = &mut self.told.listings;
        if let Some(listing) = listings.iter_mut().find(|listing| listing.cmdlet == cmdlet) {
            return count(listing);
        }
        let mut listing = Listing { cmdlet: cmdlet.to_owned(), ..Listing::default() };
        count(&mut listing);
        listings.push(listing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(controller: &str) -> Wanted {
        Wanted { scope: Scope::Everything, controller: controller.to_owned(), after: None }
    }

    #[test]
    fn the_first_answer_decides_who_is_asked_and_another_one_proves_nothing() {
        let mut proof = Proof::new(&wanted(""));
        assert_eq!(proof.controller(), None);
        proof.answered_by(Some("dc01.contoso.com"));
        assert_eq!(proof.controller(), DomainController::new("dc01.contoso.com").ok());
        proof.answered_by(Some("DC01.contoso.com"));
        assert!(proof.completeness().is_complete());

        proof.answered_by(Some("dc02.contoso.com"));

        assert!(!proof.completeness().is_complete());
        assert_eq!(proof.completeness().domain_controller, "dc01.contoso.com");
    }

    #[test]
    fn what_a_cmdlet_printed_is_counted_over_all_its_calls() {
        let mut proof = Proof::new(&wanted("dc01"));
        let summary = Summary { rows: 3, ..Summary::default() };
        proof.repeated("Get-X");
        proof.listed("Get-X", &summary, 0);
        proof.listed("Get-X", &summary, 1);

        let told = proof.completeness();
        let expected = Listing { cmdlet: "Get-X".into(), calls: 2, rows: 6, repeats: 1 };
        assert_eq!((told.listings.as_slice(), told.error_records), (&[expected][..], 1));
        assert!(!told.is_complete());
    }
}
