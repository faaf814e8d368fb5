//! Which columns each kind of thing has, and the further ones on wide screens.

use exgate_proto::names::DeviceName;
use exgate_proto::v1 as pb;
use jiff::{SignedDuration, Timestamp};

use super::Row;
use crate::render::Alignment::{Left, Right};
use crate::render::{
    Alignment, Cell, Table, Tone, access, access_reason, access_state, age, at, compliance,
    connector_state, instant, mode, reason, short, short_id, span, sync_mode, sync_state, trigger,
};

/// How a table is to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    /// The instant that ages are counted from.
    pub(crate) now: Timestamp,
    /// Whether there is room.
    pub(crate) wide: bool,
    /// Whether colours are wanted.
    pub(crate) color: bool,
}

impl View {
    fn table(&self, narrow: &[(&str, Alignment)], more: &[(&str, Alignment)]) -> Table {
        let columns = if self.wide { [narrow, more].concat() } else { narrow.to_vec() };
        Table::new(self.color, &columns)
    }

    fn row(&self, table: &mut Table, narrow: Vec<Cell>, more: Vec<Cell>) {
        let further = if self.wide { more } else { Vec::new() };
        table.row(narrow.into_iter().chain(further));
    }
}

/// The organization in any resource name below one.
fn organization_of(name: &str) -> &str {
    name.split('/').nth(1).unwrap_or(name)
}

impl Row for pb::Organization {
    fn name(&self) -> &str {
        &self.name
    }

    fn table(rows: &[Self], view: &View) -> Table {
        let mut table = view.table(
            &[
                ("NAME", Left),
                ("MODE", Left),
                ("DEVICES", Right),
                ("ALLOWED", Right),
                ("BLOCKED", Right),
                ("QUAR", Right),
                ("PENDING", Right),
                ("AGE", Left),
            ],
            &[("QUICK EVERY", Left), ("FULL EVERY", Left), ("DISPLAY NAME", Left)],
        );
        for row in rows {
            let devices = row.devices.unwrap_or_default();
            let pending = row.pending.unwrap_or_default();
            let quick = [&row.quick_interval, &row.quick_interval_scan];
            let [filtered, scanned] = quick.map(|it| span(it.as_ref()));
            let narrow = vec![
                short_id(&row.name).into(),
                mode(row.mode).into(),
                devices.known.into(),
                devices.allowed.into(),
                devices.blocked.into(),
                devices.quarantined.into(),
                (pending.allow + pending.quarantine + pending.block).into(),
                age(row.created_at.as_ref(), view.now).trim_end_matches(" ago").into(),
            ];
            let more = vec![
                format!("{filtered} (scan {scanned})").into(),
                span(row.full_interval.as_ref()).into(),
                row.display_name.as_str().into(),
            ];
            view.row(&mut table, narrow, more);
        }
        table
    }
}

impl Row for pb::Connector {
    fn name(&self) -> &str {
        &self.name
    }

    fn table(rows: &[Self], view: &View) -> Table {
        let mut table = view.table(
            &[
                ("ORGANIZATION", Left),
                ("STATE", Left),
                ("EXCHANGE", Left),
                ("AGENT", Left),
                ("LAST HEARD", Left),
                ("QUICK SYNC", Left),
                ("FULL SYNC", Left),
            ],
            &[("VERSION", Left), ("HOST", Left), ("LEASE", Right), ("PROBLEM", Left)],
        );
        for row in rows {
            let tone = match pb::ConnectorState::try_from(row.state) {
                Ok(pb::ConnectorState::Connected) => Tone::Good,
                Ok(pb::ConnectorState::ConnectionPending | pb::ConnectorState::Unspecified)
                | Err(_) => Tone::Warning,
                Ok(
                    pb::ConnectorState::None
                    | pb::ConnectorState::Degraded
                    | pb::ConnectorState::Disconnected,
                ) => Tone::Bad,
            };
            let narrow = vec![
                organization_of(&row.name).into(),
                Cell::toned(connector_state(row.state), tone),
                row.exchange_server.as_str().into(),
                row.version.as_str().into(),
                age(row.last_heard_at.as_ref(), view.now).into(),
                age(row.last_quick_sync_at.as_ref(), view.now).into(),
                age(row.last_full_sync_at.as_ref(), view.now).into(),
            ];
            let more = vec![
                row.exchange_version.as_str().into(),
                row.connector_server.as_str().into(),
                row.lease_generation.into(),
                row.problem.as_str().into(),
            ];
            view.row(&mut table, narrow, more);
        }
        table
    }
}

