//! Those who handle the story's hazards: a register in which the site's equipment stands, and users in every role.
//! Their passwords are made anew for each data directory and shown once.

use super::stage::Stage;
use crate::config::Language;
use crate::desk::register::{self, Act, FieldRequest, RegisterError};
use crate::desk::today;
use crate::people::UserFacts;
use crate::secrets::random_hex;
use anyhow::Context as _;
use jiff::ToSpan as _;
use jiff::civil::Date;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use vigil_core::people::{Role, Scope};
use vigil_core::register::Field;
use vigil_simulator::site::{Site, SiteEquipment};

/// Who inspects everything on the site.
const INSPECTION_BODY: &str = "海城示范特种设备检验所";
/// Who wrote the register.
const ACTOR: &str = "vigil demo";

/// One who can sign in.
struct Member {
    login: String,
    password: String,
    facts: UserFacts,
}

/// Everybody who can sign in.
pub(super) struct Cast {
    /// `None`: they are those of an earlier run, and their passwords were shown then.
    members: Option<Vec<Member>>,
}

/// Nameplate values that are in the unit of the register's field.
const RATINGS: &[(&str, Field)] = &[
    ("floors", Field::Floors),
    ("rated_speed", Field::RatedSpeed),
    ("rated_load", Field::RatedLoad),
    ("rated_pressure", Field::RatedPressure),
    ("rated_power", Field::RatedPower),
];

impl Cast {
    /// Enters the site's equipment into the register and makes the users, unless there are any.
    pub(super) async fn enter(stage: &Stage, site: &Site) -> anyhow::Result<Self> {
        let app = &stage.running.app;
        if app.people.closed() {
            return Ok(Self { members: None });
        }
        let today = today(&app.clock, &app.config.web.timezone);
        let act = Act::new(ACTOR, "command", app.clock.now(), today).told(&app.people);
        let mut scopes = Vec::new();
        for equipment in &site.equipment {
            let typed = facts(equipment, today);
            match register::create(&app.desk, &act, &app.rules.schedules(), typed, None).await {
                // A run that ended before it made the users has entered it.
                Ok(_) | Err(RegisterError::Exists { .. }) => {}
                Err(error) => {
                    return Err(error)
                        .with_context(|| format!("entering {} into the register", equipment.id));
                }
            }
            scopes.extend(register::scope_of(&app.desk, &equipment.id).await?);
        }
        let mut members = Vec::new();
        for (login, facts) in people(&scopes, stage.language) {
            let password = password()?;
            app.people
                .add_user(&login, &facts, &password)
                .await
                .with_context(|| format!("making the user {login}"))?;
            members.push(Member {
                login,
                password,
                facts,
            });
        }
        Ok(Self {
            members: Some(members),
        })
    }

    /// What the person in front of the terminal is told.
    pub(super) fn told(&self, language: Language) -> String {
        let zh = language == Language::Zh;
        let mut text = String::new();
        let Some(members) = &self.members else {
            return if zh {
                "用户沿用上次演示的；其口令只在当时显示过一次。忘记口令：vigil user password 登录名。\n"
                    .to_owned()
            } else {
                "The users are those of the last run; their passwords were shown then. Forgotten: vigil user password LOGIN.\n"
                    .to_owned()
            };
        };
        text.push_str(if zh {
            "用户（口令只显示这一次）：\n"
        } else {
            "Users (the passwords are shown this once):\n"
        });
        for member in members {
            // Writing to a string cannot fail.
            writeln!(
                text,
                "  {:<14} {}  {}",
                member.login, member.password, member.facts.name
            )
            .unwrap_or(());
        }
        text.push_str(if zh {
            "重大隐患闭环：监管确认并下达整改（五落实）→ 使用单位整改、自验 → 监管验收、销号；回头看。\n\
             演示中两次“回头看”在销号后 3 分钟和 6 分钟到期（实际为 30 天和 90 天），隐患页面上有时间。\n"
        } else {
            "A major hazard: the regulator confirms and assigns it (five in place), the site rectifies and checks, the \
             regulator accepts and strikes it off; then it is looked at again.\nIn this demo the two look-backs fall due 3 \
             and 6 minutes after strike-off (else 30 and 90 days); the hazard's page shows when.\n"
        });
        text
    }
}

/// What the register says about a piece of equipment: in order, with nothing overdue, so that the only hazards are
/// those of the story.
fn facts(equipment: &SiteEquipment, today: Date) -> Vec<FieldRequest> {
    let said = |key: &str| equipment.register.get(key).cloned();
    let away = |days: i64| Some(today.saturating_add(days.days()).to_string());
    // 梯11辽C00101(21): registered in 2021.
    let year = said("registration_no").and_then(|number| {
        let (_, year) = number.rsplit_once('(')?;
        year.strip_suffix(')')?.parse::<u16>().ok()
    });
    let since = year.map(|year| format!("20{year:02}-06-01"));
    let mut typed: Vec<FieldRequest> = [
        (Field::Id, Some(equipment.id.clone())),
        (Field::Name, Some(equipment.name.clone())),
        (Field::Category, Some(equipment.category.clone())),
        (Field::RegistrationNo, said("registration_no")),
        (Field::Area, said("area_code")),
        (Field::PlaceType, said("place_type")),
        (Field::UseUnit, said("use_unit")),
        (Field::MaintenanceUnit, said("maintenance_unit")),
        (Field::InspectionBody, Some(INSPECTION_BODY.to_owned())),
        (Field::FirstUse, since.clone()),
        (Field::Registered, since),
        (Field::LastInspection, away(-200)),
        (Field::NextInspection, away(165)),
        (Field::InsuredFrom, away(-100)),
        (Field::InsuredTo, away(265)),
    ]
    .into_iter()
    .filter_map(|(field, text)| Some((field, text?)))
    .collect();
    for (key, field) in RATINGS {
        if let Some(value) = equipment.nameplate.get(*key) {
            typed.push((*field, value.to_string()));
        }
    }
    typed
}

