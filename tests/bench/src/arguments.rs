//! Owns the command line, and the plan made of it.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Devices of R1 and R3 in a quick run.
const DEVICES_QUICK: usize = 20_000;
/// Devices of them in a full run.
const DEVICES_FULL: usize = 100_000;
/// Devices of R12 and R13, of which each costs pypsrp a millisecond and more.
const DEVICES_PEERS: usize = 20_000;
/// Devices of S2.
const DEVICES_LISTED: usize = 20_000;
/// Cases of C6 in a quick run, and in a full one.
const CASES: [usize; 2] = [50_000, 1_000_000];
/// The fleets of M4 in a full run; a quick one has the first.
const FLEETS: [usize; 2] = [100_000, 1_000_000];
/// Where `make bench` installs the Python peers, as seen from the programs.
const PYTHON: &str = "../peers/bin/python";

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
    /// Devices of R1 and R3, instead of 20,000 (quick) or 100,000 (full), and of R12 and R13, instead of
    /// 20,000, and cases of C6, instead of 50,000 (quick) or 1,000,000.
    #[arg(long, global = true, value_parser = devices)]
    devices: Option<usize>,
    /// Devices of M4's two fleets, instead of 100,000 (quick: that one alone) and 1,000,000.
    #[arg(long, global = true, value_parser = devices, value_delimiter = ',', num_args = 1..=2)]
    fleets: Option<Vec<usize>>,
    /// A Python that has pypsrp; without one R12 and R13 are skipped. [default: that of target/peers]
    #[arg(long, global = true, value_name = "PATH")]
    python: Option<PathBuf>,
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
    /// The server that R11 compares with; its address goes into this file.
    #[command(hide = true)]
    RawHop {
        /// The file.
        addresses: PathBuf,
    },
}

#[derive(Debug, Args)]
struct Size {
    /// Small fleets; the default.
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// Larger fleets, up to a million devices.
    #[arg(long)]
    full: bool,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Goal {
    /// Agent CPU from the bytes of an answer to an observation, over base64 and one scan of the XML.
    #[value(name = "R1")]
    R1,
    /// The same for what has not changed, over R1's cost.
    #[value(name = "R3")]
    R3,
    /// A million decisions by ten rules, beside other engines with the same rules.
    #[value(name = "R7")]
    R7,
    /// The same again after one rule was changed.
    #[value(name = "R8")]
    R8,
    /// Streaming through a real evaluator beyond the decisions, over a plain hop; its memory.
    #[value(name = "R11")]
    R11,
    /// CPU of the agent's look at everything beside pypsrp's, on one server.
    #[value(name = "R12")]
    R12,
    /// The same beside pypsrp with ElementTree as its reader.
    #[value(name = "R13")]
    R13,
    /// The agent's memory, and how it grows with the fleet beyond its digest table.
    #[value(name = "M4")]
    M4,
    /// The simulator with a million devices: start, memory, devices generated in a second.
    #[value(name = "S1")]
    S1,
    /// The simulator's share of the CPU of a listing of 20,000 devices by pypsrp.
    #[value(name = "S2")]
    S2,
    /// Rate and shells under a throttle at its real pace, by the simulator's count: 70 s.
    #[value(name = "C4")]
    C4,
    /// Cmdlets that one shell sees in a run of 10,000.
    #[value(name = "C5")]
    C5,
    /// Decisions lost or doubled when one of two evaluators is killed in the middle.
    #[value(name = "C6")]
    C6,
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
    /// Devices of R1 and R3.
    pub(crate) devices: usize,
    /// Devices of R12 and R13.
    pub(crate) devices_peers: usize,
    /// Devices of S2.
    pub(crate) devices_listed: usize,
    /// Cases of C6.
    pub(crate) cases: usize,
    /// The fleets of M4, the larger one last.
    pub(crate) fleets: Vec<usize>,
    /// A Python with the peers, where one is known.
    pub(crate) python: Option<PathBuf>,
    /// Where the results go.
    pub(crate) out: PathBuf,
}

impl Arguments {
    /// Where the address goes of the server that does nothing; none when something is to be measured.
    pub(crate) fn raw_hop(&self) -> Option<&Path> {
        match &self.command {
            Some(Command::RawHop { addresses }) => Some(addresses),
            Some(Command::All(_) | Command::Goal { .. }) | None => None,
        }
    }

    /// What they ask for.
    pub(crate) fn plan(self) -> Plan {
        let is_full = matches!(&self.command, Some(Command::All(size)) if size.full);
        let goals = match self.command {
            Some(Command::Goal { goals }) => goals,
            Some(Command::All(_) | Command::RawHop { .. }) | None => {
                Goal::value_variants().to_vec()
            }
        };
        let usual = if is_full { DEVICES_FULL } else { DEVICES_QUICK };
        Plan {
            goals,
            seed: self.seed,
            rounds: self.rounds,
            devices: self.devices.unwrap_or(usual),
            devices_peers: self.devices.unwrap_or(DEVICES_PEERS),
            devices_listed: self.devices.unwrap_or(DEVICES_LISTED),
            cases: self.devices.unwrap_or(CASES[usize::from(is_full)]),
            fleets: self
                .fleets
                .unwrap_or_else(|| FLEETS.into_iter().take(1 + usize::from(is_full)).collect()),
            python: self
                .python
                .or_else(|| Some(std::env::current_exe().ok()?.parent()?.join(PYTHON))),
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
        assert_eq!((bare.goals, bare.devices), (Goal::value_variants().to_vec(), 20_000));
        assert_eq!((bare.devices_peers, bare.fleets), (20_000, vec![100_000]));
        assert_eq!(bare.cases, 50_000);
        let full = plan("exgate-bench all --full");
        assert_eq!((full.devices, full.devices_peers), (100_000, 20_000));
        assert_eq!(full.fleets, [100_000, 1_000_000]);
        assert_eq!(full.cases, 1_000_000);
        let fleets = plan("exgate-bench goal M4 --fleets 10k,100k").fleets;
        assert_eq!(fleets, [10_000, 100_000]);
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
