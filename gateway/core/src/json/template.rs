//! Names made of captures: `{site}/json`.

use super::topic::is_name;

/// A text with places for captures.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// The capture of this number.
    Capture(usize),
}

/// What is wrong with a template, where, and which capture was meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TemplateError<'t> {
    /// A brace without its partner, or something between braces that is no name.
    Brace(usize),
    /// No such capture.
    Unknown(usize, &'t str),
}

impl Template {
    /// Reads a template; `names` are the captures there are, by number.
    pub(super) fn parse<'t>(text: &'t str, names: &[&str]) -> Result<Self, TemplateError<'t>> {
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let Some(begin) = rest.find(['{', '}']) else {
                parts.push(Part::Text(rest.to_owned()));
                break;
            };
            let end = rest.find('}').filter(|end| *end > begin);
            let Some(name) = end
                .and_then(|end| rest.get(begin + 1..end))
                .filter(|name| is_name(name))
            else {
                return Err(TemplateError::Brace(at + begin));
            };
            if begin > 0 {
                parts.push(Part::Text(rest[..begin].to_owned()));
            }
            let number = names.iter().position(|known| *known == name);
            let Some(number) = number else {
                return Err(TemplateError::Unknown(at + begin, name));
            };
            parts.push(Part::Capture(number));
            at += begin + name.len() + 2;
        }
        Ok(Self { parts })
    }

    /// The text with the captures filled in.
    pub(super) fn fill<'c>(&self, capture: impl Fn(usize) -> Option<&'c str>) -> String {
        let mut filled = String::new();
        for part in &self.parts {
            filled.push_str(match part {
                Part::Text(text) => text,
                Part::Capture(number) => capture(*number).unwrap_or(""),
            });
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::{Template, TemplateError};

    #[test]
    fn captures_are_filled_in() {
        let template = Template::parse("{b}-x/{a}", &["a", "b"]).unwrap();
        assert_eq!(template.fill(|n| ["1", "2"].get(n).copied()), "2-x/1");
    }

    #[test]
    fn errors_have_a_place() {
        assert_eq!(
            Template::parse("x{c}", &["a"]),
            Err(TemplateError::Unknown(1, "c"))
        );
        for (text, at) in [("a{", 1), ("a}b", 1), ("{a b}", 0), ("{}", 0), ("x{a}}", 4)] {
            assert_eq!(
                Template::parse(text, &["a"]),
                Err(TemplateError::Brace(at)),
                "{text}"
            );
        }
    }
}
