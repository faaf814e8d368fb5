//! Facts about scopes of tasks.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const DEADLINE: Duration = Duration::from_secs(10);

/// Counts up when it is dropped.
struct Gone(Arc<AtomicUsize>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

async fn boom() {
    panic!("boom");
}

#[tokio::test]
async fn shutdown_waits_for_every_task_of_every_scope() {
    let tasks = Tasks::new();
    let ended = Arc::new(AtomicUsize::new(0));
    for scope in [tasks.clone(), tasks.child("session"), tasks.child("session").child("upload")] {
        let (gone, stopped) = (Gone(Arc::clone(&ended)), scope.stopped());
        scope.spawn("part", async move {
            stopped.await;
            tokio::task::yield_now().await;
            drop(gone);
        });
    }

    tasks.shutdown(DEADLINE).await.unwrap();

    assert_eq!(ended.load(Ordering::SeqCst), 3);
    assert!(tasks.process.running().tasks.is_empty());
}

#[tokio::test]
async fn a_child_scope_stops_alone() {
    let tasks = Tasks::new();
    let child = tasks.child("session");
    child.spawn("part", child.stopped());
    tasks.spawn("part", tasks.stopped());

    child.shutdown(DEADLINE).await.unwrap();

    assert!(child.token().is_cancelled());
    assert!(!tasks.token().is_cancelled());
    assert_eq!(tasks.process.running().tasks.len(), 1);
    tasks.shutdown(DEADLINE).await.unwrap();
}

#[tokio::test]
async fn the_first_failure_is_kept_and_names_its_task() {
    let tasks = Tasks::new();
    tasks.child("uplink").spawn("attach", async { Err(std::io::Error::other("refused")) });
    let first = tokio::time::timeout(DEADLINE, tasks.failed()).await.unwrap();
    assert_eq!(first.to_string(), "task uplink/attach failed: refused");

    tasks.spawn("later", boom());
    tasks.shutdown(DEADLINE).await.unwrap();

    assert_eq!(tasks.failed().await.to_string(), first.to_string());
}

#[tokio::test]
async fn a_panic_is_a_failure_of_its_task() {
    let tasks = Tasks::new();
    tasks.spawn("collect", boom());
    let failure = tokio::time::timeout(DEADLINE, tasks.failed()).await.unwrap();
    assert_eq!(failure.to_string(), "task collect panicked: boom");
}

#[tokio::test]
async fn a_task_that_ends_well_is_no_failure() {
    let tasks = Tasks::new();
    tasks.spawn("once", async { Ok::<(), std::io::Error>(()) });
    tasks.shutdown(DEADLINE).await.unwrap();
    assert!(tasks.failure().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_does_not_stop_is_named_and_aborted() {
    let tasks = Tasks::new();
    let ended = Arc::new(AtomicUsize::new(0));
    let gone = Gone(Arc::clone(&ended));
    tasks.child("session").spawn("deaf", async move {
        let _gone = gone;
        std::future::pending::<()>().await;
    });
    tasks.spawn("good", tasks.stopped());

    let overdue = tasks.shutdown(Duration::from_secs(20)).await.unwrap_err();

    assert_eq!(overdue.to_string(), "tasks still running after 20s were aborted: session/deaf");
    assert_eq!(ended.load(Ordering::SeqCst), 1);
}
