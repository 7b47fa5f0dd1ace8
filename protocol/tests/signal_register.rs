//! Register words ↔ values: golden values of every kind and order, round trips, noise.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test helpers; the lint exemption covers only #[test] functions"
)]

use proptest::prelude::*;
use vigil_protocol::signal::{
    RawRegister, RegisterCodec, RegisterError, RegisterType, TransmitterError, WordOrder, read_transmitter,
    transmitter_unit,
};
use vigil_protocol::vocabulary::Unit;

const ORDERS: [WordOrder; 4] = [
    WordOrder::BigEndian,
    WordOrder::LittleEndian,
    WordOrder::ByteSwap,
    WordOrder::WordSwap,
];

fn codec(kind: RegisterType, order: WordOrder, scale: f64, offset: f64) -> RegisterCodec {
    RegisterCodec {
        kind,
        order,
        scale,
        offset,
    }
}

#[test]
fn the_four_word_orders_place_the_bytes_as_their_names_say() {
    let golden: [(WordOrder, [u16; 2], [u16; 4]); 4] = [
        (
            WordOrder::BigEndian,
            [0x1234, 0x5678],
            [0x0123, 0x4567, 0x89AB, 0xCDEF],
        ),
        (
            WordOrder::LittleEndian,
            [0x7856, 0x3412],
            [0xEFCD, 0xAB89, 0x6745, 0x2301],
        ),
        (
            WordOrder::ByteSwap,
            [0x3412, 0x7856],
            [0x2301, 0x6745, 0xAB89, 0xEFCD],
        ),
        (
            WordOrder::WordSwap,
            [0x5678, 0x1234],
            [0xCDEF, 0x89AB, 0x4567, 0x0123],
        ),
    ];
    for (order, two, four) in golden {
        let double = codec(RegisterType::U32, order, 1.0, 0.0);
        assert_eq!(
            double.raw(&two),
            Ok(RawRegister::Unsigned(0x1234_5678)),
            "{order:?}"
        );
        let mut words = [0; 2];
        assert_eq!(double.encode(f64::from(0x1234_5678), &mut words), Ok(2));
        assert_eq!(words, two, "{order:?}");
        let quad = codec(RegisterType::U64, order, 1.0, 0.0);
        assert_eq!(
            quad.raw(&four),
            Ok(RawRegister::Unsigned(0x0123_4567_89AB_CDEF)),
            "{order:?}"
        );
    }
}

