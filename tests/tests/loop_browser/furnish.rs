//! What stands in the registers before the story begins: equipment of several districts, risks in every colour, what
//! patrols and the public have reported.

use super::stage::{DAY_MS, FIX, HEAT, INSP, Stage, day};
use serde_json::json;

/// Id, name, category, area, use unit, its credit code, days to the next inspection.
type Piece = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    i64,
);

#[rustfmt::skip] // a table
const EQUIPMENT: &[Piece] = &[
    ("boiler-1", "1号锅炉", "1100", "210381", "海城热力有限公司", HEAT, 300),
    ("lift-3", "3号客梯", "3110", "210381", "海城百货大楼", "91210381MA0W100K55", 45),
    ("lift-9", "9号自动扶梯", "3310", "210381", "海城百货大楼", "91210381MA0W100K55", 320),
    ("lift-7", "7号病床梯", "3110", "210311", "千山医院", "91210311MA0W101K12", 210),
    ("boiler-2", "2号锅炉", "1100", "210302", "铁东热力站", "91210302MA0W102K8C", 130),
    ("vessel-1", "1号储气罐", "2170", "210304", "立山机械厂", "91210304MA0W103K4J", 340),
    ("crane-1", "1号桥式起重机", "4110", "210303", "铁西钢厂", "91210303MA0W104K0D", 28),
];

/// Equipment, risk point, what can do harm, accident, L, E, C.
type Risk = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Option<(f64, f64, f64)>,
);

#[rustfmt::skip] // a table
const RISKS: &[Risk] = &[
    ("lift-3", "3号客梯层门", "层门锁磨损，短接运行", "坠落、剪切", Some((3.0, 6.0, 15.0))),
    ("lift-9", "扶梯梳齿板", "梳齿缺损", "夹伤", Some((1.0, 6.0, 7.0))),
    ("lift-7", "7号病床梯制动器", "制动力矩不足", "冲顶、蹲底", Some((3.0, 6.0, 40.0))),
    ("boiler-2", "2号锅炉水位", "水位计堵塞，低水位联锁失效", "干烧、爆炸", Some((1.0, 6.0, 40.0))),
    ("vessel-1", "储气罐安全阀", "安全阀锈死", "超压爆炸", Some((1.0, 3.0, 40.0))),
    ("crane-1", "起重机钢丝绳", "断丝超标", "起重伤害", None),
];

/// Equipment, source, category, what was found.
#[rustfmt::skip] // a table
const REPORTS: &[(&str, &str, &str, &str)] = &[
    ("lift-3", "patrol", "lift-safety", "三层层门地坎间隙过大，轿门有异响"),
    ("lift-7", "public_report", "lift-entrapment", "群众反映本周两次困人，每次约十分钟"),
    ("vessel-1", "inspection", "leakage", "排污阀法兰渗漏，地面有积水"),
    ("crane-1", "campaign", "maintenance", "维保记录缺两个月"),
];

/// Enters it all over the interface, as the administrator.
pub(super) fn furnish(stage: &Stage) {
    let root = stage.api("root");
    let made = |path: &str, body: &serde_json::Value| {
        let (status, answer) = root.post(path, body);
        assert_eq!(status, 201, "{path} {body}: {answer:#}");
        answer
    };
    for (id, name, category, area, unit, uscc, days) in EQUIPMENT {
        let (kind, variety) = (["锅", "容", "梯", "起"], category.get(1..3).unwrap());
        let kind = kind[usize::from(category.as_bytes()[0] - b'1')];
        let facts = json!({
            "id": id, "name": name, "category": category, "area": area, "use_unit": unit, "use_unit_uscc": uscc,
            "maintenance_unit": "海城维保有限公司", "maintenance_unit_uscc": FIX,
            "inspection_body": "鞍山特种设备检验所", "inspection_body_uscc": INSP,
            "registration_no": format!("{kind}{variety}辽C{days:05}(21)"),
            "first_use": "2021-06-01", "registered": "2021-06-01", "state": "在用",
            "last_inspection": day(stage, days - 365), "next_inspection": day(stage, *days),
            "insured_from": day(stage, -100), "insured_to": day(stage, 265),
            "safety_officer": "王安全", "safety_director": "冯总监", "principal": "陈经理",
        });
        made("/api/v1/register", &json!({"facts": facts}));
    }
    for (equipment, name, factor, accident, factors) in RISKS {
        let point = json!({"name": name, "place": "现场", "factor": factor, "accident": accident,
            "basis": "GB/T 33942", "owner": "李工", "owner_unit": "设备科"});
        let point = made(
            "/api/v1/risk/points",
            &json!({"equipment": equipment, "point": point}),
        );
        let path = format!("/api/v1/risk/points/{}", point["id"].as_str().unwrap());
        let measure =
            json!({"kind": "management", "text": "每周检查并记录", "owner": "李工", "period_days": 7});
        made(&format!("{path}/measures"), &measure);
        if let Some((l, e, c)) = factors {
            let body = json!({"method": "lec", "factors": {"l": l, "e": e, "c": c}});
            let (status, answer) = stage.post_tagged("root", &path, "/assessments", &body);
            assert_eq!(status, 201, "{answer:#}");
        }
    }
    for (n, (equipment, source, category, description)) in REPORTS.iter().enumerate() {
        let found = vigil_gateway::view::Time(vigil_protocol::time::UtcMillis(
            stage.clock.now().0 - (n as i64 + 1) * DAY_MS,
        ));
        let report = json!({"equipment": equipment, "source": source, "category": category,
            "description": description, "grade": "general", "found_at": found.to_string()});
        made("/api/v1/hazards", &report);
    }
}
