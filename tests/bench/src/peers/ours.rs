//! Our side of the comparison: the agent's own look at everything, up to full pages.

use std::sync::Arc;

use anyhow::{Context, ensure};
use tokio::sync::mpsc;

use exgate_agent::collect::{DigestTable, Seal, Told, collect};
use exgate_agent::config::{Auth, Config};
use exgate_agent::exchange::{Exchange, Wanted};
use exgate_domain::ids::Generation;
use exgate_domain::observation::{Observation, Scope};
use exgate_runtime::config::SecretFile;

use super::{Listed, Row};
use crate::processes::Site;
use crate::statistics::process_cpu;

/// How many pages may wait to be counted.
const PAGES_WAITING_MAX: usize = 2;

/// Looks at everything once, with a table that knows nothing.
pub(super) async fn list(site: &Site) -> anyhow::Result<Listed> {
    let spool = tempfile::tempdir()?;
    let exchange = exgate_agent::exchange(&config(site, spool.path()))?;
    let before = process_cpu();
    let (mailboxes, devices) = look(exchange.clone()).await?;
    let cpu = process_cpu() - before;
    exchange.close().await;
    Ok(Listed { cpu, mailboxes, devices })
}

async fn look(exchange: Arc<dyn Exchange>) -> anyhow::Result<(usize, Vec<Row>)> {
    let mut digests = DigestTable::default();
    digests.begin(Generation::new(1), false, Seal::Whole);
    let (told, mut hearing) = mpsc::channel(PAGES_WAITING_MAX);
    let looking = async {
        let wanted = Wanted { scope: Scope::Everything, controller: String::new(), after: None };
        let commit = collect(exchange, &wanted, None, &digests, &told).await;
        drop(told);
        commit
    };
    let hear = async {
        let (mut mailboxes, mut devices) = (0, Vec::new());
        while let Some(told) = hearing.recv().await {
            let Told::Page(sheet) = told else { continue };
            for observation in sheet.page.observations {
                match observation {
                    Observation::Device(device) => devices.push((
                        device.id.guid().to_string(),
                        device.device_id.as_str().to_owned(),
                        format!("{:?}", device.access_state),
                    )),
                    Observation::Mailbox(_) => mailboxes += 1,
                    _ => {}
                }
            }
        }
        (mailboxes, devices)
    };
    let (commit, seen) = tokio::join!(looking, hear);
    let commit = commit.context("looking at everything")?;
    ensure!(commit.completeness.is_complete(), "the look was not whole: {:?}", commit.completeness);
    Ok(seen)
}

fn config(site: &Site, spool: &std::path::Path) -> Config {
    let mut config = Config::default();
    config.exchange.server = "localhost".to_owned();
    config.exchange.port = site.port;
    config.exchange.auth = Auth::Basic;
    config.exchange.user = site.account.clone();
    config.exchange.password_file = SecretFile::new(&site.password_file);
    config.exchange.ca_file = site.ca_file.clone();
    config.exchange.discover_servers = false;
    config.spool.path = spool.to_owned();
    config
}
