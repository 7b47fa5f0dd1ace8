//! Register maps: what is right is read, what is wrong is refused with its place.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use vigil_core::field::{FieldDecoder, FieldValue, restore};
use vigil_core::hash::ContentHash;
use vigil_core::modbus::{
    Block, BlockRead, Data, Function, PollImage, ReadFailure, RegisterMap, shipped_map, shipped_map_ids,
    shipped_map_text,
};
use vigil_core::output::DecodeContext;
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::NoData;

fn map(values: &str) -> RegisterMap {
    let text = format!("id = \"m\"\nconfidence = \"sourced\"\n{values}");
    let (map, findings) = RegisterMap::parse("m.toml", &text);
    assert!(findings.is_empty(), "{findings:#?}");
    map.unwrap()
}

/// What is said about a map of these lines; the first of them is line 3.
fn findings(values: &str) -> Vec<String> {
    let text = format!("id = \"m\"\nconfidence = \"sourced\"\n{values}");
    let (map, findings) = RegisterMap::parse("m.toml", &text);
    assert!(
        map.is_none() || findings.iter().all(|f| f.to_string().contains("warning")),
        "{values}"
    );
    findings.iter().map(ToString::to_string).collect()
}

/// The map's readings when each of its blocks holds what `word` says of its registers.
fn readings(
    map: &RegisterMap,
    word: impl Fn(Function, u16) -> u16,
) -> Vec<(String, FieldValue<'static>, Option<String>)> {
    let read = |block: &Block| {
        let addresses = block.start..=block.start + (block.count - 1);
        let data = if block.function.is_bits() {
            Data::Bits(addresses.map(|at| word(block.function, at) != 0).collect())
        } else {
            Data::Words(addresses.map(|at| word(block.function, at)).collect())
        };
        BlockRead {
            block: *block,
            result: Ok(data),
        }
    };
    decoded(
        map,
        &PollImage {
            at: UtcMillis(1_000),
            blocks: map.blocks.iter().map(read).collect(),
        },
    )
}

fn decoded(map: &RegisterMap, image: &PollImage) -> Vec<(String, FieldValue<'static>, Option<String>)> {
    let bytes = image.encode();
    let mut said = Vec::new();
    map.decode("modbus/x/y", &bytes, &mut |reading| {
        assert_eq!(
            (reading.at, reading.polled, reading.historical),
            (Some(image.at), true, false)
        );
        let value = match reading.value {
            FieldValue::Number(number) => FieldValue::Number(number),
            FieldValue::Bool(on) => FieldValue::Bool(on),
            FieldValue::Text(text) => FieldValue::Text(text.into_owned().into()),
            FieldValue::NoData(reason) => FieldValue::NoData(reason),
        };
        said.push((
            reading.metric.into_owned(),
            value,
            reading.unit.map(|unit| unit.into_owned()),
        ));
    })
    .unwrap();
    said
}

#[test]
fn all_shipped_maps_are_right_and_come_back_from_their_context() {
    let ids: Vec<_> = shipped_map_ids().collect();
    assert_eq!(
        ids,
        [
            "generic-8ch-4-20ma",
            "generic-pressure-transmitter",
            "monarch-nice3000plus",
            "sdcsoft-steam-boiler"
        ]
    );
    for id in ids {
        let (map, findings) = RegisterMap::parse(id, shipped_map_text(id).unwrap());
        assert!(findings.is_empty(), "{findings:#?}");
        let map = map.unwrap();
        assert_eq!(&*map.id, id, "the file is called as the map");
        assert_eq!(shipped_map(id).as_ref(), Some(&map));
        let (name, text) = map.context();
        let again = RegisterMap::from_context(name, text).unwrap();
        assert_eq!(again.context(), (name, text));
        assert_eq!(again.hash(), map.hash());
        assert_eq!(again.blocks, map.blocks);
        assert_eq!(
            readings(&again, |_, at| at ^ 0x5a5a),
            readings(&map, |_, at| at ^ 0x5a5a),
            "{id}"
        );
    }
}

