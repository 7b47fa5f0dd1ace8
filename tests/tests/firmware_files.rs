//! What is there to look at when a test with a board has failed, and that the board talks to its broker only.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "test helpers"
)]

use std::net::Ipv4Addr;
use std::path::Path;
use vigil_tests::bench::{Bench, Broker, SOON, or_skipped};
use vigil_tests::slave::Shows;

/// The IPv4 packets of a capture: from, to.
fn packets(capture: &Path) -> Vec<(Ipv4Addr, Ipv4Addr)> {
    const FILE_HEAD: usize = 24;
    const PACKET_HEAD: usize = 16;
    const IPV4: [u8; 2] = [0x08, 0x00];
    let bytes = std::fs::read(capture).unwrap();
    let mut rest = bytes.get(FILE_HEAD..).unwrap_or(&[]);
    let mut found = Vec::new();
    // The last packet may be cut short, as its board was.
    while let Some(length) = rest.get(8..12) {
        let length = u32::from_le_bytes(length.try_into().unwrap()) as usize;
        let Some(frame) = rest.get(PACKET_HEAD..PACKET_HEAD + length) else {
            break;
        };
        let address = |at: usize| {
            let bytes: [u8; 4] = frame[at..at + 4].try_into().unwrap();
            Ipv4Addr::from(bytes)
        };
        if frame.len() >= 34 && frame[12..14] == IPV4 {
            found.push((address(26), address(30)));
        }
        rest = &rest[PACKET_HEAD + length..];
    }
    found
}

#[test]
fn a_test_that_fails_keeps_console_card_captures_and_logs_and_the_board_has_talked_to_its_broker_only() {
    let (send, place) = std::sync::mpsc::sync_channel(1);
    let failing = std::thread::spawn(move || {
        let bench = Bench::start("firmware-files", Broker::Mosquitto, Shows::Count);
        let Some(mut bench) = or_skipped(bench) else {
            return;
        };
        assert!(bench.until(SOON, |bench| bench.counts().len() > 5));
        bench.board.cut_power();
        bench.board.power_up();
        bench.board.wait_for("link: connected", SOON);
        send.send(bench.place.path().to_owned()).unwrap();
        panic!("as a test does");
    });
    let failed = failing.join().is_err();
    let Ok(place) = place.recv() else {
        assert!(!failed, "it failed otherwise than it should");
        return;
    };
    let kept = |name: &str| std::fs::read_to_string(place.join(name)).unwrap();
    let console = kept("board/console.log");
    assert_eq!(console.matches("link: connected").count(), 2, "{console}");
    assert!(kept("gateway/gateway.log").contains("http://"));
    assert!(kept("mosquitto/mosquitto.log").contains("running"));
    assert!(place.join("gateway/data/vigil.db").exists() && place.join("board/card.img").exists());
    let broker = Ipv4Addr::new(10, 0, 2, 100);
    for start in 0..2 {
        let capture = place.join(format!("board/network-{start}.pcap"));
        let packets = packets(&capture);
        assert!(
            packets.iter().any(|(_, to)| *to == broker),
            "{}: {packets:?}",
            capture.display()
        );
        let own = |address: &Ipv4Addr| {
            address.octets().starts_with(&[10, 0, 2]) || address.is_broadcast() || address.is_unspecified()
        };
        let strange: Vec<_> = packets
            .iter()
            .filter(|(from, to)| !own(from) || !own(to))
            .collect();
        assert!(strange.is_empty(), "{}: {strange:?}", capture.display());
    }
    std::fs::remove_dir_all(&place).unwrap();
}
