//! Who is waited for: what takes a hazard on from where it stands.

use super::StepKind;
use crate::hazard::HazardStatus as S;
use crate::pack::Grade;
use crate::people::Role;

/// What takes a hazard on from a state, in the order of preference; empty at the end of the loop.
#[must_use]
pub const fn onward(status: S) -> &'static [StepKind] {
    match status {
        S::Suspected => &[StepKind::Confirm],
        S::Confirmed => &[StepKind::Assign],
        S::Assigned => &[StepKind::Start],
        S::Rectifying => &[StepKind::SelfCheck],
        S::SelfChecked => &[StepKind::Accept, StepKind::RequestAcceptance],
        S::Accepted => &[StepKind::StrikeOff],
        S::StruckOff => &[StepKind::LookBack],
        S::LookedBack => &[StepKind::Close],
        S::Rejected | S::Closed => &[],
    }
}

/// Whether hazards of this state and grade may wait for this role.
#[must_use]
pub fn waits_for(status: S, grade: Grade, role: Role) -> bool {
    onward(status)
        .iter()
        .any(|step| step.guard().roles(grade).contains(&role))
}

/// Whether they wait for a person of the unit made responsible alone, as far as this role goes.
#[must_use]
pub fn waits_for_the_responsible(status: S, grade: Grade, role: Role) -> bool {
    let steps = onward(status).iter().map(|step| step.guard());
    let mut steps = steps.filter(|guard| guard.roles(grade).contains(&role));
    matches!(role, Role::Site | Role::Maintainer) && steps.all(|guard| guard.responsible_unit)
}

#[cfg(test)]
mod tests {
    use super::{onward, waits_for, waits_for_the_responsible};
    use crate::hazard::HazardStatus as S;
    use crate::pack::Grade::{self, General, Major};
    use crate::people::Role::{self, Administrator, Department, InspectionBody, Maintainer, Regulator, Site};

    #[test]
    fn what_takes_a_hazard_on_is_possible_where_it_stands() {
        for status in S::ALL {
            assert_eq!(onward(status).is_empty(), status.is_final(), "{status:?}");
            for step in onward(status) {
                assert!(step.guard().from.contains(&status), "{step:?} from {status:?}");
            }
        }
    }

    #[test]
    fn in_every_state_somebody_is_waited_for_and_never_a_department() {
        for (status, grade) in S::ALL
            .into_iter()
            .flat_map(|status| [(status, General), (status, Major)])
        {
            let waited = Role::ALL
                .into_iter()
                .filter(|role| waits_for(status, grade, *role));
            assert_eq!(waited.count() == 0, status.is_final(), "{status:?} {grade:?}");
            assert!(!waits_for(status, grade, Department));
        }
    }

    #[test]
    fn duties_follow_the_table_of_guards() {
        type Case = (S, Grade, Role, bool, bool);
        let cases: [Case; 9] = [
            (S::Suspected, Major, Maintainer, true, false),
            (S::Confirmed, Major, Maintainer, false, true),
            (S::Assigned, Major, Maintainer, true, true),
            (S::Rectifying, General, Site, true, true),
            (S::SelfChecked, Major, InspectionBody, false, false),
            (S::SelfChecked, General, Site, true, false),
            (S::SelfChecked, Major, Site, true, true),
            (S::Accepted, Major, Regulator, true, false),
            (S::Assigned, General, Administrator, true, false),
        ];
        for (status, grade, role, waits, responsible) in cases {
            assert_eq!(
                waits_for(status, grade, role),
                waits,
                "{status:?} {grade:?} {role:?}"
            );
            assert_eq!(
                waits_for_the_responsible(status, grade, role),
                responsible,
                "{status:?} {grade:?} {role:?}"
            );
        }
    }
}
