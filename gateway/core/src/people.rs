//! Who acts, and for whom: roles, units, areas. What may be seen and done follows from them.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a person does here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// 使用单位: the site that uses the equipment.
    Site,
    /// 维保单位: the company that maintains it.
    Maintainer,
    /// 检验机构: the body that inspects it.
    InspectionBody,
    /// 监察机构: the market regulator.
    Regulator,
    /// 行业主管部门, 属地政府, 安委会: reads, and does nothing.
    Department,
    /// Runs the gateway.
    Administrator,
}

/// Somebody who acts, as known when he did: logged with what was done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Person {
    /// Login, or the name of an API token; never empty.
    pub login: Arc<str>,
    /// What the person does here.
    pub role: Role,
    /// The unit he belongs to; `None` for administrators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Arc<str>>,
    /// Areas of responsibility, as prefixes of GB/T 2260 codes (`"21"`, `"210381"`); an empty prefix is everywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub areas: Vec<Arc<str>>,
}

/// Whose something is and where: what decides who sees it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Scope {
    /// 使用单位, as unit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_unit: Option<Arc<str>>,
    /// 维保单位.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance_unit: Option<Arc<str>>,
    /// 检验机构.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspection_body: Option<Arc<str>>,
    /// GB/T 2260 code, six digits; empty when nobody has said.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub area: Arc<str>,
}

/// What a person sees, in the form lists are filtered by. The same decision as [`Person::sees`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Sight {
    /// Nothing: no unit, no area.
    #[default]
    Nothing,
    /// What this unit uses.
    UseUnit(Arc<str>),
    /// What this unit maintains.
    MaintenanceUnit(Arc<str>),
    /// What this body inspects.
    InspectionBody(Arc<str>),
    /// What lies in areas with one of these prefixes, none of them empty.
    Areas(Vec<Arc<str>>),
    /// Everything, also what belongs to nobody.
    Everything,
}

/// A [`Scope`] that belongs to somebody else.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ScopeRef<'s> {
    /// 使用单位.
    pub use_unit: Option<&'s str>,
    /// 维保单位.
    pub maintenance_unit: Option<&'s str>,
    /// 检验机构.
    pub inspection_body: Option<&'s str>,
    /// GB/T 2260 code; empty when nobody has said.
    pub area: &'s str,
}

impl<'s> From<&'s Scope> for ScopeRef<'s> {
    fn from(scope: &'s Scope) -> Self {
        Self {
            use_unit: scope.use_unit.as_deref(),
            maintenance_unit: scope.maintenance_unit.as_deref(),
            inspection_body: scope.inspection_body.as_deref(),
            area: &scope.area,
        }
    }
}

impl From<ScopeRef<'_>> for Scope {
    fn from(scope: ScopeRef<'_>) -> Self {
        Self {
            use_unit: scope.use_unit.map(Into::into),
            maintenance_unit: scope.maintenance_unit.map(Into::into),
            inspection_body: scope.inspection_body.map(Into::into),
            area: scope.area.into(),
        }
    }
}

impl Sight {
    /// Whether something of this scope is seen.
    #[must_use]
    pub fn admits(&self, scope: ScopeRef<'_>) -> bool {
        match self {
            Self::Nothing => false,
            Self::UseUnit(unit) => scope.use_unit == Some(unit),
            Self::MaintenanceUnit(unit) => scope.maintenance_unit == Some(unit),
            Self::InspectionBody(unit) => scope.inspection_body == Some(unit),
            Self::Areas(prefixes) => prefixes.iter().any(|prefix| scope.area.starts_with(&**prefix)),
            Self::Everything => true,
        }
    }

    /// Whether it is not restricted at all: what belongs to no equipment (strangers, dead letters) is for such eyes.
    #[must_use]
    pub const fn is_everything(&self) -> bool {
        matches!(self, Self::Everything)
    }
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] = [
        Self::Site,
        Self::Maintainer,
        Self::InspectionBody,
        Self::Regulator,
        Self::Department,
        Self::Administrator,
    ];

    /// Stable key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::Maintainer => "maintainer",
            Self::InspectionBody => "inspection_body",
            Self::Regulator => "regulator",
            Self::Department => "department",
            Self::Administrator => "administrator",
        }
    }

    /// The role behind a key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.key() == key)
    }
}

impl Person {
    /// Whoever runs the gateway, under the name he goes by.
    #[must_use]
    pub fn administrator(login: &str) -> Self {
        Self {
            login: login.into(),
            role: Role::Administrator,
            unit: None,
            areas: Vec::new(),
        }
    }

    /// What the person sees: a unit what is its own, authorities what is in their areas, administrators everything.
    /// An authority that is responsible everywhere also sees what has no area.
    #[must_use]
    pub fn sight(&self) -> Sight {
        let own = |of: fn(Arc<str>) -> Sight| self.unit.clone().map_or(Sight::Nothing, of);
        match self.role {
            Role::Site => own(Sight::UseUnit),
            Role::Maintainer => own(Sight::MaintenanceUnit),
            Role::InspectionBody => own(Sight::InspectionBody),
            Role::Administrator => Sight::Everything,
            Role::Regulator | Role::Department => {
                if self.areas.iter().any(|prefix| prefix.is_empty()) {
                    Sight::Everything
                } else if self.areas.is_empty() {
                    Sight::Nothing
                } else {
                    Sight::Areas(self.areas.clone())
                }
            }
        }
    }

    /// Whether something of this scope concerns the person.
    #[must_use]
    pub fn sees(&self, scope: &Scope) -> bool {
        self.sight().admits(scope.into())
    }
}

#[cfg(test)]
mod tests {
    use super::{Person, Role, Scope};

    fn person(role: Role, unit: Option<&str>, areas: &[&str]) -> Person {
        Person {
            login: "li".into(),
            role,
            unit: unit.map(Into::into),
            areas: areas.iter().map(|area| (*area).into()).collect(),
        }
    }

    #[test]
    fn a_unit_sees_its_own_and_an_authority_its_area() {
        let scope = Scope {
            use_unit: Some("mall".into()),
            maintenance_unit: Some("lifts-ltd".into()),
            inspection_body: None,
            area: "210381".into(),
        };
        let sees = |role, unit, areas: &[&str]| person(role, unit, areas).sees(&scope);
        assert!(sees(Role::Site, Some("mall"), &[]));
        assert!(!sees(Role::Site, Some("lifts-ltd"), &[]));
        assert!(!sees(Role::Site, None, &[]));
        assert!(sees(Role::Maintainer, Some("lifts-ltd"), &[]));
        assert!(!sees(Role::InspectionBody, Some("mall"), &[]));
        assert!(
            !sees(Role::InspectionBody, None, &[]),
            "nobody's is not everybody's"
        );
        assert!(sees(Role::Regulator, None, &["2103"]));
        assert!(sees(Role::Department, Some("x"), &["11", "21"]));
        assert!(!sees(Role::Regulator, None, &["2104"]));
        assert!(!sees(Role::Regulator, None, &[]));
        assert!(sees(Role::Administrator, None, &[]));
        let nowhere = Scope::default();
        assert!(person(Role::Regulator, None, &[""]).sees(&nowhere));
        assert!(!person(Role::Regulator, None, &["21"]).sees(&nowhere));
    }

    #[test]
    fn every_role_survives_its_key() {
        for role in Role::ALL {
            assert_eq!(Role::from_key(role.key()), Some(role));
        }
    }
}
