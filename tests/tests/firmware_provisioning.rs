//! The firmware as it ships, in QEMU, told on its console who it is: by `vigil-sim provision` as a person would, and
//! with the power cut while it saves.
//!
//! `VIGIL_KILLS=1000 VIGIL_SEED=7 cargo test -p vigil-tests --test firmware_provisioning power -- --nocapture` for more cuts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "test helpers"
)]

use std::process::Command;
use std::time::{Duration, Instant};
use vigil_simulator::provision::{Console, Target};
use vigil_simulator::rng::Rng;
use vigil_tests::bench::{Bench, Broker, SOON, number, or_skipped};
use vigil_tests::process::{Process, binary};
use vigil_tests::slave::Shows;
use vigil_tests::{Place, card};

/// Shown by the transmitter, kPa.
const PRESSURE: u16 = 1_040;
/// For an answer of the console.
const PATIENCE: Duration = Duration::from_secs(20);

/// `vigil-sim provision` with these arguments behind the console; what it said.
fn provision(place: &Place, console: &str, arguments: &[&str]) -> String {
    let log = place.path().join("provision.log");
    let mut command = Command::new(binary("vigil-sim"));
    command.args(["provision", console]).args(arguments);
    let mut process = Process::start_logged("provision", &mut command, &log);
    let status = process.wait(SOON);
    let said = std::fs::read_to_string(&log).unwrap();
    assert!(status.success(), "{status}: {said}");
    said
}

fn takes_a_new_name_and_reports_under_it(broker: Broker) {
    let bench = Bench::start("firmware-provision", broker, Shows::Kilopascal(PRESSURE));
    let Some(mut bench) = or_skipped(bench) else {
        return;
    };
    let settings = "\
        # the boiler house\n\
        set group haicheng\n\
        set node edge-9\n\
        set broker 10.0.2.100 1883\n\
        set port 0 115200 100\n\
        set device 0 boiler-7\n\
        set channel 0 0 steam_pressure transmitter 0 1 every 200 dead 0.005 gain 0.5\n";
    let file = bench.place.write("settings.txt", settings);
    let file = file.to_str().unwrap();
    let said = provision(
        &bench.place,
        &bench.board.console(),
        &[file, "--test", "--reboot"],
    );
    for line in settings.lines().skip(1) {
        assert!(said.contains(line), "{line:?} is not shown:\n{said}");
    }
    // A test reads with the settings being edited, as the sensor shows it.
    assert!(
        said.contains("channel 0: 1.04") && !said.contains("# not saved"),
        "{said}"
    );

    bench.board.wait_for("reset: requested", SOON);
    bench.board.wait_for("vigil node haicheng/edge-9", SOON);
    bench.board.wait_for("link: connected", SOON);
    let path = "/api/v1/nodes/haicheng/edge-9";
    let node = bench.gateway.api().wait_until(path, SOON, |node| {
        node["state"] == "online" && node["journal"]["contiguous"].is_u64()
    });
    let devices = node["devices"].as_array().unwrap();
    assert!(devices.iter().any(|own| own["device"] == "boiler-7"), "{node:#}");
    // Calibrated as it was told.
    let halved = |bench: &Bench| {
        let readings = bench.register().readings();
        let mut own = readings.keys().filter(|(device, metric, ..)| {
            (device.as_str(), metric.as_str()) == ("boiler-7", "steam_pressure")
        });
        own.any(|(.., value)| {
            value
                .parse::<f64>()
                .is_ok_and(|shown| (shown - 0.52).abs() < 1e-3)
        })
    };
    assert!(bench.until(SOON, halved), "{:?}", bench.register().readings());
    // It is kept over a power cut, and can be looked at without changing anything.
    bench.board.cut_power();
    bench.board.power_up();
    bench.board.wait_for("vigil node haicheng/edge-9", SOON);
    let said = provision(&bench.place, &bench.board.console(), &[]);
    assert!(
        said.contains("set node edge-9") && !said.contains("error:"),
        "{said}"
    );
    bench.gateway.api().wait_until(path, SOON, |node| {
        node["state"] == "online" && node["births"] == 2
    });
}

#[test]
fn a_provisioned_board_reports_under_its_new_name_with_the_embedded_broker() {
    takes_a_new_name_and_reports_under_it(Broker::Embedded);
}

#[test]
fn a_provisioned_board_reports_under_its_new_name_with_mosquitto() {
    takes_a_new_name_and_reports_under_it(Broker::Mosquitto);
}

