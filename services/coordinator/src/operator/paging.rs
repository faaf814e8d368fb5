//! Pages of lists. A token says where to go on, and belongs to the arguments it was given for.

use std::fmt::Write;

use exgate_domain::ids::ObservationDigest;

use super::OperatorError;

/// How many rows a page has when nobody says.
const ROWS_DEFAULT: u32 = 500;
/// The most rows of one page.
const ROWS_MAX: u32 = 1000;
/// The most bytes of one page: less than the longest message.
const BYTES_MAX: usize = 768 * 1024;
/// The most characters in a token.
const TOKEN_CHARS_MAX: usize = 2048;
/// Hexadecimal digits in a token that stand for the arguments.
const ARGUMENTS_DIGITS: usize = 16;

/// Which page is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageRequest {
    /// The most rows; 0 for the default.
    pub size: i32,
    /// From the page before; empty for the first.
    pub token: String,
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Its rows.
    pub rows: Vec<T>,
    /// For the next page; empty on the last one.
    pub next: String,
}

/// A request that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut {
    /// The most rows.
    pub(super) limit: u32,
    /// Where the page before ended.
    pub(super) after: Option<String>,
    arguments: String,
}

impl Cut {
    /// Understands a request for a page of the list that `arguments` asks for.
    pub(super) fn of(request: &PageRequest, arguments: &str) -> Result<Self, OperatorError> {
        let size = u32::try_from(request.size).map_err(|_| OperatorError::Invalid {
            field: "page_size",
            problem: format!("{} is negative", request.size),
        })?;
        let limit = if size == 0 { ROWS_DEFAULT } else { size.min(ROWS_MAX) };
        let arguments = ObservationDigest::of(arguments.as_bytes()).to_string();
        let arguments: String = arguments.chars().take(ARGUMENTS_DIGITS).collect();
        let after = match request.token.as_str() {
            "" => None,
            token => Some(read(token, &arguments)?),
        };
        Ok(Self { limit, after, arguments })
    }

    /// How many rows to fetch: one more shows whether another page follows.
    pub(super) fn fetch(&self) -> u32 {
        self.limit + 1
    }

    /// Makes the page out of what was fetched; `position` says where a row stands.
    pub(super) fn page<T>(&self, rows: Vec<T>, position: impl Fn(&T) -> String) -> Page<T> {
        self.weighed(rows, position, |_| 0)
    }

    /// The same, ended early where the rows' bytes would not fit into one message.
    pub(super) fn weighed<T>(
        &self,
        mut rows: Vec<T>,
        position: impl Fn(&T) -> String,
        bytes: impl Fn(&T) -> usize,
    ) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let mut sum = 0;
        let fits = |row: &T| {
            sum += bytes(row);
            sum <= BYTES_MAX
        };
        let whole = rows.iter().map(fits).take_while(|fits| *fits).count().clamp(1, limit);
        let more = rows.len() > whole;
        rows.truncate(whole);
        let next = match rows.last() {
            Some(last) if more => write(&self.arguments, &position(last)),
            Some(_) | None => String::new(),
        };
        Page { rows, next }
    }
}

fn write(arguments: &str, position: &str) -> String {
    position.bytes().fold(arguments.to_owned(), |mut token, byte| {
        // Writing to a String does not fail.
        write!(token, "{byte:02x}").unwrap_or_default();
        token
    })
}

fn read(token: &str, arguments: &str) -> Result<String, OperatorError> {
    let malformed =
        || OperatorError::Invalid { field: "page_token", problem: "it is none of ours".to_owned() };
    let is_hex = token.bytes().all(|byte| byte.is_ascii_hexdigit());
    if token.len() > TOKEN_CHARS_MAX || !token.len().is_multiple_of(2) || !is_hex {
        return Err(malformed());
    }
    let (of, position) = token.split_at_checked(ARGUMENTS_DIGITS).ok_or_else(malformed)?;
    if of != arguments {
        return Err(OperatorError::PageTokenMismatch);
    }
    let mut bytes = Vec::with_capacity(position.len() / 2);
    for pair in position.as_bytes().chunks(2) {
        let pair = std::str::from_utf8(pair).map_err(|_| malformed())?;
        bytes.push(u8::from_str_radix(pair, 16).map_err(|_| malformed())?);
    }
    String::from_utf8(bytes).map_err(|_| malformed())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(size: i32, token: &str) -> PageRequest {
        PageRequest { size, token: token.to_owned() }
    }

    #[test]
    fn sizes_are_coerced_and_a_negative_one_is_refused() {
        for (size, limit) in [(0, 500), (1, 1), (1000, 1000), (5000, 1000)] {
            assert_eq!(Cut::of(&request(size, ""), "").unwrap().limit, limit);
        }
        let refused = Cut::of(&request(-1, ""), "").unwrap_err();
        assert!(matches!(refused, OperatorError::Invalid { field: "page_size", .. }));
    }

    #[test]
    fn a_token_for_other_arguments_and_a_forged_one_are_refused() {
        let cut = Cut::of(&request(1, ""), "organizations/contoso").unwrap();
        let page = cut.page(vec!["a", "b"], |row| (*row).to_owned());
        assert_eq!(page.rows, ["a"]);

        let again = Cut::of(&request(1, &page.next), "organizations/contoso").unwrap();
        assert_eq!(again.after.as_deref(), Some("a"));
        let other = Cut::of(&request(1, &page.next), "organizations/fabrikam").unwrap_err();
        assert!(matches!(other, OperatorError::PageTokenMismatch));
        let (long, odd) = ("0".repeat(5000), format!("{}0", page.next));
        for forged in ["x", "12", "ä", &odd, &long] {
            assert!(Cut::of(&request(1, forged), "organizations/contoso").is_err(), "{forged}");
        }
    }

    #[test]
    fn a_page_of_heavy_rows_ends_early_and_goes_on() {
        let cut = Cut::of(&request(1000, ""), "").unwrap();
        let rows: Vec<_> = (100..200).collect();
        let page = cut.weighed(rows.clone(), ToString::to_string, |_| BYTES_MAX / 10);
        assert_eq!(page.rows, rows[..10]);
        assert_eq!(Cut::of(&request(1, &page.next), "").unwrap().after.as_deref(), Some("109"));
        let page = cut.weighed(rows, ToString::to_string, |_| BYTES_MAX * 2);
        assert_eq!(page.rows, [100], "a page is never empty");
    }

    proptest! {
        #[test]
        fn pages_of_any_size_show_every_row_once(
            count in 0..50_usize,
            size in 1..20_i32,
            arguments in ".{0,20}",
        ) {
            let rows: Vec<_> = (0..count).map(|n| format!("ä{n:03}")).collect();
            let mut seen = Vec::new();
            let mut token = String::new();
            loop {
                let cut = Cut::of(&request(size, &token), &arguments).unwrap();
                let rest = rows.iter().filter(|row| cut.after.as_ref().is_none_or(|it| *row > it));
                let fetched = rest.take(cut.fetch() as usize).cloned().collect();
                let page = cut.page(fetched, |row: &String| row.clone());
                seen.extend(page.rows);
                token = page.next;
                if token.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(seen, rows);
        }
    }
}
