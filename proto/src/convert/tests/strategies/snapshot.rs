//! Arbitrary parts of snapshots.

use exgate_domain::ids::{AgentId, Generation, RunId, SnapshotId};
use exgate_domain::snapshot::{Begin, Commit, Finished, Page, Resume, Step};
use exgate_domain::sync::{Completeness, Listing};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{guid, instants, key, observation, observation_digest, organization_id, scope, text};

prop_compose! {
    pub(in crate::convert::tests) fn begin()(
        [id, run, agent] in [guid(), guid(), guid()],
        organization in organization_id(),
        generation in any::<u64>(),
        scope in scope(),
        domain_controller in text(),
    ) -> Begin {
        Begin {
            id: SnapshotId::new(id),
            run: RunId::new(run),
            organization,
            agent: AgentId::new(agent),
            generation: Generation::new(generation),
            scope,
            domain_controller,
        }
    }
}

prop_compose! {
    pub(in crate::convert::tests) fn page()(
        number in any::<u64>(),
        observations in vec(observation(), 0..4),
        unchanged in vec(key(), 0..4),
        digest in observation_digest(),
        finished in option::of(finished()),
    ) -> Page {
        Page { number, observations, unchanged, digest, finished }
    }
}

prop_compose! {
    pub(in crate::convert::tests) fn commit()(
        pages in any::<u64>(),
        rows in any::<u64>(),
        root in observation_digest(),
        completeness in completeness(),
    ) -> Commit {
        Commit { pages, rows, root, completeness }
    }
}

prop_compose! {
    fn completeness()(
        [pipelines_completed, truncated, filtered_by_server] in any::<[bool; 3]>(),
        [controller_changed, fell_back] in any::<[bool; 2]>(),
        error_records in any::<u32>(),
        domain_controller in text(),
        newest_change_at in instants(),
        listings in vec(listing(), 0..3),
    ) -> Completeness {
        Completeness {
            pipelines_completed,
            error_records,
            truncated,
            domain_controller,
            filtered_by_server,
            controller_changed,
            fell_back,
            newest_change_at,
            listings,
        }
    }
}

prop_compose! {
    fn listing()(cmdlet in text(), calls in any::<u32>(), rows in any::<u64>(), repeats in any::<u32>()) -> Listing {
        Listing { cmdlet, calls, rows, repeats }
    }
}

prop_compose! {
    fn finished()(
        step in select(vec![Step::Mailboxes, Step::Devices, Step::Organization]),
        proof in completeness(),
    ) -> Finished {
        Finished { step, proof }
    }
}

prop_compose! {
    pub(in crate::convert::tests) fn resume()(
        id in guid(),
        pages in vec(observation_digest(), 0..4),
        rows in any::<u64>(),
        finished in option::of(finished()),
    ) -> Resume {
        Resume { id: SnapshotId::new(id), pages, rows, finished }
    }
}
