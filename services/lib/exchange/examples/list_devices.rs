//! Lists the mobile devices of an Exchange organization, one per line, as they arrive. Changes
//! nothing.
//!
//! ```text
//! cargo run --release --example list_devices -- \
//!     https://cas01.example.com/PowerShell/ 'EXAMPLE\svc-exgate' password.txt [ca.pem]
//! ```
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example speaks to its user")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use exgate_exchange::cmdlets::{self, DeviceFamily, DeviceSelection, Families, ResultSize, Task};
use exgate_exchange::credentials::Credentials;
use exgate_exchange::http::{Authentication, Transport, TrustAnchors};
use exgate_exchange::session::{Options, Session};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (address, account, secret, anchors) = match arguments.as_slice() {
        [address, account, secret] => (address, account, secret, TrustAnchors::Platform),
        [address, account, secret, ca] => (address, account, secret, TrustAnchors::File(ca.into())),
        _ => return Err("give: address account secret-file [ca-file]".into()),
    };
    let credentials = Credentials::from_file(account, Path::new(secret))?;
    let transport = Transport::new(address.parse()?, Authentication::Basic(credentials), &anchors)?;

    let session = Session::open(Options::new(transport)).await?;
    session.execute(cmdlets::set_ad_server_settings(None)).await?;
    let commands =
        session.run(cmdlets::get_command(cmdlets::asked_about())).await?.collect().await?;
    let family =
        DeviceFamily::choose(&commands).ok_or("no cmdlet that lists devices is visible")?;
    for missing in cmdlets::missing(&Families::all(family).required(Task::Read), &commands) {
        eprintln!("not visible to this account: {missing}");
    }

    let start = Instant::now();
    let devices = cmdlets::get_device(family, DeviceSelection::All, ResultSize::Unlimited, None);
    let mut devices = session.run(devices).await?;
    while let Some(device) = devices.next().await? {
        println!(
            "{}\t{}\t{}\t{}",
            device.guid.unwrap_or_default(),
            device.device_id.unwrap_or_default(),
            device.device_access_state.unwrap_or_default(),
            device.identity.unwrap_or_default(),
        );
    }
    let elapsed = start.elapsed();
    let rows = devices.summary().rows;
    let counts = session.counts();
    eprintln!(
        "{rows} devices in {:.3} s ({:.0}/s), {} requests, {} bytes received",
        elapsed.as_secs_f64(),
        rows as f64 / elapsed.as_secs_f64(),
        counts.requests,
        counts.bytes_received,
    );
    devices.finish().await?;
    session.close().await?;
    Ok(())
}
