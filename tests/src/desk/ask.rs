//! What is asked: every list the gateway describes, with every filter it offers, one by one and two at a time. A new
//! route, or a new filter, is asked without a line here.

use jiff::ToSpan as _;
use serde_json::Value;
use std::collections::BTreeSet;

/// What the data hold that a filter can name.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Codes of units, a big one first.
    pub units: Vec<String>,
    /// Now.
    pub now: jiff::Timestamp,
}

/// A filter with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Name of the parameter.
    pub name: String,
    /// Value.
    pub value: String,
}

/// A list, and the filters it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Its address.
    pub path: String,
    /// Every value of every filter that is to be asked for.
    pub filters: Vec<Filter>,
    /// The parameter that takes the end of the page before.
    pub pages: Option<String>,
}

/// Not lists, or not ones a person waits for: a stream, a check of all there is, descriptions, files.
const NOT_ASKED: &[&str] = &[
    "/api/v1/events",
    "/api/v1/audit/chain",
    "/api/v1/register/template",
    "/register/template.xlsx",
    "/duty/table",
    "/sign-out",
];
/// What people look for: words many have, few have, none has; two characters; the beginning of a number.
const WORDS: &[&str] = &[
    "超压",
    "电梯困人",
    "乘客电梯",
    "解放路",
    "钢丝绳断丝",
    "梯",
    "EQ-01234",
    "无此内容",
];
/// Parameters that page.
const PAGING: &[&str] = &["cursor", "after"];
/// Parameters that filter nothing.
const NO_FILTER: &[&str] = &[
    "limit",
    "before",
    "offset",
    "last_event_id",
    "Last-Event-ID",
    "lang",
    "format",
];

fn values(name: &str, schema: &Value, words: &str, facts: &Facts) -> Vec<String> {
    let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    if let Some(choices) = schema["enum"].as_array() {
        return choices
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
    }
    if schema["type"] == "boolean" {
        return owned(&["true", "false"]);
    }
    let back = |days: i64| facts.now.saturating_sub((days * 24).hours()).unwrap_or(facts.now);
    if schema["format"] == "date-time" {
        return vec![back(30).to_string(), back(400).to_string()];
    }
    match name {
        "q" | "text" => owned(WORDS),
        "unit" | "use_unit" | "maintenance_unit" | "inspection_body" => facts.units.clone(),
        "area" => owned(&["21", "2103", "210381"]),
        "category" => owned(&["3", "3110", "over-pressure", "lift-safety"]),
        "equipment" | "object" => owned(&["EQ-000017"]),
        "login" => owned(&["user-00017"]),
        "from" | "to" => vec![
            back(30).strftime("%Y-%m-%d").to_string(),
            back(400).strftime("%Y-%m-%d").to_string(),
        ],
        // `one`, `two` or `three`: the description says what can be asked for.
        _ => words.split('`').skip(1).step_by(2).map(str::to_owned).collect(),
    }
}

fn resolved<'d>(description: &'d Value, schema: &'d Value) -> &'d Value {
    let named = schema["$ref"].as_str().and_then(|path| path.strip_prefix('#'));
    named.and_then(|path| description.pointer(path)).unwrap_or(schema)
}

