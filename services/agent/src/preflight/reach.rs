//! What a server shows before anybody signs in: its certificate and its clock.

use jiff::{SignedDuration, Timestamp};

use exgate_domain::check::Step;
use exgate_exchange::http::ServerCertificate;
use exgate_runtime::clock::Clock;

/// A certificate with less left than this is worth a look.
const EXPIRY_WARNING: SignedDuration = SignedDuration::from_hours(14 * 24);
/// A clock that is off by more than this is worth a look.
const SKEW_WARNING: SignedDuration = SignedDuration::from_secs(30);
/// A clock that is off by more than this fails Kerberos (`maxClockSkew` of a domain is 5 minutes).
const SKEW_MAX: SignedDuration = SignedDuration::from_mins(5);
const DAY_HOURS: i64 = 24;

/// How the certificate is.
pub(super) fn certificate(certificate: Option<&ServerCertificate>) -> Step {
    let Some(certificate) = certificate else {
        return Step::passed("tls", "none: the connection is plain http");
    };
    let left = certificate.expires_at.duration_since(Clock::system().now());
    let days = left.as_hours() / DAY_HOURS;
    let issuer = &certificate.issuer;
    let finding =
        format!("certificate of '{}' by '{issuer}', {days} days left", certificate.subject);
    if left < EXPIRY_WARNING {
        return Step::warned("tls", finding, "renew the server's certificate");
    }
    Step::passed("tls", finding)
}

/// How far the server's clock is from ours. The server says the time in whole seconds.
pub(super) fn clock(date: Option<Timestamp>) -> Step {
    let Some(date) = date else {
        return Step::passed("clock", "the server does not say the time");
    };
    skew(date.duration_since(Clock::system().now()))
}

fn skew(skew: SignedDuration) -> Step {
    let seconds = skew.as_secs();
    let finding = match seconds {
        0 => "the server's clock is ours".to_owned(),
        1.. => format!("the server's clock is {seconds} s ahead"),
        ..0 => format!("the server's clock is {} s behind", seconds.unsigned_abs()),
    };
    let cure =
        "set the clocks of this machine, of the server and of the domain controllers by one source";
    if skew.abs() > SKEW_MAX {
        Step::failed("clock", finding, cure)
    } else if skew.abs() > SKEW_WARNING {
        Step::warned("clock", finding, cure)
    } else {
        Step::passed("clock", finding)
    }
}

#[cfg(test)]
mod tests {
    use exgate_domain::check::StepOutcome;

    use super::*;

    #[test]
    fn clocks_are_told_apart() {
        for (seconds, outcome) in [
            (0, StepOutcome::Passed),
            (-29, StepOutcome::Passed),
            (31, StepOutcome::Warned),
            (-301, StepOutcome::Failed),
        ] {
            let step = skew(SignedDuration::from_secs(seconds));
            assert_eq!(step.outcome, outcome, "{step:?}");
        }
    }

    #[test]
    fn a_certificate_that_ends_soon_is_a_warning() {
        let ends_in = |hours| {
            let now = Clock::system().now();
            let expires_at = now.checked_add(SignedDuration::from_hours(hours)).unwrap();
            let (subject, issuer) = ("CN=ex01".to_owned(), "CN=ca".to_owned());
            certificate(Some(&ServerCertificate { subject, issuer, expires_at })).outcome
        };
        assert_eq!(ends_in(24 * 13), StepOutcome::Warned);
        assert_eq!(ends_in(24 * 15), StepOutcome::Passed);
    }
}
