//! The rules in force: what each looks at, with its numbers, on what ground, how sure.

use super::fault::{Fault, respond};
use super::page::Page;
use super::{Site, terms};
use crate::app::App;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use vigil_core::catalog::{Catalog, Equipment};
use vigil_core::pack::{Grade, Opens, PackInfo, Rule, Severity};

/// A pack with those of its rules that watch something.
struct Pack<'c> {
    info: &'c PackInfo,
    rules: Vec<Line<'c>>,
}

/// One rule over all equipment it watches.
struct Line<'c> {
    rule: &'c Rule,
    /// The condition with the numbers of a nameplate, and how many pieces of equipment have these.
    variants: Vec<(&'c str, u64)>,
    /// Equipment it watches.
    watches: u64,
}

#[derive(Template)]
#[template(path = "rules.html")]
struct RulesPage<'p> {
    page: &'p Page,
    packs: Vec<Pack<'p>>,
    /// Only the rules of this one.
    equipment: Option<&'p Equipment>,
    rules: usize,
    unverified: usize,
}

/// `GET /rules`, `GET /rules?equipment=ID`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make(&page, &site.app);
    respond(&page, made)
}

fn make<'p>(page: &'p Page, app: &'p App) -> Result<RulesPage<'p>, Fault> {
    let (catalog, sight) = (&app.catalog, page.sight());
    let equipment = match page.asked("equipment") {
        "" => None,
        id => {
            let ix = catalog.by_id.get(id).ok_or(Fault::NotFound)?;
            let one = catalog.equipment.get(ix.0 as usize);
            Some(
                one.filter(|one| app.sees_one(&sight, one))
                    .ok_or(Fault::NotFound)?,
            )
        }
    };
    let packs = match equipment {
        Some(one) => collect(catalog, std::iter::once(one)),
        None => collect(
            catalog,
            catalog.equipment.iter().filter(|one| app.sees_one(&sight, one)),
        ),
    };
    let lines = || packs.iter().flat_map(|pack| &pack.rules);
    Ok(RulesPage {
        page,
        rules: lines().count(),
        unverified: lines().filter(|line| line.is_unverified()).count(),
        equipment,
        packs,
    })
}

/// Rules by pack, in the order of the packs and of the rules in them.
fn collect<'c>(catalog: &'c Catalog, equipment: impl Iterator<Item = &'c Equipment>) -> Vec<Pack<'c>> {
    let mut order: Vec<&Arc<str>> = Vec::new();
    let mut lines: BTreeMap<&str, Line<'c>> = BTreeMap::new();
    // Equipment of one layout and nameplate shares its rules: they are looked at once.
    let mut shared: Vec<(&Arc<[Rule]>, u64)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for one in equipment {
        let place = *places.entry(one.rules.as_ptr()).or_insert_with(|| {
            shared.push((&one.rules, 0));
            shared.len() - 1
        });
        shared[place].1 += 1;
    }
    for (rules, count) in shared {
        for rule in rules.iter() {
            let line = lines.entry(&rule.id).or_insert_with(|| {
                order.push(&rule.id);
                Line {
                    rule,
                    variants: Vec::new(),
                    watches: 0,
                }
            });
            line.watches += count;
            match line
                .variants
                .iter_mut()
                .find(|(text, _)| **text == *rule.condition_text)
            {
                Some((_, same)) => *same += count,
                None => line.variants.push((&rule.condition_text, count)),
            }
        }
    }
    let mut seen = HashSet::new();
    let mut packs: Vec<Pack<'c>> = catalog
        .packs
        .iter()
        .filter(|pack| seen.insert(pack.id.clone()))
        .map(|info| Pack {
            info,
            rules: Vec::new(),
        })
        .collect();
    for id in order {
        if let Some(line) = lines.remove(&**id)
            && let Some(pack) = packs.iter_mut().find(|pack| pack.info.id == line.rule.pack.id)
        {
            pack.rules.push(line);
        }
    }
    packs.retain(|pack| !pack.rules.is_empty());
    packs
}

impl Pack<'_> {
    fn short_hash(&self) -> String {
        self.info.hash.to_string().chars().take(12).collect()
    }
}

impl<'c> Line<'c> {
    /// The first two sets of numbers …
    fn few(&self) -> &[(&'c str, u64)] {
        &self.variants[..self.variants.len().min(2)]
    }

    /// … and the others.
    fn more(&self) -> &[(&'c str, u64)] {
        &self.variants[self.variants.len().min(2)..]
    }

    fn is_unverified(&self) -> bool {
        &*self.rule.confidence == "memory-low"
    }

    fn confidence(&self, page: &Page) -> &'static str {
        terms::confidence(page.language, &self.rule.confidence)
    }

    /// What it opens; severities that depend on the moment are named too.
    fn opens(&self, page: &Page) -> &'static str {
        match self.rule.opens {
            Opens::Nothing => page.pick("仅报警", "alarm only"),
            Opens::Hazard(Grade::General) => page.pick("一般隐患", "general hazard"),
            Opens::Hazard(Grade::Major) => page.pick("疑似重大隐患", "suspected major hazard"),
        }
    }

    fn severities(&self) -> Vec<Severity> {
        let mut all = vec![self.rule.severity];
        all.extend(self.rule.severity_when.iter().map(|(_, severity)| *severity));
        all.sort_unstable();
        all.dedup();
        all
    }
}
