//! Whose mailbox it is: people by their addresses, compared without case. Pure. Nobody is guessed:
//! two people with one address are nobody.

use std::collections::HashMap;

use exgate_domain::record::User;

use crate::store::folded;

/// People, found by address.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    users: Vec<User>,
    /// Where in the list the people with an address are, by how they have it.
    by_address: [HashMap<String, Vec<usize>>; 3],
}

impl Directory {
    /// Takes people in.
    pub fn new(users: Vec<User>) -> Self {
        let mut by_address: [HashMap<String, Vec<usize>>; 3] = Default::default();
        for (index, user) in users.iter().enumerate() {
            let name = std::slice::from_ref(&user.user_principal_name);
            let mail = std::slice::from_ref(&user.mail);
            let all = [name, mail, user.other_mails.as_slice()];
            for (map, addresses) in by_address.iter_mut().zip(all) {
                for address in addresses.iter().filter(|address| !address.is_empty()) {
                    let found = map.entry(folded(address)).or_default();
                    if found.last() != Some(&index) {
                        found.push(index);
                    }
                }
            }
        }
        Self { users, by_address }
    }

    /// How many people there are.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// Every group that somebody is in, as often as somebody is.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.users.iter().flat_map(|user| &user.groups).map(String::as_str)
    }

    /// Finds the one person with this address: by mail address first, then by user principal name,
    /// then by further addresses.
    pub fn find(&self, address: &str) -> Option<&User> {
        let address = folded(address);
        let [by_name, by_mail, by_other] = &self.by_address;
        let found = [by_mail, by_name, by_other].into_iter().find_map(|map| map.get(&address))?;
        match found.as_slice() {
            [one] => self.users.get(*one),
            _ => None,
        }
    }
}

/// Every address of a person.
pub fn addresses(user: &User) -> impl Iterator<Item = &str> {
    let own = [&user.user_principal_name, &user.mail].into_iter();
    own.chain(&user.other_mails).map(String::as_str).filter(|address| !address.is_empty())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use exgate_domain::record::Provenance;

    use super::*;

    fn user(name: &str, mail: &str, others: &[&str]) -> User {
        User {
            user_principal_name: name.to_owned(),
            mail: mail.to_owned(),
            other_mails: others.iter().map(|other| (*other).to_owned()).collect(),
            display_name: String::new(),
            groups: Vec::new(),
            licensed: None,
            provenance: Provenance { source: "hr".to_owned(), read_at: Timestamp::UNIX_EPOCH },
        }
    }

    #[test]
    fn people_are_found_by_any_address_and_never_guessed() {
        let directory = Directory::new(vec![
            user("ann@corp.local", "Ann@Contoso.com", &["a.smith@contoso.com"]),
            user("bob@contoso.com", "", &["team@contoso.com"]),
            user("eve@contoso.com", "eve@contoso.com", &["team@contoso.com", "TEAM@contoso.com"]),
            user("old@contoso.com", "bob@contoso.com", &[]),
        ]);
        let cases = [
            ("ann@contoso.com", Some("ann@corp.local")),
            ("ANN@CORP.LOCAL", Some("ann@corp.local")),
            ("A.Smith@contoso.com", Some("ann@corp.local")),
            ("eve@contoso.com", Some("eve@contoso.com")),
            ("bob@contoso.com", Some("old@contoso.com")),
            ("team@contoso.com", None),
            ("nobody@contoso.com", None),
            ("", None),
        ];
        for (address, expected) in cases {
            let found = directory.find(address).map(|user| user.user_principal_name.as_str());
            assert_eq!(found, expected, "{address}");
        }
    }
}
