//! The real agent, signed in by Kerberos over plain http, with nothing secret in its most talkative log.

use std::time::Duration;

use exgate_tests::command_line::run;
use exgate_tests::eventually;
use exgate_tests::kdc::REALM;
use exgate_tests::process::{Program, binary};
use exgate_tests::scenario;
use exgate_tests::setup::write_secret;

use super::realm::{Over, PASSWORD, Realm};

#[test]
fn the_agent_reaches_exchange_by_kerberos_and_logs_no_secret() {
    scenario(async {
        let folder = tempfile::tempdir().unwrap();
        let Some(realm) = Realm::start("the agent by Kerberos", folder.path()).await else {
            return;
        };
        let path = |name: &str| realm.path(name);
        write_secret(&path("password"), PASSWORD);
        // kadmin makes it for its owner alone.
        let key_table = path("client.keytab");

        let by_password =
            format!("user = \"svc-exgate\"\npassword_file = {:?}\n", path("password"));
        let by_key = "user = 'CONTOSO\\by-key'\n".to_owned();
        let key = format!("keytab_file = {key_table:?}\n");
        for (over, account, key) in [
            (Over::Https, &by_password, ""),
            (Over::Http, &by_key, &key),
            (Over::Http, &by_password, ""),
        ] {
            let scheme = if over == Over::Http { "http" } else { "https" };
            let settings = format!(
                "[coordinator]\nendpoint = \"http://127.0.0.1:1\"\norganization = \"contoso\"\n\
                 [exchange]\nserver = \"localhost\"\nscheme = {scheme:?}\nport = {}\nca_file = {:?}\n\
                 {account}\
                 [exchange.kerberos]\nrealm = {REALM:?}\nkdcs = [{:?}]\n{key}\
                 [spool]\npath = {:?}\n\
                 [log]\nlevel = \"trace,sspi=trace,sspi::kerberos=trace,picky_krb=trace\"\n\
                 [telemetry]\nmetrics_listen = \"off\"\n",
                realm.server.port(over),
                realm.server.ca(),
                realm.kdc.address(),
                path("spool"),
            );
            let file = path("agent.toml");
            std::fs::write(&file, settings).unwrap();
            let said =
                run("exgate-agent", &["--config", file.to_str().unwrap(), "--preflight"], &[])
                    .await;
            assert!(
                said.out.contains("ok      sign-in") && said.out.contains("ok      shell"),
                "{said:?}"
            );
        }

        // The last of them again, as a service with the most talkative log there is.
        let agent = Program {
            binary: binary("exgate-agent"),
            arguments: vec!["--config".into(), path("agent.toml").display().to_string()],
            environment: Vec::new(),
            log: path("agent.log"),
        };
        let mut agent = agent.start();
        let log = eventually(Duration::from_secs(60), "the agent has been there", async || {
            let log = agent.log();
            if log.contains("the way to Exchange") { Ok(log) } else { Err(log) }
        })
        .await;
        agent.stop();
        // The start of an envelope as hexadecimal, as the library would print it.
        for secret in [PASSWORD, "3C733A456E76", "3c733a456e76", "\"sspi", "\"picky", "<s:Envelope"]
        {
            assert!(!log.contains(secret), "{secret} is in the log");
        }
    });
}

/// Built with the feature, beside an agent that is too: see docs/operating.md.
#[cfg(feature = "gssapi")]
#[test]
fn the_agent_signs_in_with_a_ticket_that_somebody_else_fetched() {
    scenario(async {
        let folder = tempfile::tempdir().unwrap();
        let Some(realm) = Realm::start("the agent by GSSAPI", folder.path()).await else { return };
        let (krb5, cache) = (realm.kdc.settings(), realm.path("tickets"));
        let (krb5, cache) = (krb5.display().to_string(), format!("FILE:{}", cache.display()));
        let environment = [("KRB5_CONFIG", krb5.as_str()), ("KRB5CCNAME", cache.as_str())];
        let preflight = async |over: Over, user: &str| {
            let scheme = if over == Over::Http { "http" } else { "https" };
            let settings = format!(
                "[coordinator]\nendpoint = \"http://127.0.0.1:1\"\norganization = \"contoso\"\n\
                 [exchange]\nserver = \"localhost\"\nscheme = {scheme:?}\nport = {}\nca_file = {:?}\n\
                 user = {user:?}\n[exchange.kerberos]\nrealm = {REALM:?}\nsystem = true\n\
                 [spool]\npath = {:?}\n[telemetry]\nmetrics_listen = \"off\"\n",
                realm.server.port(over),
                realm.server.ca(),
                realm.path("spool"),
            );
            let file = realm.path("agent.toml");
            std::fs::write(&file, settings).unwrap();
            let arguments = ["--config", file.to_str().unwrap(), "--preflight"];
            run("exgate-agent", &arguments, &environment).await
        };
        let none = preflight(Over::Http, "by-key").await;
        assert!(none.out.contains("failed  sign-in"), "{none:?}");
        // The account with AES128 alone, which our own library cannot sign in.
        for (user, table) in [("by-key", "client.keytab"), ("weak", "weak.keytab")] {
            let table = realm.path(table).display().to_string();
            let fetched = std::process::Command::new("kinit")
                .args(["-k", "-t", &table, user])
                .envs(environment)
                .status();
            assert!(fetched.is_ok_and(|status| status.success()), "kinit {user}");
            for over in [Over::Http, Over::Https] {
                let said = preflight(over, user).await;
                assert!(said.out.contains("ok      shell"), "{user} {over:?} {said:?}");
            }
        }
    });
}
