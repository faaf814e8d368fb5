//! The table below the story: one line an organization.

use std::time::Duration;

use exgate_proto::v1 as pb;

const HEAD: &str =
    "ORGANIZATION  MODE     PHONES  MAIL    HELD    NEW  TO LET IN  TO HOLD  IN FLIGHT  UNKNOWN";

/// Draws the table.
pub(super) fn text(organizations: &[pb::Organization], cmdlets: u64, since: Duration) -> String {
    let mut lines = vec![String::new(), HEAD.to_owned()];
    lines.extend(organizations.iter().map(line));
    let seconds = since.as_secs();
    lines.push(format!("{cmdlets} cmdlets changed something so far; {seconds} s since the start"));
    lines.join("\n")
}

fn line(organization: &pb::Organization) -> String {
    let devices = organization.devices.unwrap_or_default();
    let pending = organization.pending.unwrap_or_default();
    let mode = match organization.mode() {
        pb::Mode::Enforce => "enforce",
        pb::Mode::Observe => "observe",
        pb::Mode::Unspecified => "?",
    };
    format!(
        "{:<13} {mode:<8} {:<7} {:<7} {:<7} {:<4} {:<10} {:<8} {:<10} {}",
        organization.name.rsplit('/').next().unwrap_or_default(),
        devices.known,
        devices.allowed,
        devices.quarantined,
        devices.discovery,
        pending.allow,
        pending.quarantine + pending.block,
        pending.in_flight,
        pending.unknown,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_their_heads() {
        let organization = pb::Organization {
            name: "organizations/contoso".into(),
            mode: pb::Mode::Enforce.into(),
            devices: Some(pb::DeviceTally {
                known: 1500,
                allowed: 1200,
                quarantined: 290,
                discovery: 10,
                ..pb::DeviceTally::default()
            }),
            pending: Some(pb::PendingTally {
                allow: 12,
                in_flight: 8,
                ..pb::PendingTally::default()
            }),
            ..pb::Organization::default()
        };
        let table = text(&[organization], 7, Duration::from_secs(3));
        let lines: Vec<&str> = table.lines().collect();
        for (head, value) in [("PHONES", "1500"), ("HELD", "290"), ("IN FLIGHT", "8")] {
            let column = lines[1].find(head).unwrap();
            assert!(lines[2].split_at(column).1.starts_with(value), "{head}: {}", lines[2]);
        }
        assert!(lines[3].contains("7 cmdlets"));
    }
}
