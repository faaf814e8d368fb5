//! The cookies of one runspace ([RFC 6265]). The front end keeps a runspace on its back end by them
//! (`X-BackEndCookie`, `MS-WSMAN`: the names are unverified, and none is looked for), so every
//! connection of a session shares one jar, and no two sessions do.

use std::sync::{Arc, Mutex, PoisonError};

use http::header::{HeaderMap, HeaderValue, SET_COOKIE};

/// A server that sets more than this many cookies is not Exchange; the oldest is forgotten.
const COOKIES_MAX: usize = 32;

/// The cookies of one runspace; a clone is the same jar.
#[derive(Debug, Clone, Default)]
pub struct Cookies {
    jar: Arc<Mutex<Vec<Cookie>>>,
}

#[derive(Debug)]
struct Cookie {
    name: String,
    value: String,
}

impl Cookies {
    /// Takes what an answer sets. Attributes are not kept: a jar meets one server only and lives as
    /// long as its runspace.
    pub(crate) fn take(&self, headers: &HeaderMap) {
        for header in headers.get_all(SET_COOKIE) {
            let Some((name, value, gone)) = header.to_str().ok().and_then(parse) else { continue };
            let mut jar = self.jar.lock().unwrap_or_else(PoisonError::into_inner);
            jar.retain(|cookie| cookie.name != name);
            if !gone {
                if jar.len() >= COOKIES_MAX {
                    jar.remove(0);
                }
                jar.push(Cookie { name: name.to_owned(), value: value.to_owned() });
            }
        }
    }

    /// The `Cookie` header of a request, if there is anything to say.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let jar = self.jar.lock().unwrap_or_else(PoisonError::into_inner);
        let text = jar
            .iter()
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect::<Vec<_>>()
            .join("; ");
        if text.is_empty() { None } else { HeaderValue::from_str(&text).ok() }
    }
}

/// Name, value, and whether the cookie is being deleted (`Max-Age` of zero or less, [RFC 6265]
/// 5.2.2).
fn parse(header: &str) -> Option<(&str, &str, bool)> {
    let mut parts = header.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let name = name.trim();
    if name.is_empty() {
        return None;
    }
    let gone = parts.any(|attribute| {
        attribute.split_once('=').is_some_and(|(key, seconds)| {
            key.trim().eq_ignore_ascii_case("max-age")
                && seconds.trim().parse::<i64>().is_ok_and(|seconds| seconds <= 0)
        })
    });
    Some((name, value.trim(), gone))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(SET_COOKIE, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn cookies_are_kept_replaced_and_deleted() {
        let cookies = Cookies::default();
        assert_eq!(cookies.header(), None);
        cookies.take(&answer(&["X-BackEndCookie=S-1=u56; path=/; secure; HttpOnly", "MS-WSMAN=1"]));
        assert_eq!(cookies.header().unwrap(), "X-BackEndCookie=S-1=u56; MS-WSMAN=1");
        cookies.take(&answer(&["MS-WSMAN=2", "X-BackEndCookie=; Max-Age=0"]));
        assert_eq!(cookies.clone().header().unwrap(), "MS-WSMAN=2");
    }

    #[test]
    fn a_jar_is_bounded() {
        let cookies = Cookies::default();
        for number in 0..100 {
            cookies.take(&answer(&[&format!("c{number}=x")]));
        }
        let header = cookies.header().unwrap();
        assert_eq!(header.to_str().unwrap().split(';').count(), COOKIES_MAX);
        assert!(header.to_str().unwrap().ends_with("c99=x"));
    }
}
