//! Applies documents. All files go to the coordinator in one request, because it takes all or none.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use exgate_proto::types::v1::{Diagnostic, PolicyFile, Severity};
use exgate_proto::v1 as pb;
use exgate_runtime::files::{Unreadable, yaml_below};
use exgate_runtime::one_line;

use super::Session;
use super::simulate::impact;
use crate::args::{Apply, Format};
use crate::failure::Failure;
use crate::render::{Tone, message, paint};

/// Stands for standard input.
const STDIN: &str = "-";
/// What documents from standard input are called.
const STDIN_PATH: &str = "stdin.yaml";

/// Applies the documents, or says what would change.
pub(super) async fn run(session: Session<'_>, args: Apply) -> Result<(), Failure> {
    let files = read(&args.files)?;
    let request = pb::ApplyDocumentsRequest {
        files: files.clone(),
        validate_only: args.dry_run,
        prune: args.prune,
    };
    let answer = session.coordinator.apply(request).await?;
    let terminal = session.terminal;
    for warning in &answer.diagnostics {
        terminal.complain(&paint(&diagnostic(warning), Tone::Warning, terminal.color_errors));
    }
    match terminal.format {
        Format::Json => terminal.document(&message(&answer)?),
        Format::Name => {
            let names: Vec<_> = answer.documents.iter().map(name).collect();
            terminal.result(&names.join("\n"))
        }
        Format::Table | Format::Wide => {
            terminal.result(&text(&answer, args.dry_run))?;
            if args.dry_run
                && let Some(line) = impact(session, files, &args.files).await
            {
                terminal.result(&line)?;
            }
            Ok(())
        }
    }
}

fn text(answer: &pb::ApplyDocumentsResponse, dry_run: bool) -> String {
    let suffix = if dry_run { " (dry run)" } else { "" };
    let line = |it: &pb::AppliedDocument| format!("{} {}{suffix}", name(it), it.change);
    answer.documents.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// `file:line:column: warning: key: message (suggestion)`, without the parts that are not known.
fn diagnostic(found: &Diagnostic) -> String {
    let numbers = [found.line, found.column].into_iter().filter(|number| *number > 0);
    let place = numbers.fold(found.path.clone(), |place, number| format!("{place}:{number}"));
    let severity = match found.severity() {
        Severity::Warning => "warning",
        Severity::Error | Severity::Unspecified => "error",
    };
    let mut parts = vec![place.as_str(), severity, found.key.as_str(), found.message.as_str()];
    parts.retain(|part| !part.is_empty());
    let text = parts.join(": ");
    let cure = match found.suggestion.as_str() {
        "" => String::new(),
        cure => format!(" ({cure})"),
    };
    // What is quoted of a file is not to steer the terminal.
    one_line(&format!("{text}{cure}")).into_owned()
}

/// The resource name of a document; what has none is called by its kind.
fn name(document: &pb::AppliedDocument) -> String {
    let collection = match document.kind.as_str() {
        "Organization" => "organizations",
        "CompliancePolicy" | "AccessPolicy" | "AccessPolicyOverlay" | "PolicyTests" => "policies",
        other => other,
    };
    format!("{collection}/{}", document.name)
}

/// Reads the files that were named. A file that is named and lies in a folder that is named is one file.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<PolicyFile>, Failure> {
    let mut files: Vec<PolicyFile> = Vec::new();
    for path in paths {
        let fault = |source| Failure::File { path: path.display().to_string(), source };
        let found = if path.as_os_str() == STDIN {
            let mut content = Vec::new();
            io::stdin().lock().read_to_end(&mut content).map_err(fault)?;
            vec![PolicyFile { path: STDIN_PATH.to_owned(), content }]
        } else if path.is_dir() {
            folder(path)?
        } else {
            vec![file(path)?]
        };
        files.extend(found);
    }
    let mut seen = BTreeSet::new();
    files.retain(|file| seen.insert((file.path.clone(), file.content.clone())));
    Ok(files)
}

fn file(path: &Path) -> Result<PolicyFile, Failure> {
    let named = path.display().to_string();
    match std::fs::read(path) {
        Ok(content) => Ok(PolicyFile { path: named, content }),
        Err(source) => Err(Failure::File { path: named, source }),
    }
}

/// The documents of a folder and those below it: what `exgate policy check` finds is what is applied.
fn folder(path: &Path) -> Result<Vec<PolicyFile>, Failure> {
    let fault =
        |Unreadable { path, source }| Failure::File { path: path.display().to_string(), source };
    let paths = yaml_below(path).map_err(fault)?;
    if paths.is_empty() {
        let message = format!("there is no .yaml or .yml file in {}", path.display());
        return Err(Failure::Usage { message, cure: String::new() });
    }
    paths.iter().map(|path| file(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_documents_and_those_below_each_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("inner.d/deep")).unwrap();
        for name in ["b.yaml", "a.yml", "notes.txt", "inner.d/deep/d.yaml"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        // Named once more by itself.
        let paths = [folder.path().to_owned(), folder.path().join("b.yaml")];

        let files = read(&paths).unwrap();

        let contents: Vec<_> = files.iter().map(|it| it.content.as_slice()).collect();
        assert_eq!(contents, [b"a.yml".as_slice(), b"b.yaml", b"inner.d/deep/d.yaml"]);
        assert!(files[0].path.ends_with("/a.yml"));
    }

    #[test]
    fn a_missing_file_and_an_empty_folder_are_usage() {
        let folder = tempfile::tempdir().unwrap();
        let missing = PathBuf::from("no/such/file.yaml");
        for path in [folder.path().to_owned(), missing] {
            assert_eq!(read(&[path]).unwrap_err().exit_code(), 2);
        }
    }

    #[test]
    fn a_warning_is_a_line_with_its_place_and_its_cure() {
        let mut found = Diagnostic {
            path: "p.yaml".into(),
            line: 6,
            column: 18,
            key: "includedGroups[0]".into(),
            message: "nobody is in it".into(),
            suggestion: "write Mail users".into(),
            severity: Severity::Warning.into(),
        };
        let expected =
            "p.yaml:6:18: warning: includedGroups[0]: nobody is in it (write Mail users)";
        assert_eq!(diagnostic(&found), expected);
        found.column = 0;
        found.suggestion.clear();
        found.key.clear();
        assert_eq!(diagnostic(&found), "p.yaml:6: warning: nobody is in it");
        found.key = "\u{1b}[31mred\n".into();
        let expected = "p.yaml:6: warning: \\u{1b}[31mred\\n: nobody is in it";
        assert_eq!(diagnostic(&found), expected);
    }

    #[test]
    fn each_document_has_its_line() {
        let document = |kind: &str, name: &str, change: &str| pb::AppliedDocument {
            kind: kind.into(),
            name: name.into(),
            change: change.into(),
        };
        let answer = pb::ApplyDocumentsResponse {
            documents: vec![
                document("Organization", "contoso", "unchanged"),
                document("AccessPolicy", "mail-access", "created"),
                document("CompliancePolicy", "phones", "removed"),
            ],
            ..pb::ApplyDocumentsResponse::default()
        };
        assert_eq!(
            text(&answer, true),
            "organizations/contoso unchanged (dry run)\npolicies/mail-access created (dry run)\n\
             policies/phones removed (dry run)"
        );
    }
}
