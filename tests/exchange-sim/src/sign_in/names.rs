//! Owns which names mean the same account: `DOMAIN\user`, `user@domain` and the bare user name do,
//! without regard to case, as in a directory.

/// Whether a name that was sent means the account that holds this one.
pub fn same(held: &str, sent: &str) -> bool {
    held.eq_ignore_ascii_case(sent) || user(held).eq_ignore_ascii_case(user(sent))
}

/// The bare user name of an account.
pub fn user(name: &str) -> &str {
    let name = name.rsplit('\\').next().unwrap_or(name);
    name.split('@').next().unwrap_or(name)
}
