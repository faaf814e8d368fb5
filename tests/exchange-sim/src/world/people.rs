//! Owns the names people have: a fixed list, spelt as they spell it and as an account spells it.

use super::chance::Chance;

/// A person's name as displayed, and the same in plain letters for addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// As the person writes it.
    pub given: &'static str,
    /// As the person writes it.
    pub family: &'static str,
    /// The account's spelling, lower case, such as `zoe.mueller`.
    pub account: String,
}

impl Person {
    /// Draws a person.
    pub fn draw(chance: &mut Chance) -> Self {
        let (given, given_plain) = chance.pick(GIVEN);
        let (family, family_plain) = chance.pick(FAMILY);
        Self { given, family, account: format!("{given_plain}.{family_plain}") }
    }

    /// Says whether somebody may be called so.
    pub fn is_called(name: &str) -> bool {
        let name = name.to_lowercase();
        GIVEN.iter().any(|(given, _)| {
            let rest = name.strip_prefix(&given.to_lowercase());
            rest.and_then(|rest| rest.strip_prefix(' '))
                .is_some_and(|rest| FAMILY.iter().any(|(family, _)| family.to_lowercase() == rest))
        })
    }
}

const GIVEN: &[(&str, &str)] = &[
    ("Jane", "jane"),
    ("Zoë", "zoe"),
    ("Jürgen", "juergen"),
    ("Amélie", "amelie"),
    ("Søren", "soren"),
    ("Łukasz", "lukasz"),
    ("Noah", "noah"),
    ("Mia", "mia"),
    ("Chidi", "chidi"),
    ("Aiko", "aiko"),
    ("Ravi", "ravi"),
    ("Priya", "priya"),
    ("Omar", "omar"),
    ("Fatima", "fatima"),
    ("Liam", "liam"),
    ("Emma", "emma"),
    ("José", "jose"),
    ("Inés", "ines"),
    ("Anders", "anders"),
    ("Greta", "greta"),
    ("Kwame", "kwame"),
    ("Yusuf", "yusuf"),
    ("Chloé", "chloe"),
    ("Tomáš", "tomas"),
    ("Ida", "ida"),
    ("Hugo", "hugo"),
    ("Leila", "leila"),
    ("Wei", "wei"),
    ("Grace", "grace"),
    ("Oskar", "oskar"),
    ("Nadia", "nadia"),
    ("Seán", "sean"),
];

const FAMILY: &[(&str, &str)] = &[
    ("Doe", "doe"),
    ("Müller", "mueller"),
    ("Nguyễn", "nguyen"),
    ("O'Brien", "obrien"),
    ("García", "garcia"),
    ("Åkesson", "akesson"),
    ("Smith", "smith"),
    ("Tanaka", "tanaka"),
    ("Patel", "patel"),
    ("Kowalski", "kowalski"),
    ("Okafor", "okafor"),
    ("Rossi", "rossi"),
    ("Dubois", "dubois"),
    ("Schmidt", "schmidt"),
    ("Haddad", "haddad"),
    ("Novák", "novak"),
    ("Jensen", "jensen"),
    ("Silva", "silva"),
    ("Brown", "brown"),
    ("Ivanova", "ivanova"),
    ("van der Berg", "vanderberg"),
    ("Larsen", "larsen"),
    ("Chen", "chen"),
    ("Kim", "kim"),
    ("Moreau", "moreau"),
    ("Weiß", "weiss"),
    ("Hassan", "hassan"),
    ("Murphy", "murphy"),
    ("Fischer", "fischer"),
    ("Lindqvist", "lindqvist"),
    ("Singh", "singh"),
    ("Costa", "costa"),
];
