//! Users, certificates and the audit log; and those in whose names the bench asks.

use super::Dice;
use super::equipment::Piece;
use jiff::ToSpan as _;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use vigil_core::people::Role;
use vigil_gateway::desk::people::{audit, users};
use vigil_gateway::desk::register::{Act, CertificateFacts, save_certificate};
use vigil_gateway::people::{Deed, People, TokenScope, UserFacts};
use vigil_gateway::store::Desk;
use vigil_protocol::time::UtcMillis;

/// Somebody in whose name the bench asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asker {
    /// What he sees: `all`, `county`, `small-site` …
    pub sight: String,
    /// His token.
    pub token: String,
}

fn facts(name: &str, role: Role, unit: Option<Arc<str>>, areas: &[&str]) -> UserFacts {
    UserFacts {
        name: name.to_owned(),
        role,
        unit,
        areas: areas.iter().map(|area| Arc::from(*area)).collect(),
        language: None,
        phone: None,
        active: true,
    }
}

/// Who asks: everything, a province, a county, a big site, a small one, a maintenance company.
///
/// # Panics
/// They cannot be made.
pub async fn askers(people: &People, pieces: &[Piece]) -> Vec<Asker> {
    let count = |unit: &Arc<str>| {
        pieces
            .iter()
            .filter(|one| one.scope.use_unit.as_ref() == Some(unit))
            .count()
    };
    let mut units: Vec<_> = pieces
        .iter()
        .take(200)
        .filter_map(|one| one.scope.use_unit.clone())
        .collect();
    units.sort();
    units.dedup();
    units.sort_by_key(|unit| count(unit));
    let (small, big) = (units.first().cloned(), units.last().cloned());
    let maintainer = pieces.first().and_then(|one| one.scope.maintenance_unit.clone());
    let mut askers = Vec::new();
    for (sight, facts) in [
        ("all", facts("管理员", Role::Administrator, None, &[])),
        ("province", facts("省局", Role::Regulator, None, &["21"])),
        ("county", facts("县局", Role::Regulator, None, &["210381"])),
        ("big-site", facts("大型物业", Role::Site, big, &[])),
        ("small-site", facts("小单位", Role::Site, small, &[])),
        ("maintainer", facts("维保", Role::Maintainer, maintainer, &[])),
    ] {
        people
            .add_user(sight, &facts, "the drum is warm today")
            .await
            .expect("a user");
        let scopes = [TokenScope::Read, TokenScope::Act];
        let token = people
            .add_token(sight, "bench", &scopes, 300)
            .await
            .expect("a token");
        askers.push(Asker {
            sight: sight.to_owned(),
            token: token.secret,
        });
    }
    askers
}

/// So many users and certificates, and an audit log of so many entries.
///
/// # Panics
/// They cannot be written.
pub async fn fill(desk: &Desk, act: &Act, pieces: &[Piece], many: usize, deeds: usize) {
    let hash = users::password(desk.reading(), "all")
        .await
        .expect("readable")
        .expect("there");
    let mut dice = Dice::new(3);
    let mut write = desk.begin().await.expect("a turn");
    for n in 0..many {
        let piece = dice.one(pieces);
        let unit = piece.scope.use_unit.clone();
        let facts = facts(&format!("张三{n}"), Role::Site, unit, &[]);
        let connection = write.connection().expect("under way");
        users::insert(connection, &format!("user-{n:05}"), &facts, &hash, act.now)
            .await
            .expect("a user");
    }
    let start = act.now.0 - deeds as i64 * 60_000;
    for n in 0..deeds {
        let piece = dice.one(pieces);
        let write_it = dice.below(3) == 0;
        let deed = Deed {
            at: UtcMillis(start + n as i64 * 60_000),
            login: format!("user-{:05}", dice.below(many.max(1) as u64)),
            role: "site".to_owned(),
            via: "session".to_owned(),
            address: "10.0.0.7".to_owned(),
            method: if write_it { "POST" } else { "GET" }.to_owned(),
            route: "/register/{id}".to_owned(),
            object: piece.id.to_string(),
            area: piece.scope.area.to_string(),
            status: 200,
        };
        audit::append(write.connection().expect("under way"), deed)
            .await
            .expect("an entry");
    }
    write.commit().await.expect("it is kept");
    for n in 0..many.min(2_000) {
        let Some(unit) = dice.one(pieces).scope.use_unit.clone() else {
            continue;
        };
        let facts = CertificateFacts {
            unit: unit.to_string(),
            person: format!("李四{n}"),
            kind: "T".to_owned(),
            number: format!("T{n:08}"),
            issued: None,
            expires: act.today.saturating_add((dice.below(700) as i64 - 60).days()),
        };
        save_certificate(desk, act, None, &facts)
            .await
            .expect("a certificate");
    }
}
