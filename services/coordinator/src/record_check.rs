//! Checks folders of record files without a server: one line per problem.

use std::path::Path;

use exgate_runtime::{Action, Findings};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::config::Config;
use crate::sources;

/// `--check-records DIR …`: the check as an action beside running.
pub fn action() -> Action<Config> {
    Action {
        flag: "check-records",
        values: Some("DIR"),
        help: "Checks folders of record files and exits",
        commands: &[],
        run: |_, asked| check(asked.values),
    }
}

fn check(folders: Vec<String>) -> BoxFuture<'static, Findings> {
    async move {
        let mut findings = Findings { is_well: true, ..Findings::default() };
        for folder in folders {
            let problems = sources::check(Path::new(&folder));
            if problems.is_empty() {
                findings.lines.push(format!("OK: {folder}"));
            } else {
                findings.is_well = false;
                findings.lines.extend(problems);
            }
        }
        findings
    }
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_malformed_row_is_one_line_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().display().to_string();
        let csv = "id,userPrincipalName,easDeviceId,complianceState\n\
                   d-1,ann@contoso.com,APPL1,compliant\n\
                   d-2,bob@contoso.com,APPL2,maybe\n";
        std::fs::write(folder.path().join("devices.csv"), csv).unwrap();
        std::fs::write(folder.path().join("users.json"), "[]").unwrap();

        let findings = check(vec![name.clone()]).await;

        assert!(!findings.is_well);
        assert_eq!(findings.lines.len(), 1, "{:?}", findings.lines);
        assert!(findings.lines[0].contains("devices.csv:3"), "{:?}", findings.lines);

        let findings = check(vec![format!("{name}/nosuch")]).await;
        assert!(!findings.is_well);
        assert!(findings.lines[0].contains("nosuch: it cannot be read: "), "{:?}", findings.lines);

        std::fs::write(folder.path().join("devices.csv"), csv.replace("maybe", "compliant"))
            .unwrap();
        let findings = check(vec![name.clone()]).await;
        assert_eq!((findings.is_well, findings.lines), (true, vec![format!("OK: {name}")]));
    }
}
