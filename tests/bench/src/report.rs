//! Owns what comes out: one table for people and `bench.json` for programs.

use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use exgate_runtime::clock::Clock;

use crate::arguments::Plan;

/// At this spread and above a value only counts if it would a whole spread away.
const NOISY_FROM: f64 = 0.15;

/// A whole run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    schema: u32,
    git: String,
    dirty: bool,
    seed: u64,
    engine: &'static str,
    allocator: &'static str,
    started: String,
    host: Host,
    /// What was measured.
    pub(crate) results: Vec<Result>,
}

/// Where it ran.
#[derive(Debug, Serialize)]
pub(crate) struct Host {
    cpu: String,
    cores: usize,
    ram_kib: u64,
    kernel: String,
    load1: f64,
}

/// One line of the table.
#[derive(Debug, Serialize)]
pub(crate) struct Result {
    pub(crate) id: &'static str,
    pub(crate) kind: Kind,
    pub(crate) n: usize,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) target: Option<f64>,
    pub(crate) stretch: Option<f64>,
    pub(crate) spread: Option<f64>,
    pub(crate) rounds: Option<u32>,
    pub(crate) ours: Option<Side>,
    pub(crate) floor: Option<Side>,
    pub(crate) verdict: Verdict,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Ratio,
    Memory,
    Count,
}

/// What one side of a comparison costs.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Side {
    pub(crate) cpu_us_per_unit: Option<f64>,
    pub(crate) wall_s: Option<f64>,
    pub(crate) rss_kib: Option<u64>,
}

/// What a value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// The target is met.
    Met,
    /// More than that.
    Stretch,
    /// The target is missed.
    Breach,
    /// The rounds lie too far apart to say.
    Noisy,
    /// There is no goal; the value is for comparison.
    Shown,
    /// What it takes to measure is not there.
    Skipped,
}

impl Verdict {
    /// What a value means that shall be small. Where the rounds lie far apart it means something only
    /// if it would mean the same a whole spread away.
    pub(crate) fn of(value: f64, target: f64, stretch: f64, spread: f64) -> Self {
        let far = if spread >= NOISY_FROM { value.abs() * spread } else { 0.0 };
        match value {
            value if value + far <= stretch => Self::Stretch,
            value if value + far <= target => Self::Met,
            value if value - far > target => Self::Breach,
            _ => Self::Noisy,
        }
    }

    /// What a value means that shall be large.
    pub(crate) fn at_least(value: f64, target: f64, stretch: f64, spread: f64) -> Self {
        Self::of(-value, -target, -stretch, spread)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Stretch => "stretch",
            Self::Breach => "BREACH",
            Self::Noisy => "noisy",
            Self::Shown => "-",
            Self::Skipped => "skipped",
        }
    }
}

impl Host {
    /// Looks around; what cannot be found out stays empty.
    pub(crate) fn look() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_once(':').map_or("", |(_, value)| value).trim().to_owned()
        };
        let ram = field(&read("/proc/meminfo"), "MemTotal");
        let load = read("/proc/loadavg");
        Self {
            cpu: field(&read("/proc/cpuinfo"), "model name"),
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            ram_kib: first(&ram),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load1: first(&load),
        }
    }
}

/// The first word of a text as a number; 0 when it is none.
fn first<N: std::str::FromStr + Default>(text: &str) -> N {
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or_default()
}

impl Report {
    /// A report without results.
    pub(crate) fn begin(plan: &Plan, host: Host) -> Self {
        Self {
            schema: 1,
            git: git(&["rev-parse", "HEAD"]),
            dirty: !git(&["status", "--porcelain", "--untracked-files=no"]).is_empty(),
            seed: plan.seed,
            engine: "sqlite",
            allocator: "system",
            started: Clock::system().now().to_string(),
            host,
            results: Vec::new(),
        }
    }

    /// Whether a goal is missed.
    pub(crate) fn is_breached(&self) -> bool {
        self.results.iter().any(|result| result.verdict == Verdict::Breach)
    }