/// All lists of the API and all pages, of the gateway's own description and its routes.
#[must_use]
pub fn lists(description: &Value, pages: &[(&'static str, &'static str)], facts: &Facts) -> Vec<List> {
    let mut lists = Vec::new();
    let paths = description["paths"].as_object();
    for (path, item) in paths.into_iter().flatten() {
        if path.contains('{') || NOT_ASKED.contains(&path.as_str()) || item["get"].is_null() {
            continue;
        }
        // What is handed out as a file is not a page of a list.
        let answers = item["get"]["responses"]["200"]["content"].as_object();
        if answers.is_some_and(|kinds| !kinds.contains_key("application/json")) {
            continue;
        }
        let (mut filters, mut paging) = (Vec::new(), None);
        for parameter in item["get"]["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap_or_default();
            if PAGING.contains(&name) {
                paging = Some(name.to_owned());
            } else if !NO_FILTER.contains(&name) {
                let words = parameter["description"].as_str().unwrap_or_default();
                let values = values(name, resolved(description, &parameter["schema"]), words, facts);
                filters.extend(values.into_iter().map(|value| Filter {
                    name: name.to_owned(),
                    value,
                }));
            }
        }
        lists.push(List {
            path: path.clone(),
            filters,
            pages: paging,
        });
    }
    let known: BTreeSet<&str> = pages
        .iter()
        .filter(|(verb, _)| *verb == "GET")
        .map(|(_, path)| *path)
        .collect();
    for page in known {
        if page.contains('{') || NOT_ASKED.contains(&page) || page.contains('.') {
            continue;
        }
        // A page takes the filters its list in the API takes.
        let same = format!("/api/v1{page}");
        let filters = lists
            .iter()
            .find(|list| list.path == same)
            .map(|list| list.filters.clone());
        lists.push(List {
            path: page.to_owned(),
            filters: filters.unwrap_or_default(),
            pages: None,
        });
    }
    lists
}

/// The query of some filters.
#[must_use]
pub fn query(filters: &[&Filter]) -> String {
    let pairs: Vec<String> = filters
        .iter()
        .map(|filter| format!("{}={}", filter.name, encoded(&filter.value)))
        .collect();
    if pairs.is_empty() {
        String::new()
    } else {
        format!("?{}", pairs.join("&"))
    }
}

/// A value as it stands in an address.
#[must_use]
pub fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut all, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            all.push(char::from(byte));
        } else {
            write!(all, "%{byte:02X}").expect("text");
        }
        all
    })
}

/// All pairs of filters with different names.
#[must_use]
pub fn pairs(list: &List) -> Vec<[&Filter; 2]> {
    let mut pairs = Vec::new();
    for (at, one) in list.filters.iter().enumerate() {
        for other in list.filters.iter().skip(at + 1) {
            if one.name != other.name {
                pairs.push([one, other]);
            }
        }
    }
    pairs
}

/// The value at so many percent of ascending ones.
#[must_use]
pub fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let at = (sorted.len() as f64 * percent / 100.0).ceil() as usize;
    sorted
        .get(at.clamp(1, sorted.len().max(1)) - 1)
        .copied()
        .unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::{Facts, encoded, lists, pairs, percentile, query};
    use serde_json::json;

    #[test]
    fn every_list_is_asked_with_what_its_description_offers() {
        let description = json!({"paths": {
            "/api/v1/things": {"get": {"parameters": [
                {"name": "state", "in": "query", "schema": {"type": "string"}, "description": "`on` or `off`."},
                {"name": "kind", "in": "query", "schema": {"$ref": "#/components/schemas/Kind"}},
                {"name": "limit", "in": "query", "schema": {"type": "integer"}},
                {"name": "cursor", "in": "query", "schema": {"type": "string"}},
            ], "responses": {"200": {"content": {"application/json": {}}}}}},
            "/api/v1/things/{id}": {"get": {}},
            "/api/v1/things.csv": {"get": {"responses": {"200": {"content": {"text/csv": {}}}}}},
        }, "components": {"schemas": {"Kind": {"type": "string", "enum": ["a", "b"]}}}});
        let found = lists(
            &description,
            &[("GET", "/things"), ("POST", "/things/new")],
            &Facts::default(),
        );
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].pages.as_deref(), Some("cursor"));
        let asked: Vec<String> = found[0].filters.iter().map(|filter| query(&[filter])).collect();
        assert_eq!(asked, ["?state=on", "?state=off", "?kind=a", "?kind=b"]);
        assert_eq!(found[1].filters, found[0].filters);
        assert_eq!(pairs(&found[0]).len(), 4);
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let times = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(percentile(&times, 50.0), 2.0);
        assert_eq!(percentile(&times, 95.0), 4.0);
        assert_eq!(percentile(&[], 95.0), 0.0);
        assert_eq!(encoded("超 a"), "%E8%B6%85%20a");
    }
}
