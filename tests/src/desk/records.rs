//! What people write at the desk: risk points with measures and checks, cases, records of duty.

use super::Dice;
use super::equipment::Piece;
use std::sync::Arc;
use vigil_core::duty::Prefill;
use vigil_core::people::{Person, Role};
use vigil_core::supervision::policy::SupervisionPolicy;
use vigil_core::supervision::{CaseKind, Order, Subject};
use vigil_gateway::desk::cases::{self, Issue};
use vigil_gateway::desk::register::Act;
use vigil_gateway::store::Desk;
use vigil_protocol::time::UtcMillis;

const DAY_MS: i64 = 86_400_000;

/// Two risk points for each piece, a twentieth retired, with two measures each, an assessment, a check. Set by set: the
/// schema's own checks and triggers stand, and it takes seconds.
fn risk_points(now: i64, today: &str) -> Vec<String> {
    // A number that looks random, by row and by what it is for.
    let dice =
        |row: &str, of: i64, below: i64| format!("(abs({row} * 2654435761 + {of} * 40503) / 7 % {below})");
    let level = dice("n", 1, 40);
    let points = format!(
        "INSERT INTO risk_points (n, equipment, name, place, factor, accident, basis, owner, owner_phone, owner_unit, level, \
             method, factors, score, tier, assessed_on, assessed_by, reassess_on, next_check, failing, identified_on, \
             retired_at, use_unit, maintenance_unit, inspection_body, area, revision, created, changed) \
         SELECT n, id, CASE half WHEN 0 THEN '轿厢意外移动' ELSE '安全附件失效' END, location, \
             CASE half WHEN 0 THEN '制动器磨损' ELSE '安全阀未校验' END, '机械伤害', 'TSG 08', \
             '负责人' || {owner}, '', '工程部', level, CASE level WHEN 0 THEN '' ELSE 'ls' END, \
             CASE level WHEN 0 THEN '{{}}' ELSE '{{\"l\":2,\"s\":3}}' END, CASE level WHEN 0 THEN NULL ELSE 6.0 END, \
             CASE level WHEN 0 THEN '' WHEN 4 THEN 'company' WHEN 3 THEN 'department' WHEN 2 THEN 'team' ELSE 'post' END, \
             CASE level WHEN 0 THEN NULL ELSE date('{today}', '-' || {assessed} || ' days') END, 'bench', \
             CASE level WHEN 0 THEN NULL ELSE date('{today}', (365 - {assessed}) || ' days') END, NULL, 0, \
             date('{today}', '-500 days'), CASE {retired} WHEN 0 THEN {now} END, \
             use_unit, maintenance_unit, inspection_body, area, 1, {now}, {now} \
         FROM (SELECT *, CASE WHEN {level} = 0 THEN 4 WHEN {level} < 4 THEN 3 WHEN {level} < 14 THEN 2 \
                  WHEN {level} < 36 THEN 1 ELSE 0 END AS level \
               FROM (SELECT e.n * 2 + half AS n, half, e.id, e.location, e.use_unit, e.maintenance_unit, \
                         e.inspection_body, e.area FROM equipment e, (SELECT 0 AS half UNION ALL SELECT 1)))",
        owner = dice("n", 2, 5_000),
        assessed = dice("n", 3, 400),
        retired = dice("n", 4, 20),
    );
    let measures = format!(
        "INSERT INTO risk_measures (n, point, kind, text, owner, period_days, since, last_check, last_result, next_check, \
             retired_at, use_unit, maintenance_unit, inspection_body, area, revision, changed) \
         SELECT m, point, CASE {kind} WHEN 0 THEN 'engineering' WHEN 1 THEN 'training' WHEN 2 THEN 'ppe' \
                 WHEN 3 THEN 'emergency' ELSE 'management' END, '每月检查', owner, 30, date('{today}', '-400 days'), \
             date('{today}', '-' || {ago} || ' days'), CASE {failed} WHEN 0 THEN 'failed' ELSE 'passed' END, \
             date('{today}', (30 - {ago}) || ' days'), retired_at, use_unit, maintenance_unit, inspection_body, area, 1, {now} \
         FROM (SELECT p.n * 2 + half AS m, p.n AS point, p.* FROM risk_points p, (SELECT 0 AS half UNION ALL SELECT 1))",
        kind = dice("m", 5, 8),
        ago = dice("m", 6, 33),
        failed = dice("m", 7, 100),
    );
    vec![
        points,
        "INSERT INTO risk_text (rowid, text) SELECT n, lower('RP-' || printf('%06d', n) || ' ' || name || ' ' || place \
         || ' ' || factor) FROM risk_points"
            .to_owned(),
        measures,
        "UPDATE risk_points SET next_check = (SELECT min(next_check) FROM risk_measures m WHERE m.point = risk_points.n \
             AND m.retired_at IS NULL), \
         failing = (SELECT count(*) FROM risk_measures m WHERE m.point = risk_points.n AND m.retired_at IS NULL \
             AND m.last_result = 'failed')"
            .to_owned(),
        format!(
            "INSERT INTO risk_assessments (point, at, by, method, factors, score, level, tier, reason) \
             SELECT n, {now}, 'bench', method, factors, score, level, tier, '' FROM risk_points WHERE level > 0"
        ),
        format!(
            "INSERT INTO risk_checks (measure, point, at, checked_on, by, result, remark) \
             SELECT n, point, {now}, last_check, 'bench', last_result, '' FROM risk_measures"
        ),
    ]
}

