//! `forward PORT`: passes bytes between standard input, which must be a socket, and a port of this machine.
//!
//! For QEMU's `guestfwd=…-cmd:`. QEMU hands over each connection of the guest by a TCP socket that gathers small writes
//! until earlier ones are acknowledged: who reads it must acknowledge at once, or messages wait 40 ms for nothing.

use anyhow::{Context as _, Result};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd as _;
use std::os::linux::net::TcpStreamExt as _;

fn main() -> Result<()> {
    let port: u16 = std::env::args()
        .nth(1)
        .context("which port?")?
        .parse()
        .context("the port is no number")?;
    let guest = std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map(TcpStream::from)
        .context("standard input")?;
    let broker = TcpStream::connect(("127.0.0.1", port)).context("connecting to the broker")?;
    guest
        .set_nodelay(true)
        .context("standard input is no TCP socket")?;
    broker.set_nodelay(true).context("the broker's socket")?;
    let (from_guest, to_broker) = (guest.try_clone()?, broker.try_clone()?);
    std::thread::spawn(move || pass(from_guest, to_broker));
    pass(broker, guest);
    Ok(())
}

/// Until one end closes or breaks; the other hears of it.
fn pass(mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = [0; 4_096];
    loop {
        // The kernel forgets it at times.
        let quick = from.set_quickack(true);
        match from.read(&mut bytes) {
            Ok(count @ 1..) if quick.is_ok() && to.write_all(&bytes[..count]).is_ok() => {}
            _ => break,
        }
    }
    let _already_gone = to.shutdown(Shutdown::Write);
}
