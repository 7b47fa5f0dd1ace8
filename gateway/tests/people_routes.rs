//! Every route has a line in the table of who may, and every line a route.

use std::collections::BTreeSet;
use vigil_gateway::people::rules::RULES;
use vigil_gateway::{api, web};

/// Routes of the API as its description has them, and of the pages as their router has them.
fn served() -> BTreeSet<(String, String)> {
    let description = api::openapi();
    let mut served = BTreeSet::new();
    for (path, item) in &description.paths.paths {
        let operations = [
            ("GET", &item.get),
            ("PUT", &item.put),
            ("POST", &item.post),
            ("PATCH", &item.patch),
            ("DELETE", &item.delete),
        ];
        for (method, operation) in operations {
            if operation.is_some() {
                served.insert((method.to_owned(), path.clone()));
            }
        }
    }
    let pages = web::routes().into_iter();
    served.extend(pages.map(|(method, route)| (method.to_owned(), route.to_owned())));
    served
}

#[test]
fn every_route_has_a_rule() {
    let ruled: BTreeSet<_> = RULES
        .iter()
        .map(|rule| (rule.verb.key().to_owned(), rule.route.to_owned()))
        .collect();
    let open: Vec<_> = served().difference(&ruled).cloned().collect();
    assert!(
        open.is_empty(),
        "nobody has said in people/rules.rs who may: {open:?}"
    );
}
