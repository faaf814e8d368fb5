//! Compiles the `.proto` files with protox, so that no machine needs protoc, and keeps the descriptor
//! set for reflection.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

const FILES: [&str; 14] = [
    "exgate/types/v1/observation.proto",
    "exgate/types/v1/statistics.proto",
    "exgate/types/v1/decision.proto",
    "exgate/types/v1/policy.proto",
    "exgate/types/v1/servers.proto",
    "exgate/types/v1/checks.proto",
    "exgate/agent/v1/agent.proto",
    "exgate/evaluator/v1/evaluator.proto",
    "exgate/v1/organizations.proto",
    "exgate/v1/syncs.proto",
    "exgate/v1/devices.proto",
    "exgate/v1/simulation.proto",
    "exgate/v1/policies.proto",
    "exgate/v1/system.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=exgate");
    let descriptors = protox::compile(FILES, ["."])?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    fs::write(out.join("descriptors.binpb"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
