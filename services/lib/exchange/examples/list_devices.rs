//! Lists the mobile devices of an Exchange organization, one a line, as they arrive; changes nothing:
//! `list_devices https://cas01.example.com/PowerShell/ 'EXAMPLE\svc-exgate' password.txt [ca.pem]`
#![expect(clippy::print_stdout, reason = "an example speaks to its user")]

use std::error::Error;

use exgate_exchange::cmdlets::{self, DeviceFamily, DeviceSelection, ResultSize};
use exgate_exchange::credentials::Credentials;
use exgate_exchange::http::{Authentication, Transport, TrustAnchors};
use exgate_exchange::session::{Options, Session};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("give: address account secret-file [ca-file]");
    let (address, account, secret) = (next()?, next()?, next()?);
    let anchors = next().map_or(TrustAnchors::Platform, |file| TrustAnchors::File(file.into()));
    let basic = Authentication::Basic(Credentials::from_file(&account, secret.as_ref())?);

    let transport = Transport::new(address.parse()?, basic, &anchors)?;
    let session = Session::open(Options::new(transport)).await?;
    let all = (DeviceSelection::All, ResultSize::Unlimited);
    let devices = cmdlets::get_device(DeviceFamily::Mobile, all.0, all.1, None);
    let mut devices = session.run(devices).await?;
    while let Some(device) = devices.next().await? {
        let (guid, id) = (device.guid.unwrap_or_default(), device.device_id.unwrap_or_default());
        println!("{guid}\t{id}\t{}", device.device_access_state.unwrap_or_default());
    }
    // Tells whether the listing is complete.
    devices.finish().await?;
    Ok(session.close().await?)
}
