//! Which hosts a setting speaks of: exact names, or everything below a domain. A pattern never
//! matches by accident: the text before a domain ends in a dot.

/// Host names that a setting lists: `ex01.example.com` is that host alone, `*.example.com` or
/// `.example.com` every host below that domain and not the domain itself. Case does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostPatterns(Vec<String>);

/// A text that names no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{text}' is no host: give a name such as ex01.example.com, or *.example.com for all below a domain"
)]
pub struct PatternError {
    /// The text as it was given.
    pub text: String,
}

impl HostPatterns {
    /// Reads patterns.
    pub fn new<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, PatternError> {
        texts.into_iter().map(|text| pattern(text.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a host is listed. An IPv6 literal may stand in brackets.
    pub fn lists(&self, host: &str) -> bool {
        let host = bare(host).to_ascii_lowercase();
        self.0.iter().any(|pattern| match pattern.strip_prefix('.') {
            Some(_) => host.len() > pattern.len() && host.ends_with(pattern.as_str()),
            None => host == *pattern,
        })
    }

    /// Whether no host is listed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A host without the brackets of an IPv6 literal.
pub(super) fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

fn pattern(text: &str) -> Result<String, PatternError> {
    let refused = || PatternError { text: text.to_owned() };
    let lower = bare(text.trim()).to_ascii_lowercase();
    let name = lower.strip_prefix('*').unwrap_or(&lower);
    let is_suffix = name.starts_with('.');
    if name.len() != lower.len() && !is_suffix {
        return Err(refused());
    }
    let labels = name.strip_prefix('.').unwrap_or(name);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    if labels.is_empty() || labels.starts_with('.') || !labels.bytes().all(is_name) {
        return Err(refused());
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_lists_a_host_or_what_is_below_a_domain() {
        let hosts =
            HostPatterns::new(["EX01.example.com", "*.contoso.com", ".fabrikam.com", "[::1]"])
                .unwrap();
        for listed in ["ex01.example.com", "a.contoso.com", "a.b.Contoso.com", "x.fabrikam.com"] {
            assert!(hosts.lists(listed), "{listed}");
        }
        assert!(hosts.lists("::1") && hosts.lists("[::1]"));
        for other in ["ex02.example.com", "contoso.com", "evilcontoso.com", "contoso.com.evil.test"]
        {
            assert!(!hosts.lists(other), "{other}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for bad in ["", " ", "*", "*contoso.com", "..", "a b", "https://x", "*.", "a/b"] {
            assert!(HostPatterns::new([bad]).is_err(), "{bad:?}");
        }
        assert!(HostPatterns::default().is_empty());
    }
}
