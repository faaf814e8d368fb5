//! Chooses what exgate may do, and shows what that changes: the counts, and the first of the changes.

use exgate_proto::v1 as pb;

use super::Session;
use crate::args::{Format, Mode, ModeChoice};
use crate::failure::Failure;
use crate::render::{Alignment, Table, access, count, message, mode, reason, short_id};

/// Sets the mode, or says what it would mean.
pub(super) async fn run(session: Session<'_>, args: Mode) -> Result<(), Failure> {
    let wanted = match args.mode {
        ModeChoice::Observe => pb::Mode::Observe,
        ModeChoice::Enforce => pb::Mode::Enforce,
    };
    let request = pb::SetModeRequest {
        name: args.org.name(),
        mode: wanted.into(),
        validate_only: args.dry_run,
        changes_max: args.changes,
    };
    let answer = session.coordinator.set_mode(request).await?;
    let terminal = session.terminal;
    match terminal.format {
        Format::Json => terminal.document(&message(&answer)?),
        Format::Name => terminal.result(&args.org.name()),
        Format::Table | Format::Wide => {
            terminal.result(&text(&answer, wanted, args.dry_run, terminal.color))?;
            let is_new = !is_already(&answer, wanted);
            if args.dry_run && wanted == pb::Mode::Enforce && is_new {
                terminal.hint(&format!("do it: exgate mode {} enforce", args.org.0));
            }
            Ok(())
        }
    }
}

/// Whether a dry run found the wanted mode in force.
fn is_already(answer: &pb::SetModeResponse, wanted: pb::Mode) -> bool {
    answer.organization.as_ref().is_some_and(|it| it.mode == i32::from(wanted))
}

fn text(answer: &pb::SetModeResponse, wanted: pb::Mode, dry_run: bool, color: bool) -> String {
    let organization = answer.organization.clone().unwrap_or_default();
    let id = short_id(&organization.name);
    let head = if dry_run && is_already(answer, wanted) {
        format!("{id}: mode is {} already (dry run, nothing changed)", mode(wanted.into()))
    } else if dry_run {
        let now = mode(organization.mode);
        format!("{id}: mode is {now}, would be {} (dry run, nothing changed)", mode(wanted.into()))
    } else {
        format!("{id}: mode is {}", mode(organization.mode))
    };
    let pending = organization.pending.unwrap_or_default();
    let devices = pending.allow + pending.quarantine + pending.block;
    let verb = match (wanted, dry_run) {
        (pb::Mode::Enforce, true) => "Enforcing would change",
        (pb::Mode::Enforce, false) => "Enforcing changes",
        (pb::Mode::Observe | pb::Mode::Unspecified, _) => "Observing leaves undone",
    };
    let tally = format!(
        "{verb} {} in {}: allow {}, quarantine {}, block {}",
        count(devices, "device"),
        count(pending.mailboxes, "mailbox"),
        pending.allow,
        pending.quarantine,
        pending.block
    );
    let mut lines = vec![head, tally];
    if !answer.changes.is_empty() {
        lines.push(changes(&answer.changes, color));
    }
    let shown = answer.changes.len() as u64;
    if shown > 0 && devices > shown {
        lines.push(format!("… and {} more (--changes N shows more)", devices - shown));
    }
    lines.join("\n")
}

fn changes(changes: &[pb::PendingChange], color: bool) -> String {
    let left = Alignment::Left;
    let columns = [("CHANGE", left), ("DEVICE", left), ("USER", left), ("REASONS", left)];
    let mut table = Table::new(color, &columns);
    for change in changes {
        let reasons: Vec<_> = change.reasons.iter().map(|it| reason(*it)).collect();
        table.row([
            access(change.access).into(),
            short_id(&change.device).into(),
            change.primary_smtp.as_str().into(),
            reasons.join(", ").into(),
        ]);
    }
    table.text()
}

#[cfg(test)]
mod tests {
    use exgate_proto::types::v1 as types;

    use super::*;

    fn answer(mode: pb::Mode) -> pb::SetModeResponse {
        pb::SetModeResponse {
            organization: Some(pb::Organization {
                name: "organizations/contoso".into(),
                mode: mode.into(),
                pending: Some(pb::PendingTally {
                    allow: 9,
                    block: 5,
                    mailboxes: 12,
                    ..pb::PendingTally::default()
                }),
                ..pb::Organization::default()
            }),
            changes: vec![pb::PendingChange {
                device: "organizations/contoso/devices/Appl1-00000001".into(),
                primary_smtp: "ann@contoso.com".into(),
                access: types::Access::Block.into(),
                reasons: vec![types::Reason::NotEnrolled.into()],
            }],
        }
    }

    #[test]
    fn a_dry_run_counts_and_shows_the_first_changes() {
        let expected = "\
contoso: mode is observe, would be enforce (dry run, nothing changed)
Enforcing would change 14 devices in 12 mailboxes: allow 9, quarantine 0, block 5
CHANGE  DEVICE          USER             REASONS
block   Appl1-00000001  ann@contoso.com  NOT_ENROLLED
… and 13 more (--changes N shows more)";
        let text = text(&answer(pb::Mode::Observe), pb::Mode::Enforce, true, false);
        assert_eq!(text, expected);
    }

    #[test]
    fn a_dry_run_says_that_the_mode_is_in_force_already() {
        let text = text(&answer(pb::Mode::Enforce), pb::Mode::Enforce, true, false);
        assert!(text.starts_with("contoso: mode is enforce already (dry run"), "{text}");
    }

    #[test]
    fn the_real_thing_says_what_is_now() {
        let enforced = pb::SetModeResponse { changes: vec![], ..answer(pb::Mode::Enforce) };
        let expected = "\
contoso: mode is enforce
Enforcing changes 14 devices in 12 mailboxes: allow 9, quarantine 0, block 5";
        assert_eq!(text(&enforced, pb::Mode::Enforce, false, false), expected);
    }
}
