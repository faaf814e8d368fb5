//! Owns the signals that end a process. Both are caught from [`Signals::catch`] on, so that none
//! is lost between start-up and the wait.

use std::io;

/// SIGINT and SIGTERM; on Windows, Ctrl-C and Ctrl-Break.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
    #[cfg(windows)]
    terminate: tokio::signal::windows::CtrlBreak,
}

impl Signals {
    /// Takes the signals over from the operating system's default, which would kill the process.
    ///
    /// # Errors
    /// When the operating system refuses the registration.
    #[cfg(unix)]
    pub fn catch() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Takes the signals over from the operating system's default, which would kill the process.
    ///
    /// # Errors
    /// When the operating system refuses the registration.
    #[cfg(windows)]
    pub fn catch() -> io::Result<Self> {
        use tokio::signal::windows;

        Ok(Self { interrupt: windows::ctrl_c()?, terminate: windows::ctrl_break()? })
    }

    /// Waits for the next signal and names it.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "interrupt",
            _ = self.terminate.recv() => "terminate",
        }
    }
}
