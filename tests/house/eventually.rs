//! Owns waiting: for a condition, up to a deadline, and with the last thing seen in the failure.

use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, Instant};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Looks until the answer is `Ok`, and gives that back. `Err` says what was seen instead.
///
/// # Panics
/// When it does not come within `deadline`.
#[track_caller]
pub fn eventually<T, S: Debug>(
    deadline: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Result<T, S>,
) -> impl Future<Output = T> {
    let place = std::panic::Location::caller();
    async move {
        let begun = Instant::now();
        loop {
            match look().await {
                Ok(found) => return found,
                Err(seen) => assert!(
                    begun.elapsed() < deadline,
                    "{place}: {what}: not within {deadline:?}; the last thing seen: {seen:#?}"
                ),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// The value, as what was waited for if `holds`, else as what was seen instead.
///
/// # Errors
/// With the value, when it does not hold.
pub fn is<T>(value: T, holds: impl FnOnce(&T) -> bool) -> Result<T, T> {
    if holds(&value) { Ok(value) } else { Err(value) }
}
