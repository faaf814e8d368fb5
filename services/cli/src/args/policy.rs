//! What can be typed after `exgate policy`: policy files, looked at on this machine without a server.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Everything happens on this machine, in exgate-evaluator, which must lie beside \
exgate.

Examples:
  exgate policy check policies/
  exgate policy test policies/ --coverage
  exgate policy show policies/ -O contoso
  exgate policy schema > policy.schema.json"
)]
pub(crate) struct Policy {
    #[command(subcommand)]
    pub(crate) command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Say what is wrong with policy files, and what is probably not meant; ends with 1 when something is
    /// wrong
    Check(PolicyPaths),
    /// Run the tests in policy files; ends with 1 when one fails
    Test(PolicyTest),
    /// Print the JSON Schema of policy documents, for editors
    Schema,
    /// Show what access policies and overlays come to in each organization, and which document each value
    /// comes from
    Show(PolicyPaths),
}

#[derive(Debug, clap::Args)]
pub(crate) struct PolicyPaths {
    /// A file, or a folder with all .yaml and .yml files in it and below
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PolicyTest {
    #[command(flatten)]
    pub(crate) paths: PolicyPaths,
    /// Also say which rules no test turns on
    #[arg(long)]
    pub(crate) coverage: bool,
}
