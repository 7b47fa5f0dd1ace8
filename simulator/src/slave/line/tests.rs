use super::{Line, SlaveFault, SlaveFaultKind};
use crate::rng::Rng;
use crate::slave::registers::Registers;
use crate::slave::rtu::Frame;

const TURNAROUND_US: u64 = 2_000;
const SILENCE_US: u64 = 4_010;

fn line() -> Line {
    let mut line = Line::new(SILENCE_US);
    for unit in [1, 2] {
        let position = line.add(unit, TURNAROUND_US, Rng::new(unit.into()));
        let holding = (0..200).map(|address| (address, u16::from(unit) * 1_000 + address));
        line.set(
            position,
            Some(Registers {
                holding: holding.collect(),
                ..Registers::default()
            }),
        );
    }
    line
}

fn request(unit: u8, address: u16) -> Vec<u8> {
    let pdu = [&[3][..], &address.to_be_bytes(), &1_u16.to_be_bytes()].concat();
    Frame { unit, pdu }.bytes()
}

fn fault(kind: SlaveFaultKind) -> SlaveFault {
    SlaveFault { kind, share: 1.0 }
}

/// Everything the line says within a second after `bytes`, with the times.
fn say(line: &mut Line, from_us: u64, bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    line.hear(from_us, bytes);
    let mut said = Vec::new();
    while let Some(due) = line.due().filter(|due| *due < from_us + 1_000_000) {
        let bytes = line.speak(due);
        if !bytes.is_empty() {
            said.push((due - from_us, bytes));
        }
    }
    said
}

fn value(unit: u8, address: u16) -> Frame {
    let word = u16::from(unit) * 1_000 + address;
    let pdu = [&[3, 2][..], &word.to_be_bytes()].concat();
    Frame { unit, pdu }
}

#[test]
fn each_slave_answers_for_itself_after_its_turnaround() {
    let mut line = line();
    for (n, unit) in [1, 2, 1].into_iter().enumerate() {
        let said = say(&mut line, n as u64 * 1_000_000, &request(unit, 5));
        assert_eq!(said, [(TURNAROUND_US, value(unit, 5).bytes())]);
    }
    assert_eq!(
        (line.slave_counts(0).answered, line.slave_counts(1).answered),
        (2, 1)
    );
}

#[test]
fn nobody_answers_for_others_or_to_everybody() {
    let mut line = line();
    for unit in [3, 0] {
        assert_eq!(say(&mut line, 0, &request(unit, 5)), []);
    }
    assert_eq!((line.counts().strangers, line.counts().broadcasts), (1, 1));
}

#[test]
fn a_wrong_request_is_refused_and_a_writing_one_is_counted() {
    let mut line = line();
    let write = Frame {
        unit: 1,
        pdu: vec![6, 0x60, 0, 0, 1],
    };
    let mut refused = |at_us, bytes: &[u8]| {
        let said = say(&mut line, at_us, bytes);
        Frame::parse(&said[0].1).unwrap().pdu
    };
    let exceptions = [refused(0, &request(1, 5_000)), refused(1_000_000, &write.bytes())];
    assert_eq!(exceptions, [vec![0x83, 2], vec![0x86, 1]]);
    let counts = line.slave_counts(0);
    assert_eq!((counts.refused, counts.writes, counts.heard), (2, 1, 2));
}

#[test]
fn a_failed_slave_says_so() {
    let mut line = line();
    line.set(0, None);
    let said = say(&mut line, 0, &request(1, 5));
    assert_eq!(Frame::parse(&said[0].1).unwrap().pdu, [0x83, 4]);
}

