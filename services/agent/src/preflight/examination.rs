//! What a session shows of its server and its account: rights, version, servers, throttling, filters.
//! A step that fails does not hold up the next one, so that one check names everything there is.

use jiff::Timestamp;

use exgate_domain::check::{RIGHTS_TO_WRITE, Step};
use exgate_exchange::cmdlets::{
    Capabilities as Visible, CommandRow, DeviceFamily, DeviceSelection, Filter, Product,
    ResultSize, ServerRow, ServerVersion, Task, VERSION_MIN, asked_about, get_command, get_device,
    get_exchange_server,
};
use exgate_exchange::error::{CmdletError, Refusal};
use exgate_exchange::session::Session;
use exgate_runtime::clock::Clock;

use super::findings::Findings;
use super::{cmdlet_failed, script, throttling};
use crate::remote::Capabilities;
use crate::servers::Servers;

/// Asks for what changed after this: nothing, so only whether the filter is accepted is learnt.
const FAR_FUTURE: &str = "2199-01-01T00:00:00Z";
/// The most servers that are named in one line.
const SERVERS_NAMED_MAX: usize = 8;

/// Looks at everything there is to see. `None` without all rights to look.
pub(super) async fn examine(
    session: &Session,
    account: &str,
    organization: &Servers,
    findings: &mut Findings,
) -> Option<Capabilities> {
    if let Some(front_end) = session.front_end() {
        front_end.clone_into(&mut findings.preflight.server);
    }
    let visible = match visible(session).await {
        Ok(commands) => Visible::new(commands),
        Err(error) => {
            findings.note(cmdlet_failed("rights to read", &error)).await;
            return None;
        }
    };
    for (task, name) in [
        (Task::Read, "rights to read"),
        (Task::Write, RIGHTS_TO_WRITE),
        (Task::Wipe, "rights to wipe"),
    ] {
        findings.note(rights(&visible, task, name)).await;
    }
    findings.preflight.may_not_write = !visible.missing(Task::Write).is_empty();
    let product = servers(session, &visible, organization, findings).await;
    let lacks = |task| !visible.missing(task).is_empty();
    if [Task::Read, Task::Write, Task::Wipe].into_iter().any(lacks) {
        findings.preflight.role_script = script::role(product, visible.devices(), account);
    }
    findings.note(throttling::step(session, &visible, account, product).await).await;
    let filters_by_change = filter(session, &visible, findings).await?;
    let family = visible.devices().filter(|_| !lacks(Task::Read))?;
    Some(Capabilities { family, filters_by_change })
}

/// The cmdlets that the account may use. Of a name that it may not, or that the version does not have,
/// Get-Command says so in an error record of its own.
pub(super) async fn visible(session: &Session) -> Result<Vec<CommandRow>, CmdletError> {
    let mut stream = session.run(get_command(asked_about())).await?;
    let mut commands = Vec::new();
    loop {
        match stream.next().await {
            Ok(Some(command)) => commands.push(command),
            Ok(None) => break,
            Err(error) if error.refusal() == Some(&Refusal::CmdletMissing) => break,
            Err(error) => return Err(error),
        }
    }
    let hidden = |record| Refusal::of(record) == Refusal::CmdletMissing;
    if stream.summary().errors.iter().all(hidden) {
        return Ok(commands);
    }
    stream.finish().await.map(|_| commands)
}

/// Whether the device cmdlet filters by the time of change, which no page documents.
pub(super) async fn filters_by_change(
    session: &Session,
    family: DeviceFamily,
) -> Result<bool, CmdletError> {
    let never = FAR_FUTURE.parse().unwrap_or(Timestamp::MAX);
    let selection = DeviceSelection::Filtered(Filter::changed_since(never));
    let probe = get_device(family, selection, ResultSize::Unlimited, None);
    match session.execute(probe).await {
        Ok(_) => Ok(true),
        Err(error) if error.refusal() == Some(&Refusal::NotFilterable) => Ok(false),
        Err(error) => Err(error),
    }
}

/// What an account may do for one task. Without all rights to look nothing works; the others are
/// missed only when they are needed.
fn rights(visible: &Visible, task: Task, name: &str) -> Step {
    let missing = visible.missing(task);
    if missing.is_empty() {
        let count = visible.families().required(task).len();
        return Step::passed(name, format!("all {count} cmdlets, with their parameters"));
    }
    let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
    let finding = format!("the account may not use {}", names.join(", "));
    let cure = "let an Exchange administrator run the role script below (or add these cmdlets and \
                parameters to a management role of the account), then restart the agent";
    match task {
        Task::Read => Step::failed(name, finding, cure),
        Task::Write | Task::Wipe => Step::warned(name, finding, cure),
    }
}

/// The version of the server we talk to, and whether its name is one of the organization's.
async fn servers(
    session: &Session,
    visible: &Visible,
    organization: &Servers,
    findings: &mut Findings,
) -> Option<Product> {
    let read = async { session.run(get_exchange_server(None)).await?.collect().await };
    let rows = match read.await {
        Ok(rows) => rows,
        Err(error) => {
            findings.note(cmdlet_failed("version", &error)).await;
            return visible.devices().map(|family| match family {
                DeviceFamily::ActiveSync => Product::Exchange2010,
                DeviceFamily::Mobile => Product::Exchange2016,
            });
        }
    };
    organization.learn(&rows, session.front_end());
    let newest = rows.iter().filter_map(|row| row.version).max();
    let ours = rows.iter().find(|row| is_called(row, &findings.preflight.server));
    let Some(version) = ours.and_then(|row| row.version).or(newest) else {
        let finding = "Get-ExchangeServer shows no server with a version";
        let cure = "let the account see the organization's servers (View-Only Configuration)";
        findings.note(Step::failed("version", finding, cure)).await;
        return None;
    };
    findings.preflight.exchange_version = version.to_string();
    findings.note(self::version(version)).await;
    let host = session.host().to_owned();
    findings.note(named(&rows, &host, version, newest.unwrap_or(version))).await;
    Some(version.product())
}

