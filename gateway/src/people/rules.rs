//! Who may ask for what: one line per route. What has no line is refused to everybody, and a test finds it.

use super::TokenScope;
use std::collections::HashMap;
use std::sync::LazyLock;
use vigil_core::people::Role::{
    self, Administrator, Department, InspectionBody, Maintainer, Regulator, Site,
};

/// HTTP methods in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// And HEAD.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

impl Verb {
    /// As HTTP writes it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// The verb of a method; HEAD asks for the same as GET.
    #[must_use]
    pub fn of(method: &str) -> Option<Self> {
        match method {
            "GET" | "HEAD" => Some(Self::Get),
            "POST" => Some(Self::Post),
            "PUT" => Some(Self::Put),
            "PATCH" => Some(Self::Patch),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }
}

/// What a request does, which decides whether it must say who asks, and whether it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// For everybody, before signing in: health, the sign-in page, style sheets, documentation.
    Open,
    /// Coming in and going out: for everybody, recorded.
    Door,
    /// Reads. Open as long as there are no users.
    Read,
    /// Reads about people (names, phones, certificates, who did what): always signed in, recorded.
    Personal,
    /// Changes something: always signed in, recorded; forms and cookies carry the session's CSRF token.
    Write,
    /// As `Write`, but the handler itself sees to the CSRF token and to who is not signed in, so that its page can
    /// keep what was typed.
    Vouched,
}

/// Who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// These roles, within what they see.
    Roles(&'static [Role]),
    /// Who sees everything: what is asked for belongs to no equipment.
    Everywhere,
    /// Whoever has a login of his own: his account.
    Oneself,
}

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Method.
    pub verb: Verb,
    /// Template as the router has it.
    pub route: &'static str,
    /// What it does.
    pub kind: Kind,
    /// Who may.
    pub who: Who,
}

impl Rule {
    /// What a token must be good for.
    #[must_use]
    pub const fn scope(&self) -> TokenScope {
        match self.kind {
            Kind::Open | Kind::Door | Kind::Read | Kind::Personal => TokenScope::Read,
            Kind::Write | Kind::Vouched => TokenScope::Act,
        }
    }

    /// Whether it goes into the audit log.
    #[must_use]
    pub const fn is_recorded(&self) -> bool {
        !matches!(self.kind, Kind::Open | Kind::Read) && !self.is_door_page()
    }

    const fn is_door_page(&self) -> bool {
        matches!((self.kind, self.verb), (Kind::Door, Verb::Get))
    }
}

/// Everybody who has a role.
pub const ALL: Who = Who::Roles(&Role::ALL);
/// Everybody who does anything: departments only read.
pub const ACTORS: Who = Who::Roles(&[Site, Maintainer, InspectionBody, Regulator, Administrator]);
/// Who runs equipment.
pub const RUNNERS: Who = Who::Roles(&[Site, Maintainer, Administrator]);
/// Who keeps the register of risks: who runs equipment, and who keeps an eye on them.
pub const KEEPERS: Who = Who::Roles(&[Site, Maintainer, Regulator, Administrator]);
/// Who runs equipment and signs for it.
pub const SITES: Who = Who::Roles(&[Site]);
/// Who says whom to ask: a site of its own, who keeps the register of all.
pub const REACHED: Who = Who::Roles(&[Site, Regulator, Administrator]);
/// Who keeps an eye on others.
pub const WATCHERS: Who = Who::Roles(&[Regulator, Administrator]);
/// Who runs the gateway.
pub const ADMINISTRATORS: Who = Who::Roles(&[Administrator]);
/// Authorities.
pub const AUTHORITIES: Who = Who::Roles(&[Regulator, Department, Administrator]);

const fn rule(verb: Verb, route: &'static str, kind: Kind, who: Who) -> Rule {
    Rule {
        verb,
        route,
        kind,
        who,
    }
}