    /// The table.
    pub(crate) fn table(&self) -> String {
        let head = ["goal", "value", "target", "stretch", "spread", "verdict"].map(str::to_owned);
        let percent = |spread: f64| format!("{:.1} %", spread * 100.0);
        let rows = self.results.iter().map(|result| {
            // A stretch above the target says that more is better.
            let sign = if result.stretch > result.target { ">=" } else { "<=" };
            let limit =
                |limit: Option<f64>| limit.map_or("-".to_owned(), |it| format!("{sign} {it}"));
            let value = match result.verdict {
                Verdict::Skipped => "-".to_owned(),
                _ => format!("{:.2} {}", result.value, result.unit),
            };
            [
                result.id.to_owned(),
                value,
                limit(result.target),
                limit(result.stretch),
                result.spread.map_or("-".to_owned(), percent),
                result.verdict.word().to_owned(),
            ]
        });
        let lines: Vec<_> = std::iter::once(head).chain(rows).collect();
        let width = |column: usize| {
            lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0)
        };
        let widths: [usize; 6] = std::array::from_fn(width);
        let render = |cells: &[String; 6]| {
            let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        lines.iter().map(render).collect::<Vec<_>>().join("\n")
    }

    /// Writes the report as JSON.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
    }
}

/// What git says; nothing without git or outside a clone.
fn git(arguments: &[&str]) -> String {
    let output = std::process::Command::new("git").args(arguments).output();
    let text = output.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    String::from_utf8_lossy(&text.unwrap_or_default()).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_needs_rounds_that_agree() {
        assert_eq!(Verdict::of(1.4, 2.0, 1.5, 0.05), Verdict::Stretch);
        assert_eq!(Verdict::of(2.0, 2.0, 1.5, 0.05), Verdict::Met);
        assert_eq!(Verdict::of(2.1, 2.0, 1.5, 0.05), Verdict::Breach);
        assert_eq!(Verdict::of(1.9, 2.0, 1.5, 0.15), Verdict::Noisy);
        assert_eq!(Verdict::of(2.2, 2.0, 1.5, 0.15), Verdict::Noisy);
        assert_eq!(Verdict::of(1.4, 2.0, 1.5, 0.15), Verdict::Met);
        assert_eq!(Verdict::of(1.0, 2.0, 1.5, 0.3), Verdict::Stretch);
        assert_eq!(Verdict::of(4.0, 2.0, 1.5, 0.3), Verdict::Breach);
        assert_eq!(Verdict::at_least(80.0, 40.0, 70.0, 0.05), Verdict::Stretch);
        assert_eq!(Verdict::at_least(40.0, 40.0, 70.0, 0.05), Verdict::Met);
        assert_eq!(Verdict::at_least(39.0, 40.0, 70.0, 0.05), Verdict::Breach);
        assert_eq!(Verdict::at_least(80.0, 40.0, 70.0, 0.2), Verdict::Met);
        assert_eq!(Verdict::at_least(45.0, 40.0, 70.0, 0.2), Verdict::Noisy);
    }

    #[test]
    fn the_table_lines_up() {
        let plan = Plan {
            goals: vec![],
            seed: 1,
            rounds: 7,
            devices: 1,
            devices_peers: 1,
            devices_listed: 1,
            cases: 50_000,
            fleets: vec![1],
            python: None,
            out: "x".into(),
        };
        let mut report = Report::begin(&plan, Host::look());
        report.results.push(Result {
            id: "R1",
            kind: Kind::Ratio,
            n: 1,
            value: 1.234,
            unit: "x floor",
            target: Some(2.0),
            stretch: None,
            spread: Some(0.05),
            rounds: Some(7),
            ours: None,
            floor: None,
            verdict: Verdict::Met,
        });
        let table = report.table();
        assert_eq!(
            table,
            "goal  value         target  stretch  spread  verdict\n\
             R1    1.23 x floor  <= 2    -        5.0 %   met"
        );
    }
}
