//! Observed device x records -> the record that is the device, or why there is none. Pure. A match
//! needs the ActiveSync id and the person: an id alone can be copied onto another phone.

use std::collections::HashMap;

use exgate_domain::case::{MatchBasis, Unmatched};
use exgate_domain::ids::DeviceId;
use exgate_domain::record::ManagedDevice;

use crate::store::folded;

/// Records, found by ActiveSync id.
#[derive(Debug, Clone, Default)]
pub struct Devices {
    records: Vec<ManagedDevice>,
    by_id: HashMap<DeviceId, Vec<usize>>,
}

/// The record that is a device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match<'a> {
    /// The record.
    pub record: &'a ManagedDevice,
    /// How it was matched.
    pub basis: MatchBasis,
}

impl Devices {
    /// Takes records in.
    pub fn new(records: Vec<ManagedDevice>) -> Self {
        let mut by_id: HashMap<DeviceId, Vec<usize>> = HashMap::new();
        for (index, record) in records.iter().enumerate() {
            if let Some(id) = &record.eas_device_id {
                by_id.entry(id.clone()).or_default().push(index);
            }
        }
        Self { records, by_id }
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Finds the record that is the device with this id of the person with these addresses.
    pub fn matching(&self, id: &DeviceId, addresses: &[&str]) -> Result<Match<'_>, Unmatched> {
        let named = self.by_id.get(id).map(Vec::as_slice).unwrap_or_default();
        let named = named.iter().filter_map(|index| self.records.get(*index));
        let addresses: Vec<_> = addresses.iter().map(|address| folded(address)).collect();
        let theirs = |record: &&ManagedDevice| {
            [&record.user_principal_name, &record.email_address]
                .into_iter()
                .any(|address| !address.is_empty() && addresses.contains(&folded(address)))
        };
        let (theirs, others): (Vec<_>, Vec<_>) = named.partition(theirs);
        match (theirs.as_slice(), others.is_empty()) {
            ([record], _) => Ok(Match { record, basis: MatchBasis::EasIdAndUser }),
            ([], true) => Err(Unmatched::NoRecord),
            ([], false) => Err(Unmatched::OtherUser),
            (_, _) => Err(Unmatched::Ambiguous),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use exgate_domain::record::{ComplianceState, Provenance};

    use super::*;

    fn record(id: &str, eas: &str, user: &str, mail: &str) -> ManagedDevice {
        ManagedDevice {
            id: id.to_owned(),
            user_principal_name: user.to_owned(),
            email_address: mail.to_owned(),
            device_name: String::new(),
            operating_system: "iOS".to_owned(),
            os_version: "17.4".to_owned(),
            os_build: String::new(),
            security_patch_level: None,
            model: String::new(),
            eas_device_id: eas.parse().ok(),
            is_encrypted: None,
            jail_broken: None,
            passcode_compliant: None,
            owner_type: None,
            management_agent: None,
            threat_state: None,
            compliance: ComplianceState::Compliant,
            grace_until: None,
            last_check_in_at: None,
            enrolled_at: None,
            provenance: Provenance { source: "intune".to_owned(), read_at: Timestamp::UNIX_EPOCH },
        }
    }

    #[test]
    fn a_match_needs_the_id_and_the_person() {
        let devices = Devices::new(vec![
            record("1", "ApplA", "ann@corp.local", ""),
            record("2", "ApplB", "", "Ann@contoso.com"),
            record("3", "ApplC", "bob@contoso.com", ""),
            record("4", "ApplD", "ann@contoso.com", ""),
            record("5", "appld", "ann@corp.local", ""),
            record("6", "ApplE", "bob@contoso.com", ""),
            record("7", "ApplE", "ann@contoso.com", ""),
            record("8", "", "ann@contoso.com", ""),
            record("9", "ApplF", "", ""),
        ]);
        let ann = ["ann@corp.local", "ANN@contoso.com"];
        let cases = [
            ("by user principal name", "ApplA", Ok("1")),
            ("by mail, without case", "APPLb", Ok("2")),
            ("somebody else's", "ApplC", Err(Unmatched::OtherUser)),
            ("two of her own", "ApplD", Err(Unmatched::Ambiguous)),
            ("hers beside another's", "ApplE", Ok("7")),
            ("a record of nobody", "ApplF", Err(Unmatched::OtherUser)),
            ("no record", "ApplZ", Err(Unmatched::NoRecord)),
        ];
        for (case, id, expected) in cases {
            let found = devices.matching(&id.parse().unwrap(), &ann);
            assert_eq!(found.map(|found| found.record.id.as_str()), expected, "{case}");
        }
        let nobody = devices.matching(&"ApplF".parse().unwrap(), &[""]);
        assert_eq!(nobody.unwrap_err(), Unmatched::OtherUser);
    }
}
