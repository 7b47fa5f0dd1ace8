//! Paths into a message: RFC 9535 JSONPath, compiled at load.
//!
//! `$` is the message, `@` the item of `each`. Paths that only name members and indices, which nearly all do,
//! are walked directly; everything else goes through `serde_json_path`, which has also judged them all.

use super::topic::is_name;
use serde_json::Value;
use serde_json_path::JsonPath;

/// Where a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// `$`
    Message,
    /// `@`
    Item,
}

/// A path that finds one value.
#[derive(Clone, Debug)]
pub(super) struct Path {
    scope: Scope,
    how: How,
}

#[derive(Clone, Debug)]
enum How {
    Steps(Vec<Step>),
    Query(JsonPath),
}

/// One step of a plain path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(Box<str>),
    /// From the end if negative.
    Index(i64),
    /// Every member; the captured ones are those of [`Each`].
    Any,
}

/// What is wrong with a path, and where (byte offset).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PathError {
    pub(super) at: usize,
    pub(super) what: String,
}

impl Path {
    /// Compiles a path.
    pub(super) fn parse(text: &str) -> Result<Self, PathError> {
        let (scope, query) = match text.strip_prefix('@') {
            Some(rest) => (Scope::Item, format!("${rest}")),
            None => (Scope::Message, text.to_owned()),
        };
        let query = compile(&query)?;
        let steps = text.get(1..).and_then(plain).filter(|(_, rest)| rest.is_empty());
        let how = match steps {
            Some((steps, _)) if !steps.contains(&Step::Any) => How::Steps(steps),
            _ => How::Query(query),
        };
        Ok(Self { scope, how })
    }

    /// The first value it finds.
    pub(super) fn find<'v>(&self, message: &'v Value, item: &'v Value) -> Option<&'v Value> {
        let from = match self.scope {
            Scope::Message => message,
            Scope::Item => item,
        };
        match &self.how {
            How::Steps(steps) => steps.iter().try_fold(from, |value, step| step.one(value)),
            How::Query(query) => query.query(from).first(),
        }
    }
}

/// `each`: a path that finds many values. `{name}` in it stands for `*` and keeps what the member is called.
#[derive(Clone, Debug)]
pub(super) struct Each {
    steps: Vec<Step>,
    /// Numbers of the steps that are captured, in order.
    captured: Vec<usize>,
    rest: Option<JsonPath>,
    text: String,
}

impl Each {
    /// Compiles a path; gives the names of its captures beside it.
    pub(super) fn parse(text: &str) -> Result<(Self, Vec<String>), PathError> {
        let (query, names, shifts) = without_names(text)?;
        let original = |error: PathError| PathError {
            at: shifts
                .iter()
                .filter(|(at, _)| *at < error.at)
                .map(|(_, by)| by)
                .sum::<usize>()
                + error.at,
            ..error
        };
        let whole = compile(&query).map_err(original)?;
        let (steps, rest) = query.get(1..).and_then(plain).unwrap_or_default();
        let stars = steps.iter().filter(|step| **step == Step::Any).count();
        let before = names.iter().filter(|(star, _)| *star < stars).count();
        if before < names.len() {
            let what = "a capture can only stand before the first filter, slice or `..`";
            return Err(PathError {
                at: 0,
                what: what.into(),
            });
        }
        let rest_from_root = outside_quotes(rest).any(|(_, c)| c == '$');
        let (steps, rest) = match (rest.is_empty(), rest_from_root) {
            (true, _) => (steps, None),
            (false, false) => (steps, Some(compile(&format!("${rest}"))?)),
            (false, true) if names.is_empty() => (Vec::new(), Some(whole)),
            (false, true) => {
                let what = "`$` in a filter and captures do not go together";
                return Err(PathError {
                    at: 0,
                    what: what.into(),
                });
            }
        };
        let any = |number: usize| {
            let stars = steps.iter().enumerate().filter(|(_, step)| **step == Step::Any);
            stars.map(|(ix, _)| ix).nth(number)
        };
        let captured = names.iter().filter_map(|(star, _)| any(*star)).collect();
        let each = Self {
            steps,
            captured,
            rest,
            text: text.to_owned(),
        };
        Ok((each, names.into_iter().map(|(_, name)| name).collect()))
    }

