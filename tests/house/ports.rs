//! Owns ports that stay the same when a part is stopped and started again: below those that the
//! system hands out by itself, so that nobody else takes one meanwhile.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

const FIRST: u32 = 12_000;
const SPAN: u32 = 18_000;

/// A port that nobody listens on, and that no other test of this process gets.
///
/// # Panics
/// When there is none left.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let offset = std::process::id().wrapping_mul(131);
    for _ in 0..SPAN {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + offset.wrapping_add(number) % SPAN;
        let port = u16::try_from(port).expect("a port");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}
