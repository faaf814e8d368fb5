//! How an organization's Exchange servers stand.

use exgate_domain::standing::{Breaker, ServerStanding, Standing};

use crate::convert::Malformed;
use crate::convert::field::{enumeration, instant_if_any, to_instant};
use crate::types::v1 as pb;

impl TryFrom<pb::Standing> for Standing {
    type Error = Malformed;

    fn try_from(wire: pb::Standing) -> Result<Self, Malformed> {
        let pb::Standing { primary, current, failover, fallback_since, servers } = wire;
        Ok(Self {
            primary,
            current,
            failover,
            fallback_since: instant_if_any("fallback_since", fallback_since)?,
            servers: servers.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        })
    }
}

impl TryFrom<pb::ServerStanding> for ServerStanding {
    type Error = Malformed;

    fn try_from(wire: pb::ServerStanding) -> Result<Self, Malformed> {
        let pb::ServerStanding { host, version, site, breaker, problem, failed_at } = wire;
        Ok(Self {
            host,
            version,
            site,
            breaker: enumeration::<pb::Breaker, Breaker>("breaker", breaker)?,
            problem,
            failed_at: instant_if_any("failed_at", failed_at)?,
        })
    }
}

impl From<Standing> for pb::Standing {
    fn from(standing: Standing) -> Self {
        let Standing { primary, current, failover, fallback_since, servers } = standing;
        Self {
            primary,
            current,
            failover,
            fallback_since: fallback_since.map(to_instant),
            servers: servers.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<ServerStanding> for pb::ServerStanding {
    fn from(server: ServerStanding) -> Self {
        let ServerStanding { host, version, site, breaker, problem, failed_at } = server;
        Self {
            host,
            version,
            site,
            breaker: pb::Breaker::from(breaker).into(),
            problem,
            failed_at: failed_at.map(to_instant),
        }
    }
}