    /// Calls `item` for every value it finds, with what its captures are there; stops when `item` says false.
    pub(super) fn visit<'v>(&self, message: &'v Value, item: &mut dyn FnMut(&'v Value, &[Key<'v>]) -> bool) {
        let mut keys = Vec::new();
        self.walk(0, message, &mut keys, item);
    }

    fn walk<'v>(
        &self,
        step: usize,
        value: &'v Value,
        keys: &mut Vec<Key<'v>>,
        item: &mut dyn FnMut(&'v Value, &[Key<'v>]) -> bool,
    ) -> bool {
        let Some(next) = self.steps.get(step) else {
            return match &self.rest {
                None => item(value, keys),
                Some(rest) => rest.query(value).all().into_iter().all(|found| item(found, keys)),
            };
        };
        if *next != Step::Any {
            return next
                .one(value)
                .is_none_or(|value| self.walk(step + 1, value, keys, item));
        }
        let captured = self.captured.contains(&step);
        let mut into = |key: Key<'v>, value: &'v Value, keys: &mut Vec<Key<'v>>| {
            if captured {
                keys.push(key);
            }
            let on = self.walk(step + 1, value, keys, item);
            if captured {
                keys.pop();
            }
            on
        };
        match value {
            Value::Object(members) => members
                .iter()
                .all(|(name, value)| into(Key::Name(name), value, keys)),
            Value::Array(members) => members
                .iter()
                .enumerate()
                .all(|(index, value)| into(Key::Index(index), value, keys)),
            _ => true,
        }
    }

    /// As written.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}

/// What a member is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key<'v> {
    Name(&'v str),
    Index(usize),
}

impl Step {
    fn one<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match self {
            Self::Name(name) => value.as_object()?.get(&**name),
            Self::Index(index) => {
                let members = value.as_array()?;
                let at = if *index < 0 {
                    i64::try_from(members.len()).ok()? + index
                } else {
                    *index
                };
                members.get(usize::try_from(at).ok()?)
            }
            Self::Any => None,
        }
    }
}

/// Judges a query. One `..` at most: two would let a message of 1 MiB cost a hundred times its size.
fn compile(query: &str) -> Result<JsonPath, PathError> {
    let compiled = JsonPath::parse(query).map_err(|error| PathError {
        // From 0, whatever its documentation says.
        at: error.position().min(query.len()),
        what: match error.message() {
            "parser error" => {
                "not a JSONPath: `.name`, `[0]`, `['name']`, `[*]` or `[?…]` is expected here".into()
            }
            message => format!(
                "not a JSONPath: {}",
                message.replace("parser error", "this cannot be understood")
            ),
        },
    })?;
    let mut dots = outside_quotes(query)
        .filter(|(at, c)| *c == '.' && query.get(at + 1..).is_some_and(|rest| rest.starts_with('.')))
        .map(|(at, _)| at);
    if let (Some(_), Some(at)) = (dots.next(), dots.next()) {
        return Err(PathError {
            at,
            what: "at most one `..` in a path".into(),
        });
    }
    Ok(compiled)
}

/// The characters outside of quotes, with their byte offsets.
fn outside_quotes(text: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut quote, mut escaped) = (None, false);
    text.char_indices().filter(move |(_, c)| match quote {
        Some(_) if escaped => {
            escaped = false;
            false
        }
        Some(open) => {
            escaped = *c == '\\';
            if *c == open {
                quote = None;
            }
            false
        }
        None => {
            if matches!(c, '\'' | '"') {
                quote = Some(*c);
            }
            quote.is_none()
        }
    })
}

/// As many plain steps as there are at the beginning, and what follows.
fn plain(mut text: &str) -> Option<(Vec<Step>, &str)> {
    let mut steps = Vec::new();
    while let Some((step, rest)) = plain_step(text) {
        steps.push(step);
        text = rest;
    }
    Some((steps, text))
}

fn plain_step(text: &str) -> Option<(Step, &str)> {
    if let Some(rest) = text.strip_prefix(".*").or_else(|| text.strip_prefix("[*]")) {
        return Some((Step::Any, rest));
    }
    if let Some(rest) = text.strip_prefix('.') {
        let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()));
        let (name, rest) = rest.split_at(length.unwrap_or(rest.len()));
        return (!name.is_empty()).then(|| (Step::Name(name.into()), rest));
    }
    let (inner, rest) = text.strip_prefix('[')?.split_once(']')?;
    let quoted = |quote| inner.strip_prefix(quote)?.strip_suffix(quote);
    let step = match quoted('\'').or_else(|| quoted('"')) {
        // An escape, or a bracket inside the quotes: not so plain.
        Some(name) if !name.contains(['\\', '\'', '"']) => Step::Name(name.into()),
        _ => Step::Index(inner.parse().ok()?),
    };
    Some((step, rest))
}

/// Number of the `*` a capture stands for, and its name.
type Named = Vec<(usize, String)>;
/// Byte offsets (in the query) behind which the text was longer, and by how much.
type Shifts = Vec<(usize, usize)>;

/// Replaces `{name}` by `*`.
fn without_names(text: &str) -> Result<(String, Named, Shifts), PathError> {
    let (mut query, mut names, mut shifts) = (String::new(), Named::new(), Shifts::new());
    let (mut stars, mut done) = (0, 0);
    for (at, c) in outside_quotes(text) {
        if at < done {
            continue;
        }
        match c {
            '*' => stars += 1,
            '{' => {
                let error = |what: String| PathError { at, what };
                let rest = &text[at + 1..];
                let name = rest.split_once('}').map(|(name, _)| name);
                let Some(name) = name.filter(|name| is_name(name)) else {
                    return Err(error(
                        "`{name}` keeps the key of a member: letters, digits and `_`".into(),
                    ));
                };
                if names.iter().any(|(_, other)| other == name) {
                    return Err(error(format!("`{{{name}}}` is there twice")));
                }
                query.push_str(&text[done..at]);
                query.push('*');
                shifts.push((query.len() - 1, name.len() + 1));
                done = at + name.len() + 2;
                names.push((stars, name.to_owned()));
                stars += 1;
            }
            _ => {}
        }
    }
    query.push_str(&text[done..]);
    Ok((query, names, shifts))
}

