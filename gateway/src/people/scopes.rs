//! Whose a piece of equipment is, without asking the database.

use crate::app::App;
use crate::desk::scopes::of_catalog;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use vigil_core::catalog::Equipment;
use vigil_core::hazard::HazardSummary;
use vigil_core::people::{Scope, ScopeRef, Sight};

/// What goes before the catalog: what the register says, and equipment that left the catalog.
#[derive(Debug, Default)]
pub struct Scopes(RwLock<HashMap<Arc<str>, Scope>>);

impl Scopes {
    /// The register says whose a piece of equipment is, from now on.
    pub fn set(&self, equipment: &str, scope: Scope) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(equipment.into(), scope);
    }

    pub(super) fn replace(&self, scopes: HashMap<Arc<str>, Scope>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = scopes;
    }

    fn admitted(&self, id: &str, catalog: Option<&Equipment>, sight: &Sight) -> bool {
        if sight.is_everything() {
            return true;
        }
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match (known.get(id), catalog) {
            (Some(scope), _) => sight.admits(scope.into()),
            (None, Some(equipment)) => sight.admits(of_catalog(equipment)),
            (None, None) => sight.admits(ScopeRef::default()),
        }
    }
}

impl App {
    fn in_catalog(&self, id: &str) -> Option<&Equipment> {
        let ix = self.catalog.by_id.get(id)?;
        self.catalog.equipment.get(ix.0 as usize)
    }

    /// Whose a piece of equipment is and where; nobody's if nobody knows it.
    #[must_use]
    pub fn scope_of(&self, id: &str) -> Scope {
        self.known_scope(id).unwrap_or_default()
    }

    /// Whose a hazard is: as its equipment; where nobody knows that (it is a unit's, or only a report names it), as it
    /// was when somebody last acted on it. The columns of the store that lists are filtered by say the same.
    #[must_use]
    pub fn scope_of_hazard(&self, hazard: &HazardSummary) -> Scope {
        self.known_scope(&hazard.equipment)
            .unwrap_or_else(|| hazard.handling.scope.clone())
    }

    fn known_scope(&self, id: &str) -> Option<Scope> {
        let known = self
            .people
            .scopes()
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        match (known.get(id), self.in_catalog(id)) {
            (Some(scope), _) => Some(scope.clone()),
            (None, Some(equipment)) => Some(of_catalog(equipment).into()),
            (None, None) => None,
        }
    }

    /// Whether this sight has the hazard in it.
    #[must_use]
    pub fn sees_hazard(&self, sight: &Sight, hazard: &HazardSummary) -> bool {
        sight.is_everything() || sight.admits((&self.scope_of_hazard(hazard)).into())
    }

    /// Whether this sight has the equipment in it.
    #[must_use]
    pub fn sees(&self, sight: &Sight, id: &str) -> bool {
        self.people.scopes().admitted(id, self.in_catalog(id), sight)
    }

    /// As [`App::sees`], for equipment of the catalog that is at hand.
    #[must_use]
    pub fn sees_one(&self, sight: &Sight, equipment: &Equipment) -> bool {
        self.people
            .scopes()
            .admitted(&equipment.id, Some(equipment), sight)
    }
}
