//! The realm, the server and the accounts that all of these tests use.

use std::path::{Path, PathBuf};

use exgate_exchange::credentials::{Credentials, Key, Principal};
use exgate_exchange::error::SessionError;
use exgate_exchange::http::{
    Authentication, HttpError, KerberosAccount, SignInError, Transport, TrustAnchors,
};
use exgate_exchange::session::{Options, Session};
use exgate_tests::kdc::{Kdc, REALM};
use exgate_tests::peers::{Peer, Peers};
use exgate_tests::setup::write_secret;

pub(super) const PASSWORD: &str = "correct horse battery staple";

/// Accounts and services, made once a realm.
const ACCOUNTS: [&str; 15] = [
    "addprinc +requires_preauth -pw \"correct horse battery staple\" svc-exgate",
    "addprinc +requires_preauth -pw \"correct horse battery staple\" by-key",
    "ktadd -q -norandkey -k FOLDER/client.keytab by-key",
    "addprinc +requires_preauth -pw \"correct horse battery staple\" locked",
    "modprinc -allow_tix locked",
    "addprinc +requires_preauth -expire 2001-01-01 -pw \"correct horse battery staple\" expired",
    "addprinc +requires_preauth -pwexpire 2001-01-01 -pw \"correct horse battery staple\" stale",
    "addprinc -requires_preauth -pw \"correct horse battery staple\" careless",
    "addprinc +requires_preauth -e aes128-cts:normal -pw \"correct horse battery staple\" weak",
    "ktadd -q -norandkey -k FOLDER/weak.keytab weak",
    "addprinc -randkey HTTP/localhost",
    "ktadd -q -k FOLDER/http.keytab HTTP/localhost",
    "addprinc -randkey HTTP/elsewhere",
    "addprinc -randkey HTTP/weak",
    "setstr HTTP/weak session_enctypes aes128-cts-hmac-sha1-96",
];

/// A realm and a server that believes it.
pub(super) struct Realm {
    folder: PathBuf,
    pub(super) kdc: Kdc,
    pub(super) server: Server,
}

/// A server that is signed in to.
pub(super) struct Server {
    _peer: Peer,
    http: u64,
    https: u64,
    certificates: u64,
    ca: PathBuf,
    pub(super) client: PathBuf,
    pub(super) client_key: PathBuf,
}

/// Where a server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    Http,
    Https,
    Certificates,
}

impl Realm {
    pub(super) async fn start(skipped: &str, folder: &Path) -> Option<Self> {
        let kdc = Kdc::start(skipped, folder)?;
        let place = folder.display().to_string();
        let accounts: Vec<String> =
            ACCOUNTS.iter().map(|query| query.replace("FOLDER", &place)).collect();
        kdc.administer(accounts.iter().map(String::as_str));
        let server = Server::start(skipped, folder, Some(folder)).await?;
        Some(Self { folder: folder.to_owned(), kdc, server })
    }

    /// An account of the realm, by its password.
    pub(super) fn account(&self, name: &str, password: &str) -> KerberosAccount {
        let credentials = Credentials::new(format!("{name}@{REALM}"), password).unwrap();
        KerberosAccount::with_password(&credentials, None)
            .unwrap()
            .at(vec![self.kdc.address().parse().unwrap()])
    }

    pub(super) fn by_password(&self) -> Authentication {
        Authentication::Kerberos(self.account("svc-exgate", PASSWORD))
    }

    pub(super) fn by_key(&self) -> Authentication {
        let table = std::fs::read(self.folder.join("client.keytab")).unwrap();
        let principal = Principal::parse("by-key", Some(REALM)).unwrap();
        let account = KerberosAccount::with_key(Key::find(&table, &principal).unwrap());
        Authentication::Kerberos(account.at(vec![self.kdc.address().parse().unwrap()]))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Server {
    /// A server for the NTLM account and, with a realm's folder, for its accounts.
    pub(super) async fn start(skipped: &str, folder: &Path, realm: Option<&Path>) -> Option<Self> {
        let peers = Peers::find(skipped)?;
        let accounts = folder.join("ntlm-accounts");
        write_secret(&accounts, &format!("CONTOSO:svc-exgate:{PASSWORD}\n"));
        let realm = realm.map(|folder| folder.display().to_string());
        let mut arguments = vec!["--accounts", accounts.to_str().unwrap()];
        if let Some(realm) = &realm {
            arguments.extend(["--krb5", realm]);
        }
        let mut peer = peers.start("sign_in_server.py", &arguments, folder);
        let ready = peer.first().await;
        let (port, path) = (
            |name: &str| ready[name].as_u64().unwrap(),
            |name: &str| PathBuf::from(ready[name].as_str().unwrap()),
        );
        Some(Self {
            http: port("http"),
            https: port("https"),
            certificates: port("certificates"),
            ca: path("ca"),
            client: path("client"),
            client_key: path("client_key"),
            _peer: peer,
        })
    }

    pub(super) fn port(&self, over: Over) -> u64 {
        match over {
            Over::Http => self.http,
            Over::Https => self.https,
            Over::Certificates => self.certificates,
        }
    }

    pub(super) fn ca(&self) -> &Path {
        &self.ca
    }

    /// The way to the server; `word` is how it shall misbehave, or empty.
    pub(super) fn transport(&self, over: Over, word: &str, by: Authentication) -> Transport {
        let scheme = if over == Over::Http { "http" } else { "https" };
        let slash = if word.is_empty() { "" } else { "/" };
        let address = format!("{scheme}://localhost:{}/PowerShell/{word}{slash}", self.port(over));
        Transport::new(address.parse().unwrap(), by, &TrustAnchors::File(self.ca.clone())).unwrap()
    }

    pub(super) async fn open(
        &self,
        over: Over,
        word: &str,
        by: Authentication,
    ) -> Result<Session, SessionError> {
        Session::open(Options::new(self.transport(over, word, by))).await
    }

    /// Why a sign-in fails.
    pub(super) async fn refusal(&self, over: Over, word: &str, by: Authentication) -> SignInError {
        sign_in_error(self.open(over, word, by).await.map(drop).unwrap_err())
    }
}

pub(super) fn ntlm() -> Credentials {
    Credentials::new(r"CONTOSO\svc-exgate", PASSWORD).unwrap()
}

pub(super) fn sign_in_error(error: SessionError) -> SignInError {
    match error {
        SessionError::Transport { source: HttpError::SignIn { source, .. } } => source,
        other => panic!("not a failed sign-in: {other:?}"),
    }
}
