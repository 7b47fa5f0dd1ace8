//! `vigil modbus read`.

use super::super::print;
use super::table::Table;
use super::{Target, address, function, named_map, session};
use crate::modbus::{ReadError, Session};
use clap::Args;
use serde_json::{Value, json};
use vigil_core::field::FieldValue;
use vigil_core::modbus::{
    Block, BlockRead, Data, Function, ImageView, Point, PollImage, ReadFailure, RegisterMap,
};
use vigil_protocol::signal::{RegisterCodec, RegisterType, WordOrder};
use vigil_protocol::time::UtcMillis;

#[derive(Debug, Args)]
pub(super) struct ReadArgs {
    #[command(flatten)]
    target: Target,
    /// Unit address.
    #[arg(long, default_value_t = 1)]
    unit: u8,
    /// The named values of a register map: a shipped one by id, or a file.
    #[arg(long, value_name = "MAP", conflicts_with_all = ["function", "address", "count"])]
    map: Option<String>,
    /// 1 coils, 2 discrete inputs, 3 holding registers, 4 input registers.
    #[arg(long, default_value = "3", value_parser = function)]
    function: Function,
    /// First address, as on the wire: 40001 of a manual is 0.
    #[arg(long, default_value = "0", value_parser = address)]
    address: u16,
    /// How many registers or bits.
    #[arg(long, default_value_t = 10)]
    count: u16,
}

/// Orders by the names people on site use, A the most significant byte.
const ORDERS: [(&str, WordOrder); 4] = [
    ("ABCD", WordOrder::BigEndian),
    ("CDAB", WordOrder::WordSwap),
    ("BADC", WordOrder::ByteSwap),
    ("DCBA", WordOrder::LittleEndian),
];
const PAIRS: [(&str, RegisterType); 3] = [
    ("u32", RegisterType::U32),
    ("i32", RegisterType::I32),
    ("f32", RegisterType::F32),
];

pub(super) async fn run(args: &ReadArgs) -> Result<bool, String> {
    let link = args.target.link()?;
    let mut session = session(&link, args.target.deadline());
    match &args.map {
        Some(name) => values(args, &mut session, &*named_map(name)?).await,
        None => registers(args, &mut session).await,
    }
}

async fn registers(args: &ReadArgs, session: &mut Session) -> Result<bool, String> {
    let ReadArgs {
        unit,
        function,
        address,
        count,
        ..
    } = *args;
    let block = Block::new(function, address, count).ok_or_else(|| {
        format!(
            "one request reads 1 to {} {}s, up to address 65535",
            function.limit(),
            function.title_en()
        )
    })?;
    let data = session.read(unit, block, args.target.deadline()).await;
    let data = data.map_err(|error| error.to_string())?;
    if args.target.json {
        print(
            &json!({ "unit": unit, "function": function.code(), "registers": listed(address, &data) })
                .to_string(),
        );
        return Ok(true);
    }
    print(&format!("unit {unit}, {block}"));
    match data {
        Data::Bits(bits) => {
            let mut table = Table::new(&["address", "hex", "value"]);
            for (at, on) in (address..=u16::MAX).zip(bits) {
                table.row([at.to_string(), format!("{at:#06x}"), u8::from(on).to_string()]);
            }
            print(table.to_string().trim_end());
        }
        Data::Words(words) => {
            let mut table = Table::new(&["address", "hex", "holds", "u16", "i16", "u16 BA", "i16 BA"]);
            for (at, word) in (address..=u16::MAX).zip(&words) {
                let swapped = word.swap_bytes();
                table.row([
                    at.to_string(),
                    format!("{at:#06x}"),
                    format!("{word:#06x}"),
                    word.to_string(),
                    (*word as i16).to_string(),
                    swapped.to_string(),
                    (swapped as i16).to_string(),
                ]);
            }
            print(table.to_string().trim_end());
            for (name, kind) in PAIRS {
                let table = pairs(name, kind, address, &words);
                if !table.is_empty() {
                    print(&format!("\n{}", table.to_string().trim_end()));
                }
            }
        }
    }
    Ok(true)
}

/// Every two registers side by side as one number, in every order.
fn pairs(name: &str, kind: RegisterType, address: u16, words: &[u16]) -> Table {
    let heads: Vec<String> = ORDERS
        .iter()
        .map(|(order, _)| format!("{name} {order}"))
        .collect();
    let heads = ["address", "hex"]
        .into_iter()
        .chain(heads.iter().map(String::as_str));
    let mut table = Table::new(&heads.collect::<Vec<_>>());
    for (at, pair) in (address..=u16::MAX).zip(words.windows(2)) {
        let cells = ORDERS
            .iter()
            .map(|(_, order)| number(kind, *order, pair).map_or("-".to_owned(), shown));
        table.row([at.to_string(), format!("{at:#06x}")].into_iter().chain(cells));
    }
    table
}

fn number(kind: RegisterType, order: WordOrder, words: &[u16]) -> Option<f64> {
    let codec = RegisterCodec {
        order,
        ..RegisterCodec::plain(kind)
    };
    codec.decode(words).ok()
}

/// As short as it can be said: a fraction of single precision has no more digits than that.
fn shown(number: f64) -> String {
    let (plain, short) = if number.fract() != 0.0 && f64::from(number as f32) == number {
        (format!("{}", number as f32), format!("{:.3e}", number as f32))
    } else {
        (format!("{number}"), format!("{number:.3e}"))
    };
    if plain.len() <= 12 { plain } else { short }
}