fn is_called(row: &ServerRow, host: &str) -> bool {
    let is = |name: &Option<String>| name.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(host));
    is(&row.name) || is(&row.fqdn)
}

fn version(version: ServerVersion) -> Step {
    let product = version.product();
    let title = product.title();
    if version < VERSION_MIN {
        let finding = format!("{title} {version}; the oldest that works is {VERSION_MIN}");
        return Step::failed("version", finding, "install Exchange 2010 SP3 or later");
    }
    let today = Clock::system().now().to_zoned(jiff::tz::TimeZone::UTC).date();
    match product.support_ends() {
        Some(end) if end < today => {
            let finding = format!("{title} {version}, without support since {end}");
            Step::warned("version", finding, "plan the upgrade; exgate goes on working")
        }
        Some(end) => Step::passed("version", format!("{title} {version}, supported until {end}")),
        None => Step::passed("version", format!("{title} {version}")),
    }
}

/// Whether the name we were given is a server's own. A client access array or a load balancer answers
/// too, but signs in with Kerberos only under a name that its servers share.
fn named(rows: &[ServerRow], host: &str, ours: ServerVersion, newest: ServerVersion) -> Step {
    let takes_clients = |row: &&ServerRow| row.is_client_access_server == Some(true);
    let mut names: Vec<&str> =
        rows.iter().filter(takes_clients).filter_map(|row| row.fqdn.as_deref()).collect();
    let count = names.len();
    names.truncate(SERVERS_NAMED_MAX);
    let more = if count > names.len() { ", .." } else { "" };
    let list = format!("{}{more}", names.join(", "));
    if ours.product() == Product::Exchange2010 && newest.product() > Product::Exchange2010 {
        let finding =
            format!("{host} is {ours} beside {newest}: devices of newer mailboxes are hidden");
        let cure = "set exchange.server to a server of the highest version";
        return Step::warned("servers", finding, cure);
    }
    if rows.iter().any(|row| is_called(row, host)) {
        return Step::passed("servers", format!("{count} with client access: {list}"));
    }
    let finding = format!(
        "{host} is none of the organization's servers ({list}): a load balancer or a client access array?"
    );
    let cure = "set exchange.server to a server's own full name, and let exgate find the others";
    Step::warned("servers", finding, cure)
}

async fn filter(session: &Session, visible: &Visible, findings: &mut Findings) -> Option<bool> {
    let family = visible.devices()?;
    match filters_by_change(session, family).await {
        Ok(filters_by_change) => {
            findings.preflight.filters_by_change = filters_by_change;
            let finding = if filters_by_change {
                "the server finds changed devices itself"
            } else {
                "the server cannot filter devices by change; every quick sync lists all of them"
            };
            findings.note(Step::passed("filter", finding)).await;
            Some(filters_by_change)
        }
        Err(error) => {
            findings.note(cmdlet_failed("filter", &error)).await;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use exgate_domain::check::StepOutcome;

    use super::*;

    fn server(name: &str, version: &str) -> ServerRow {
        ServerRow {
            name: Some(name.to_owned()),
            fqdn: Some(format!("{name}.contoso.com")),
            version: version.parse().ok(),
            is_client_access_server: Some(true),
            ..ServerRow::default()
        }
    }

    #[test]
    fn a_name_that_is_no_servers_is_pointed_out() {
        let rows = [server("ex01", "15.2.1748.10"), server("ex02", "15.2.1748.10")];
        let version = rows[0].version.unwrap();
        let step = named(&rows, "EX01.contoso.com", version, version);
        assert_eq!(step.outcome, StepOutcome::Passed);
        let step = named(&rows, "mail.contoso.com", version, version);
        assert_eq!(step.outcome, StepOutcome::Warned);
        assert!(step.finding.contains("ex02.contoso.com") && step.finding.contains("array"));
    }

    #[test]
    fn an_old_server_beside_newer_ones_hides_devices() {
        let rows = [server("ex01", "14.3.123.4"), server("ex02", "15.0.1497.2")];
        let step = named(&rows, "ex01", rows[0].version.unwrap(), rows[1].version.unwrap());
        assert_eq!(step.outcome, StepOutcome::Warned);
        assert!(step.finding.contains("hidden"), "{step:?}");
    }

    #[test]
    fn versions_are_too_old_out_of_support_or_well() {
        let outcome = |text: &str| version(text.parse().unwrap()).outcome;
        assert_eq!(outcome("14.2.247.5"), StepOutcome::Failed);
        assert_eq!(outcome("14.3.123.4"), StepOutcome::Warned);
        assert_eq!(outcome("15.2.2562.17"), StepOutcome::Passed);
    }

    #[test]
    fn each_thing_missing_is_named_and_only_looking_is_needed_always() {
        let none = Visible::default();
        let read = rights(&none, Task::Read, "rights to read");
        assert_eq!(read.outcome, StepOutcome::Failed);
        assert!(read.finding.contains("Get-ActiveSyncDeviceStatistics"), "{read:?}");
        let wipe = rights(&none, Task::Wipe, "rights to wipe");
        assert_eq!(wipe.outcome, StepOutcome::Warned);
        assert!(wipe.finding.contains("Clear-ActiveSyncDevice"), "{wipe:?}");
    }
}