/// Settings that differ from their neighbours in everything, and in length.
fn settings(n: u32) -> Vec<String> {
    let mut lines = vec![
        format!("set group group-{n}"),
        format!("set node node-{n}"),
        "set broker 10.0.2.100 1883".to_owned(),
        format!("set port 0 115200 {}", 50 + n % 50),
    ];
    let (devices, channels) = if n.is_multiple_of(2) { (1, 1) } else { (6, 12) };
    lines.extend((0..devices).map(|device| format!("set device {device} device-{n}-{device}")));
    lines.extend((0..channels).map(|channel: u32| {
        let quantity = ["steam_pressure", "furnace_pressure"][channel as usize / 6];
        format!(
            "set channel {channel} {} {quantity} transmitter 0 1 every {} dead 0.{:03}",
            channel % 6,
            1_000 + n,
            n % 1_000
        )
    }));
    lines
}

fn open(bench: &Bench) -> Console {
    let target: Target = bench.board.console().parse().unwrap();
    Console::open(&target, PATIENCE).unwrap()
}

/// What the board runs with, as it would be typed.
fn shown(console: &mut Console) -> Vec<String> {
    let mut lines = console.command("show").unwrap();
    lines.retain(|line| line.starts_with("set "));
    lines
}

#[test]
fn a_power_cut_while_the_settings_are_saved_leaves_the_old_ones_or_the_new_ones() {
    let bench = Bench::start_with(
        "firmware-save",
        Broker::Embedded,
        Shows::Kilopascal(PRESSURE),
        |_| (),
    );
    let Some(mut bench) = or_skipped(bench) else {
        return;
    };
    let mut rng = Rng::new(number("VIGIL_SEED", 41).into());
    let (mut new, mut answered, mut torn) = (0, 0, 0);
    // How long saving takes on this machine.
    let mut console = open(&bench);
    let enter = |console: &mut Console, n: u32| {
        console.command("clear").unwrap();
        console.script(&settings(n).join("\n")).unwrap();
        shown(console)
    };
    enter(&mut console, 1);
    let began = Instant::now();
    console.command("save").unwrap();
    let mut took = began.elapsed();
    // The other slot has its first settings now, too.
    let mut old = enter(&mut console, 2);
    let began = Instant::now();
    console.command("save").unwrap();
    took = took.min(began.elapsed());
    let (least, mut cuts) = (number("VIGIL_KILLS", 60), 0);
    // A machine that is busy just then cuts late; it gets more chances to cut in time.
    while cuts < least || (torn == 0 && cuts < 5 * least) {
        cuts += 1;
        let n = cuts + 2;
        let wanted = enter(&mut console, n);
        assert_ne!(wanted, old);
        let pause = took.mul_f64(rng.unit() * 3.0);
        let saving = std::thread::spawn(move || console.command("save").is_ok());
        std::thread::park_timeout(pause);
        bench.board.cut_power();
        let said_so = saving.join().unwrap();
        torn += u32::from(card::settings_heads(&bench.board.card()) < 2);
        bench.board.power_up();
        console = open(&bench);
        let found = shown(&mut console);
        assert!(
            found == wanted || (found == old && !said_so),
            "saved: {said_so}; old {old:#?}\nnew {wanted:#?}\nfound {found:#?}"
        );
        answered += u32::from(said_so);
        new += u32::from(found == wanted);
        // The board works with what it found.
        let read = console.command("test 0").unwrap().join("\n");
        assert!(read.contains("channel 0: 1.04"), "{read}");
        old = found;
    }
    eprintln!(
        "{cuts} cuts around saving, which takes {} ms: {torn} left it half done; {new} times the new settings were found, \
         {answered} of them confirmed, {} times the old",
        took.as_millis(),
        cuts - new
    );
    assert!(torn > 0, "no cut fell into the saving: nothing was shown");
    // And it reports under the name that it has now.
    let name = |word: &str| {
        let line = old.iter().find(|line| line.starts_with(&format!("set {word} ")));
        line.unwrap().rsplit(' ').next().unwrap().to_owned()
    };
    let path = format!("/api/v1/nodes/{}/{}", name("group"), name("node"));
    bench
        .gateway
        .api()
        .wait_until(&path, SOON, |node| node["state"] == "online");
    assert!(
        !bench.board.said().contains("reset: panic"),
        "{}",
        bench.board.said()
    );
}
