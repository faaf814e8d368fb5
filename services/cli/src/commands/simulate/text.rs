//! What documents would change, for people: a sentence, the sums, and the first of the devices.

use exgate_proto::names::DeviceName;
use exgate_proto::v1 as pb;

use crate::args::By;
use crate::render::Alignment::{Left, Right};
use crate::render::{
    Alignment, Cell, Table, Tone, access, access_state, count, instant, reason, short_id,
};

/// The most rows of one table of sums.
const ROWS_MAX: usize = 20;
/// How many characters of a digest tell bundles apart.
const DIGEST_CHARS: usize = 12;

/// What stands before the words of a reason on the wire.
const REASON: &str = "REASON_";

/// The whole answer.
pub(super) fn text(simulation: &pb::Simulation, by: &[By], is_wide: bool, color: bool) -> String {
    let mut parts = vec![head(simulation)];
    let all = [By::Organization, By::Group, By::Platform, By::Reason];
    for kind in all.into_iter().filter(|kind| by.is_empty() || by.contains(kind)) {
        let (heading, rows) = match kind {
            By::Organization => ("ORGANIZATION", &simulation.organizations),
            By::Group => ("GROUP", &simulation.groups),
            By::Platform => ("PLATFORM", &simulation.platforms),
            By::Reason => ("REASON", &simulation.reasons),
        };
        // The only organization says what the head has said.
        let says_more = kind != By::Organization || rows.len() > 1;
        if !rows.is_empty() && (says_more || !by.is_empty()) {
            parts.push(sums(heading, rows, is_wide, color));
        }
    }
    if !simulation.changes.is_empty() {
        parts.push(changes(&simulation.changes, is_wide, color));
    }
    let mut text = parts.join("\n\n");
    if simulation.changes_left_out > 0 {
        let left_out = simulation.changes_left_out;
        text.push_str(&format!(
            "\n… and {left_out} more (--changes N shows more, --all shows all)"
        ));
    }
    text
}

fn head(simulation: &pb::Simulation) -> String {
    let total = simulation.total.unwrap_or_default();
    let tried = match &simulation.replay_at {
        None => format!(
            "Tried on {} as known at {}; nothing was changed.",
            count(total.cases, "device"),
            instant(simulation.simulated_at.as_ref())
        ),
        Some(at) => format!(
            "Tried on {} in force at {}; nothing was changed.",
            count(total.cases, "decision"),
            instant(Some(at))
        ),
    };
    let mut lines = vec![tried, sentence(&total)];
    let short = |digest: &str| digest.chars().take(DIGEST_CHARS).collect::<String>();
    let (bundle, in_force) = (&simulation.bundle_digest, &simulation.bundle_digest_in_force);
    lines.push(match (bundle == in_force, in_force.is_empty()) {
        (true, _) => format!("Bundle {} is in force already.", short(bundle)),
        (false, true) => format!("Bundle {}; no policy is in force.", short(bundle)),
        (false, false) => format!("Bundle {} in place of {}.", short(bundle), short(in_force)),
    });
    if !simulation.policies_removed.is_empty() {
        let removed = simulation.policies_removed.join(", ");
        lines.push(format!("It would remove {removed}, which apply does with --prune only."));
    }
    lines.join("\n")
}

/// Every way that some device goes.
fn sentence(total: &pb::SimulationTally) -> String {
    let pb::SimulationTally {
        cases: _,
        unchanged,
        lose_mail,
        gain_mail,
        stricter,
        looser,
        taken_over,
        left_alone,
    } = *total;
    let mut ways =
        vec![format!("{lose_mail} would lose mail"), format!("{gain_mail} would gain it")];
    let further = [
        (stricter, "would be blocked instead of quarantined"),
        (looser, "would be quarantined instead of blocked"),
        (taken_over, "would no longer be left as they are"),
        (left_alone, "would be left as they are"),
    ];
    let further = further.into_iter().filter(|(number, _)| *number > 0);
    ways.extend(further.map(|(number, way)| format!("{number} {way}")));
    ways.push(format!("{unchanged} keep their access"));
    format!("{}.", ways.join(", "))
}