#[cfg(test)]
mod tests {
    use super::{Each, How, Key, Path};
    use serde_json::json;

    #[test]
    fn plain_paths_are_walked_and_agree_with_the_library() {
        let value = json!({"a": {"b-c": [10, 20, {"门": 1}]}, "x": null});
        for (text, walked, wanted) in [
            ("$", true, Some(value.clone())),
            ("$.a['b-c'][1]", true, Some(json!(20))),
            ("$.a[\"b-c\"][-1].门", true, Some(json!(1))),
            ("$.a.b", true, None),
            ("$.x", true, Some(json!(null))),
            ("$.x.y", true, None),
            ("$.a['b-c'][7]", true, None),
            ("$.a['b-c'][?@.门].门", false, Some(json!(1))),
            ("$..门", false, Some(json!(1))),
            ("$.a.*[0]", false, Some(json!(10))),
            ("$.a['b-c'][-2:]", false, Some(json!(20))),
        ] {
            let path = Path::parse(text).unwrap();
            assert_eq!(matches!(path.how, How::Steps(_)), walked, "{text}");
            assert_eq!(path.find(&value, &json!(0)), wanted.as_ref(), "{text}");
            let library = serde_json_path::JsonPath::parse(text).unwrap();
            assert_eq!(library.query(&value).first(), wanted.as_ref(), "{text}");
        }
    }

    #[test]
    fn paths_begin_at_the_message_or_at_the_item() {
        let (message, item) = (json!({"a": 1}), json!({"a": 2}));
        let find = |text| Path::parse(text).unwrap().find(&message, &item).cloned();
        assert_eq!(find("$.a"), Some(json!(1)));
        assert_eq!(find("@.a"), Some(json!(2)));
        assert_eq!(find("@"), Some(item.clone()));
        assert_eq!(find("@[?@ == 2]"), Some(json!(2)));
    }

    #[test]
    fn bad_paths_say_where() {
        for (text, at) in [
            ("a.b", 0),
            ("", 0),
            ("$.a[", 3),
            ("$.a b", 3),
            ("$..a..b", 4),
            ("$.a['x]", 7),
        ] {
            let error = Path::parse(text).unwrap_err();
            assert_eq!(error.at, at, "{text}: {}", error.what);
        }
        assert!(Path::parse("$['a..b']..c").is_ok(), "dots in a name are none");
    }

    fn items(each: &str, value: &serde_json::Value) -> Vec<(String, Vec<String>)> {
        let (each, _) = Each::parse(each).unwrap();
        let mut found = Vec::new();
        each.visit(value, &mut |value, keys| {
            let keys = keys.iter().map(|key| match key {
                Key::Name(name) => (*name).to_owned(),
                Key::Index(index) => index.to_string(),
            });
            found.push((value.to_string(), keys.collect()));
            true
        });
        found
    }

    #[test]
    fn captures_keep_the_keys_of_members() {
        let value = json!({"A": [{"v": 1}, {"w": 2}], "B": [{"v": 3}]});
        let row = |value: &str, keys: &[&str]| {
            (
                value.to_owned(),
                keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>(),
            )
        };
        assert_eq!(
            items("$.{device}[*]", &value),
            [
                row(r#"{"v":1}"#, &["A"]),
                row(r#"{"w":2}"#, &["A"]),
                row(r#"{"v":3}"#, &["B"])
            ]
        );
        assert_eq!(
            items("$[{device}][{n}].v", &value),
            [row("1", &["A", "0"]), row("3", &["B", "0"])]
        );
        assert_eq!(
            items("$.{device}[?@.v]", &value),
            [row(r#"{"v":1}"#, &["A"]), row(r#"{"v":3}"#, &["B"])]
        );
        assert_eq!(items("$.A[?@.v == $.B[0].v]", &value), []);
        assert_eq!(items("$", &json!(7)), [row("7", &[])]);
        assert_eq!(items("$.*", &json!(7)), []);
    }

    #[test]
    fn bad_items_say_where() {
        for (text, at, what) in [
            ("$.{a b}", 2, "keeps the key"),
            ("$.{a}.{a}", 6, "twice"),
            ("$[?@.x].{a}", 0, "before the first filter"),
            ("$.{a}[?@.x == $.y]", 0, "do not go together"),
            ("$.{device}[", 10, "not a JSONPath"),
        ] {
            let error = Each::parse(text).unwrap_err();
            assert_eq!(error.at, at, "{text}: {}", error.what);
            assert!(error.what.contains(what), "{text}: {}", error.what);
        }
    }
}
