//! What a mailbox answered when it was asked for the statistics of its devices.

use exgate_domain::ids::{Generation, MailboxId};
use exgate_domain::statistics::{DeviceStatistics, MailboxStatistics, StatisticsOutcome};

use crate::agent::v1 as pb;
use crate::agent::v1::statistics_read::Outcome;
use crate::convert::Malformed;
use crate::convert::field::{guid, required};
use crate::types::v1 as types;

impl From<MailboxStatistics> for pb::StatisticsRead {
    fn from(statistics: MailboxStatistics) -> Self {
        let MailboxStatistics { mailbox, generation, outcome } = statistics;
        let outcome = match outcome {
            StatisticsOutcome::Read(devices) => {
                let devices = devices.into_iter().map(Into::into).collect();
                Outcome::Read(pb::StatisticsOfDevices { devices })
            }
            StatisticsOutcome::Unknown(why) => Outcome::Unknown(why),
            StatisticsOutcome::NotAsked(why) => Outcome::NotAsked(why),
        };
        Self {
            mailbox_guid: mailbox.guid().as_bytes().to_vec(),
            generation: generation.get(),
            outcome: Some(outcome),
        }
    }
}

impl TryFrom<pb::StatisticsRead> for MailboxStatistics {
    type Error = Malformed;

    fn try_from(wire: pb::StatisticsRead) -> Result<Self, Malformed> {
        let pb::StatisticsRead { mailbox_guid, generation, outcome } = wire;
        let device = |(index, device): (usize, types::DeviceStatistics)| {
            DeviceStatistics::try_from(device).map_err(|it| it.at("devices", index))
        };
        let outcome = match required("outcome", outcome)? {
            Outcome::Read(pb::StatisticsOfDevices { devices }) => {
                let devices: Result<_, Malformed> =
                    devices.into_iter().enumerate().map(device).collect();
                StatisticsOutcome::Read(devices.map_err(|it| it.within("read"))?)
            }
            Outcome::Unknown(why) => StatisticsOutcome::Unknown(why),
            Outcome::NotAsked(why) => StatisticsOutcome::NotAsked(why),
        };
        Ok(Self {
            mailbox: MailboxId::new(guid("mailbox_guid", &mailbox_guid)?),
            generation: Generation::new(generation),
            outcome,
        })
    }
}