#[test]
fn registers_decode_to_golden_values() {
    use RegisterType::{Bcd16, Bits, F32, F64, I16, I32, I64, U16, U32, U64};
    use WordOrder::{BigEndian, ByteSwap, LittleEndian, WordSwap};
    type Case = (RegisterType, WordOrder, f64, f64, &'static [u16], f64);
    let cases: &[Case] = &[
        // Monarch NICE3000+ block: speed 0x1010, position 0x1019, load 0x101A, system word 0x101D.
        (U16, BigEndian, 0.001, 0.0, &[1_750], 1.75),
        (I16, BigEndian, 0.001, 0.0, &[0xF92A], -1.75),
        (U16, BigEndian, 0.1, 0.0, &[3], 0.3),
        (U16, BigEndian, 0.1, 0.0, &[1_051], 105.1),
        (Bits { start: 4, len: 4 }, BigEndian, 1.0, 0.0, &[0x1573], 7.0),
        (Bits { start: 8, len: 4 }, BigEndian, 1.0, 0.0, &[0x1573], 5.0),
        (Bits { start: 13, len: 1 }, BigEndian, 1.0, 0.0, &[0x2573], 1.0),
        (Bits { start: 0, len: 16 }, ByteSwap, 1.0, 0.0, &[0x3412], 4_660.0),
        (U16, BigEndian, 1.0, 0.0, &[53], 53.0),
        // The other base of the same family divides by 100.
        (U16, BigEndian, 0.01, 0.0, &[175], 1.75),
        (U16, LittleEndian, 1.0, 0.0, &[0x3412], 4_660.0),
        (U16, WordSwap, 1.0, 0.0, &[0x1234], 4_660.0),
        (I16, BigEndian, 0.1, -40.0, &[650], 25.0),
        (U32, BigEndian, 1.0, 0.0, &[0xFFFF, 0xFFFF], 4_294_967_295.0),
        (I32, WordSwap, 1.0, 0.0, &[0xFFFE, 0xFFFF], -2.0),
        (U64, BigEndian, 1.0, 0.0, &[0, 0, 1, 0], 65_536.0),
        (I64, BigEndian, 1.0, 0.0, &[0xFFFF; 4], -1.0),
        (F32, BigEndian, 1.0, 0.0, &[0x3F80, 0x0000], 1.0),
        (F32, WordSwap, 1.0, 0.0, &[0x0000, 0x3FA0], 1.25),
        (F32, LittleEndian, 1.0, 0.0, &[0x0000, 0xA03F], 1.25),
        (F32, ByteSwap, 1.0, 0.0, &[0xA03F, 0x0000], 1.25),
        (F64, BigEndian, 1.0, 0.0, &[0x3FF4, 0, 0, 0], 1.25),
        (Bcd16, BigEndian, 0.1, 0.0, &[0x1234], 123.4),
        (U16, BigEndian, 2.5, 1.0, &[4, 99], 11.0),
    ];
    for &(kind, order, scale, offset, words, expected) in cases {
        let codec = codec(kind, order, scale, offset);
        assert_eq!(codec.decode(words), Ok(expected), "{codec:?} {words:04x?}");
        let mut back = vec![0; codec.words()];
        if let Bits { .. } = kind {
            back.copy_from_slice(&words[..1]);
        }
        assert_eq!(codec.encode(expected, &mut back), Ok(codec.words()));
        assert_eq!(back, words[..codec.words()], "{codec:?}");
    }
}

#[test]
fn words_that_hold_no_value_say_why() {
    use RegisterError::{BadCodec, NotBcd, NotFinite, OutOfRange, TooFewWords};
    let plain = RegisterCodec::plain;
    assert_eq!(
        plain(RegisterType::U32).decode(&[1]),
        Err(TooFewWords { need: 2, have: 1 })
    );
    assert_eq!(
        plain(RegisterType::F64).encode(1.0, &mut [0; 3]),
        Err(TooFewWords { need: 4, have: 3 })
    );
    assert_eq!(plain(RegisterType::Bcd16).decode(&[0x12A4]), Err(NotBcd(0x12A4)));
    assert_eq!(plain(RegisterType::F32).decode(&[0x7FC0, 0]), Err(NotFinite));
    assert_eq!(plain(RegisterType::F32).decode(&[0x7F80, 0]), Err(NotFinite));
    for (start, len) in [(0, 0), (0, 17), (16, 1), (12, 5), (255, 255)] {
        assert_eq!(
            plain(RegisterType::Bits { start, len }).decode(&[1]),
            Err(BadCodec)
        );
        assert_eq!(
            plain(RegisterType::Bits { start, len }).encode(1.0, &mut [1]),
            Err(BadCodec)
        );
    }
    for scale in [0.0, f64::NAN, f64::INFINITY] {
        assert_eq!(
            RegisterCodec::scaled(RegisterType::U16, scale).decode(&[1]),
            Err(BadCodec)
        );
    }
    for (kind, value) in [
        (RegisterType::U16, 65_535.5),
        (RegisterType::U16, -0.6),
        (RegisterType::I16, 32_767.5),
        (RegisterType::I16, -32_768.6),
        (RegisterType::U32, 4_294_967_296.0),
        (RegisterType::U64, 18_446_744_073_709_551_616.0),
        (RegisterType::I64, 9_223_372_036_854_775_808.0),
        (RegisterType::F32, 1e39),
        (RegisterType::Bcd16, 10_000.0),
        (RegisterType::Bits { start: 4, len: 4 }, 16.0),
    ] {
        assert_eq!(
            plain(kind).encode(value, &mut [0; 4]),
            Err(OutOfRange(value)),
            "{kind:?}"
        );
    }
    assert_eq!(
        plain(RegisterType::U16).encode(f64::NAN, &mut [0; 1]),
        Err(NotFinite)
    );
}

#[test]
fn writing_a_bit_field_keeps_the_other_bits() {
    for order in ORDERS {
        let field = codec(RegisterType::Bits { start: 4, len: 4 }, order, 1.0, 0.0);
        let mut words = [0xFFFF, 0xAAAA];
        assert_eq!(field.encode(0.0, &mut words), Ok(1));
        assert_eq!((field.decode(&words), words[1]), (Ok(0.0), 0xAAAA));
        assert_eq!(words[0].count_ones(), 12);
    }
}

fn kinds() -> impl Strategy<Value = RegisterType> {
    use RegisterType::{Bcd16, Bits, F32, F64, I16, I32, I64, U16, U32, U64};
    let bits = (0..16_u8)
        .prop_flat_map(|start| (Just(start), 1..=16 - start))
        .prop_map(|(start, len)| Bits { start, len });
    prop_oneof![
        Just(U16),
        Just(I16),
        Just(U32),
        Just(I32),
        Just(U64),
        Just(I64),
        Just(F32),
        Just(F64),
        Just(Bcd16),
        bits
    ]
}

proptest! {
    #[test]
    fn words_survive_decode_and_encode(
        kind in kinds(),
        order in proptest::sample::select(&ORDERS[..]),
        words in any::<[u16; 4]>(),
        scale in proptest::sample::select(vec![1.0, 0.1, 0.01, 0.001, 10.0, -1.0]),
        offset in proptest::sample::select(vec![0.0, -40.0]),
    ) {
        let codec = codec(kind, order, scale, offset);
        // Kinds wider than the 53 bits of a double are covered unscaled, by `raw`.
        let wide = matches!(kind, RegisterType::U64 | RegisterType::I64 | RegisterType::F64 | RegisterType::F32);
        let count = codec.words();
        if let (Ok(value), false) = (codec.decode(&words), wide) {
            let mut back = words;
            prop_assert_eq!(codec.encode(value, &mut back), Ok(count));
            prop_assert_eq!(back, words);
        }
    }

    #[test]
    fn floats_survive_unscaled_in_every_order(order in proptest::sample::select(&ORDERS[..]), single: f32, double: f64) {
        for (kind, value) in [(RegisterType::F32, f64::from(single)), (RegisterType::F64, double)] {
            let codec = codec(kind, order, 1.0, 0.0);
            let mut words = [0; 4];
            if value.is_finite() {
                prop_assert_eq!(codec.encode(value, &mut words), Ok(codec.words()));
                prop_assert_eq!(codec.decode(&words), Ok(value));
            }
        }
    }

    #[test]
    fn noise_never_panics(kind in kinds(), start: u8, len: u8, scale: f64, offset: f64, value: f64, words: Vec<u16>) {
        for kind in [kind, RegisterType::Bits { start, len }] {
            for order in ORDERS {
                let codec = codec(kind, order, scale, offset);
                let mut words = words.clone();
                if let Ok(value) = codec.decode(&words) {
                    prop_assert!(value.is_finite());
                }
                if codec.encode(value, &mut words).is_ok() {
                    prop_assert!(words.len() >= codec.words());
                }
            }
        }
    }
}

#[test]
fn a_transmitter_block_carries_its_own_unit_and_decimals() {
    type Case = (&'static [u16], Result<(f64, Unit), TransmitterError>);
    let cases: &[Case] = &[
        (&[0, 3, 1_234], Ok((1.234, Unit::Megapascal))),
        (&[3, 2, 0xFFF6], Ok((-0.1, Unit::Bar))),
        (&[5, 1, 125], Ok((12.5, Unit::KgfPerCm2))),
        (&[8, 0, 32_767], Ok((32_767.0, Unit::MillimetreH2O))),
        (&[10, 0, 1], Err(TransmitterError::UnknownUnit(10))),
        (&[0, 4, 1], Err(TransmitterError::BadDecimals(4))),
        (&[0, 3], Err(TransmitterError::TooFewWords(2))),
    ];
    for (words, expected) in cases {
        assert_eq!(read_transmitter(words), *expected, "{words:?}");
    }
    assert_eq!((0..=9).filter_map(transmitter_unit).count(), 10);
}