fn sums(heading: &str, rows: &[pb::SimulationRow], is_wide: bool, color: bool) -> String {
    let narrow = [("DEVICES", Right), ("LOSE MAIL", Right), ("GAIN MAIL", Right)];
    let middle: &[(&str, Alignment)] = match is_wide {
        true => {
            &[("STRICTER", Right), ("LOOSER", Right), ("TAKEN OVER", Right), ("LEFT ALONE", Right)]
        }
        false => &[("OTHER CHANGES", Right)],
    };
    let columns = [&[(heading, Left)][..], &narrow, middle, &[("UNCHANGED", Right)]].concat();
    let mut table = Table::new(color, &columns);
    let mut sorted: Vec<_> =
        rows.iter().map(|row| (row.tally.unwrap_or_default(), row.key.as_str())).collect();
    sorted.sort_by_key(|(tally, _)| {
        std::cmp::Reverse((tally.lose_mail, tally.cases - tally.unchanged, tally.cases))
    });
    for (tally, key) in sorted.iter().take(ROWS_MAX) {
        let pb::SimulationTally { stricter, looser, taken_over, left_alone, .. } = *tally;
        let other = [stricter, looser, taken_over, left_alone];
        let other = if is_wide { other.to_vec() } else { vec![other.iter().sum()] };
        let toned = |number: u64, tone| match number {
            0 => Cell::from(number),
            _ => Cell::toned(number.to_string(), tone),
        };
        let key = key.strip_prefix(REASON).unwrap_or(key);
        let key = if heading == "ORGANIZATION" { short_id(key) } else { key };
        let mut cells = vec![Cell::from(key), tally.cases.into()];
        cells.push(toned(tally.lose_mail, Tone::Bad));
        cells.push(toned(tally.gain_mail, Tone::Good));
        cells.extend(other.into_iter().map(Cell::from));
        cells.push(tally.unchanged.into());
        table.row(cells);
    }
    let mut text = table.text();
    if let Some(more) = sorted.len().checked_sub(ROWS_MAX).filter(|more| *more > 0) {
        text.push_str(&format!("\n… and {more} more (-o json has all)"));
    }
    text
}

fn changes(changes: &[pb::SimulatedChange], is_wide: bool, color: bool) -> String {
    let narrow = [
        ("CHANGE", Left),
        ("DEVICE", Left),
        ("ORGANIZATION", Left),
        ("USER", Left),
        ("MODEL", Left),
        ("ACCESS", Left),
        ("REASON BEFORE", Left),
        ("REASON AFTER", Left),
    ];
    let more = [("PLATFORM", Left), ("IN EXCHANGE", Left), ("PREDICTED", Left), ("NAME", Left)];
    let columns = if is_wide { [&narrow[..], &more].concat() } else { narrow.to_vec() };
    let mut table = Table::new(color, &columns);
    for change in changes {
        let (word, tone) = turn(change.turn());
        let name: Option<DeviceName> = change.device.parse().ok();
        let id = name.as_ref().map_or(change.device.clone(), |it| it.device_id.to_string());
        let organization = name.map(|it| it.organization.to_string()).unwrap_or_default();
        let first = |reasons: &[i32]| reasons.first().map_or(String::new(), |it| reason(*it));
        let mut cells = vec![
            tone.map_or_else(|| Cell::from(word), |tone| Cell::toned(word, tone)),
            id.into(),
            organization.into(),
            change.primary_smtp.as_str().into(),
            change.device_model.as_str().into(),
            format!("{} → {}", access(change.access_before), access(change.access_after)).into(),
            first(&change.reasons_before).into(),
            first(&change.reasons_after).into(),
        ];
        if is_wide {
            let predicted = change.predicted_state.map(|state| access_state(state, ""));
            cells.push(change.platform.as_str().into());
            cells.push(access_state(change.access_state, &change.access_state_text).into());
            cells.push(predicted.unwrap_or_default().into());
            cells.push(change.device.as_str().into());
        }
        table.row(cells);
    }
    table.text()
}

/// Which way a device goes, and how that looks.
pub(super) fn turn(turn: pb::AccessTurn) -> (&'static str, Option<Tone>) {
    match turn {
        pb::AccessTurn::LoseMail => ("lose mail", Some(Tone::Bad)),
        pb::AccessTurn::GainMail => ("gain mail", Some(Tone::Good)),
        pb::AccessTurn::Stricter => ("stricter", Some(Tone::Warning)),
        pb::AccessTurn::Looser => ("looser", Some(Tone::Warning)),
        pb::AccessTurn::TakenOver => ("taken over", None),
        pb::AccessTurn::LeftAlone => ("left alone", None),
        pb::AccessTurn::Unspecified => ("-", None),
    }
}

#[cfg(test)]
mod tests;
