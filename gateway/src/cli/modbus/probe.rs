//! `vigil modbus probe`.

use super::super::print;
use super::table::Table;
use super::{Target, session};
use crate::modbus::{ReadError, Session};
use clap::Args;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;
use vigil_core::modbus::{
    Block, BlockRead, Data, Function, ImageView, PollImage, ReadFailure, RegisterMap, shipped_map,
    shipped_map_ids,
};
use vigil_protocol::time::UtcMillis;

/// Requests to judge the speed by.
const SAMPLES: usize = 5;

#[derive(Debug, Args)]
pub(super) struct ProbeArgs {
    #[command(flatten)]
    target: Target,
    /// Unit address.
    #[arg(long, default_value_t = 1)]
    unit: u8,
}

/// What a request for one register or bit at address 0 came to.
#[derive(Debug)]
struct Kind {
    function: Function,
    result: Result<Data, ReadFailure>,
}

pub(super) async fn run(args: &ProbeArgs) -> Result<bool, String> {
    let ProbeArgs { target, unit } = args;
    let (unit, deadline) = (*unit, target.deadline());
    let link = target.link()?;
    let mut session = session(&link, deadline);
    let begun = Instant::now();
    session.open().await.map_err(|error| error.to_string())?;
    let opened = begun.elapsed();

    let mut kinds = Vec::new();
    for function in [
        Function::HoldingRegisters,
        Function::InputRegisters,
        Function::Coils,
        Function::DiscreteInputs,
    ] {
        let result = match session.read(unit, function.one(0), deadline).await {
            Ok(data) => Ok(data),
            Err(ReadError::Read { failure, .. }) => Err(failure),
            Err(error) => return Err(error.to_string()),
        };
        let silent = result
            .as_ref()
            .is_err_and(|failure| *failure == ReadFailure::Timeout);
        kinds.push(Kind { function, result });
        // Who does not answer the first does not answer the others either.
        if silent && kinds.len() == 1 {
            break;
        }
    }
    let answers = kinds.iter().any(|kind| kind.answered());
    let times = if answers {
        speed(&mut session, unit, &kinds, deadline).await
    } else {
        Vec::new()
    };
    let maps = if answers {
        fitting(&mut session, unit, deadline).await
    } else {
        Vec::new()
    };

    if target.json {
        let kinds: Vec<_> = kinds
            .iter()
            .map(|kind| {
                let said = match &kind.result {
                    Ok(data) => json!({ "value": first(data) }),
                    Err(failure) => json!({ "failure": failure.key(), "words": failure.to_string() }),
                };
                json!({ "function": kind.function.code(), "address": 0, "said": said })
            })
            .collect();
        let ms: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
        let report = json!({
            "link": link.to_string(), "unit": unit, "answers": answers, "open_ms": opened.as_millis() as u64,
            "answer_ms": ms, "address_0": kinds, "maps": maps,
        });
        print(&report.to_string());
        return Ok(answers);
    }
    print(&format!("{link}: open after {} ms", opened.as_millis()));
    let mut table = Table::new(&["function", "address 0"]);
    for kind in &kinds {
        let said = match &kind.result {
            Ok(data) => format!("{0} ({0:#06x})", first(data)),
            Err(failure) => failure.to_string(),
        };
        table.row([
            format!("{} {}", kind.function.code(), kind.function.title_en()),
            said,
        ]);
    }
    print(&format!("unit {unit}:\n{}", table.to_string().trim_end()));
    if !answers {
        print(&format!(
            "nobody answers as unit {unit}; try another --unit, `vigil modbus scan units`, or a longer --deadline"
        ));
        return Ok(false);
    }
    if let (Some(least), Some(most)) = (times.iter().min(), times.iter().max()) {
        print(&format!(
            "answers within {:.1} to {:.1} ms",
            least.as_secs_f64() * 1e3,
            most.as_secs_f64() * 1e3
        ));
    }
    if maps.is_empty() {
        print(
            "it has not all the registers of any shipped map: `vigil modbus scan registers` says which it has",
        );
    } else {
        print(&format!(
            "has the registers of: {} (not that they mean the same)",
            maps.join(", ")
        ));
    }
    Ok(true)
}

impl Kind {
    const fn answered(&self) -> bool {
        matches!(self.result, Ok(_) | Err(ReadFailure::Exception(_)))
    }
}

fn first(data: &Data) -> u16 {
    match data {
        Data::Words(words) => words.first().copied().unwrap_or(0),
        Data::Bits(bits) => u16::from(bits.first().copied().unwrap_or(false)),
    }
}

async fn speed(session: &mut Session, unit: u8, kinds: &[Kind], deadline: Duration) -> Vec<Duration> {
    let asked = kinds
        .iter()
        .find(|kind| kind.answered())
        .map(|kind| kind.function.one(0));
    let mut times = Vec::new();
    for block in std::iter::repeat_n(asked, SAMPLES).flatten() {
        let begun = Instant::now();
        match session.read(unit, block, deadline).await {
            Ok(_)
            | Err(ReadError::Read {
                failure: ReadFailure::Exception(_),
                ..
            }) => times.push(begun.elapsed()),
            Err(_) => {}
        }
    }
    times
}

/// Shipped maps all of whose registers it has, and whose values are all values.
async fn fitting(session: &mut Session, unit: u8, deadline: Duration) -> Vec<String> {
    let mut fitting = Vec::new();
    for map in shipped_map_ids().filter_map(shipped_map) {
        if let Some(image) = poll(session, unit, &map.blocks, deadline).await
            && makes_sense(&map, &image)
        {
            fitting.push(map.id.to_string());
        }
    }
    fitting
}

/// All blocks; `None` with the first that is not read.
async fn poll(session: &mut Session, unit: u8, blocks: &[Block], deadline: Duration) -> Option<PollImage> {
    let mut image = PollImage {
        at: UtcMillis(0),
        blocks: Vec::new(),
    };
    for block in blocks {
        let data = session.read(unit, *block, deadline).await.ok()?;
        image.blocks.push(BlockRead {
            block: *block,
            result: Ok(data),
        });
    }
    Some(image)
}

fn makes_sense(map: &RegisterMap, image: &PollImage) -> bool {
    use vigil_core::field::FieldValue;
    let bytes = image.encode();
    let Ok(view) = ImageView::parse(&bytes) else {
        return false;
    };
    map.points
        .iter()
        .all(|point| !matches!(point.read(&view).0, FieldValue::NoData(_)))
}