fn listed(address: u16, data: &Data) -> Vec<Value> {
    match data {
        Data::Bits(bits) => (address..=u16::MAX)
            .zip(bits)
            .map(|(at, on)| json!({ "address": at, "value": on }))
            .collect(),
        Data::Words(words) => (0..words.len())
            .map(|at| {
                let pair = words.get(at..at + 2).unwrap_or_default();
                let orders = |kind| -> Value {
                    let said = |number: f64| match kind {
                        RegisterType::F32 => json!(number as f32),
                        _ => json!(number as i64),
                    };
                    let numbers = ORDERS
                        .iter()
                        .map(|(name, order)| ((*name).to_owned(), json!(number(kind, *order, pair).map(said))));
                    Value::Object(numbers.collect())
                };
                json!({
                    "address": usize::from(address) + at, "u16": words[at], "i16": words[at] as i16,
                    "u32": orders(RegisterType::U32), "i32": orders(RegisterType::I32), "f32": orders(RegisterType::F32),
                })
            })
            .collect(),
    }
}

async fn values(args: &ReadArgs, session: &mut Session, map: &RegisterMap) -> Result<bool, String> {
    let mut image = PollImage {
        at: UtcMillis(0),
        blocks: Vec::new(),
    };
    let mut problems = Vec::new();
    for block in &map.blocks {
        let result = match session.read(args.unit, *block, args.target.deadline()).await {
            Ok(data) => Ok(data),
            Err(ReadError::Read { failure, .. }) => {
                problems.push(format!("{block}: {failure}"));
                Err(failure)
            }
            Err(error) => return Err(error.to_string()),
        };
        let lost = matches!(result, Err(failure) if !matches!(failure, ReadFailure::Exception(_)));
        image.blocks.push(BlockRead {
            block: *block,
            result,
        });
        if lost {
            break;
        }
    }
    let read_to = image.blocks.len();
    let skipped = map.blocks.get(read_to..).unwrap_or_default();
    image
        .blocks
        .extend(PollImage::failed(image.at, skipped, ReadFailure::Skipped).blocks);
    let bytes = image.encode();
    let view = ImageView::parse(&bytes).map_err(|error| error.to_string())?;
    if args.target.json {
        let values: Vec<_> = map.points.iter().map(|point| as_json(point, &view)).collect();
        print(
            &json!({ "unit": args.unit, "map": map.id, "problems": problems, "values": values }).to_string(),
        );
        return Ok(problems.is_empty());
    }
    let mut table = Table::new(&["value", "reads", "unit", "from", "title", ""]);
    for point in &map.points {
        let (value, unit) = point.read(&view);
        let title = point
            .quantity
            .map_or(&*point.title_en, |quantity| quantity.title_en());
        table.row([
            point.metric.to_string(),
            said(&value),
            unit.unwrap_or("").to_owned(),
            format!("{} {:#06x}", point.function.code(), point.address),
            title.to_owned(),
            if point.confidence.is_unverified() {
                "unverified"
            } else {
                ""
            }
            .to_owned(),
        ]);
    }
    print(&format!(
        "unit {}, map {} ({})",
        args.unit,
        map.id,
        map.confidence.key()
    ));
    print(table.to_string().trim_end());
    for problem in &problems {
        print(&format!("not read: {problem}"));
    }
    Ok(problems.is_empty())
}

fn said(value: &FieldValue<'_>) -> String {
    match value {
        FieldValue::Number(number) => shown(*number),
        FieldValue::Bool(on) => on.to_string(),
        FieldValue::Text(text) => text.clone().into_owned(),
        FieldValue::NoData(reason) => format!("no value: {}", reason.title_en()),
    }
}

fn as_json(point: &Point, view: &ImageView<'_>) -> Value {
    let (value, unit) = point.read(view);
    let (value, reason) = match value {
        FieldValue::Number(number) => (json!(number), None),
        FieldValue::Bool(on) => (json!(on), None),
        FieldValue::Text(text) => (json!(text), None),
        FieldValue::NoData(reason) => (Value::Null, Some(reason.key())),
    };
    json!({
        "metric": point.metric, "quantity": point.quantity.map(|quantity| quantity.key()), "value": value, "unit": unit,
        "no_data": reason, "function": point.function.code(), "address": point.address,
        "confidence": point.confidence.key(),
    })
}

#[cfg(test)]
mod tests {
    use super::{pairs, shown};
    use vigil_protocol::signal::RegisterType;

    #[test]
    fn pairs_are_shown_in_every_order() {
        // 1.15 in CD AB order.
        let bits = 1.15_f32.to_bits();
        let table = pairs("f32", RegisterType::F32, 16, &[bits as u16, (bits >> 16) as u16]).to_string();
        let row = table.lines().nth(1).unwrap();
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(
            (cells[0], cells[1], cells[3]),
            ("16", "0x0010", "1.15"),
            "{table}"
        );
    }

    #[test]
    fn numbers_are_short() {
        for (number, expected) in [
            (0.0, "0"),
            (-0.5, "-0.5"),
            (1_150.0, "1150"),
            (4_294_967_295.0, "4294967295"),
            (1_062_273_024.0, "1062273024"),
            (1.234_567_89e-9, "1.235e-9"),
            (3.4e38, "3.400e38"),
            (f64::from(178.4_f32), "178.4"),
            (20.1, "20.1"),
        ] {
            assert_eq!(shown(number), expected);
        }
    }
}
