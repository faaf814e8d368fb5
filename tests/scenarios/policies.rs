//! Policies as code: checked, tested and shown on the operator's own machine, and warned of where they
//! are applied.

use exgate_tests::command_line::{Said, run};
use exgate_tests::scenario;
use exgate_tests::setup::POLICIES;
use exgate_tests::world::{Options, World};

const ORGANIZATION: &str = "contoso";

const OVERLAY: &str = "---\napiVersion: exgate/v1\nkind: AccessPolicyOverlay\nname: contoso-mail\n\
                       base: mail-access\norganizations: [contoso]\naccess: { unmanaged: block }\n";

const TESTS: &str = "---\napiVersion: exgate/v1\nkind: PolicyTests\nname: phones-of-all\ntests:\n\
                     \x20 - name: a phone that nobody manages is blocked at contoso\n\
                     \x20   case: { organization: contoso, user: { groups: [Mail users] } }\n\
                     \x20   expect: { access: block, policy: contoso-mail }\n\
                     \x20 - name: it is held elsewhere\n\
                     \x20   case: { organization: fabrikam, user: { groups: [Mail users] } }\n\
                     \x20   expect: { access: quarantine, policy: mail-access }\n";

/// `exgate` where no coordinator is.
async fn offline(arguments: &[&str]) -> Said {
    let server = [("EXGATE_SERVER", "http://127.0.0.1:9")];
    run("exgate", arguments, &server).await
}

#[test]
fn policies_are_checked_tested_and_shown_without_a_server() {
    scenario(async {
        let folder = tempfile::tempdir().unwrap();
        let good = folder.path().join("good.yaml");
        std::fs::write(&good, format!("{POLICIES}{OVERLAY}{TESTS}")).unwrap();
        let good = good.display().to_string();

        let said = offline(&["policy", "check", &good]).await.well();
        assert_eq!(said, "OK (policies: 4, files: 1)\n");
        let said = offline(&["policy", "test", &good, "--coverage"]).await.well();
        assert!(said.starts_with("ok    phones-of-all: a phone that nobody manages"), "{said}");
        assert!(said.contains("\n  no test  mail-access   licenseRequired\n"), "{said}");
        assert!(said.ends_with("\n2 tests, 0 failed\n"), "{said}");
        let said = offline(&["policy", "show", &good, "-O", ORGANIZATION]).await.well();
        assert!(
            said.starts_with("contoso\n  contoso-mail (precedence 10, an overlay of"),
            "{said}"
        );
        let schema = offline(&["policy", "schema"]).await.json();
        assert_eq!(schema["title"], "exgate policy document");
        for command in ["check", "test", "show"] {
            let document = offline(&["policy", command, &good, "-o", "json"]).await.json();
            assert_eq!(document["ok"], true, "{document:#}");
        }

        let bad = folder.path().join("bad.yaml");
        let text = format!("{POLICIES}{OVERLAY}{TESTS}").replace("block, policy", "allow, policy");
        std::fs::write(&bad, text).unwrap();
        let bad = bad.display().to_string();
        for command in ["check", "test"] {
            let said = offline(&["policy", command, &bad]).await;
            assert_eq!(said.code, Some(1), "{said:#?}");
            assert!(said.out.contains("a phone that nobody manages is blocked"), "{said:#?}");
            assert!(said.err.starts_with("error: "), "{said:#?}");
            let said = offline(&["policy", command, &bad, "-o", "json"]).await;
            assert_eq!(said.code, Some(1), "{said:#?}");
            let document: serde_json::Value = serde_json::from_str(&said.out).unwrap();
            assert_eq!(document["ok"], false, "{document:#}");
        }
        for wrong in [&["policy", "test", "/no/such/file.yaml"][..], &["policy", "check"]] {
            let said = offline(wrong).await;
            assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{said:#?}");
        }
    });
}

#[test]
fn what_is_probably_not_meant_is_said_where_it_is_applied() {
    scenario(async {
        let mut world = World::start(Options::default()).await;
        let ann = world.person(ORGANIZATION, 0).await;
        world.records.person(&ann);
        world.write_records().await;
        let file = world.setup.path("new.yaml");
        let path = file.display().to_string();
        let guests =
            "localRules: [{ id: guests, when: 'principal in Group::\"Gests\"', access: block }]";
        let text = format!("{POLICIES}{OVERLAY}{guests}\n{TESTS}");
        std::fs::write(&file, text.replace("[Mail users]\nlic", "[Mail users, Bord]\nlic"))
            .unwrap();

        for arguments in [&["apply", "-f", &path, "--dry-run"][..], &["apply", "-f", &path]] {
            let said = world.exgate(arguments).await;
            assert_eq!(said.code, Some(0), "{said:#?}");
            let warning =
                "warning: includedGroups[1]: nobody in the directory is in the group \"Bord\"";
            assert!(said.err.contains(warning), "{said:#?}");
            let warning =
                "warning: localRules[0].when: nobody in the directory is in the group \"Gests\"";
            assert!(said.err.contains(warning), "{said:#?}");
            assert!(!said.out.contains("warning"), "{said:#?}");
            let mut json = arguments.to_vec();
            json.extend(["-o", "json"]);
            let document = world.exgate(&json).await.json();
            assert_eq!(document["diagnostics"][0]["severity"], "SEVERITY_WARNING", "{document:#}");
        }
        let listed = world.exgate(&["get", "policies"]).await.well();
        for kind in ["AccessPolicyOverlay", "PolicyTests", "AccessPolicy", "CompliancePolicy"] {
            assert!(listed.contains(kind), "{listed}");
        }
        let before = world.exgate(&["get", "policies", "-o", "json"]).await.json();

        // A test that fails keeps everything as it is.
        std::fs::write(&file, text.replace("unmanaged: block", "unmanaged: allow")).unwrap();
        let said = world.exgate(&["apply", "-f", &path]).await;
        assert_eq!(said.code, Some(6), "{said:#?}");
        assert!(said.err.contains("access expected block, got allow"), "{said:#?}");
        assert_eq!(world.exgate(&["get", "policies", "-o", "json"]).await.json(), before);
        world.close().await;
    });
}
