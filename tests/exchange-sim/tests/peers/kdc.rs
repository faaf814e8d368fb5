//! A Kerberos realm of its own: MIT's KDC, in a folder that goes away, on a free loopback port. Without its
//! programs the tests that need it are skipped, visibly; under `CI=true` that is a failure.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The realm.
pub(crate) const REALM: &str = "CONTOSO.TEST";

/// Where Debian keeps the KDC's programs, beside the usual path.
const SBIN: &str = "/usr/sbin";
/// How long the KDC may take to listen.
const START_MAX: Duration = Duration::from_secs(30);

/// A running KDC; killed and reaped when it is dropped.
#[derive(Debug)]
pub(crate) struct Kdc {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl Kdc {
    /// Makes a realm in `folder` and starts its KDC; `None` after a line that says what is skipped.
    ///
    /// # Panics
    /// When there is no KDC, under `CI=true`, or when it does not start.
    pub(crate) fn start(skipped: &str, folder: &Path) -> Option<Self> {
        let missing = ["krb5kdc", "kadmin.local", "kdb5_util"]
            .into_iter()
            .find(|name| !Path::new(SBIN).join(name).try_exists().unwrap_or_default());
        if let Some(missing) = missing {
            let cure = format!("no {missing}; `make tools` installs it");
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{skipped} cannot run: {cure}");
            let line = format!("SKIPPED {skipped}: {cure}\n");
            drop(std::io::stderr().write_all(line.as_bytes()));
            return None;
        }
        // Free at this moment; the KDC takes no port 0.
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|it| it.local_addr());
        let port = port.expect("a free port").port();
        write_settings(folder, port);
        let made =
            at(folder, "kdb5_util").args(["create", "-s", "-P", "master", "-r", REALM]).output();
        let made = made.expect("kdb5_util starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let log = std::fs::File::create(folder.join("krb5kdc.out")).expect("a log file");
        let child = at(folder, "krb5kdc")
            .args(["-n", "-r", REALM])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log)
            .spawn()
            .expect("krb5kdc starts");
        let mut kdc = Self { child, folder: folder.to_owned(), port };
        kdc.wait();
        Some(kdc)
    }

    fn wait(&mut self) {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = self.child.try_wait().expect("the KDC can be reaped");
            let said = || std::fs::read_to_string(self.folder.join("krb5kdc.out"));
            assert!(ended.is_none(), "the KDC ended: {:?}", said());
            assert!(begun.elapsed() < START_MAX, "the KDC does not listen: {:?}", said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Does these in its database, each a line of kadmin(1).
    ///
    /// # Panics
    /// When one fails.
    pub(crate) fn administer(&self, queries: &[String]) {
        let mut kadmin = at(&self.folder, "kadmin.local")
            .args(["-r", REALM])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kadmin.local starts");
        let mut input = kadmin.stdin.take().expect("its input");
        for query in queries {
            writeln!(input, "{query}").expect("kadmin.local reads");
        }
        drop(input);
        let ended = kadmin.wait_with_output().expect("kadmin.local ends");
        let said = String::from_utf8_lossy(&ended.stderr);
        let is_harmless =
            |line: &str| line.starts_with("No policy specified") || line.trim().is_empty();
        let failed = said.lines().any(|line| !is_harmless(line));
        assert!(ended.status.success() && !failed, "kadmin.local: {said}");
    }

    /// Its `krb5.conf`.
    pub(crate) fn settings(&self) -> PathBuf {
        self.folder.join("krb5.conf")
    }
}

impl Drop for Kdc {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.join("kdc.log")).unwrap_or_default();
            drop(writeln!(std::io::stderr(), "--- krb5kdc ---\n{log}"));
        }
    }
}

/// A program of the realm in `folder`, and of no other.
fn at(folder: &Path, program: &str) -> Command {
    let mut command = Command::new(Path::new(SBIN).join(program));
    command
        .env("KRB5_CONFIG", folder.join("krb5.conf"))
        .env("KRB5_KDC_PROFILE", folder.join("kdc.conf"))
        .env("KRB5RCACHENAME", "none:");
    command
}

fn write_settings(folder: &Path, port: u16) {
    let path = |name: &str| folder.join(name).display().to_string();
    let client = format!(
        "[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n \
         rdns = false\n dns_canonicalize_hostname = false\n\
         [realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{port}\n }}\n\
         [logging]\n kdc = FILE:{}\n",
        path("kdc.log"),
    );
    let server = format!(
        "[kdcdefaults]\n kdc_listen = 127.0.0.1:{port}\n kdc_tcp_listen = 127.0.0.1:{port}\n\
         [realms]\n {REALM} = {{\n  database_name = {}\n  key_stash_file = {}\n  acl_file = {}\n  \
         max_life = 1h\n  supported_enctypes = aes256-cts:normal aes128-cts:normal\n }}\n",
        path("principal"),
        path("stash"),
        path("acl"),
    );
    std::fs::write(folder.join("krb5.conf"), client).expect("a file");
    std::fs::write(folder.join("kdc.conf"), server).expect("a file");
}
