//! Owns Autodiscover: from a mail address to the addresses of the services, as `soap` (GetUserSettings, since
//! 2010) and as `pox` (plain old XML, since 2007) tell it.
//!
//! Sources: [MS-OXWSADISC], [MS-OXDSCLI], "Autodiscover for Exchange" on learn.microsoft.com.
//! Invariant: what is told can be connected to. A client that came by a name is told names (the server's own
//! inside, `mail.DOMAIN` outside), with a port where it named one; a client that came by `localhost` is told
//! `localhost` and the port.

pub mod pox;
pub mod soap;

use std::sync::Arc;

use crate::faults::AutodiscoverAnswer;
use crate::live::Live;
use crate::mailboxes::delivery::mailbox_of;
use crate::web::{Answer, Call};
use crate::world::World;
use crate::world::mailbox::Mailbox;

/// The largest request, in bytes.
pub const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// Whose settings an address leads to.
#[derive(Clone, Debug)]
enum Whose {
    /// This mailbox's.
    Mailbox(Arc<Mailbox>),
    /// Nobody's.
    Nobody,
    /// Another organization's.
    OtherDomain,
}

/// The authorities of the URLs that a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Authorities {
    inside: String,
    outside: String,
}

impl Authorities {
    fn of(call: &Call<'_>) -> Self {
        let (name, domain) = call.live.read(|world| {
            let held = world.servers.iter().find(|held| held.name == call.server);
            let fqdn = held.map_or_else(|| world.blueprint.server_fqdn(), |held| held.fqdn.clone());
            (fqdn, world.blueprint.domain.clone())
        });
        Self::told(call.host, call.https_port, &name, &domain)
    }

    fn told(host: &str, https_port: u16, server: &str, domain: &str) -> Self {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, _)) => (name, format!(":{https_port}")),
            None => (host, String::new()),
        };
        if name.eq_ignore_ascii_case("localhost") || name.starts_with("127.") {
            let here = format!("{name}:{https_port}");
            return Self { inside: here.clone(), outside: here };
        }
        Self { inside: format!("{server}{port}"), outside: format!("mail.{domain}{port}") }
    }
}

/// Where plain http leads: the same path over https, as administrators set it up for clients that look for
/// `http://autodiscover.DOMAIN` ("Autodiscover for Exchange", the redirect method).
pub fn over_https(live: &Live, host: &str, https_port: u16, path: &str) -> Answer {
    let domain = live.read(|world| world.blueprint.domain.clone());
    let told = Authorities::told(host, https_port, "", &domain);
    Answer::elsewhere(format!("https://{}{path}", told.outside))
}

fn whose(world: &World, address: &str) -> Whose {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    match mailbox_of(world, address) {
        Some(mailbox) => Whose::Mailbox(mailbox),
        None if domain.eq_ignore_ascii_case(&world.blueprint.domain) => Whose::Nobody,
        None => Whose::OtherDomain,
    }
}

/// What the experimenter wants instead of settings, as far as it is none of the two dialects' own.
fn over_http(wanted: &AutodiscoverAnswer) -> Option<Answer> {
    match wanted {
        AutodiscoverAnswer::HttpRedirect(url) => Some(Answer::elsewhere(url.clone())),
        AutodiscoverAnswer::HttpStatus(status) => {
            let status = http::StatusCode::from_u16(*status);
            let status = status.unwrap_or(http::StatusCode::SERVICE_UNAVAILABLE);
            Some(Answer::new(status, "text/plain; charset=utf-8", status.to_string()))
        }
        AutodiscoverAnswer::RedirectAddress(_)
        | AutodiscoverAnswer::RedirectUrl(_)
        | AutodiscoverAnswer::Error(_) => None,
    }
}

#[cfg(test)]
mod tests;
