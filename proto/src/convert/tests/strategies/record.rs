//! Arbitrary facts that only records have.

use exgate_domain::record::{ManagementAgent, OwnerType, ThreatState};
use jiff::civil::Date;
use proptest::prelude::*;
use proptest::sample::select;

pub(super) fn day() -> impl Strategy<Value = Date> {
    (1970_i16..2100, 1_i8..13, 1_i8..29)
        .prop_map(|(year, month, day)| Date::constant(year, month, day))
}

pub(super) fn owner_type() -> impl Strategy<Value = OwnerType> {
    select(vec![OwnerType::Company, OwnerType::Personal])
}

pub(super) fn management_agent() -> impl Strategy<Value = ManagementAgent> {
    select(vec![
        ManagementAgent::Eas,
        ManagementAgent::Mdm,
        ManagementAgent::EasMdm,
        ManagementAgent::IntuneClient,
        ManagementAgent::EasIntuneClient,
        ManagementAgent::ConfigurationManagerClient,
        ManagementAgent::ConfigurationManagerClientMdm,
        ManagementAgent::ConfigurationManagerClientMdmEas,
        ManagementAgent::Jamf,
        ManagementAgent::GoogleCloudDevicePolicyController,
    ])
}

pub(super) fn threat_state() -> impl Strategy<Value = ThreatState> {
    select(vec![
        ThreatState::Activated,
        ThreatState::Deactivated,
        ThreatState::Secured,
        ThreatState::LowSeverity,
        ThreatState::MediumSeverity,
        ThreatState::HighSeverity,
        ThreatState::Unresponsive,
        ThreatState::Compromised,
        ThreatState::Misconfigured,
    ])
}