/// A user for every unit the equipment has, and one for each role that has no unit.
fn people(scopes: &[Scope], language: Language) -> Vec<(String, UserFacts)> {
    let pick = |zh: &'static str, en: &'static str| match language {
        Language::Zh => zh,
        Language::En => en,
    };
    let units = |of: fn(&Scope) -> &Option<Arc<str>>| -> Vec<Arc<str>> {
        let mut seen = BTreeSet::new();
        let all = scopes.iter().filter_map(|scope| of(scope).clone());
        all.filter(|unit| seen.insert(Arc::clone(unit))).collect()
    };
    let mut areas: BTreeSet<Arc<str>> = scopes.iter().map(|scope| Arc::clone(&scope.area)).collect();
    if areas.is_empty() {
        areas.insert("".into());
    }
    let areas: Vec<Arc<str>> = areas.into_iter().collect();
    let mut found = Vec::new();
    let of_unit = [
        (
            Role::Site,
            "site",
            pick("使用单位安全员", "site's safety officer"),
            units(|scope| &scope.use_unit),
        ),
        (
            Role::Maintainer,
            "maintainer",
            pick("维保人员", "maintenance technician"),
            units(|scope| &scope.maintenance_unit),
        ),
        (
            Role::InspectionBody,
            "inspector",
            pick("检验人员", "inspector"),
            units(|scope| &scope.inspection_body),
        ),
    ];
    for (role, login, title, units) in of_unit {
        for (at, unit) in units.into_iter().enumerate() {
            let (login, name) = match at {
                0 => (login.to_owned(), title.to_owned()),
                _ => (format!("{login}-{}", at + 1), format!("{title} {}", at + 1)),
            };
            found.push((login, member(name, role, Some(unit), Vec::new())));
        }
    }
    for (role, login, title) in [
        (Role::Regulator, "regulator", pick("监察员", "regulator")),
        (
            Role::Department,
            "department",
            pick("行业主管部门（只读）", "department (reads only)"),
        ),
    ] {
        found.push((
            login.to_owned(),
            member(title.to_owned(), role, None, areas.clone()),
        ));
    }
    let title = pick("系统管理员", "administrator").to_owned();
    found.push((
        "manager".to_owned(),
        member(title, Role::Administrator, None, Vec::new()),
    ));
    found
}

fn member(name: String, role: Role, unit: Option<Arc<str>>, areas: Vec<Arc<str>>) -> UserFacts {
    UserFacts {
        name,
        role,
        unit,
        areas,
        language: None,
        phone: None,
        active: true,
    }
}

/// Four groups of five: 80 random bits that can be copied by hand.
fn password() -> anyhow::Result<String> {
    let random = random_hex()?;
    let groups: Vec<&str> = (0..4).filter_map(|at| random.get(at * 5..at * 5 + 5)).collect();
    Ok(groups.join("-"))
}

#[cfg(test)]
mod tests {
    use super::{facts, password, people};
    use crate::config::Language;
    use jiff::civil::date;
    use vigil_core::people::{Role, Scope};
    use vigil_core::register::Field;
    use vigil_simulator::site::Site;

    fn scope(use_unit: &str) -> Scope {
        Scope {
            use_unit: Some(use_unit.into()),
            maintenance_unit: Some("fix".into()),
            inspection_body: Some("look".into()),
            area: "210381".into(),
        }
    }

    #[test]
    fn there_is_a_user_for_every_unit_and_every_role_each_in_its_scope() {
        let scopes = [scope("a"), scope("b"), scope("a")];
        let people = people(&scopes, Language::En);
        let logins: Vec<&str> = people.iter().map(|(login, _)| &**login).collect();
        assert_eq!(
            logins,
            [
                "site",
                "site-2",
                "maintainer",
                "inspector",
                "regulator",
                "department",
                "manager"
            ]
        );
        for role in Role::ALL {
            assert!(people.iter().any(|(_, facts)| facts.role == role), "{role:?}");
        }
        for (login, facts) in &people {
            assert!(vigil_core::sign_in::login(login).is_ok(), "{login}");
            assert_eq!(
                facts.areas.is_empty(),
                !matches!(facts.role, Role::Regulator | Role::Department)
            );
        }
    }

    #[test]
    fn the_register_says_that_everything_is_in_order() {
        let site = Site::builtin().unwrap();
        let lift = site.find("lift-1").unwrap();
        let said = facts(lift, date(2026, 5, 1));
        let of = |field| {
            said.iter()
                .find(|(known, _)| *known == field)
                .map(|(_, text)| &**text)
        };
        assert_eq!(of(Field::NextInspection), Some("2026-10-13"));
        assert_eq!(of(Field::Registered), Some("2021-06-01"));
        assert_eq!(of(Field::UseUnit), Some("海城示范物业"));
    }

    #[test]
    fn no_two_passwords_are_the_same() {
        let (one, other) = (password().unwrap(), password().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.len(), 23);
        assert!(vigil_core::sign_in::password("site", &one).is_ok());
    }
}