/// A record of each of the first units for each of so many days, and of each week; most of them signed.
fn duty(now: i64, today: &str, units: u32, days: u32) -> Vec<String> {
    let prefill = Prefill {
        machines: 20,
        zero_risk: 18,
        found: 1,
        no_data: 1,
        alarms: 3,
        hazards_opened: 1,
        hazards_open: 2,
        hours_run: 211.5,
        ..Prefill::default()
    };
    let prefill = serde_json::to_string(&prefill).expect("JSON");
    ["daily", "weekly"]
        .into_iter()
        .map(|kind| {
            let (every, length) = if kind == "daily" { (1, 0) } else { (7, 6) };
            format!(
                "WITH RECURSIVE ago (d) AS (SELECT 1 UNION ALL SELECT d + {every} FROM ago WHERE d + {every} <= {days}) \
                 INSERT INTO duty_records (kind, use_unit, area, period_from, period_to, due, version, officers, prefill, \
                     verdict, findings, revision, created, changed, changed_by, signed_at, signed_by, signed_name, hash) \
                 SELECT '{kind}', u.code, u.area, date('{today}', '-' || (d + {length}) || ' days'), \
                     date('{today}', '-' || d || ' days'), date('{today}', (3 - d) || ' days'), 1, '[\"李四\"]', '{prefill}', \
                     CASE (u.n + d) % 9 WHEN 0 THEN 'no_data' WHEN 1 THEN 'found' ELSE 'zero_risk' END, '', 1, {now}, {now}, \
                     'vigil', CASE WHEN (u.n * 7 + d) % 20 > 0 THEN {now} - d * 86400000 END, \
                     CASE WHEN (u.n * 7 + d) % 20 > 0 THEN 'user-00001' END, \
                     CASE WHEN (u.n * 7 + d) % 20 > 0 THEN '李四' END, \
                     CASE WHEN (u.n * 7 + d) % 20 > 0 THEN 'of the bench' END \
                 FROM ago, (SELECT row_number() OVER (ORDER BY code) AS n, code, area FROM units \
                     WHERE code IN (SELECT use_unit FROM equipment) LIMIT {units}) u ORDER BY d DESC, u.n"
            )
        })
        .collect()
}

/// The statements that fill what is filled set by set, in order.
#[must_use]
pub fn statements(act: &Act, units: u32, days: u32) -> Vec<String> {
    let today = act.today.to_string();
    let mut all = risk_points(act.now.0, &today);
    all.extend(duty(act.now.0, &today, units, days));
    all
}

/// So many cases, issued over three years as a regulator issues them; a listed one about one hazard.
///
/// # Panics
/// They are refused, or cannot be written.
pub async fn cases(desk: &Desk, act: &Act, pieces: &[Piece], many: usize) {
    let person = Person {
        login: Arc::from("bench"),
        role: Role::Regulator,
        unit: None,
        areas: vec![Arc::from("")],
    };
    let mut dice = Dice::new(4);
    let policy = SupervisionPolicy::builtin();
    for n in 0..many {
        let piece = dice.one(pieces);
        let kind = CaseKind::ALL[n % 3];
        let now = UtcMillis(act.now.0 - (many - n) as i64 * 1_095 * DAY_MS / many.max(1) as i64);
        let later = Some(now.saturating_add_ms(60 * DAY_MS));
        let order = Order {
            kind,
            level: Arc::from("county"),
            issuer: "市市场监管局".to_owned(),
            title: format!("关于 {} 的督办 {n}", piece.id),
            grounds: "超压运行未整改".to_owned(),
            demands: "限期整改".to_owned(),
            subject: Subject {
                hazards: Vec::new(),
                equipment: Some(Arc::clone(&piece.id)),
                unit: None,
            },
            scope: piece.scope.clone(),
            deadline: later.filter(|_| kind != CaseKind::Interview),
            meet_at: later.filter(|_| kind == CaseKind::Interview),
        };
        let asked = Issue {
            person: &person,
            order: &order,
            key: None,
            now,
            policy,
        };
        cases::issue(desk, &asked).await.expect("a case");
    }
}
