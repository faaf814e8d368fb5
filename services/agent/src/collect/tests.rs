//! What travels and what does not, with an Exchange whose answers are written down here.

use std::sync::Mutex;
use std::time::Instant;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use exgate_domain::command::ListEdit;
use exgate_domain::ids::{Generation, MailboxId};
use exgate_domain::observation::{Mailbox, Server};
use exgate_domain::statistics::StatisticsOutcome;

use super::*;
use crate::exchange::{Attempt, Preflight};

/// An Exchange that shows these objects, and fails after them when told to.
#[derive(Debug)]
struct Written {
    objects: Mutex<Vec<Observation>>,
    fails: bool,
    /// Shows half of them first, and begins again.
    repeats: bool,
}

impl Exchange for Written {
    fn preflight(&self) -> BoxFuture<'_, Preflight> {
        async { Preflight::default() }.boxed()
    }

    fn doctor(&self, _: mpsc::Sender<exgate_domain::check::Step>) -> BoxFuture<'_, Preflight> {
        self.preflight()
    }

    fn look<'a>(
        &'a self,
        _: &'a Wanted,
        _: &'a DigestTable,
        seen: mpsc::Sender<Seen>,
    ) -> BoxFuture<'a, Result<Completeness, LookError>> {
        async move {
            seen.send(Seen::Step(Step::Organization)).await.map_err(|_| LookError::Abandoned)?;
            let objects = self.objects.lock().unwrap().clone();
            let read = |observation| Seeing::Read { observation, raw: None };
            if self.repeats {
                let half = objects.iter().take(objects.len() / 2).cloned().map(read).collect();
                seen.send(Seen::Objects(half)).await.map_err(|_| LookError::Abandoned)?;
                seen.send(Seen::Repeated).await.map_err(|_| LookError::Abandoned)?;
            }
            let objects = objects.into_iter().map(read).collect();
            seen.send(Seen::Objects(objects)).await.map_err(|_| LookError::Abandoned)?;
            match self.fails {
                true => Err(LookError::Cmdlet { during: "Get-X".into(), cause: "cut".into() }),
                false => Ok(Completeness { pipelines_completed: true, ..Completeness::default() }),
            }
        }
        .boxed()
    }

    fn statistics(&self, _: MailboxId) -> BoxFuture<'_, StatisticsOutcome> {
        unreachable!("collect never asks a mailbox")
    }

    fn edit_lists<'a>(
        &'a self,
        _: MailboxId,
        _: &'a ListEdit,
        _: Instant,
    ) -> BoxFuture<'a, Attempt> {
        unreachable!("collect never writes")
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }
}

fn mailbox(number: u128, name: &str) -> Observation {
    Observation::Mailbox(Mailbox {
        id: MailboxId::new(Uuid::from_u128(number)),
        dn: format!("CN={number},DC=contoso,DC=com"),
        display_name: name.into(),
        primary_smtp: format!("{number}@contoso.com"),
        sam_account: number.to_string(),
        active_sync_enabled: true,
        policy: "Default".into(),
        allowed_ids: vec![],
        blocked_ids: vec![],
        changed_at: None,
    })
}

fn server(number: u128) -> Observation {
    Observation::Server(Server {
        guid: Uuid::from_u128(number),
        name: format!("ex{number}"),
        fqdn: format!("ex{number}.contoso.com"),
        version: "15.2.1748.10".into(),
        is_client_access: true,
    })
}

fn exchange(objects: Vec<Observation>, fails: bool) -> Arc<dyn Exchange> {
    Arc::new(Written { objects: Mutex::new(objects), fails, repeats: false })
}

/// Runs one sync and gives its pages and its commit.
async fn sync(
    exchange: &Arc<dyn Exchange>,
    scope: Scope,
    digests: &mut DigestTable,
) -> Result<(Vec<Page>, Commit), LookError> {
    let (told, mut hearing) = mpsc::channel(1);
    let seal = if scope == Scope::Everything { Seal::Whole } else { Seal::Part };
    digests.begin(Generation::new(1), false, seal);
    let wanted = Wanted { scope, controller: String::new(), after: None };
    let collecting = async move {
        let commit = collect(exchange.clone(), &wanted, None, digests, &told).await;
        drop(told);
        commit
    };
    let hear = async {
        let mut pages = Vec::new();
        while let Some(told) = hearing.recv().await {
            if let Told::Page(sheet) = told {
                pages.push(sheet.page);
            }
        }
        pages
    };
    let (commit, pages) = futures_util::future::join(collecting, hear).await;
    Ok((pages, commit?))
}

