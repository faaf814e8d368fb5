//! A folder of record files, which whoever writes them replaces by renaming. One mistake refuses the
//! whole folder: half a list would look like people who left.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::SystemTime;

use exgate_domain::ids::BundleDigest;
use exgate_domain::record::{ManagedDevice, Provenance, User};

use super::fields::{DeviceRow, Row, UserRow};
use super::problem::Problem;
use super::{json, table};

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// The names that a folder's files may have: what they list, and their forms.
const FILES: [[&str; 2]; 2] = [["devices.json", "devices.csv"], ["users.json", "users.csv"]];

/// What a folder says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Reading {
    pub(super) devices: Vec<ManagedDevice>,
    pub(super) users: Vec<User>,
    /// Digest of the files as they are.
    pub(super) digest: Option<BundleDigest>,
}

/// The files of a folder by their dates and sizes: a cheap sign that something changed.
pub(super) type Stamp = Vec<(String, Option<SystemTime>, u64)>;

/// Looks at the files without reading them.
pub(super) fn stamp(folder: &Path) -> Stamp {
    let found = FILES.iter().flatten().filter_map(|name| {
        let metadata = fs::metadata(folder.join(name)).ok()?;
        Some(((*name).to_owned(), metadata.modified().ok(), metadata.len()))
    });
    found.collect()
}

/// Reads both lists. Every file that has a mistake is named.
pub(super) fn read(folder: &Path, provenance: &Provenance) -> Result<Reading, Vec<Problem>> {
    let [devices, users] = FILES.map(|names| content(folder, names));
    let mut problems = Vec::new();
    let mut digests = Vec::new();
    let devices = list::<DeviceRow>(devices, provenance, &mut problems, &mut digests);
    let users = list::<UserRow>(users, provenance, &mut problems, &mut digests);
    if devices.is_none() && users.is_none() && problems.is_empty() {
        let names: Vec<_> = FILES.into_iter().flatten().collect();
        let message = match fs::metadata(folder) {
            Ok(_) => format!("it holds none of {} (write at least one)", names.join(", ")),
            Err(error) => format!("it cannot be read: {error}"),
        };
        problems.push(Problem::of_file(&folder.display().to_string(), message));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Reading {
        devices: devices.unwrap_or_default(),
        users: users.unwrap_or_default(),
        digest: Some(BundleDigest::of(&digests)),
    })
}

/// A file that is there.
struct Content {
    path: String,
    is_json: bool,
    bytes: Vec<u8>,
}

fn content(folder: &Path, names: [&str; 2]) -> Result<Option<Content>, Problem> {
    let mut found = None;
    for (name, is_json) in names.into_iter().zip([true, false]) {
        let path = folder.join(name);
        let shown = path.display().to_string();
        let refuse = |message: String| Problem::of_file(&shown, message);
        let size = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(refuse(format!("it cannot be read: {error}"))),
        };
        if size > FILE_BYTES_MAX {
            return Err(refuse(format!("{size} bytes are more than {FILE_BYTES_MAX}")));
        }
        if found.is_some() {
            let message = format!("{} is there, too (take one of them away)", names[0]);
            return Err(refuse(message));
        }
        let bytes =
            fs::read(&path).map_err(|error| refuse(format!("it cannot be read: {error}")))?;
        found = Some(Content { path: shown, is_json, bytes });
    }
    Ok(found)
}

fn list<R: Row>(
    content: Result<Option<Content>, Problem>,
    provenance: &Provenance,
    problems: &mut Vec<Problem>,
    digests: &mut Vec<u8>,
) -> Option<Vec<R::Record>> {
    let read = content.and_then(|content| {
        let Some(Content { path, is_json, bytes }) = content else { return Ok(None) };
        digests.extend_from_slice(BundleDigest::of(&bytes).as_bytes());
        digests.push(u8::from(is_json));
        let rows = if is_json {
            let rows = json::read::<R>(&path, &bytes)?;
            rows.into_iter().map(|row| (0, row)).collect()
        } else {
            table::read::<R>(&path, &bytes)?
        };
        unique(&path, &rows)?;
        Ok(Some(rows.into_iter().map(|(_, row)| row.record(provenance.clone())).collect()))
    });
    read.unwrap_or_else(|problem| {
        problems.push(problem);
        None
    })
}

/// Refuses two rows with one key: one of them would be lost.
fn unique<R: Row>(file: &str, rows: &[(u64, R)]) -> Result<(), Problem> {
    let mut seen: HashMap<String, (usize, u64)> = HashMap::with_capacity(rows.len());
    for (index, (line, row)) in rows.iter().enumerate() {
        let key = row.key();
        if let Some((first, first_line)) = seen.insert(key.clone(), (index, *line)) {
            let place = match first_line {
                0 => format!("[{first}]"),
                line => format!("line {line}"),
            };
            let message = format!("{key:?} stands at {place}, too (take one of them out)");
            let at = if *line == 0 { format!("[{index}].{}", R::KEY) } else { R::KEY.to_owned() };
            return Err(Problem { line: *line, key: at, ..Problem::of_file(file, message) });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
