//! Says what documents would change before they are applied: the coordinator tries them on every device
//! and stores nothing. What is printed comes from one stream, so the table, the JSON document and the
//! rows for spreadsheets tell the same.

mod impact;
mod rows;
mod text;

use std::path::PathBuf;

use exgate_proto::convert::field::to_instant;
use exgate_proto::v1 as pb;
use exgate_proto::v1::simulate_policies_response::Event;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tonic::Streaming;

use super::{Session, apply};
use crate::args::{Format, Simulate};
use crate::failure::Failure;
use crate::find;
use crate::render::{Terminal, message};
use crate::target::OrganizationRef;

pub(super) use impact::impact;

/// How many changed devices a table shows unless told otherwise.
const CHANGES: i32 = 20;

/// Tries the documents and prints what they would change.
pub(super) async fn run(
    session: Session<'_>,
    args: Simulate,
    organization: Option<OrganizationRef>,
) -> Result<(), Failure> {
    let terminal = session.terminal;
    let request = pb::SimulatePoliciesRequest {
        parent: find::parent(organization.as_ref()),
        files: apply::read(&args.files)?,
        replay_at: args.at.map(|at| to_instant(at.instant(terminal.now()))),
        changes_max: changes_max(&args, terminal),
    };
    let stream = session.coordinator.simulate(request).await?;
    let mut heard = Heard::of(stream, terminal);
    let mut simulation = heard.summary().await?;
    if terminal.csv {
        terminal.result(&rows::header()?)?;
        while let Some(page) = heard.changes().await? {
            terminal.result(&rows::rows(&page)?)?;
        }
        return Ok(());
    }
    while let Some(page) = heard.changes().await? {
        match terminal.format {
            Format::Name => {
                let names: Vec<_> = page.into_iter().map(|change| change.device).collect();
                terminal.result(&names.join("\n"))?;
            }
            Format::Json | Format::Table | Format::Wide => simulation.changes.extend(page),
        }
    }
    match terminal.format {
        Format::Name => Ok(()),
        Format::Json => terminal.document(&message(&simulation)?),
        Format::Table | Format::Wide => {
            let is_wide = terminal.format == Format::Wide;
            terminal.result(&text::text(&simulation, &args.by, is_wide, terminal.color))
        }
    }
}

/// People see the first of the changes, scripts all of them.
fn changes_max(args: &Simulate, terminal: &Terminal) -> i32 {
    let is_table = !terminal.csv && matches!(terminal.format, Format::Table | Format::Wide);
    match args.changes {
        Some(changes) => changes,
        None if is_table && !args.all => CHANGES,
        None => i32::MAX,
    }
}

/// A simulation as it is heard.
struct Heard {
    stream: Streaming<pb::SimulatePoliciesResponse>,
    bar: ProgressBar,
}

impl Heard {
    fn of(stream: Streaming<pb::SimulatePoliciesResponse>, terminal: &Terminal) -> Self {
        let target = match terminal.bars {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        // The template is a constant; should it not parse, the plain bar does as well.
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {human_pos} of {human_len}") {
            bar.set_style(style);
        }
        Self { stream, bar }
    }

    async fn next(&mut self) -> Result<Option<Event>, Failure> {
        let answer = self.stream.message().await;
        let answer = answer.map_err(Failure::call("simulate the policies"))?;
        Ok(answer.and_then(|answer| answer.event))
    }

    /// Listens up to the summary.
    async fn summary(&mut self) -> Result<pb::Simulation, Failure> {
        loop {
            match self.next().await? {
                Some(Event::Progress(progress)) => {
                    self.bar.set_length(progress.total);
                    self.bar.set_position(progress.done);
                }
                Some(Event::Summary(simulation)) => {
                    self.bar.finish_and_clear();
                    return Ok(simulation);
                }
                Some(Event::Changes(_)) | None => return Err(Failure::SimulationCut),
            }
        }
    }

    /// The next changed devices; none when all were told.
    async fn changes(&mut self) -> Result<Option<Vec<pb::SimulatedChange>>, Failure> {
        match self.next().await? {
            Some(Event::Changes(page)) => Ok(Some(page.changes)),
            Some(Event::Progress(_) | Event::Summary(_)) => Err(Failure::SimulationCut),
            None => Ok(None),
        }
    }
}

impl Drop for Heard {
    /// Leaves no bar behind a failure.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// How the same files are simulated by hand.
fn command(files: &[PathBuf]) -> String {
    let quoted = |path: &PathBuf| {
        let text = path.display().to_string();
        let plain = |c: char| c.is_alphanumeric() || "/._-+:@,".contains(c);
        if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
    };
    let files: Vec<_> = files.iter().map(|path| format!("-f {}", quoted(path))).collect();
    format!("exgate simulate {}", files.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_can_be_typed_again() {
        let files = ["policies/a.yaml", "it's mine.yaml"].map(PathBuf::from);
        let expected = r"exgate simulate -f policies/a.yaml -f 'it'\''s mine.yaml'";
        assert_eq!(command(&files), expected);
    }
}
