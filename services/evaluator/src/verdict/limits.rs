//! Owns what comes after the records: devices that are not used, mailboxes with too many devices, and
//! people whom automation does not restrict.

use jiff::{SignedDuration, Timestamp};

use exgate_domain::case::{Case, Sibling};
use exgate_domain::decision::{Outcome, Reason};
use exgate_domain::ids::DeviceId;
use exgate_domain::policy::{Access, DeviceLimit, Keep};

use super::{Contact, Fact, Limit, Listener, Look, Owner, Rule, Verdict, local};
use crate::bundles::{Membership, Targeting};

/// Takes access from a device that would have it and is inactive or one too many.
pub(super) fn apply<'b, L: Listener>(
    look: &mut Look<'b, '_, L>,
    mut verdict: Verdict<'b>,
) -> Verdict<'b> {
    let policy = &look.targeting.policy;
    if let Some(longest) = policy.inactive_after.filter(|_| verdict.access == Access::Allow)
        && inactive(look, longest, &mut verdict)
    {
        verdict.access = policy.access.inactive;
        verdict.reasons.put_first(Reason::Inactive);
    }
    if let Some(limit) = policy.device_limit.filter(|_| verdict.access == Access::Allow)
        && too_many(look, limit, &mut verdict)
    {
        verdict.access = limit.access;
        verdict.reasons.put_first(Reason::TooManyDevices);
    }
    verdict
}

/// Whether the device has not synchronised for too long. What is not known does not count.
fn inactive<L: Listener>(
    look: &mut Look<'_, '_, L>,
    longest: SignedDuration,
    verdict: &mut Verdict<'_>,
) -> bool {
    let now = look.case.now;
    let Some(last) = look.case.last_sync_at else {
        look.tried(
            Rule::Key("inactiveAfter"),
            Outcome::Unknown,
            Fact::Contact(Contact::SyncUnknown),
        );
        return false;
    };
    let ends = last.checked_add(longest).unwrap_or(Timestamp::MAX);
    let is_inactive = now >= ends;
    let outcome = if is_inactive { Outcome::NotSatisfied } else { Outcome::Satisfied };
    let fact = Fact::Contact(Contact::Sync { last, ends, is_met: !is_inactive });
    look.tried(Rule::Key("inactiveAfter"), outcome, fact);
    verdict.wake(now, Some(ends));
    is_inactive
}

/// Whether the mailbox has as many devices as it may that keep their access before this one.
fn too_many<L: Listener>(
    look: &mut Look<'_, '_, L>,
    limit: DeviceLimit,
    verdict: &mut Verdict<'_>,
) -> bool {
    let (case, inactive_after) = (look.case, look.targeting.policy.inactive_after);
    let now = case.now;
    let mine = Rank::of(limit.keep, case.device.first_sync_at, &case.device.device_id);
    // When those that come before this one no longer take up a place; none for never.
    let places = || {
        let before = case.siblings.iter().filter(|sibling| {
            mine >= Rank::of(limit.keep, sibling.first_sync_at, &sibling.device_id)
        });
        before.map(|sibling| goes_idle(sibling, inactive_after))
    };
    let taken = |at: Timestamp| places().filter(|idle| idle.is_none_or(|idle| idle > at)).count();
    let has_room = |at: Timestamp| u32::try_from(taken(at)).is_ok_and(|it| it < limit.maximum);
    let before = u32::try_from(taken(now)).unwrap_or(u32::MAX);
    let is_too_many = before >= limit.maximum;
    let outcome = if is_too_many { Outcome::NotSatisfied } else { Outcome::Satisfied };
    let fact = Fact::Limit(Limit::DevicesBefore { before, maximum: limit.maximum });
    look.tried(Rule::Key("maximumDevices"), outcome, fact);
    if is_too_many {
        // Not when any of them goes idle, but when enough of them have.
        let frees = places().flatten().filter(|idle| *idle > now && has_room(*idle)).min();
        verdict.wake(now, frees);
    }
    is_too_many
}

/// When a device no longer takes up a place.
fn goes_idle(sibling: &Sibling, inactive_after: Option<SignedDuration>) -> Option<Timestamp> {
    let (last, longest) = (sibling.last_sync_at?, inactive_after?);
    last.checked_add(longest).ok()
}

/// The order in which devices keep their access: the smallest first. One whose first synchronisation is
/// not known comes last; two that came together are told apart by their ids.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank<'a> {
    is_unknown: bool,
    order: i128,
    id: &'a DeviceId,
}

impl<'a> Rank<'a> {
    fn of(keep: Keep, first_sync_at: Option<Timestamp>, id: &'a DeviceId) -> Self {
        let order = first_sync_at.map_or(0, |at| match keep {
            Keep::First => at.as_nanosecond(),
            Keep::Last => -at.as_nanosecond(),
        });
        Self { is_unknown: first_sync_at.is_none(), order, id }
    }
}

/// Leaves the device of a protected person as it is where it would be restricted. The policy that protects
/// need not be the one that decides: who is in a further group by mistake stays protected.
pub(super) fn protect<'b, L: Listener>(look: &mut Look<'b, '_, L>, verdict: &mut Verdict<'_>) {
    if !verdict.access.is_restriction() {
        return;
    }
    let organization = look.case.organization.as_str();
    let others =
        look.bundle.access().iter().filter(|it| it.policy.enabled && it.is_for(organization));
    let protects =
        |it: &'b Targeting| Some((&it.policy.name, protection(it, look.case, look.groups)?));
    let protected = std::iter::once(look.targeting).chain(others).find_map(protects);
    let Some((policy, (key, fact))) = protected else { return };
    let rule = Rule::Under("protected", key);
    look.listener.tried(policy, rule, Outcome::Satisfied, Fact::Owner(fact));
    verdict.access = Access::Leave;
    verdict.reasons.put_first(Reason::Protected);
}

/// How a policy protects the owner; none when it does not.
fn protection<'a>(
    targeting: &'a Targeting,
    case: &'a Case,
    groups: &Membership,
) -> Option<(&'static str, Owner<'a>)> {
    if let Some(group) = targeting.protected(groups) {
        return Some(("groups", Owner::InGroup(group)));
    }
    let is_named = local::is_user(&targeting.policy.protected_users, case);
    is_named.then_some(("users", Owner::Named(&case.mailbox.primary_smtp)))
}
