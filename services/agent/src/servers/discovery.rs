//! Which servers of an organization may stand in for the primary one, in which order. Client access
//! servers are found by `IsClientAccessServer`: the role's text says only `Mailbox` since 2016. Pure.

use serde::{Deserialize, Serialize};

use exgate_exchange::cmdlets::{ServerRow, ServerVersion};

/// The most servers that are kept; the nearest and newest of them.
pub const FALLBACKS_MAX: usize = 32;
/// Major number of Exchange 2010, which hides devices of newer servers' mailboxes.
const MAJOR_2010: u32 = 14;

/// A server that may stand in for the primary one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its full name, in lower case.
    pub host: String,
    /// Its directory site; empty when unknown.
    pub site: String,
    /// Its version; empty when unknown.
    pub version: String,
}

/// What is known about an organization's servers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The primary, as the directory knows it.
    pub primary: Option<Candidate>,
    /// Those that may stand in for it, the best first.
    pub fallbacks: Vec<Candidate>,
}

/// Sorts the rows of `Get-ExchangeServer`. The primary is the one that was configured (`host`), or, where
/// that is an alias, the one that answered (`front_end`, the short name of `X-FEServer`).
pub fn sort(rows: &[ServerRow], host: &str, front_end: Option<&str>) -> Found {
    let is_primary = |row: &&ServerRow| is_called(row, host);
    let answered = |row: &&ServerRow| front_end.is_some_and(|name| is_called(row, name));
    let primary = rows.iter().find(is_primary).or_else(|| rows.iter().find(answered));
    let site = primary.map(site).unwrap_or_default();
    let is_2010 = primary.and_then(|row| row.version).is_some_and(|it| major(it) <= MAJOR_2010);
    let mut usable: Vec<(&ServerRow, Candidate)> = rows
        .iter()
        .filter(|row| primary.is_none_or(|primary| !is_same(row, primary)))
        .filter(|row| may_stand_in(row, is_2010))
        .filter_map(|row| Some((row, candidate(row)?)))
        .collect();
    usable.sort_by(|(one, one_named), (two, two_named)| {
        let is_elsewhere =
            |candidate: &Candidate| site.is_empty() || !candidate.site.eq_ignore_ascii_case(&site);
        is_elsewhere(one_named)
            .cmp(&is_elsewhere(two_named))
            .then_with(|| two.version.cmp(&one.version))
            .then_with(|| one_named.host.cmp(&two_named.host))
    });
    usable.dedup_by(|(_, one), (_, two)| one.host == two.host);
    usable.truncate(FALLBACKS_MAX);
    Found {
        primary: primary.and_then(candidate),
        fallbacks: usable.into_iter().map(|(_, candidate)| candidate).collect(),
    }
}

/// A listing that broke off and was run again shows a server twice.
fn is_same(one: &ServerRow, two: &ServerRow) -> bool {
    std::ptr::eq(one, two) || one.fqdn.as_ref().is_some_and(|name| is_called(two, name))
}

/// A client access server of 2010 or later that is there; one of 2010 only for another of 2010.
fn may_stand_in(row: &ServerRow, is_2010: bool) -> bool {
    let yes = |flag: Option<bool>| flag == Some(true);
    let is_old = row.version.is_none_or(|version| major(version) <= MAJOR_2010);
    yes(row.is_client_access_server)
        && !yes(row.is_edge_server)
        && !yes(row.is_provisioned_server)
        && row.is_e14_or_later != Some(false)
        && (is_2010 || !is_old)
}

fn candidate(row: &ServerRow) -> Option<Candidate> {
    let host = row.fqdn.as_ref().map(|fqdn| fqdn.trim().to_ascii_lowercase());
    Some(Candidate {
        host: host.filter(|host| !host.is_empty())?,
        site: site(row),
        version: row.version.map(|version| version.to_string()).unwrap_or_default(),
    })
}

fn site(row: &ServerRow) -> String {
    row.site.clone().unwrap_or_default()
}

fn is_called(row: &ServerRow, name: &str) -> bool {
    let is = |held: &Option<String>| held.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(name));
    is(&row.fqdn) || is(&row.name)
}

fn major(version: ServerVersion) -> u32 {
    version.major
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, version: &str, site: &str) -> ServerRow {
        ServerRow {
            name: Some(name.to_uppercase()),
            fqdn: Some(format!("{}.contoso.com", name.to_uppercase())),
            site: Some(format!("contoso.com/Configuration/Sites/{site}")),
            version: Some(version.parse().unwrap()),
            is_client_access_server: Some(true),
            is_edge_server: Some(false),
            is_provisioned_server: Some(false),
            is_e14_or_later: Some(true),
            ..ServerRow::default()
        }
    }

    fn names(found: &Found) -> Vec<&str> {
        found.fallbacks.iter().map(|it| it.host.split('.').next().unwrap()).collect()
    }

    const NEW: &str = "Version 15.2 (Build 1748.10)";
    const OLDER: &str = "Version 15.1 (Build 2507.6)";
    const OLD: &str = "Version 14.3 (Build 123.4)";

    #[test]
    fn the_nearest_comes_first_then_the_newest_then_by_name() {
        let rows = [
            row("ex07", NEW, "Rome"),
            row("ex04", OLDER, "Oslo"),
            row("ex03", NEW, "Oslo"),
            row("ex01", NEW, "Oslo"),
            row("ex02", NEW, "Oslo"),
            row("ex06", OLDER, "Rome"),
        ];
        let twice: Vec<_> = rows.iter().chain(&rows).cloned().collect();
        let found = sort(&twice, "ex01.CONTOSO.com", None);
        assert_eq!(found.primary.as_ref().unwrap().host, "ex01.contoso.com");
        assert_eq!(names(&found), ["ex02", "ex03", "ex04", "ex07", "ex06"]);
    }

    #[test]
    fn what_takes_no_clients_or_is_not_there_is_left_out() {
        let mut rows = vec![row("ex01", NEW, "Oslo")];
        let mut not = |name: &str, change: fn(&mut ServerRow)| {
            let mut other = row(name, NEW, "Oslo");
            change(&mut other);
            rows.push(other);
        };
        not("mbx", |row| row.is_client_access_server = Some(false));
        not("unknown", |row| row.is_client_access_server = None);
        not("edge", |row| row.is_edge_server = Some(true));
        not("announced", |row| row.is_provisioned_server = Some(true));
        not("ex2007", |row| row.is_e14_or_later = Some(false));
        not("nameless", |row| row.fqdn = None);
        // The role's text decides nothing.
        not("ex02", |row| row.server_role = Some("Mailbox".into()));
        assert_eq!(names(&sort(&rows, "ex01", None)), ["ex02"]);
    }

    #[test]
    fn a_2010_server_stands_in_for_another_only() {
        let rows = [row("ex01", NEW, "Oslo"), row("old1", OLD, "Oslo"), row("old2", OLD, "Oslo")];
        assert_eq!(names(&sort(&rows, "ex01", None)), Vec::<&str>::new());
        assert_eq!(names(&sort(&rows, "old1", None)), ["ex01", "old2"]);
        // With an alias nobody knows what stands behind it.
        assert_eq!(names(&sort(&rows, "mail.contoso.com", None)), ["ex01"]);
    }

    #[test]
    fn behind_an_alias_the_one_that_answered_is_the_primary() {
        let rows = [row("ex01", NEW, "Oslo"), row("ex02", NEW, "Oslo")];
        let found = sort(&rows, "localhost", Some("EX02"));
        assert_eq!(found.primary.as_ref().unwrap().host, "ex02.contoso.com");
        assert_eq!(names(&found), ["ex01"]);
    }
}