#[tokio::test]
async fn pages_are_bounded_numbered_and_summed_up() {
    let exchange = exchange((0..1_201).map(|n| mailbox(n, "1")).collect(), false);
    let mut digests = DigestTable::default();

    let (pages, commit) = sync(&exchange, Scope::Everything, &mut digests).await.unwrap();

    let sizes: Vec<_> = pages.iter().map(|page| page.observations.len()).collect();
    assert_eq!(sizes, [500, 500, 201]);
    assert_eq!(pages.iter().map(|page| page.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!((commit.pages, commit.rows), (3, 1_201));
    let sums: Vec<_> = pages.iter().map(|page| page.digest).collect();
    assert_eq!(commit.root, convert::root_digest(&sums));
    assert!(commit.completeness.is_complete());
}

#[tokio::test]
async fn the_unchanged_travels_as_a_key_in_a_full_and_not_at_all_in_a_quick_sync() {
    let first = exchange(vec![mailbox(1, "1"), mailbox(2, "1")], false);
    let second = exchange(vec![mailbox(1, "1"), mailbox(2, "2")], false);
    let mut digests = DigestTable::default();
    sync(&first, Scope::Everything, &mut digests).await.unwrap();
    digests.acknowledge(Seal::Whole);

    let (pages, commit) = sync(&second, Scope::Everything, &mut digests).await.unwrap();
    digests.acknowledge(Seal::Whole);
    assert_eq!(pages[0].observations, [mailbox(2, "2")]);
    assert_eq!(pages[0].unchanged, [mailbox(1, "1").key()]);
    assert_eq!(commit.rows, 2);

    let quick = Scope::ChangedSince(jiff::Timestamp::UNIX_EPOCH);
    let (pages, commit) = sync(&second, quick, &mut digests).await.unwrap();
    digests.acknowledge(Seal::Part);
    assert_eq!((pages.len(), commit.rows), (0, 0));

    let read_back = Scope::Mailboxes(vec![MailboxId::new(Uuid::from_u128(1))]);
    let (pages, _) = sync(&second, read_back, &mut digests).await.unwrap();
    assert_eq!(pages[0].observations.len(), 2, "a read-back is always told");
}

#[tokio::test]
async fn a_look_that_breaks_commits_nothing_and_is_sent_again_whole() {
    let mut digests = DigestTable::default();
    let broken = exchange(vec![mailbox(1, "1")], true);
    assert!(sync(&broken, Scope::Everything, &mut digests).await.is_err());

    let whole = exchange(vec![mailbox(1, "1")], false);
    let (pages, _) = sync(&whole, Scope::Everything, &mut digests).await.unwrap();
    assert_eq!(pages[0].observations, [mailbox(1, "1")]);
}

#[tokio::test]
async fn a_quick_sync_names_every_server_so_that_one_that_is_gone_is_missed() {
    let exchange = exchange(vec![mailbox(1, "1"), server(2)], false);
    let mut digests = DigestTable::default();
    sync(&exchange, Scope::Everything, &mut digests).await.unwrap();
    digests.acknowledge(Seal::Whole);

    let quick = Scope::ChangedSince(jiff::Timestamp::UNIX_EPOCH);
    let (pages, _) = sync(&exchange, quick, &mut digests).await.unwrap();

    assert_eq!(pages[0].unchanged, [server(2).key()]);
    assert!(pages[0].observations.is_empty());
}

/// P3: a listing that broke off and was run again.
#[tokio::test]
async fn what_is_shown_again_is_told_once() {
    let objects: Vec<_> = (0..1_000).map(|n| mailbox(n, "1")).collect();
    let broken: Arc<dyn Exchange> =
        Arc::new(Written { objects: Mutex::new(objects), fails: false, repeats: true });
    let mut digests = DigestTable::default();

    // New to the coordinator, and then known to it.
    for _ in 0..2 {
        let (pages, commit) = sync(&broken, Scope::Everything, &mut digests).await.unwrap();
        digests.acknowledge(Seal::Whole);
        let rows: usize =
            pages.iter().map(|page| page.observations.len() + page.unchanged.len()).sum();
        assert_eq!((rows, commit.rows), (1_000, 1_000));
    }
}
