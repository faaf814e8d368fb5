//! S1 and S2: the simulator itself. S1 starts a million devices as a process, lists them all over its control
//! surface, and generates them once more in this process. S2 lists devices with a client that nobody here
//! wrote, and shows the CPU of both sides: the client shall be the limit, not the server.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use exchange_sim::world::blueprint::Blueprint;
use exchange_sim::world::organization::{AccessLevel, Version};

use crate::arguments::Plan;
use crate::peers::{self, Peer};
use crate::processes::{House, Site, unless_interrupted};
use crate::report::{Kind, Result, Side, Verdict};

/// The devices of S1, whatever the size of the run: they cost nothing until they are looked at.
const DEVICES: usize = 1_000_000;
/// How long S1 may take, from the simulator's start to the last device.
const LIMIT: Duration = Duration::from_secs(300);
/// How long it may take to start, and what it may hold.
const START_S_MAX: f64 = 10.0;
const START_S_STRETCH: f64 = 2.0;
const RESIDENT_MIB_MAX: f64 = 1024.0;
const RESIDENT_MIB_STRETCH: f64 = 128.0;
/// The share of the server in the CPU of both sides, of which the client has the rest.
const SHARE_MAX: f64 = 0.5;
const SHARE_STRETCH: f64 = 0.25;
/// How many bytes of an answer are read at once.
const READ_BYTES: usize = 64 * 1024;

/// A million devices: start, memory, and how fast they are made.
pub(crate) fn scale(plan: &Plan) -> anyhow::Result<Vec<Result>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let started = runtime
        .block_on(unless_interrupted(start(plan.seed)))
        .with_context(|| format!("S1: a simulator of {DEVICES} devices"))?;
    let rate = generated(plan.seed)?;
    let Started { start, listing, resident_kib, started_kib } = started;
    println!(
        "S1: {DEVICES} devices: started in {:.2} s with {:.1} MiB; {rate:.0} devices/s generated; all of them \
         listed as JSON in {:.1} s, {:.1} MiB at most",
        start.as_secs_f64(),
        mib(started_kib),
        listing.as_secs_f64(),
        mib(resident_kib),
    );
    let side = |wall: Duration| Side {
        wall_s: Some(wall.as_secs_f64()),
        rss_kib: Some(resident_kib),
        ..Side::default()
    };
    let seconds = start.as_secs_f64();
    let limits = (START_S_MAX, START_S_STRETCH);
    let begun = result("S1 start of 1M devices", (seconds, "s"), limits, side(start));
    let limits = (RESIDENT_MIB_MAX, RESIDENT_MIB_STRETCH);
    let held =
        result("S1 ... resident, all listed", (mib(resident_kib), "MiB"), limits, side(listing));
    let made = Result {
        target: None,
        stretch: None,
        verdict: Verdict::Shown,
        ..result("S1 ... devices generated", (rate, "/s"), (0.0, 0.0), Side::default())
    };
    Ok(vec![begun, held, made])
}

/// A listing with pypsrp; without Python it is skipped.
pub(crate) fn listing(plan: &Plan) -> anyhow::Result<Vec<Result>> {
    const ID: &str = "S2 server's share of a listing";
    let Some(python) = peers::python(plan) else {
        println!("{ID}: skipped, no Python with pypsrp (`make bench` installs it; or --python)");
        return Ok(vec![peers::skipped(ID, plan.devices_listed, SHARE_MAX, SHARE_STRETCH)]);
    };
    let devices = plan.devices_listed;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (theirs, server) = runtime.block_on(unless_interrupted(async {
        let house = House::exchange_only(devices, plan.seed, LIMIT).await?;
        let site: Site = house.site();
        let before = house.simulator_cpu()?;
        let listed = peers::listed(Peer::Pypsrp, &python, &site, devices).await?;
        let server = house.simulator_cpu()?.saturating_sub(before);
        ensure!(listed.devices.len() == devices, "{} devices were seen", listed.devices.len());
        house.stop();
        Ok((listed.cpu, server))
    }))?;
    let (theirs, server) = (theirs.as_secs_f64(), server.as_secs_f64());
    let share = server / (server + theirs);
    println!(
        "S2: a listing of {devices} devices by pypsrp: client {theirs:.2} s, simulator {server:.2} s of CPU"
    );
    let per_device = |seconds: f64| Side {
        cpu_us_per_unit: Some(seconds * 1e6 / devices as f64),
        ..Side::default()
    };
    let limits = (SHARE_MAX, SHARE_STRETCH);
    Ok(vec![Result {
        kind: Kind::Ratio,
        n: devices,
        floor: Some(per_device(theirs)),
        ..result(ID, (share, "of both"), limits, per_device(server))
    }])
}

/// What a start came to.
struct Started {
    start: Duration,
    listing: Duration,
    started_kib: u64,
    resident_kib: u64,
}

async fn start(seed: u64) -> anyhow::Result<Started> {
    let begun = Instant::now();
    let house = House::exchange_only(DEVICES, seed, LIMIT).await?;
    let start = begun.elapsed();
    let started_kib = house.simulator_peak_kib()?;
    let begun = Instant::now();
    let guids = listed(house.control_port())?;
    ensure!(guids == DEVICES, "{guids} of {DEVICES} devices were listed");
    let listing = begun.elapsed();
    let resident_kib = house.simulator_peak_kib()?;
    house.stop();
    Ok(Started { start, listing, started_kib, resident_kib })
}

/// Lists every device over the control surface, and counts them as they pass.
fn listed(port: u16) -> anyhow::Result<usize> {
    const MARK: &[u8] = b"\"device_id\":";
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(
        b"GET /organizations/contoso/devices HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    )?;
    let (mut buffer, mut kept, mut count) = (vec![0; READ_BYTES], Vec::new(), 0);
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(count);
        }
        kept.extend_from_slice(&buffer[..length]);
        count += kept.windows(MARK.len()).filter(|window| *window == MARK).count();
        // A mark may begin at the end of one piece and end in the next.
        kept.drain(..kept.len().saturating_sub(MARK.len() - 1));
    }
}

/// How many devices a thread makes in a second.
fn generated(seed: u64) -> anyhow::Result<f64> {
    let world = Blueprint {
        name: "contoso".to_owned(),
        domain: "contoso.com".to_owned(),
        version: Version::Exchange2019,
        seed,
        mailboxes: DEVICES / 2 + DEVICES / 40,
        devices: DEVICES,
        approved_percent: 30,
        default_access_level: AccessLevel::Quarantine,
        user_mail_insert: String::new(),
        admin_mail_recipients: Vec::new(),
        filters_devices_by_change: true,
        hosted: false,
        further_servers: Vec::new(),
        epoch: exgate_runtime::clock::Clock::system().now(),
    }
    .build();
    let begun = Instant::now();
    let count = world.devices().filter(|device| !device.device_id.is_empty()).count();
    ensure!(count == DEVICES, "{count} of {DEVICES} devices were made");
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

fn result(
    id: &'static str,
    (value, unit): (f64, &'static str),
    (target, stretch): (f64, f64),
    ours: Side,
) -> Result {
    Result {
        id,
        kind: Kind::Memory,
        n: DEVICES,
        value,
        unit,
        target: Some(target),
        stretch: Some(stretch),
        spread: None,
        rounds: Some(1),
        ours: Some(ours),
        floor: None,
        verdict: Verdict::of(value, target, stretch, 0.0),
    }
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