#[test]
fn maps_of_low_confidence_say_so() {
    let unverified = |id| shipped_map(id).unwrap().unverified();
    assert_eq!(unverified("monarch-nice3000plus"), 0);
    assert_eq!(unverified("generic-pressure-transmitter"), 0);
    assert!(unverified("sdcsoft-steam-boiler") > 40);
    assert_eq!(unverified("generic-8ch-4-20ma"), 8);
}

#[test]
fn the_log_makes_a_map_again_from_its_context() {
    let map = shipped_map("generic-pressure-transmitter").unwrap();
    let (name, text) = map.context();
    let context = DecodeContext {
        hash: ContentHash::of(b"any"),
        topic: format!("{name} modbus/a/b").into(),
        payload: text.as_bytes().into(),
    };
    let restored = restore(&context).unwrap();
    assert_eq!(&*restored.topic, "modbus/a/b");
    assert_eq!(restored.decoder.context(), (name, text));
    let broken = DecodeContext {
        payload: b"nonsense"[..].into(),
        ..context
    };
    assert!(
        restore(&broken)
            .unwrap_err()
            .to_string()
            .contains("cannot be read")
    );
}

#[test]
fn numbers_bits_states_and_faults_are_read() {
    let map = map(r#"
[defaults]
function = 3
order = "word_swap"
[[value]]
quantity = "steam_pressure"
address = 0
type = "f32"
unit = "kPa(g)"
[[value]]
quantity = "drum_level"
address = 2
type = "i16"
scale = 0.1
offset = -5
unit = "mm"
no_data = { "0x7fff" = "sensor", "-32768" = "not_connected" }
[[value]]
address = 3
[value.alarms]
2 = "overpressure_alarm"
3 = { metric = "door_open", invert = true }
[[value]]
quantity = "service_mode"
address = 3
bits = "8-11"
states = { 0 = "normal", 5 = "inspection" }
[[value]]
quantity = "fault_code"
address = 4
faults = { 0 = "E01", 7 = "E08" }
[[value]]
quantity = "burner_firing"
function = 1
address = 9
[[value]]
metric = "counter"
address = 10
type = "u32"
order = "ABCD"
[[value]]
metric = "bcd"
address = 12
type = "bcd16"
"#);
    let say = |words: &[u16]| {
        let words = words.to_vec();
        readings(&map, move |_, at| {
            words.get(usize::from(at)).copied().unwrap_or(0)
        })
    };
    // 1150.5 as CD AB.
    let [low, high] = [
        (1150.5_f32.to_bits() & 0xffff) as u16,
        (1150.5_f32.to_bits() >> 16) as u16,
    ];
    let said = say(&[low, high, 251, 0x0504, 0x0081, 0, 0, 0, 0, 1, 1, 2, 0x1234]);
    let expected: [(&str, FieldValue<'_>, Option<&str>); 9] = [
        ("steam_pressure", FieldValue::Number(1150.5), Some("kPa(g)")),
        ("drum_level", FieldValue::Number(20.1), Some("mm")),
        ("overpressure_alarm", FieldValue::Bool(true), None),
        ("door_open", FieldValue::Bool(true), None),
        ("service_mode", FieldValue::Text("inspection".into()), None),
        ("fault_code", FieldValue::Text("E01".into()), None),
        ("burner_firing", FieldValue::Bool(true), None),
        ("counter", FieldValue::Number(65_538.0), None),
        ("bcd", FieldValue::Number(1234.0), None),
    ];
    for ((metric, value, unit), (want, wanted, in_unit)) in said.iter().zip(&expected) {
        assert_eq!(
            (metric.as_str(), value, unit.as_deref()),
            (*want, wanted, *in_unit)
        );
    }
    assert_eq!(said.len(), expected.len());

    let said = say(&[0, 0x7fc0, 0x7fff, 0x0f08, 0, 0, 0, 0, 0, 0, 0, 0, 0x00fa]);
    let value = |metric: &str| said.iter().find(|(name, ..)| name == metric).unwrap().1.clone();
    assert_eq!(value("steam_pressure"), FieldValue::NoData(NoData::NotFinite));
    assert_eq!(value("drum_level"), FieldValue::NoData(NoData::Sensor));
    assert_eq!(value("door_open"), FieldValue::Bool(false));
    assert_eq!(
        value("service_mode"),
        FieldValue::NoData(NoData::Device),
        "a state nobody has described"
    );
    assert_eq!(value("fault_code"), FieldValue::Text("0".into()));
    assert_eq!(value("bcd"), FieldValue::NoData(NoData::WrongType));
    let said = say(&[0, 0, 0x8000, 0, 0x0040]);
    let value = |metric: &str| said.iter().find(|(name, ..)| name == metric).unwrap().1.clone();
    assert_eq!(value("drum_level"), FieldValue::NoData(NoData::NotConnected));
    assert_eq!(
        value("fault_code"),
        FieldValue::Text("bit6".into()),
        "never dropped"
    );
}

#[test]
fn a_block_that_was_not_read_is_no_value_of_its_points_and_of_no_others() {
    let map = map(
        "[[value]]\nmetric = \"a\"\nfunction = 3\naddress = 0\ntype = \"u16\"\n\
         [[value]]\nmetric = \"b\"\nfunction = 3\naddress = 100\ntype = \"u16\"\n",
    );
    assert_eq!(map.blocks.len(), 2);
    let read = |block: Block, result| BlockRead { block, result };
    for (failure, reason) in [
        (ReadFailure::Timeout, NoData::Comm),
        (ReadFailure::Exception(2), NoData::Config),
        (ReadFailure::Exception(4), NoData::Device),
    ] {
        let blocks = vec![
            read(map.blocks[0], Ok(Data::Words(vec![7]))),
            read(map.blocks[1], Err(failure)),
        ];
        let said = decoded(
            &map,
            &PollImage {
                at: UtcMillis(5),
                blocks,
            },
        );
        assert_eq!(said[0].1, FieldValue::Number(7.0));
        assert_eq!(said[1].1, FieldValue::NoData(reason));
    }
}

#[test]
fn a_transmitter_says_its_unit_and_decimals_with_the_value() {
    let map = shipped_map("generic-pressure-transmitter").unwrap();
    assert_eq!(
        map.blocks,
        [Block::new(Function::HoldingRegisters, 2, 3).unwrap()],
        "in one request"
    );
    let say = |unit: u16, decimals: u16, value: u16| {
        let (_, value, unit) = readings(&map, move |_, at| match at {
            2 => unit,
            3 => decimals,
            _ => value,
        })
        .remove(0);
        (value, unit)
    };
    let number = |value, unit: &str| (FieldValue::Number(value), Some(unit.to_owned()));
    assert_eq!(say(1, 0, 1_150), number(1_150.0, "kPa"));
    assert_eq!(say(0, 3, 1_150), number(1.15, "MPa"));
    assert_eq!(say(3, 2, 0xffff), number(-0.01, "bar"));
    assert_eq!(
        say(10, 0, 1).0,
        FieldValue::NoData(NoData::Config),
        "a unit it does not have"
    );
    assert_eq!(say(0, 9, 1).0, FieldValue::NoData(NoData::Config));
}

#[test]
fn the_lift_controller_is_read_as_the_firmware_reads_it() {
    let map = shipped_map("monarch-nice3000plus").unwrap();
    let said = readings(&map, |_, at| match at {
        0x1010 => 0xfe0c, // −500 mm/s
        0x1018 => 3,
        0x101a => 405,
        0x101b => 1 << 4,
        0x101d => 7 << 4 | 5 << 8,
        0x3000 => 2,
        0x8000 => 65,
        _ => 0,
    });
    let value = |metric: &str| said.iter().find(|(name, ..)| name == metric).unwrap().1.clone();
    assert_eq!(value("car_speed"), FieldValue::Number(-0.5));
    assert_eq!(value("car_position"), FieldValue::Number(3.0));
    assert_eq!(value("car_load"), FieldValue::Number(40.5));
    assert_eq!(value("door_closed"), FieldValue::Bool(true));
    assert_eq!(value("service_mode"), FieldValue::Text("normal".into()));
    assert_eq!(value("car_moving"), FieldValue::Bool(true));
    assert_eq!(value("car_direction"), FieldValue::Text("down".into()));
    assert_eq!(value("fault_code"), FieldValue::Number(65.0));
    assert!(
        map.blocks
            .iter()
            .all(|block| !(0x4000..0x7000).contains(&block.start)),
        "commands are not touched"
    );
}

#[test]
fn a_wrong_map_is_refused_with_place_and_remedy() {
    let value = |rest: &str| format!("[[value]]\nmetric = \"x\"\nfunction = 3\naddress = 1\n{rest}\n");
    let two = |a: &str, b: &str| {
        format!(
            "[[value]]\nmetric = \"x\"\nfunction = 3\n{a}\n[[value]]\nmetric = \"y\"\nfunction = 3\n{b}\n"
        )
    };
    let cases: &[(String, &str)] = &[
        (
            "[[value]]\nquantity = \"steam_presure\"\nfunction = 3\naddress = 1\ntype = \"f32\"\nunit = \"MPa\"".into(),
            "m.toml:4:12: error: `steam_presure` is not a quantity (help: did you mean `steam_pressure`?)",
        ),
        (value("type = \"flot32\""), "m.toml:7:8: error: `type` cannot be `flot32` (help: one of: u16, i16, u32, i32, u64, i64, f32, f64, bcd16)"),
        (value("typ = \"f32\""), "unknown key `typ` in a value (help: did you mean `type`?)"),
        (value("type = \"u16\"\nunit = \"MPaa\"").replace("metric = \"x\"", "quantity = \"drum_level\""), "m.toml:8:8: error: `MPaa` is not a unit of drum_level (help: one of: mm, cm, m)"),
        (value("type = \"u16\"\nunit = \"Mpas\""), "`Mpas` is not a unit (help: did you mean `MPa`?)"),
        (
            value("type = \"u16\"\nunit = \"kPa(d)\"").replace("metric = \"x\"", "quantity = \"steam_pressure\""),
            "a differential pressure cannot be `steam_pressure`",
        ),
        (value("type = \"u16\"").replace("metric = \"x\"", "quantity = \"steam_pressure\""), "`steam_pressure` needs its unit (help: such as unit = \"MPa\")"),
        (value("type = \"u16\"").replace("address = 1", "address = 65536"), "m.toml:6:11: error: `address` must be between 0 and 65535"),
        (value("type = \"u16\"").replace("address = 1", "address = 400005"), "if a manual says 400005, the address on the wire is 4"),
        (value("type = \"u32\"").replace("address = 1", "address = 65535"), "m.toml:6:1: error: `x` takes 2 registers from 65535 on: the last address is 65535"),
        (value("type = \"u16\"\norder = \"word_swap\""), "m.toml:8:9: error: one register has no word order"),
        (value("type = \"u32\"\norder = \"wrod_swap\""), "`order` cannot be `wrod_swap` (help: did you mean `word_swap`?)"),
        (value("bit = 3\norder = \"byte_swap\""), "a bit has no byte order"),
        (value("order = \"byte_swap\"").replace("function = 3", "function = 1"), "a coil or input has no byte order"),
        (value("type = \"f64\"\nregisters = 2"), "m.toml:8:13: error: the type takes 4 registers, the value has 2"),
        (value("bit = 16"), "`bit` must be between 0 and 15"),
        (value("bits = \"7-4\""), "`7-4` does not name bits of a register"),
        (value("type = \"u16\"\nscale = 0"), "`scale` must not be 0"),
        (value("type = \"u16\"").replace("function = 3", "function = 6"), "m.toml:5:12: error: function 6 writes; Vigil only reads"),
        (value("type = \"u16\"").replace("function = 3", "function = 9"), "function 9 is none that reads"),
        (value("type = \"u16\"").replace("function = 3\n", ""), "`function` is missing in a value"),
        (value("type = \"u16\"").replace("metric = \"x\"\n", ""), "a value needs a name"),
        (value("type = \"u16\"\ninvert = true"), "`invert` is for bits"),
        (value("bit = 3\nunit = \"MPa\""), "`x` is not a number: it has no unit"),
        (value("bit = 3").replace("metric = \"x\"", "quantity = \"steam_pressure\""), "`steam_pressure` cannot be read from this (help: it is a number with a unit)"),
        (value("type = \"u16\"\nstates = { 1 = \"inspektion\" }").replace("metric = \"x\"", "quantity = \"service_mode\""), "`inspektion` is not a state of service_mode (help: did you mean `inspection`?)"),
        (value("type = \"u16\"\nunit = \"MPa\"\nunit_from = { address = 2, units = [\"MPa\"] }"), "`unit` and `unit_from` contradict each other"),
        (value("type = \"u16\"\nunit_from = { address = 2, units = [\"mm\"] }").replace("metric = \"x\"", "quantity = \"steam_pressure\""), "none of the units is one of steam_pressure"),
        (value("type = \"u16\"\nunit_from = { address = 200, units = [\"MPa\"] }"), "`x` needs more than 125 registers in one request"),
        (value("type = \"u16\"\nno_data = { 7 = \"broken\" }"), "`broken` is not a reason for having no value"),
        (
            two("address = 1\ntype = \"u32\"", "address = 2\ntype = \"u16\""),
            "m.toml:8:1: error: `y` and `x` both claim the holding register 0x0002 (help: the other one is in line 3)",
        ),
        (two("address = 1\nbits = \"2-5\"", "address = 1\nbit = 5"), "`y` and `x` both claim bit 5 of 0x0001"),
        (two("address = 1\ntype = \"u16\"", "address = 2\ntype = \"u16\"").replace("\"y\"", "\"x\""), "`x` is there twice (help: the other one is in line 3)"),
        ("[[value]]\nfunction = 3\naddress = 1\n[value.alarms]\n3 = \"overpresure_alarm\"".into(), "m.toml:7:5: error: `overpresure_alarm` is not a quantity (help: did you mean `overpressure_alarm`?)"),
        ("[[value]]\nfunction = 3\naddress = 1\n[value.alarms]\n3 = \"steam_pressure\"".into(), "`steam_pressure` does not have two states"),
        ("[[value]]\nfunction = 3\naddress = 1\n[value.alarms]\n16 = \"overpressure_alarm\"".into(), "a register has no bit 16"),
        ("value = []".into(), "a map without values says nothing"),
        ("max_gap = 500\n[[value]]\nmetric = \"x\"\nfunction = 3\naddress = 1\ntype = \"u16\"".into(), "`max_gap` must be between 0 and 124"),
    ];
    for (text, expected) in cases {
        let found = findings(text);
        assert!(
            found.iter().any(|finding| finding.contains(expected)),
            "{text}\nwanted {expected}\nfound {found:#?}"
        );
    }
}

#[test]
fn a_map_of_too_many_requests_is_refused() {
    let value = |n: u32| {
        format!(
            "[[value]]\nmetric = \"m{n}\"\nfunction = 3\naddress = {}\ntype = \"u16\"\n",
            n * 100
        )
    };
    let found = findings(&(0..256).map(value).collect::<String>());
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].contains("the map needs 256 requests for one poll"),
        "{found:#?}"
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let found = findings(
        "[[value]]\nquantity = \"steam_presure\"\nfunction = 3\naddress = 70000\ntype = \"f31\"\nunit = \"MPx\"\nscael = 2\n",
    );
    assert_eq!(found.len(), 5, "{found:#?}");
}

#[test]
fn a_number_from_a_manual_is_pointed_out() {
    let found = findings("[[value]]\nmetric = \"x\"\nfunction = 3\naddress = 40005\ntype = \"u16\"\n");
    assert_eq!(
        found,
        [
            "m.toml:6:11: warning: 40005 looks like the number of a register in a manual (help: if a manual says 40005, \
          the address on the wire is 4)"
        ]
    );
}
