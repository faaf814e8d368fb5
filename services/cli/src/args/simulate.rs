//! What can be typed after `simulate`.

use std::path::PathBuf;

use clap::ValueEnum;

use super::At;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "The files are joined with those in force as apply would join them. Devices that \
would lose mail come first. A table shows 20 devices, every other output all of them.

Examples:
  exgate simulate -f policies/
  exgate simulate -f mail-access.yaml -O contoso --by reason
  exgate simulate -f mail-access.yaml --at 2026-11-01
  exgate simulate -f mail-access.yaml -o csv > changes.csv"
)]
pub(crate) struct Simulate {
    /// A file, a folder with all .yaml and .yml files in it and below, or - for standard input; may be repeated
    #[arg(short, long = "file", value_name = "PATH", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Try them on the questions behind the decisions in force then: an instant such as
    /// 2026-11-01T08:00:00Z, a time such as "2026-11-01 08:00" (UTC), or a day for its end (UTC)
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<At>,
    /// Show this table only; may be repeated
    #[arg(long, value_name = "KEY")]
    pub(crate) by: Vec<By>,
    /// How many of the changed devices to show
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    pub(crate) changes: Option<i32>,
    /// Show all of the changed devices
    #[arg(long, conflicts_with = "changes")]
    pub(crate) all: bool,
}

/// What devices are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// The organization
    Organization,
    /// The owner's groups that the policies name
    Group,
    /// The operating system by the record, else Exchange's device type
    Platform,
    /// The weightiest reason the device would have
    Reason,
}