#[test]
fn every_fault_does_what_it_is_called_and_is_counted_under_its_name() {
    let good = value(1, 5);
    let after = |ms: u64| TURNAROUND_US + ms * 1_000;
    type Check = fn(&[(u64, Vec<u8>)], &Frame) -> bool;
    let cases: [(SlaveFaultKind, Check); 7] = [
        (SlaveFaultKind::Silent, |said, _| said.is_empty()),
        (SlaveFaultKind::Late { delay_ms: 400 }, |said, good| {
            *said == [(TURNAROUND_US + 400_000, good.bytes())]
        }),
        (SlaveFaultKind::BadCrc, |said, good| {
            let bytes = &said[0].1;
            bytes.len() == good.bytes().len()
                && Frame::parse(bytes).is_none()
                && bytes[..5] == good.bytes()[..5]
        }),
        (SlaveFaultKind::WrongUnit, |said, good| {
            Frame::parse(&said[0].1).is_some_and(|frame| frame.unit == 2 && frame.pdu == good.pdu)
        }),
        (SlaveFaultKind::Noise, |said, good| {
            let bytes = &said[0].1;
            bytes.len() > good.bytes().len() && bytes.ends_with(&good.bytes())
        }),
        (SlaveFaultKind::Slow { gap_ms: 3 }, |said, good| {
            let bytes: Vec<u8> = said.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
            said.len() == 7 && said[6].0 == TURNAROUND_US + 18_000 && bytes == good.bytes()
        }),
        (SlaveFaultKind::Exception { code: 6 }, |said, _| {
            Frame::parse(&said[0].1).is_some_and(|frame| frame.pdu == [0x83, 6])
        }),
    ];
    for (kind, check) in cases {
        let mut line = line();
        line.turn(0, &fault(kind), true);
        let said = say(&mut line, 0, &request(1, 5));
        assert!(check(&said, &good), "{kind:?}: {said:?}");
        assert_eq!(
            say(&mut line, 2_000_000, &request(2, 5)),
            [(after(0), value(2, 5).bytes())]
        );
        line.turn(0, &fault(kind), false);
        assert_eq!(
            say(&mut line, 4_000_000, &request(1, 5)),
            [(after(0), good.bytes())]
        );
        let mut counts = line.slave_counts(0);
        assert_eq!(
            (counts.heard, counts.answered, *counts.of(kind)),
            (2, 1, 1),
            "{kind:?}"
        );
    }
}

#[test]
fn a_late_slave_hears_nothing_until_it_has_answered() {
    let mut line = line();
    line.turn(0, &fault(SlaveFaultKind::Late { delay_ms: 400 }), true);
    line.hear(0, &request(1, 5));
    line.hear(200_000, &request(1, 6));
    // Its answer comes between the question to another slave and the answer of that one.
    line.hear(401_000, &request(2, 7));
    assert_eq!(line.speak(402_500), value(1, 5).bytes());
    assert_eq!(line.speak(403_500), value(2, 7).bytes());
    let counts = line.slave_counts(0);
    assert_eq!((counts.heard, counts.late, counts.missed), (1, 1, 1));
}

#[test]
fn a_share_of_the_replies_is_hit_the_same_ones_in_every_run() {
    let run = || {
        let mut line = line();
        let third = SlaveFault {
            kind: SlaveFaultKind::Silent,
            share: 0.3,
        };
        line.turn(0, &third, true);
        (0..1_000)
            .map(|n| say(&mut line, n * 1_000_000, &request(1, 5)).is_empty())
            .collect::<Vec<bool>>()
    };
    let silent = run();
    let count = silent.iter().filter(|silent| **silent).count();
    assert!((250..350).contains(&count), "{count}");
    assert_eq!(silent, run());
}

#[test]
fn a_master_that_comes_back_finds_no_old_replies() {
    let mut line = line();
    line.turn(0, &fault(SlaveFaultKind::Late { delay_ms: 400 }), true);
    line.hear(0, &request(1, 5));
    line.hear(0, &request(2, 5)[..4]);
    line.disconnect();
    assert_eq!(line.due(), None);
    line.turn(0, &fault(SlaveFaultKind::Late { delay_ms: 400 }), false);
    assert_eq!(
        say(&mut line, 1_000, &request(1, 6)),
        [(TURNAROUND_US, value(1, 6).bytes())]
    );
}

#[test]
fn the_last_address_wraps_to_the_first_when_it_is_wrong() {
    for (unit, wrong) in [(246, 247), (247, 1), (255, 9)] {
        let mut line = Line::new(SILENCE_US);
        line.add(unit, 0, Rng::new(1));
        line.turn(0, &fault(SlaveFaultKind::WrongUnit), true);
        let said = say(&mut line, 0, &request(unit, 0));
        assert_eq!(Frame::parse(&said[0].1).unwrap().unit, wrong, "{unit}");
    }
}

#[test]
fn counts_add_up_whatever_is_thrown_at_it() {
    let mut line = line();
    let kinds = [
        SlaveFaultKind::BadCrc,
        SlaveFaultKind::Noise,
        SlaveFaultKind::Late { delay_ms: 30 },
        SlaveFaultKind::Silent,
    ];
    for kind in kinds {
        line.turn(0, &SlaveFault { kind, share: 0.25 }, true);
    }
    let mut rng = Rng::new(5);
    for n in 0..2_000 {
        let mut bytes = request(1, rng.below(300) as u16);
        if rng.below(4) == 0 {
            let at = rng.below(8) as usize;
            bytes[at] ^= rng.next_u64() as u8;
        }
        line.hear(n * 20_000, &bytes);
        line.speak(n * 20_000 + 10_000);
    }
    let counts = line.slave_counts(0);
    let sum = counts.answered + counts.refused + counts.late + counts.bad_crc + counts.silent + counts.noise;
    assert_eq!(counts.heard, sum, "{counts:?}");
    assert!(counts.missed > 0 && line.counts().stray_bytes > 0);
}
