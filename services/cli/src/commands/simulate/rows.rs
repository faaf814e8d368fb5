//! Changed devices as rows for spreadsheets. A cell that a spreadsheet would take for a formula is made
//! text: device names come from whoever owns the device.

use exgate_proto::names::DeviceName;
use exgate_proto::v1 as pb;

use super::text::turn;
use crate::failure::Failure;
use crate::render::{access, access_state, reason};

const HEADER: [&str; 13] = [
    "change",
    "organization",
    "device_id",
    "user",
    "model",
    "platform",
    "access_before",
    "access_after",
    "reasons_before",
    "reasons_after",
    "exchange_state",
    "exchange_predicted",
    "name",
];

/// What a spreadsheet takes for the beginning of a formula, or passes over before one.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The first line.
pub(super) fn header() -> Result<String, Failure> {
    write([HEADER.map(str::to_owned)])
}

/// One line per device.
pub(super) fn rows(changes: &[pb::SimulatedChange]) -> Result<String, Failure> {
    write(changes.iter().map(|change| cells(change).map(safe)))
}

fn cells(change: &pb::SimulatedChange) -> [String; 13] {
    let name: Option<DeviceName> = change.device.parse().ok();
    let organization = name.as_ref().map(|it| it.organization.to_string());
    let device_id = name.map(|it| it.device_id.to_string());
    let reasons = |numbers: &[i32]| {
        let words: Vec<_> = numbers.iter().map(|number| reason(*number)).collect();
        words.join(" ")
    };
    [
        turn(change.turn()).0.to_owned(),
        organization.unwrap_or_default(),
        device_id.unwrap_or_default(),
        change.primary_smtp.clone(),
        change.device_model.clone(),
        change.platform.clone(),
        access(change.access_before),
        access(change.access_after),
        reasons(&change.reasons_before),
        reasons(&change.reasons_after),
        access_state(change.access_state, &change.access_state_text),
        change.predicted_state.map(|state| access_state(state, "")).unwrap_or_default(),
        change.device.clone(),
    ]
}

fn safe(cell: String) -> String {
    if cell.starts_with(FORMULA) { format!("'{cell}") } else { cell }
}

fn write(lines: impl IntoIterator<Item = [String; 13]>) -> Result<String, Failure> {
    let fault = |error: csv::Error| Failure::Output(error.into());
    let mut writer = csv::Writer::from_writer(Vec::new());
    for line in lines {
        writer.write_record(&line).map_err(fault)?;
    }
    let bytes = writer.into_inner().map_err(|error| Failure::Output(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use exgate_proto::types::v1 as types;

    use super::*;

    #[test]
    fn a_device_is_a_row_under_its_header() {
        let change = pb::SimulatedChange {
            device: "organizations/contoso/devices/Appl1-00000001".into(),
            turn: pb::AccessTurn::LoseMail.into(),
            primary_smtp: "ann@contoso.com".into(),
            device_model: "iPhone 15, \"blue\"".into(),
            platform: "iOS".into(),
            access_before: types::Access::Allow.into(),
            access_after: types::Access::Quarantine.into(),
            reasons_before: vec![types::Reason::Compliant.into()],
            reasons_after: vec![
                types::Reason::OsVersionTooOld.into(),
                types::Reason::NotEncrypted.into(),
            ],
            access_state: types::AccessState::Allowed.into(),
            access_state_text: String::new(),
            predicted_state: Some(types::AccessState::Quarantined.into()),
        };
        let text = header().unwrap() + &rows(&[change]).unwrap();
        let expected = "\
change,organization,device_id,user,model,platform,access_before,access_after,reasons_before,\
reasons_after,exchange_state,exchange_predicted,name
lose mail,contoso,Appl1,ann@contoso.com,\"iPhone 15, \"\"blue\"\"\",iOS,allow,quarantine,COMPLIANT,\
OS_VERSION_TOO_OLD NOT_ENCRYPTED,allowed,quarantined,organizations/contoso/devices/Appl1-00000001
";
        assert_eq!(text, expected);
    }

    #[test]
    fn no_cell_is_a_formula() {
        for evil in ["=HYPERLINK(\"x\")", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            let change = pb::SimulatedChange {
                device_model: evil.into(),
                platform: evil.into(),
                access_state_text: evil.into(),
                ..pb::SimulatedChange::default()
            };
            let text = rows(&[change]).unwrap();
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
            let row = reader.records().next().unwrap().unwrap();
            assert_eq!(&row[4], format!("'{evil}"));
            assert_eq!((&row[5], &row[10]), (&row[4], &row[4]));
            assert!(row.iter().all(|cell| !cell.starts_with(FORMULA)), "{row:?}");
        }
    }
}
