//! What somebody must do today: what waits for one of his steps, what is late, what nobody can see.
//!
//! Each part of the desk adds its own work as a [`Source`]: one line in [`SOURCES`].

mod calendar;
mod hazards;
mod rounds;
mod silent;
mod supervision;

use super::ViewError;
use super::time::Time;
use super::words::SeverityWords;
use crate::app::App;
use crate::desk::today;
use jiff::civil::Date;
use serde::Serialize;
use std::pin::Pin;
use utoipa::ToSchema;
use vigil_core::pack::Severity;
use vigil_core::people::Person;

/// A total beyond it is "more than".
const MOST_COUNTED: u32 = 1_000;
/// Lines of a group.
const LINES: usize = 10;

/// Where work comes from. The groups stand in this order; who is told of what first, stands first.
const SOURCES: &[Source] = &[
    hazards::source,
    supervision::source,
    rounds::source,
    calendar::source,
    silent::source,
];

/// Finds the work of one kind for one person.
type Source = for<'a> fn(&'a Asked<'a>) -> Found<'a>;
/// Groups of one kind; empty ones are left out.
type Found<'a> = Pin<Box<dyn Future<Output = Result<Vec<WorkGroup>, ViewError>> + Send + 'a>>;

/// Who asks, and when.
struct Asked<'a> {
    app: &'a App,
    person: &'a Person,
    today: Date,
}

/// What somebody must do.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Worklist {
    /// The day, where the gateway stands.
    #[schema(value_type = String, format = Date)]
    pub today: Date,
    /// Key of the role it is for.
    pub role: &'static str,
    /// By kind of work; only those with anything in them.
    pub groups: Vec<WorkGroup>,
}

/// Work of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct WorkGroup {
    /// Stable key.
    pub key: &'static str,
    /// What is to be done, Chinese.
    pub title_zh: &'static str,
    /// What is to be done, English.
    pub title_en: &'static str,
    /// How much there is, counted to 1,000.
    pub total: u64,
    /// There is more than was counted.
    pub more: bool,
    /// Page of all of it.
    pub href: String,
    /// It is late already.
    pub late: bool,
    /// The first of it: what is due first comes first.
    pub lines: Vec<WorkLine>,
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct WorkLine {
    /// Page where it is done.
    pub href: String,
    /// What, Chinese.
    pub title_zh: String,
    /// What, English.
    pub title_en: String,
    /// Name of the equipment, person or unit, Chinese.
    pub place_zh: String,
    /// Name of the equipment, person or unit, English.
    pub place_en: String,
    /// Seriousness, of a hazard.
    #[schema(value_type = Option<SeverityWords>)]
    pub severity: Option<Severity>,
    /// When it is due, or since when it waits.
    pub due: Option<Time>,
    /// A day on which it is due.
    #[schema(value_type = Option<String>, format = Date)]
    pub day: Option<Date>,
    /// Since when it waits, where nothing is due.
    pub since: Option<Time>,
    /// It is late.
    pub late: bool,
}

/// What `person` must do.
///
/// # Errors
/// The store cannot be read, or the gateway is stopping.
pub async fn worklist(app: &App, person: &Person) -> Result<Worklist, ViewError> {
    let asked = Asked {
        app,
        person,
        today: today(&app.clock, &app.config.web.timezone),
    };
    let mut groups = Vec::new();
    for source in SOURCES {
        groups.extend(source(&asked).await?);
    }
    groups.retain(|group: &WorkGroup| group.total > 0);
    Ok(Worklist {
        today: asked.today,
        role: person.role.key(),
        groups,
    })
}

/// An id as part of an address.
fn encoded(id: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    encoded.replace('+', "%20")
}