impl Row for pb::Device {
    fn name(&self) -> &str {
        &self.name
    }

    fn table(rows: &[Self], view: &View) -> Table {
        let mut table = view.table(
            &[
                ("DEVICE", Left),
                ("ORGANIZATION", Left),
                ("USER", Left),
                ("MODEL", Left),
                ("STATE", Left),
                ("INTENDED", Left),
                ("REASON", Left),
                ("SEEN", Left),
            ],
            &[("BECAUSE", Left), ("COMPLIANCE", Left), ("OS", Left), ("NAME", Left)],
        );
        for row in rows {
            let eas = row.eas.clone().unwrap_or_default();
            let id = row.name.parse().map(|it: DeviceName| it.device_id.to_string());
            let model =
                if eas.device_model.is_empty() { &eas.device_type } else { &eas.device_model };
            let narrow = vec![
                id.unwrap_or_else(|_| row.name.clone()).into(),
                organization_of(&row.name).into(),
                row.primary_smtp.as_str().into(),
                model.into(),
                access_state(eas.access_state, &eas.access_state_text).into(),
                access(row.intended).into(),
                row.reasons.first().map_or("-".to_owned(), |it| reason(*it)).into(),
                age(row.seen_at.as_ref(), view.now).into(),
            ];
            let more = vec![
                access_reason(eas.access_reason, &eas.access_reason_text).into(),
                compliance(row.compliance).into(),
                eas.device_os.as_str().into(),
                row.name.as_str().into(),
            ];
            view.row(&mut table, narrow, more);
        }
        table
    }
}

impl Row for pb::SyncRun {
    fn name(&self) -> &str {
        &self.name
    }

    fn table(rows: &[Self], view: &View) -> Table {
        let mut table = view.table(
            &[
                ("SYNC", Left),
                ("ORGANIZATION", Left),
                ("MODE", Left),
                ("STATE", Left),
                ("REQUESTED", Left),
                ("TOOK", Left),
                ("SEEN", Right),
                ("ADDED", Right),
                ("CHANGED", Right),
                ("REMOVED", Right),
            ],
            &[("TRIGGER", Left), ("TRACE", Left), ("FAILURE", Left)],
        );
        for row in rows {
            let state = sync_state(row.state);
            let narrow = vec![
                short_id(&row.name).into(),
                organization_of(&row.name).into(),
                sync_mode(row.mode).into(),
                match pb::SyncRunState::try_from(row.state) {
                    Ok(pb::SyncRunState::Failed) => Cell::toned(state, Tone::Bad),
                    Ok(pb::SyncRunState::Succeeded) => Cell::toned(state, Tone::Good),
                    Ok(
                        pb::SyncRunState::Pending
                        | pb::SyncRunState::Running
                        | pb::SyncRunState::Unspecified,
                    )
                    | Err(_) => state.into(),
                },
                age(row.requested_at.as_ref(), view.now).into(),
                took(row).map_or("-".to_owned(), short).into(),
                row.devices_seen.into(),
                row.devices_added.into(),
                row.devices_changed.into(),
                row.devices_removed.into(),
            ];
            let more = vec![
                trigger(row.trigger).into(),
                row.trace_id.as_str().into(),
                row.failure.as_str().into(),
            ];
            view.row(&mut table, narrow, more);
        }
        table
    }
}

/// How long a sync that is over took.
pub(crate) fn took(run: &pb::SyncRun) -> Option<SignedDuration> {
    let started = at(run.started_at.as_ref())?;
    Some(at(run.ended_at.as_ref())?.duration_since(started))
}

impl Row for pb::Policy {
    fn name(&self) -> &str {
        &self.name
    }

    fn table(rows: &[Self], view: &View) -> Table {
        let mut table = view.table(
            &[("NAME", Left), ("KIND", Left), ("FILE", Left), ("APPLIED", Left)],
            &[("APPLIED AT", Left)],
        );
        for row in rows {
            let narrow = vec![
                short_id(&row.name).into(),
                row.kind.as_str().into(),
                row.path.as_str().into(),
                age(row.applied_at.as_ref(), view.now).into(),
            ];
            view.row(&mut table, narrow, vec![instant(row.applied_at.as_ref()).into()]);
        }
        table
    }
}

#[cfg(test)]
mod tests;
