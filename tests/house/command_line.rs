//! The real command line, run to its end.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::process::{binary, clean};

/// No command of a test takes longer.
const LIMIT: Duration = Duration::from_secs(90);

/// What came of a command.
#[derive(Debug)]
pub struct Said {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// The result.
    pub out: String,
    /// Progress, hints and errors.
    pub err: String,
}

/// Runs a binary of ours with these arguments, and nothing of the developer's own settings.
pub async fn run(name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
    let mut command = Command::new(binary(name));
    clean(&mut command);
    command.args(arguments).envs(environment.iter().copied()).stdin(Stdio::null());
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("{name} {arguments:?} took over {LIMIT:?}"));
    let output = output.expect("the binary starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// Runs `exgate` against the coordinator at `server`.
pub async fn exgate(server: &str, arguments: &[&str]) -> Said {
    let arguments = ["--server", server].into_iter().chain(arguments.iter().copied());
    run("exgate", &arguments.collect::<Vec<_>>(), &[]).await
}

/// Checks that a daemon takes these settings or not: `--check-config`.
pub async fn check_config(name: &str, file: &Path) -> Said {
    run(name, &["--config", &file.display().to_string(), "--check-config"], &[]).await
}

impl Said {
    /// The result, when all went well.
    ///
    /// # Panics
    /// When it did not.
    pub fn well(self) -> String {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self.out
    }

    /// The one document that the result is.
    ///
    /// # Panics
    /// When it went wrong, or is none.
    pub fn json(self) -> serde_json::Value {
        let text = self.well();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }
}
