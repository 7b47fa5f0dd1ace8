//! Profiles that are in force together.

use crate::diagnostic::{Diagnostic, Place};
use crate::json::Profile;
use std::sync::Arc;

/// What is to be said about profiles in this order; each with the name of its file. The first that fits a topic
/// reads it.
#[must_use]
pub fn check_together(profiles: &[(String, Arc<Profile>)]) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for (ix, (file, profile)) in profiles.iter().enumerate() {
        for (first_file, first) in &profiles[..ix] {
            let place = Place::whole(file);
            let other = format!("the other one is in {first_file}");
            let (own, others) = (profile.topic(), first.topic());
            if profile.id() == first.id() {
                let message = format!("the profile id `{}` is used twice", profile.id());
                findings.push(
                    place
                        .error(message)
                        .help(format!("{other}; a changed copy needs its own id")),
                );
            }
            if others.covers(own) {
                let message = format!(
                    "`{}` never reads a message: `{}` comes first and reads all of `{own}`",
                    profile.id(),
                    first.id()
                );
                findings.push(
                    place
                        .error(message)
                        .help(format!("{other}; name the narrower one first")),
                );
            } else if others.overlaps(own) && !own.covers(others) {
                let message = format!(
                    "`{own}` of `{}` and `{others}` of `{}` have topics in common; the first reads these",
                    profile.id(),
                    first.id()
                );
                findings.push(place.warning(message).help(other));
            }
        }
    }
    findings
}
