//! Owns which files are meant when somebody names a folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How the names of the files end that are meant.
const ENDINGS: [&str; 2] = [".yaml", ".yml"];
/// The deepest folder that is looked into.
const DEPTH_MAX: usize = 16;

/// A path that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct Unreadable {
    /// The path.
    pub path: PathBuf,
    /// Why not.
    pub source: io::Error,
}

/// The `.yaml` and `.yml` files in a folder and in those below it, by name; hidden ones are passed over.
///
/// # Errors
/// When a folder cannot be read, or the folders are nested deeper than 16.
pub fn yaml_below(folder: &Path) -> Result<Vec<PathBuf>, Unreadable> {
    let mut found = Vec::new();
    collect(folder, DEPTH_MAX, &mut found)?;
    Ok(found)
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Unreadable> {
    let refuse = |source| Unreadable { path: folder.to_owned(), source };
    if depth == 0 {
        return Err(refuse(io::Error::other("the folders are nested too deep")));
    }
    let entries = fs::read_dir(folder).map_err(refuse)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<Result<Vec<_>, _>>().map_err(refuse)?;
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            collect(&path, depth - 1, found)?;
        } else if ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_means_all_below_it_but_what_is_hidden_or_ends_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("inner.yaml/deep")).unwrap();
        fs::create_dir(root.join(".git")).unwrap();
        for name in
            ["b.yaml", "a.yml", "notes.txt", ".c.yaml", ".git/d.yaml", "inner.yaml/deep/e.yml"]
        {
            fs::write(root.join(name), name).unwrap();
        }
        let found = yaml_below(root).unwrap();
        assert_eq!(found, ["a.yml", "b.yaml", "inner.yaml/deep/e.yml"].map(|name| root.join(name)));

        let deep = (0..DEPTH_MAX).fold(root.to_owned(), |path, _| path.join("d"));
        fs::create_dir_all(&deep).unwrap();
        let refused = yaml_below(root).unwrap_err();
        assert_eq!((refused.path, refused.source.to_string().contains("too deep")), (deep, true));
        assert!(yaml_below(&root.join("nosuch")).is_err());
    }
}
