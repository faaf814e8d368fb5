//! Owns the command line, and the plan made of it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Devices of R1 in a quick run.
const DEVICES_QUICK: usize = 20_000;
/// Devices of R1 in a full run.
const DEVICES_FULL: usize = 100_000;

/// Measures exgate beside the floor of the same work, in one run.
///
/// Without a command it is `all --quick`. Exit: 0 all goals met or too noisy to say, 1 a breach, 2 wrong
/// usage, 3 wrong results.
#[derive(Debug, Parser)]
#[command(name = "exgate-bench", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The seed of the simulated organizations.
    #[arg(long, global = true, default_value_t = 1)]
    seed: u64,
    /// Rounds of a ratio, after one to warm up.
    #[arg(long, global = true, default_value_t = 7, value_parser = clap::value_parser!(u32).range(3..=1000))]
    rounds: u32,
    /// Devices of R1, instead of 20,000 (quick) or 100,000 (full).
    #[arg(long, global = true, value_parser = devices)]
    devices: Option<usize>,
    /// Where the results go as JSON.
    #[arg(long, global = true, value_name = "FILE", default_value = "bench.json")]
    out: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Every goal.
    All(Size),
    /// Some goals.
    Goal {
        /// Which.
        #[arg(required = true, value_enum, ignore_case = true)]
        goals: Vec<Goal>,
    },
}

#[derive(Debug, Args)]
struct Size {
    /// At most 3 minutes; the default.
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// More devices: at most 20 minutes.
    #[arg(long)]
    full: bool,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Goal {
    /// Agent CPU from the bytes of an answer to an observation, over base64 and one scan of the XML.
    #[value(name = "R1")]
    R1,
    /// Growth of the agent's memory with the size of a full sync, beyond its digest table.
    #[value(name = "memory")]
    Memory,
    /// Rate and shells under a throttle at its real pace, by the simulator's count: 70 s.
    #[value(name = "C4")]
    C4,
    /// Cmdlets that one shell sees in a run of 10,000.
    #[value(name = "C5")]
    C5,
}

/// What is to be measured, and how.
#[derive(Debug)]
pub(crate) struct Plan {
    /// What.
    pub(crate) goals: Vec<Goal>,
    /// The seed of the simulated organizations.
    pub(crate) seed: u64,
    /// Rounds of a ratio.
    pub(crate) rounds: u32,
    /// Devices of R1.
    pub(crate) devices: usize,
    /// Where the results go.
    pub(crate) out: PathBuf,
}

impl Arguments {
    /// What they ask for.
    pub(crate) fn plan(self) -> Plan {
        let is_full = matches!(&self.command, Some(Command::All(size)) if size.full);
        let goals = match self.command {
            Some(Command::Goal { goals }) => goals,
            Some(Command::All(_)) | None => Goal::value_variants().to_vec(),
        };
        let usual = if is_full { DEVICES_FULL } else { DEVICES_QUICK };
        Plan {
            goals,
            seed: self.seed,
            rounds: self.rounds,
            devices: self.devices.unwrap_or(usual),
            out: self.out,
        }
    }
}

fn devices(text: &str) -> Result<usize, String> {
    let (digits, unit) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1_000),
        None => (text, 1),
    };
    let number: usize = digits.parse().map_err(|error| format!("{error}"))?;
    match number.saturating_mul(unit) {
        count @ 100..=1_000_000 => Ok(count),
        _ => Err("give 100 to 1000000, such as 20k".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(line: &str) -> Plan {
        Arguments::try_parse_from(line.split(' ')).unwrap().plan()
    }

    #[test]
    fn a_bare_call_measures_everything_quickly() {
        let bare = plan("exgate-bench");
        assert_eq!(
            (bare.goals, bare.devices),
            (vec![Goal::R1, Goal::Memory, Goal::C4, Goal::C5], 20_000)
        );
        assert_eq!(plan("exgate-bench all --full").devices, 100_000);
        let one = plan("exgate-bench goal r1 --devices 5k --rounds 9");
        assert_eq!((one.goals, one.devices, one.rounds), (vec![Goal::R1], 5_000, 9));
    }

    #[test]
    fn wrong_usage_is_refused() {
        for line in
            ["exgate-bench goal", "exgate-bench goal R99", "exgate-bench all --quick --full"]
        {
            let error = Arguments::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
        assert!(Arguments::try_parse_from(["exgate-bench", "--devices", "7"]).is_err());
    }
}
