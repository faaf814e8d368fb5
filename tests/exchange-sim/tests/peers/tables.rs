//! Reads the tables of `tables/`: which cmdlet exists where, what it prints, which properties of which
//! types that has, and who says so. A table is text: one row a line, columns parted by commas, none of
//! which stands in a column.

use std::collections::BTreeMap;

use exchange_sim::world::organization::Version;

/// Nobody has shown it of a real server.
const UNVERIFIED: &str = "unverified";

/// A cmdlet.
#[derive(Clone, Debug)]
pub(crate) struct CmdletRow {
    pub(crate) name: &'static str,
    versions: &'static str,
    pub(crate) hosted: bool,
    /// The type that it prints; nothing where it prints nothing.
    pub(crate) prints: &'static str,
    shapes: Vec<&'static str>,
}

/// A property.
#[derive(Clone, Debug)]
pub(crate) struct PropertyRow {
    pub(crate) shape: &'static str,
    pub(crate) name: &'static str,
    versions: &'static str,
    /// Its type without the mark that it may be null.
    pub(crate) kind: &'static str,
    pub(crate) nullable: bool,
    /// Whether a source shows the name.
    pub(crate) named: bool,
    /// Whether a source shows the type.
    pub(crate) typed: bool,
}

/// A parameter.
#[derive(Clone, Debug)]
struct ParameterRow {
    cmdlet: &'static str,
    name: &'static str,
    versions: &'static str,
    hosted: bool,
}

/// The tables, checked against each other.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) cmdlets: Vec<CmdletRow>,
    properties: Vec<PropertyRow>,
    parameters: Vec<ParameterRow>,
}

impl Tables {
    pub(crate) fn read() -> Self {
        let sources: BTreeMap<_, _> = rows::<3>(include_str!("../../tables/sources.csv"))
            .map(|[id, what, place]| (id, (what, place)))
            .collect();
        let known = |source: &'static str| {
            assert!(sources.contains_key(source), "{source:?} is no source");
            source != UNVERIFIED
        };
        let cmdlets = rows::<7>(include_str!("../../tables/cmdlets.csv")).map(
            |[name, versions, hosted, prints, shapes, source, type_source]| {
                known(source);
                assert!(prints.is_empty() == type_source.is_empty(), "{name}");
                let shapes = shapes.split_whitespace().collect();
                CmdletRow { name, versions, hosted: hosted == "yes", prints, shapes }
            },
        );
        let properties = rows::<6>(include_str!("../../tables/properties.csv")).map(
            |[shape, name, versions, kind, name_source, type_source]| PropertyRow {
                shape,
                name,
                versions,
                kind: kind.trim_end_matches('?'),
                nullable: kind.ends_with('?'),
                named: known(name_source),
                typed: known(type_source),
            },
        );
        let parameters = rows::<5>(include_str!("../../tables/parameters.csv")).map(
            |[cmdlet, name, versions, hosted, source]| {
                known(source);
                ParameterRow { cmdlet, name, versions, hosted: hosted == "yes" }
            },
        );
        let tables = Self {
            cmdlets: cmdlets.collect(),
            properties: properties.collect(),
            parameters: parameters.collect(),
        };
        for PropertyRow { shape, .. } in &tables.properties {
            let mut shapes = tables.cmdlets.iter().flat_map(|row| &row.shapes);
            assert!(shapes.any(|held| held == shape), "no cmdlet prints {shape:?}");
        }
        tables
    }

    /// What an object of a cmdlet has in a version.
    pub(crate) fn properties(&self, row: &CmdletRow, version: Version) -> Vec<&PropertyRow> {
        let of_row = |held: &&PropertyRow| row.shapes.contains(&held.shape);
        let held = self.properties.iter().filter(of_row);
        held.filter(|held| holds(held.versions, version)).collect()
    }

    /// The parameters that a cmdlet has in a version, those of PowerShell itself excluded.
    pub(crate) fn parameters(&self, cmdlet: &str, version: Version, hosted: bool) -> Vec<&str> {
        let of_cmdlet = self.parameters.iter().filter(|held| held.cmdlet == cmdlet);
        let here =
            of_cmdlet.filter(|held| holds(held.versions, version) && (held.hosted || !hosted));
        here.map(|held| held.name).collect()
    }
}

impl PropertyRow {
    /// Whether remoting adds it to the object, beside its own properties.
    pub(crate) fn is_extended(&self) -> bool {
        self.shape.ends_with("remoting")
    }
}

impl CmdletRow {
    pub(crate) fn exists(&self, version: Version, hosted: bool) -> bool {
        holds(self.versions, version) && (self.hosted || !hosted)
    }
}

/// Says whether a version is among `2013-` (and later) or `2010` (only).
fn holds(versions: &str, version: Version) -> bool {
    let first = Version::parse(versions.trim_end_matches('-')).expect("a version");
    if versions.ends_with('-') { version >= first } else { version == first }
}

/// The rows below the first line.
fn rows<const COLUMNS: usize>(
    table: &'static str,
) -> impl Iterator<Item = [&'static str; COLUMNS]> {
    table.lines().skip(1).map(|line| {
        let columns: Vec<_> = line.split(',').collect();
        columns
            .try_into()
            .unwrap_or_else(|columns: Vec<_>| panic!("{} columns: {line}", columns.len()))
    })
}
