//! Why a device has the access it has: one numbered line per station, from the record to what Exchange
//! shows, and what would let it in.

mod trace;

use exgate_proto::v1 as pb;

use super::Session;
use crate::args::{Format, Why};
use crate::failure::Failure;
use crate::find;
use crate::render::{message, to_instant};
use crate::target::{DeviceRef, OrganizationRef};

/// Explains one device.
pub(super) async fn run(
    session: Session<'_>,
    why: Why,
    organization: Option<OrganizationRef>,
) -> Result<(), Failure> {
    let coordinator = session.coordinator;
    let name = match &why.device {
        DeviceRef::Name(name) => name.to_string(),
        DeviceRef::Id { .. } => {
            find::device(coordinator, &why.device, organization.as_ref()).await?.name
        }
    };
    let language = why.language.unwrap_or_default();
    let request = pb::ExplainDeviceRequest {
        name: name.clone(),
        language: language.clone(),
        at: why.at.map(|at| to_instant(at.instant(session.terminal.now()))),
    };
    let answer = coordinator.explain_device(request).await?;
    let terminal = session.terminal;
    if !is_spoken(&language, &answer.language) {
        terminal.hint(&format!(
            "there are no explanations in {language:?}; these are in {:?}",
            answer.language
        ));
    }
    match terminal.format {
        Format::Table | Format::Wide => {
            terminal.result(&trace::text(&answer, terminal.now(), terminal.color))
        }
        Format::Json => terminal.document(&message(&answer)?),
        Format::Name => terminal.result(&name),
    }
}

/// Whether an answer is in the language that was asked for. A region asks for no other words, and what
/// is in no language at all is not in a wrong one.
fn is_spoken(asked: &str, answered: &str) -> bool {
    let primary = |tag: &str| {
        let subtag = tag.trim().split(['-', '_']).next().unwrap_or_default();
        subtag.to_ascii_lowercase()
    };
    asked.is_empty() || answered.is_empty() || primary(asked) == primary(answered)
}

#[cfg(test)]
mod tests {
    use super::is_spoken;

    #[test]
    fn an_answer_in_another_language_is_told_apart() {
        for (asked, answered) in
            [("", "en"), ("nl", "nl"), ("NL-be", "nl"), ("nl_NL", "nl"), ("fr", "")]
        {
            assert!(is_spoken(asked, answered), "{asked} {answered}");
        }
        for (asked, answered) in [("fr", "en"), ("n", "nl"), ("nl", "en")] {
            assert!(!is_spoken(asked, answered), "{asked} {answered}");
        }
    }
}