use Kind::{Door, Open, Personal, Read, Vouched, Write};
use Verb::{Delete, Get, Post, Put};

/// The table.
#[rustfmt::skip] // a table
pub static RULES: &[Rule] = &[
    // Health and description.
    rule(Get, "/healthz", Open, ALL),
    rule(Get, "/readyz", Open, ALL),
    rule(Get, "/metrics", Read, Who::Everywhere),
    rule(Get, "/api/v1/openapi.json", Open, ALL),
    // API: what is watched.
    rule(Get, "/api/v1/overview", Read, ALL),
    rule(Get, "/api/v1/equipment", Read, ALL),
    rule(Get, "/api/v1/equipment/{id}", Read, ALL),
    rule(Get, "/api/v1/equipment/{id}/trend", Read, ALL),
    rule(Get, "/api/v1/hazards", Read, ALL),
    rule(Post, "/api/v1/hazards", Write, ACTORS),
    rule(Get, "/api/v1/hazards/{id}", Read, ALL),
    rule(Post, "/api/v1/hazards/{id}/actions", Write, ACTORS),
    rule(Post, "/api/v1/attachments", Write, ACTORS),
    rule(Get, "/api/v1/attachments/{sha256}", Read, ALL),
    rule(Get, "/api/v1/alarms", Read, ALL),
    rule(Get, "/api/v1/alarms/events", Read, ALL),
    rule(Post, "/api/v1/alarms/{equipment}/{rule}/actions", Write, RUNNERS),
    rule(Get, "/api/v1/nodes", Read, ALL),
    rule(Get, "/api/v1/nodes/{group}/{node}", Read, ALL),
    rule(Get, "/api/v1/events", Read, ALL),
    rule(Get, "/api/v1/unregistered", Read, Who::Everywhere),
    rule(Get, "/api/v1/dead-letters", Read, Who::Everywhere),
    rule(Get, "/api/v1/rules", Read, ALL),
    rule(Get, "/api/v1/codes/unknown", Read, Who::Everywhere),
    rule(Get, "/api/v1/hazards/{id}/evidence", Read, ALL),
    rule(Get, "/api/v1/evidence/key", Read, ALL),
    rule(Get, "/api/v1/evidence/heads", Read, ALL),
    rule(Get, "/api/v1/sinks", Read, Who::Everywhere),
    rule(Get, "/api/v1/outbox", Read, Who::Everywhere),
    rule(Post, "/api/v1/outbox/actions", Write, ADMINISTRATORS),
    rule(Post, "/api/v1/reload", Write, ADMINISTRATORS),
    // API: the hazard loop.
    rule(Get, "/api/v1/worklist", Read, ALL),
    // API: the register. What is said about persons is read by who is signed in, and recorded.
    rule(Get, "/api/v1/register", Read, ALL),
    rule(Post, "/api/v1/register", Write, WATCHERS),
    rule(Get, "/api/v1/register/fields", Read, ALL),
    rule(Get, "/api/v1/register/template", Read, ALL),
    rule(Get, "/api/v1/register/findings", Read, ALL),
    rule(Get, "/api/v1/register/{id}", Personal, ALL),
    rule(Put, "/api/v1/register/{id}", Write, WATCHERS),
    rule(Put, "/api/v1/register/{id}/contact", Write, REACHED),
    rule(Get, "/api/v1/register/{id}/changes", Personal, ALL),
    rule(Get, "/api/v1/register/{id}/accessories", Read, ALL),
    rule(Post, "/api/v1/register/{id}/accessories", Write, WATCHERS),
    rule(Put, "/api/v1/register/{id}/accessories/{accessory}", Write, WATCHERS),
    rule(Delete, "/api/v1/register/{id}/accessories/{accessory}", Write, WATCHERS),
    rule(Get, "/api/v1/units", Read, ALL),
    rule(Post, "/api/v1/units", Write, WATCHERS),
    rule(Get, "/api/v1/units/{id}", Personal, ALL),
    rule(Put, "/api/v1/units/{id}", Write, WATCHERS),
    rule(Put, "/api/v1/units/{id}/contact", Write, REACHED),
    rule(Get, "/api/v1/certificates", Personal, ALL),
    rule(Post, "/api/v1/certificates", Write, WATCHERS),
    rule(Put, "/api/v1/certificates/{id}", Write, WATCHERS),
    // A file is about whoever it names.
    rule(Get, "/api/v1/imports", Personal, ADMINISTRATORS),
    rule(Post, "/api/v1/imports", Write, ADMINISTRATORS),
    rule(Get, "/api/v1/imports/{id}", Personal, ADMINISTRATORS),
    rule(Put, "/api/v1/imports/{id}", Write, ADMINISTRATORS),
    rule(Delete, "/api/v1/imports/{id}", Write, ADMINISTRATORS),
    rule(Post, "/api/v1/imports/{id}/apply", Write, ADMINISTRATORS),
    rule(Get, "/api/v1/imports/{id}/report", Personal, ADMINISTRATORS),
    rule(Get, "/api/v1/calendar", Read, ALL),
    rule(Get, "/api/v1/coverage", Read, ALL),
    // API: risks. Who keeps the register of risks answers for it; who inspects may check what keeps a risk in check.
    rule(Get, "/api/v1/risk/points", Read, ALL),
    rule(Post, "/api/v1/risk/points", Write, KEEPERS),
    rule(Get, "/api/v1/risk/points/{id}", Personal, ALL),
    rule(Put, "/api/v1/risk/points/{id}", Write, KEEPERS),
    rule(Get, "/api/v1/risk/points/{id}/assessments", Personal, ALL),
    rule(Get, "/api/v1/risk/points/{id}/changes", Personal, ALL),
    rule(Post, "/api/v1/risk/points/{id}/assessments", Write, KEEPERS),
    rule(Post, "/api/v1/risk/points/{id}/measures", Write, KEEPERS),
    rule(Get, "/api/v1/risk/measures", Read, ALL),
    rule(Get, "/api/v1/risk/measures/{id}", Personal, ALL),
    rule(Put, "/api/v1/risk/measures/{id}", Write, KEEPERS),
    rule(Get, "/api/v1/risk/measures/{id}/checks", Personal, ALL),
    rule(Post, "/api/v1/risk/measures/{id}/checks", Write, ACTORS),
    rule(Get, "/api/v1/risk/ranking/equipment", Read, ALL),
    rule(Get, "/api/v1/risk/ranking/units", Read, ALL),
    rule(Get, "/api/v1/risk/map", Read, ALL),
    rule(Get, "/api/v1/risk/scheme", Read, ALL),
    // API: supervision and statistics.
    rule(Get, "/api/v1/supervision", Read, ALL),
    rule(Post, "/api/v1/supervision", Write, WATCHERS),
    rule(Get, "/api/v1/supervision/export", Read, ALL),
    rule(Get, "/api/v1/supervision/rules", Read, ALL),
    rule(Get, "/api/v1/supervision/{id}", Read, ALL),
    rule(Post, "/api/v1/supervision/{id}/actions", Write, ACTORS),
    rule(Get, "/api/v1/statistics", Read, ALL),
    rule(Get, "/api/v1/statistics/export", Read, ALL),
    // API: the four lists, daily control. They name persons.
    rule(Get, "/api/v1/lists", Read, ALL),
    rule(Get, "/api/v1/lists/{id}", Personal, ALL),
    rule(Post, "/api/v1/lists/{id}/files", Write, ALL),
    rule(Post, "/api/v1/lists/{id}/snapshots", Write, ACTORS),
    rule(Get, "/api/v1/list-files", Personal, ALL),
    rule(Get, "/api/v1/list-files/{id}", Personal, ALL),
    rule(Delete, "/api/v1/list-files/{id}", Write, ALL),
    rule(Get, "/api/v1/list-files/{id}/content", Personal, ALL),
    rule(Get, "/api/v1/list-snapshots", Personal, ALL),
    rule(Get, "/api/v1/list-snapshots/{id}", Personal, ALL),
    rule(Get, "/api/v1/list-snapshots/{id}/content", Personal, ALL),
    rule(Get, "/api/v1/list-snapshots/{id}/check", Personal, ALL),
    rule(Get, "/api/v1/duty", Personal, ALL),
    rule(Get, "/api/v1/duty/table", Personal, ALL),
    rule(Get, "/api/v1/duty/{id}", Personal, ALL),
    rule(Put, "/api/v1/duty/{id}", Write, SITES),
    rule(Post, "/api/v1/duty/{id}/signature", Write, SITES),
    rule(Post, "/api/v1/duty/{id}/corrections", Write, SITES),
    // API: people.
    rule(Get, "/api/v1/account", Personal, ALL),
    rule(Post, "/api/v1/account/password", Write, Who::Oneself),
    rule(Get, "/api/v1/account/sessions", Personal, Who::Oneself),
    rule(Delete, "/api/v1/account/sessions/{id}", Write, Who::Oneself),
    rule(Get, "/api/v1/account/tokens", Personal, Who::Oneself),
    rule(Post, "/api/v1/account/tokens", Write, Who::Oneself),
    rule(Delete, "/api/v1/account/tokens/{id}", Write, Who::Oneself),
    rule(Get, "/api/v1/users", Personal, ADMINISTRATORS),
    rule(Post, "/api/v1/users", Write, ADMINISTRATORS),
    rule(Get, "/api/v1/users/{login}", Personal, ADMINISTRATORS),
    rule(Put, "/api/v1/users/{login}", Write, ADMINISTRATORS),
    rule(Post, "/api/v1/users/{login}/password", Write, ADMINISTRATORS),
    rule(Get, "/api/v1/audit", Personal, WATCHERS),
    rule(Get, "/api/v1/audit/chain", Personal, ADMINISTRATORS),
    // Pages: before signing in.
    rule(Get, "/assets/{name}", Open, ALL),
    rule(Get, "/sign-in", Door, ALL),
    rule(Post, "/sign-in", Door, ALL),
    rule(Get, "/sign-out", Open, ALL),
    rule(Post, "/sign-out", Door, ALL),
    // Pages: what is watched.
    rule(Get, "/", Read, ALL),
    rule(Get, "/equipment", Read, ALL),
    rule(Get, "/equipment/{id}", Read, ALL),
    rule(Get, "/hazards", Read, ALL),
    rule(Get, "/hazards/{id}", Read, ALL),
    rule(Get, "/hazards.csv", Read, ALL),
    rule(Get, "/hazards/new", Read, ACTORS),
    rule(Post, "/hazards/new", Vouched, ACTORS),
    rule(Get, "/today", Read, ALL),
    rule(Get, "/overview", Read, ALL),
    rule(Get, "/hazards/{id}/actions", Read, ALL),
    rule(Post, "/hazards/{id}/actions", Vouched, ACTORS),
    rule(Get, "/alarms", Read, ALL),
    rule(Get, "/alarms/{equipment}/{rule}/actions", Read, ALL),
    rule(Post, "/alarms/{equipment}/{rule}/actions", Vouched, RUNNERS),
    rule(Get, "/nodes", Read, ALL),
    rule(Get, "/nodes/{group}/{node}", Read, ALL),
    rule(Get, "/unregistered", Read, Who::Everywhere),
    rule(Get, "/rules", Read, ALL),
    // Pages: the register.
    rule(Get, "/register", Read, ALL),
    rule(Get, "/register/new", Personal, WATCHERS),
    rule(Post, "/register/new", Vouched, WATCHERS),
    rule(Get, "/register/template.xlsx", Read, ALL),
    rule(Get, "/register/{id}", Personal, ALL),
    rule(Get, "/register/{id}/edit", Personal, WATCHERS),
    rule(Post, "/register/{id}/edit", Vouched, WATCHERS),
    rule(Get, "/register/{id}/contact", Read, ALL),
    rule(Post, "/register/{id}/contact", Vouched, REACHED),
    rule(Get, "/register/{id}/accessories", Read, ALL),
    rule(Post, "/register/{id}/accessories", Vouched, WATCHERS),
    rule(Get, "/units", Read, ALL),
    rule(Get, "/units/new", Personal, WATCHERS),
    rule(Post, "/units/new", Vouched, WATCHERS),
    rule(Get, "/units/{code}", Personal, ALL),
    rule(Post, "/units/{code}", Vouched, WATCHERS),
    rule(Get, "/units/{code}/contact", Read, ALL),
    rule(Post, "/units/{code}/contact", Vouched, REACHED),
    rule(Get, "/units/{code}/certificates", Read, ALL),
    rule(Post, "/units/{code}/certificates", Vouched, WATCHERS),
    rule(Get, "/imports", Personal, ADMINISTRATORS),
    rule(Post, "/imports", Vouched, ADMINISTRATORS),
    rule(Get, "/imports/{id}", Personal, ADMINISTRATORS),
    rule(Get, "/imports/{id}/report.xlsx", Personal, ADMINISTRATORS),
    rule(Get, "/imports/{id}/columns", Read, ADMINISTRATORS),
    rule(Post, "/imports/{id}/columns", Vouched, ADMINISTRATORS),
    rule(Get, "/imports/{id}/apply", Read, ADMINISTRATORS),
    rule(Post, "/imports/{id}/apply", Vouched, ADMINISTRATORS),
    rule(Get, "/calendar", Read, ALL),
    rule(Get, "/coverage", Read, ALL),
    // Pages: risks.
    rule(Get, "/risk", Read, ALL),
    rule(Get, "/risk/points.csv", Personal, ALL),
    rule(Get, "/risk/new", Personal, KEEPERS),
    rule(Post, "/risk/new", Vouched, KEEPERS),
    rule(Get, "/risk/points/{id}", Personal, ALL),
    rule(Get, "/risk/points/{id}/edit", Personal, KEEPERS),
    rule(Post, "/risk/points/{id}/edit", Vouched, KEEPERS),
    rule(Get, "/risk/points/{id}/assess", Personal, KEEPERS),
    rule(Post, "/risk/points/{id}/assess", Vouched, KEEPERS),
    rule(Get, "/risk/points/{id}/measures", Personal, KEEPERS),
    rule(Post, "/risk/points/{id}/measures", Vouched, KEEPERS),
    rule(Get, "/risk/measures/{id}", Personal, ALL),
    rule(Get, "/risk/measures/{id}/edit", Personal, KEEPERS),
    rule(Post, "/risk/measures/{id}/edit", Vouched, KEEPERS),
    rule(Get, "/risk/measures/{id}/checks", Personal, ALL),
    rule(Post, "/risk/measures/{id}/checks", Vouched, ACTORS),
    rule(Get, "/risk/checks", Read, ALL),
    rule(Get, "/risk/checks.csv", Personal, ALL),
    rule(Get, "/risk/ranking/equipment", Read, ALL),
    rule(Get, "/risk/ranking/equipment.csv", Read, ALL),
    rule(Get, "/risk/ranking/units", Read, ALL),
    rule(Get, "/risk/ranking/units.csv", Read, ALL),
    rule(Get, "/risk/map", Read, ALL),
    rule(Get, "/risk/map.csv", Read, ALL),
    rule(Get, "/risk/scheme", Read, ALL),
    // Pages: supervision and statistics.
    rule(Get, "/supervision", Read, ALL),
    rule(Get, "/supervision/new", Personal, WATCHERS),
    rule(Post, "/supervision/new", Vouched, WATCHERS),
    rule(Get, "/supervision/export.csv", Read, ALL),
    rule(Get, "/supervision/export.xlsx", Read, ALL),
    rule(Get, "/supervision/{id}", Read, ALL),
    rule(Get, "/supervision/{id}/notice", Read, ALL),
    rule(Get, "/supervision/{id}/actions", Read, ALL),
    rule(Post, "/supervision/{id}/actions", Vouched, ACTORS),
    rule(Get, "/statistics", Read, ALL),
    rule(Get, "/statistics/export.csv", Read, ALL),
    // Pages: the four lists, daily control. They name persons.
    rule(Get, "/lists", Personal, ALL),
    rule(Get, "/lists/{id}", Personal, ALL),
    rule(Get, "/lists/{id}/files", Read, ALL),
    rule(Post, "/lists/{id}/files", Write, ALL),
    rule(Get, "/lists/{id}/snapshots", Read, ALL),
    rule(Post, "/lists/{id}/snapshots", Write, ACTORS),
    rule(Get, "/list-files", Personal, ALL),
    rule(Get, "/list-files/{id}", Personal, ALL),
    rule(Get, "/list-files/{id}/content", Personal, ALL),
    rule(Get, "/list-files/{id}/cancel", Read, ALL),
    rule(Post, "/list-files/{id}/cancel", Write, ALL),
    rule(Get, "/list-snapshots", Personal, ALL),
    rule(Get, "/list-snapshots/{id}", Personal, ALL),
    rule(Get, "/list-snapshots/{id}/content", Personal, ALL),
    rule(Post, "/list-snapshots/identify", Write, ALL),
    rule(Get, "/duty", Personal, ALL),
    rule(Get, "/duty/table", Personal, ALL),
    rule(Get, "/duty/{id}", Personal, ALL),
    rule(Post, "/duty/{id}", Vouched, SITES),
    rule(Get, "/duty/{id}/corrections", Read, ALL),
    rule(Post, "/duty/{id}/corrections", Vouched, SITES),
    // Pages: people.
    rule(Get, "/account", Personal, ALL),
    rule(Post, "/account/password", Write, Who::Oneself),
    rule(Post, "/account/language", Write, Who::Oneself),
    rule(Post, "/account/sessions", Write, Who::Oneself),
    rule(Post, "/account/tokens", Write, Who::Oneself),
    rule(Post, "/account/tokens/revoke", Write, Who::Oneself),
    rule(Get, "/users", Personal, ADMINISTRATORS),
    rule(Post, "/users", Write, ADMINISTRATORS),
    rule(Get, "/users/new", Personal, ADMINISTRATORS),
    rule(Get, "/users/{login}", Personal, ADMINISTRATORS),
    rule(Post, "/users/{login}", Write, ADMINISTRATORS),
    rule(Post, "/users/{login}/password", Write, ADMINISTRATORS),
    rule(Get, "/audit", Personal, WATCHERS),
];

static BY_ROUTE: LazyLock<HashMap<&'static str, Vec<&'static Rule>>> = LazyLock::new(|| {
    let mut by_route: HashMap<_, Vec<_>> = HashMap::new();
    for rule in RULES {
        by_route.entry(rule.route).or_default().push(rule);
    }
    by_route
});

/// All lines of a route.
#[must_use]
pub fn of_route(route: &str) -> &'static [&'static Rule] {
    BY_ROUTE.get(route).map_or(&[], |rules| rules)
}

/// The line of a method and a route.
#[must_use]
pub fn of(verb: Verb, route: &str) -> Option<&'static Rule> {
    of_route(route).iter().copied().find(|rule| rule.verb == verb)
}

#[cfg(test)]
mod tests {
    use super::RULES;
    use std::collections::HashSet;

    #[test]
    fn no_route_has_two_rules() {
        let mut seen = HashSet::new();
        for rule in RULES {
            assert!(seen.insert((rule.verb, rule.route)), "{rule:?}");
        }
    }
}
