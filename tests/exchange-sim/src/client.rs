//! Owns the commands that look at a running simulator and tell it what to do, over its control surface.
//!
//! Invariant: what a command prints is what the simulator answered; `--json` prints it as it came.

mod request;
mod tables;

use std::io::Write;

use serde::Serialize;
use serde_json::{Value, json};
use thiserror::Error;

use exchange_sim::control::views::{NewDevice, OsUpdate};
use exchange_sim::winrm::throttle::Limits;
use exchange_sim::world::platform::Platform;

use crate::arguments::ask::{Ask, Connect, PlatformName, Reach, Speed, Throttle};
use crate::arguments::fault::FaultCommand;
use request::{RequestError, Simulator, encoded};

/// Why a command did not do what it was asked.
#[derive(Debug, Error)]
pub(crate) enum ClientError {
    /// The simulator did not do it.
    #[error("the simulator did not do it")]
    Request(#[from] RequestError),
    /// Flags that have no meaning together.
    #[error("{0}")]
    Flags(String),
    /// It answered something else than was asked for.
    #[error("the answer could not be read; is the simulator of another version?")]
    Answer(#[from] serde_json::Error),
    /// Nobody reads what is printed.
    #[error("the output could not be written")]
    Output(#[from] std::io::Error),
}

/// How an answer looks as a table.
type Table = fn(&Value) -> Result<String, serde_json::Error>;

/// Asks, and prints the answer.
pub(crate) async fn run(ask: Ask) -> Result<(), ClientError> {
    let reach = ask.reach().clone();
    let simulator = Simulator::find(&reach)?;
    let (answer, table) = answer(&simulator, ask, &reach).await?;
    let text =
        if reach.json { serde_json::to_string_pretty(&answer)? + "\n" } else { table(&answer)? };
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever reads has seen enough, as `head` does.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

async fn answer(
    simulator: &Simulator,
    ask: Ask,
    reach: &Reach,
) -> Result<(Value, Table), ClientError> {
    let below = match &ask {
        Ask::Status(_) | Ask::Ledger { .. } | Ask::Advance { .. } | Ask::Speed { .. } => {
            String::new()
        }
        Ask::Devices { .. }
        | Ask::Mailboxes { .. }
        | Ask::Mails { .. }
        | Ask::Cmdlets(_)
        | Ask::Connect(_)
        | Ask::Sync { .. }
        | Ask::OsUpdate { .. }
        | Ask::Reset { .. }
        | Ask::Misbehave { .. }
        | Ask::Move { .. }
        | Ask::Throttle(_)
        | Ask::Fault { .. } => {
            format!("/organizations/{}", encoded(&simulator.organization(reach).await?))
        }
    };
    let get = async |path: String| simulator.get(&path).await;
    Ok(match ask {
        Ask::Status(_) => {
            let organizations = match &reach.organization {
                Some(name) => json!([get(format!("/organizations/{}", encoded(name))).await?]),
                None => get("/organizations".to_owned()).await?,
            };
            let time = get("/time".to_owned()).await?;
            (json!({ "organizations": organizations, "time": time }), tables::status)
        }
        Ask::Devices { access, mailbox, id, limit, .. } => {
            let mut path = format!("{below}/devices?limit={limit}");
            for (name, value) in [("state", access), ("mailbox", mailbox), ("id", id)] {
                if let Some(value) = value {
                    path += &format!("&{name}={}", encoded(&value));
                }
            }
            (get(path).await?, tables::devices)
        }
        Ask::Mailboxes { mailbox: Some(mailbox), .. } => {
            let found = get(format!("{below}/mailboxes/{}", encoded(&mailbox))).await?;
            (json!([found]), tables::mailboxes)
        }
        Ask::Mailboxes { mailbox: None, limit, .. } => {
            (get(format!("{below}/mailboxes?limit={limit}")).await?, tables::mailboxes)
        }
        Ask::Mails { mailbox, .. } => {
            let to = mailbox.map(|it| format!("?mailbox={}", encoded(&it))).unwrap_or_default();
            (get(format!("{below}/mails{to}")).await?, tables::mails)
        }
        Ask::Ledger { after, .. } => {
            let of = reach.organization.as_deref().map(encoded);
            let of = of.map(|it| format!("&organization={it}")).unwrap_or_default();
            (get(format!("/_ledger?after={after}{of}")).await?, tables::ledger)
        }
        Ask::Cmdlets(_) => (get(format!("{below}/cmdlets")).await?, tables::cmdlets),
        Ask::Connect(_)
        | Ask::Sync { .. }
        | Ask::OsUpdate { .. }
        | Ask::Reset { .. }
        | Ask::Misbehave { .. }
        | Ask::Move { .. }
        | Ask::Advance { .. }
        | Ask::Speed { .. }
        | Ask::Throttle(_)
        | Ask::Fault { .. } => tell(simulator, ask, &below).await?,
    })
}

/// The commands that change something.
async fn tell(simulator: &Simulator, ask: Ask, below: &str) -> Result<(Value, Table), ClientError> {
    let device = |device: &str| format!("{below}/devices/{}", encoded(device));
    Ok(match ask {
        Ask::Connect(connect) => {
            let made = simulator.post(&format!("{below}/devices"), &new_device(connect)).await?;
            (json!([made]), tables::devices)
        }
        Ask::Sync { device: named, .. } => {
            (simulator.post(&format!("{}/sync", device(&named)), &json!({})).await?, tables::sync)
        }
        Ask::OsUpdate { device: named, version, .. } => {
            let update = OsUpdate { version, user_agent: None };
            (simulator.post(&format!("{}/os-update", device(&named)), &update).await?, tables::sync)
        }
        Ask::Reset { device: named, .. } => {
            let made = simulator.post(&format!("{}/reset", device(&named)), &json!({})).await?;
            (json!([made]), tables::devices)
        }
        Ask::Misbehave { device: named, behaviour, times, .. } => {
            let body = json!({ "behaviour": behaviour, "times": times });
            (simulator.post(&format!("{}/misbehave", device(&named)), &body).await?, tables::sync)
        }
        Ask::Move { mailbox, .. } => {
            let path = format!("{below}/mailboxes/{}/move", encoded(&mailbox));
            (json!([simulator.post(&path, &json!({})).await?]), tables::mailboxes)
        }
        Ask::Advance { .. } | Ask::Speed { .. } | Ask::Throttle(_) | Ask::Fault { .. } => {
            experiment(simulator, ask, below).await?
        }
        Ask::Status(_)
        | Ask::Devices { .. }
        | Ask::Mailboxes { .. }
        | Ask::Mails { .. }
        | Ask::Ledger { .. }
        | Ask::Cmdlets(_) => (Value::Null, tables::nothing),
    })
}

/// The commands that change the circumstances.
async fn experiment(
    simulator: &Simulator,
    ask: Ask,
    below: &str,
) -> Result<(Value, Table), ClientError> {
    Ok(match ask {
        Ask::Advance { by, .. } => {
            let milliseconds = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
            let body = json!({ "milliseconds": milliseconds });
            let organizations = simulator.post("/time/advance", &body).await?;
            let time = simulator.get("/time").await?;
            (json!({ "organizations": organizations, "time": time }), tables::status)
        }
        Ask::Speed { speed, .. } => {
            let body = match speed {
                Speed::Stepped => json!({ "mode": "explicit" }),
                Speed::Times(speed) => json!({ "mode": { "auto": { "speed": speed } } }),
            };
            (simulator.post("/time/speed", &body).await?, tables::time)
        }
        Ask::Throttle(throttle) => {
            let path = format!("{below}/throttle");
            let held = simulator.get(&path).await?;
            let limits = serde_json::from_value(held.get("limits").cloned().unwrap_or_default())?;
            let answer = match limited(throttle, limits) {
                Some(limits) => simulator.post(&path, &limits).await?,
                None => held,
            };
            (answer, tables::throttle)
        }
        Ask::Fault { command, .. } => {
            let path = format!("{below}/faults");
            let answer = match command {
                FaultCommand::Set(set) => {
                    let more = set.faults().map_err(ClientError::Flags)?;
                    simulator.post(&format!("{path}/add"), &more).await?
                }
                FaultCommand::List => simulator.get(&path).await?,
                FaultCommand::Clear { number: None } => simulator.delete(&path).await?,
                FaultCommand::Clear { number: Some(number) } => {
                    simulator.delete(&format!("{path}/{number}")).await?
                }
            };
            (answer, tables::faults)
        }
        Ask::Status(_)
        | Ask::Devices { .. }
        | Ask::Mailboxes { .. }
        | Ask::Mails { .. }
        | Ask::Ledger { .. }
        | Ask::Cmdlets(_)
        | Ask::Connect(_)
        | Ask::Sync { .. }
        | Ask::OsUpdate { .. }
        | Ask::Reset { .. }
        | Ask::Misbehave { .. }
        | Ask::Move { .. } => (Value::Null, tables::nothing),
    })
}

fn new_device(connect: Connect) -> impl Serialize {
    let Connect {
        mailbox,
        platform,
        device_id,
        device_model,
        device_os,
        user_agent,
        friendly_name,
        reach: _,
    } = connect;
    let platform = platform.map(|name| match name {
        PlatformName::Iphone => Platform::IPhone,
        PlatformName::Ipad => Platform::IPad,
        PlatformName::Android => Platform::Android,
        PlatformName::Samsung => Platform::Samsung,
        PlatformName::Windows => Platform::Windows,
    });
    NewDevice {
        mailbox,
        platform,
        device_id,
        device_model,
        device_os,
        user_agent,
        friendly_name,
        ..NewDevice::default()
    }
}

/// The limits with what was given, or none when nothing was.
fn limited(throttle: Throttle, held: Limits) -> Option<Limits> {
    let Throttle {
        shells,
        tenant_shells,
        cmdlets,
        exchange_cmdlets,
        period,
        commands_per_shell,
        off,
        reach: _,
    } = throttle;
    let mut limits = if off { Limits::default() } else { held.clone() };
    limits.shells_max = shells.unwrap_or(limits.shells_max);
    limits.tenant_shells_max = tenant_shells.or(limits.tenant_shells_max);
    limits.powershell_cmdlets = cmdlets.or(limits.powershell_cmdlets);
    limits.exchange_cmdlets = exchange_cmdlets.or(limits.exchange_cmdlets);
    limits.commands_per_shell_max = commands_per_shell.or(limits.commands_per_shell_max);
    if let Some(period) = period {
        limits.period_ms = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
    }
    (off || limits != held).then_some(limits)
}
