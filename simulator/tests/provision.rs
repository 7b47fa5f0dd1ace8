//! The console of a node, spoken by the real program over a socket.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test file")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use vigil_firmware::provisioning::{Console, Settings, Task};
use vigil_firmware::reading::{Reading, Value};
use vigil_protocol::vocabulary::NoData;
use vigil_simulator::provision::{self, ProvisionError, Target};

/// A node's console on a socket, until it is told to reboot or the other side hangs up: what was saved last.
fn node(chatty: bool) -> (SocketAddr, JoinHandle<Option<Settings>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let node = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut console = Console::new(Settings::EMPTY);
        let mut saved = None;
        let mut bytes = [0; 64];
        while let Ok(count @ 1..) = stream.read(&mut bytes) {
            for byte in &bytes[..count] {
                let mut out = String::new();
                let task = console.on_byte(*byte, &mut out).unwrap();
                match task {
                    None => {}
                    Some(Task::Test(0)) => {
                        let reading = Reading::good(Value::Number(0.75));
                        console.on_tested(0, &reading, &mut out).unwrap();
                    }
                    Some(Task::Test(channel)) => {
                        let reading = Reading::NoData(NoData::Comm);
                        console.on_tested(channel, &reading, &mut out).unwrap();
                    }
                    Some(Task::Save) => {
                        saved = Some(console.settings().clone());
                        console.on_saved(Ok::<(), &str>(()), &mut out).unwrap();
                    }
                    Some(Task::Clock(_)) => console.on_clock_set(Ok::<(), &str>(()), &mut out).unwrap(),
                    Some(Task::Reboot) => {
                        stream.write_all(out.replace('\n', "\r\n").as_bytes()).unwrap();
                        return saved;
                    }
                }
                if chatty && !out.is_empty() {
                    out = format!("[    1234] link: connected\n{out}");
                }
                stream.write_all(out.replace('\n', "\r\n").as_bytes()).unwrap();
            }
        }
        saved
    });
    (address, node)
}

fn vigil_sim(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vigil-sim"))
        .arg("provision")
        .args(args)
        .output()
        .unwrap()
}

const SETTINGS: &str = "\
# A boiler and a lift.
set group haicheng
set node edge-1
set broker 10.0.2.100 1883

set device 0 boiler-1
set channel 0 0 steam_pressure transmitter 0 1 every 1000 dead 0.005
set channel 1 0 feed_water_pressure transmitter 0 2 every 1000
";

#[test]
fn a_node_is_set_up_tested_saved_and_restarted_in_one_go() {
    for chatty in [false, true] {
        let (address, node) = node(chatty);
        let dir = tempfile::tempdir().unwrap();
        let (settings, password) = (dir.path().join("node.txt"), dir.path().join("password"));
        std::fs::write(&settings, SETTINGS).unwrap();
        std::fs::write(&password, "correct horse\n").unwrap();
        let output = vigil_sim(&[
            &format!("tcp:{address}"),
            settings.to_str().unwrap(),
            "--password-file",
            password.to_str().unwrap(),
            "--test",
            "--reboot",
        ]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let saved = node.join().unwrap().unwrap();
        assert_eq!((saved.node.as_str(), saved.channels.len()), ("edge-1", 2));
        assert_eq!(saved.password.0, "correct horse");
        for line in [
            "channel 0: 0.75 MPa (good)",
            "channel 1: no value (comm)",
            "# password (set)",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
        }
        assert!(!text.contains("horse") && !text.contains("not saved"), "{text}");
    }
}

#[test]
fn a_refused_command_stops_everything_and_is_named_without_its_secret() {
    let (address, node) = node(false);
    let dir = tempfile::tempdir().unwrap();
    let settings = dir.path().join("node.txt");
    let script = format!("set password {}\n{SETTINGS}", "x".repeat(65));
    std::fs::write(&settings, script).unwrap();
    let output = vigil_sim(&[&format!("tcp:{address}"), settings.to_str().unwrap()]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        error.contains("the node refused `set password …`: the text is longer than 64 bytes"),
        "{error}"
    );
    assert!(!error.contains("xxx"));
    assert_eq!(node.join().unwrap(), None, "nothing was saved");
}

#[test]
fn a_node_that_does_not_answer_is_not_waited_for_for_ever() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = Target::Tcp(listener.local_addr().unwrap().to_string());
    let mut console = provision::Console::open(&target, Duration::from_millis(20)).unwrap();
    let error = console.command("show").unwrap_err();
    assert!(matches!(error, ProvisionError::NoAnswer { command } if command == "show"));
    assert!("tcp:localhost".parse::<Target>().is_err());
    assert_eq!("/dev/ttyUSB0".parse(), Ok(Target::Serial("/dev/ttyUSB0".into())));
}
