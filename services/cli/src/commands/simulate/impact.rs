//! What documents would change, in one line, for those who are about to apply them.

use std::path::PathBuf;
use std::time::Duration;

use exgate_proto::types::v1::PolicyFile;
use exgate_proto::v1 as pb;

use super::{Heard, command};
use crate::commands::Session;
use crate::find;
use crate::render::count;

/// How long the line is waited for: who wants to know in any case simulates.
const LIMIT: Duration = Duration::from_secs(20);

/// The line; none when nobody can tell now.
pub(in crate::commands) async fn impact(
    session: Session<'_>,
    files: Vec<PolicyFile>,
    paths: &[PathBuf],
) -> Option<String> {
    let request = pb::SimulatePoliciesRequest {
        parent: find::parent(None),
        files,
        replay_at: None,
        changes_max: 0,
    };
    let ask = async {
        let stream = session.coordinator.simulate(request).await.ok()?;
        let mut heard = Heard::of(stream, session.terminal);
        heard.summary().await.ok()?.total
    };
    let command = command(paths);
    match tokio::time::timeout(LIMIT, ask).await {
        Ok(total) => total.map(|total| line(&total, &command)),
        Err(_) => Some(format!("what it would change takes longer to tell; see: {command}")),
    }
}

fn line(total: &pb::SimulationTally, command: &str) -> String {
    let pb::SimulationTally { cases, unchanged, lose_mail, gain_mail, .. } = total;
    let changed = cases - unchanged;
    if changed == 0 {
        return format!("would change the access of none of {}", count(*cases, "device"));
    }
    let others = match changed - lose_mail - gain_mail {
        0 => String::new(),
        others => format!(", and change {} in other ways", count(others, "device")),
    };
    let lose = count(*lose_mail, "device");
    format!("would take mail from {lose} and give it to {gain_mail}{others}; see: {command}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_says_who_loses_and_who_gains() {
        let total = |lose_mail, gain_mail, stricter| pb::SimulationTally {
            cases: 100,
            unchanged: 100 - lose_mail - gain_mail - stricter,
            lose_mail,
            gain_mail,
            stricter,
            ..pb::SimulationTally::default()
        };
        for (total, expected) in [
            (total(0, 0, 0), "would change the access of none of 100 devices"),
            (total(12, 3, 0), "would take mail from 12 devices and give it to 3; see: X"),
            (
                total(1, 0, 2),
                "would take mail from 1 device and give it to 0, and change 2 devices in other \
                 ways; see: X",
            ),
        ] {
            assert_eq!(line(&total, "X"), expected);
        }
    }
}
