//! Equipment with its units, entered as a site enters it: by importing files.

use super::Dice;
use jiff::ToSpan as _;
use jiff::civil::Date;
use std::fmt::Write as _;
use std::sync::Arc;
use vigil_core::calendar::Schedules;
use vigil_core::people::Scope;
use vigil_gateway::desk::register::{Act, apply, send};
use vigil_gateway::store::Desk;

/// Rows of a file, well below what one may have.
const FILE: usize = 10_000;
/// Counties; the first is the one a narrow regulator looks after.
const AREAS: &[&str] = &[
    "210381", "210302", "210303", "210304", "210321", "210323", "210102", "210103", "210104", "210105",
    "210106", "210111", "210112", "210113", "210202", "210203", "210204", "210211", "210212", "210213",
    "210281", "210283", "210402", "210403", "210502", "210503", "210602", "210603", "210702", "210703",
    "210802", "210803", "210902", "211002", "211102", "211202", "211302", "211402", "220102", "220103",
    "230102", "230103", "370102", "370202",
];
const STREETS: &[&str] = &[
    "解放路",
    "北关街",
    "中山大街",
    "人民路",
    "铁西三道街",
    "滨河路",
    "工业大道",
];
/// Category, word of its registration number, name.
const KINDS: &[(&str, &str, &str)] = &[
    ("3110", "梯11", "乘客电梯"),
    ("3110", "梯11", "乘客电梯"),
    ("3110", "梯11", "住宅电梯"),
    ("1100", "锅10", "蒸汽锅炉"),
    ("2170", "容17", "储气罐"),
];

/// A piece of equipment, as hazards need it.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Id.
    pub id: Arc<str>,
    /// Category.
    pub category: Arc<str>,
    /// Whose and where.
    pub scope: Scope,
}

/// Name of the use unit of a piece: one has a tenth of everything, the others about twenty pieces each.
fn use_unit(dice: &mut Dice, equipment: usize) -> String {
    match dice.below(10) {
        0 => "鞍山大型物业集团有限公司".to_owned(),
        _ => format!("第{:05}使用单位", dice.below((equipment as u64 / 20).max(1))),
    }
}

fn rows(dice: &mut Dice, from: usize, to: usize, all: usize, today: Date) -> String {
    let mut text = String::from(
        "系统编号,设备名称,类别代码,使用登记证编号,使用地点,区划代码,使用单位,维保单位,检验机构,投用日期,使用登记日期,\
         上次检验日期,下次检验日期,使用状态,保险止期\n",
    );
    for n in from..to {
        let (category, word, name) = dice.one(KINDS);
        let age = 1 + dice.below(14) as i64;
        let since = today.saturating_sub(age.years());
        let last = dice.below(420) as i64;
        let state = match dice.below(100) {
            0..4 => "停用",
            4..6 => "报废",
            6 => "注销",
            _ => "在用",
        };
        let letter = char::from(b'A' + (n / 100_000) as u8 % 26);
        writeln!(
            text,
            "EQ-{n:06},{}号楼{}号{name},{category},{word}辽{letter}{:05}({:02}),{}{}号,{},{},第{:03}维保公司,第{:02}特种设备检验所,{since},{since},{},{},{state},{}",
            1 + dice.below(60),
            1 + dice.below(8),
            n % 100_000,
            since.year() % 100,
            dice.one(STREETS),
            1 + dice.below(900),
            dice.one(AREAS),
            use_unit(dice, all),
            dice.below(200),
            dice.below(30),
            today.saturating_sub(last.days()),
            today.saturating_add((365 - last).days()),
            today.saturating_add((dice.below(400) as i64 - 30).days()),
        )
        .expect("text");
    }
    text
}

/// Imports so many pieces; gives them back as the register knows them, by id.
///
/// # Panics
/// The register does not take them.
pub async fn fill(desk: &Desk, act: &Act, pieces: usize) -> Vec<Piece> {
    let (mut dice, schedules) = (Dice::new(1), Schedules::builtin());
    for from in (0..pieces).step_by(FILE) {
        let to = pieces.min(from + FILE);
        let file = rows(&mut dice, from, to, pieces, act.today);
        let name = format!("equipment-{from}.csv");
        let (sent, _) = send(desk, act, &name, file.as_bytes(), None)
            .await
            .expect("the file is kept");
        let applied = apply(desk, act, &schedules, sent.n, None, false)
            .await
            .expect("the file is taken");
        assert_eq!(applied.left_out, 0, "of the rows from {from}");
    }
    known(desk).await
}

type Row = (
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    String,
);

/// All pieces, by id.
///
/// # Panics
/// The register cannot be read.
pub async fn known(desk: &Desk) -> Vec<Piece> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, category, use_unit, maintenance_unit, inspection_body, area FROM equipment ORDER BY id",
    )
    .fetch_all(desk.reading())
    .await
    .expect("the register can be read");
    rows.into_iter()
        .map(|(id, category, used, maintained, inspected, area)| Piece {
            id: id.into(),
            category: category.into(),
            scope: Scope {
                use_unit: used.map(Into::into),
                maintenance_unit: maintained.map(Into::into),
                inspection_body: inspected.map(Into::into),
                area: area.into(),
            },
        })
        .collect()
}
