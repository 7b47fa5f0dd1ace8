//! What a page asks of whoever reads it: its links, and its forms with their fields. Read from the HTML our templates
//! make, not from any.

/// A form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Where it is sent.
    pub action: String,
    /// It carries a file.
    pub multipart: bool,
    /// Fields, with what stands in them.
    pub fields: Vec<Field>,
}

/// A field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name.
    pub name: String,
    /// `text`, `hidden`, `date`, `select`, `textarea` …
    pub kind: String,
    /// What stands in it; of a choice, the last one.
    pub value: String,
}

impl Field {
    /// Whether a person writes what he likes there.
    #[must_use]
    pub fn is_free(&self) -> bool {
        !matches!(
            self.kind.as_str(),
            "hidden" | "checkbox" | "radio" | "submit" | "file" | "select" | "button"
        )
    }
}

/// The value of an attribute of a tag.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let mut rest = tag;
    while let Some(at) = rest.find(name) {
        let before = rest[..at].chars().next_back();
        rest = &rest[at + name.len()..];
        if before.is_some_and(char::is_whitespace)
            && let Some(value) = rest.strip_prefix("=\"")
        {
            return value.split('"').next().map(unescaped);
        }
    }
    None
}

fn unescaped(text: &str) -> String {
    let mut text = text.to_owned();
    for (entity, character) in [
        ("&#38;", "&"),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, character);
    }
    text
}

/// All tags of this name, without their brackets, each with where it ends.
fn tags<'h>(html: &'h str, name: &str) -> Vec<(usize, &'h str)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = html[from..].find(&format!("<{name}")) {
        let begin = from + at + 1;
        let end = html[begin..]
            .find('>')
            .map_or(html.len(), |length| begin + length);
        let tag = &html[begin..end];
        if tag[name.len()..]
            .chars()
            .next()
            .is_none_or(|c| c.is_whitespace() || c == '/')
        {
            found.push((end, tag));
        }
        from = end;
    }
    found
}

/// Where its links lead, within the site.
#[must_use]
pub fn links(html: &str) -> Vec<String> {
    let all = tags(html, "a")
        .into_iter()
        .filter_map(|(_, tag)| attribute(tag, "href"));
    let local = all.map(|href| href.split('#').next().unwrap_or_default().to_owned());
    local
        .filter(|href| href.starts_with('/') && !href.starts_with("//"))
        .collect()
}

/// Its forms that change something.
#[must_use]
pub fn forms(html: &str) -> Vec<Form> {
    let mut found = Vec::new();
    for (end, tag) in tags(html, "form") {
        if attribute(tag, "method").as_deref() != Some("post") {
            continue;
        }
        let inner = html[end..].split("</form>").next().unwrap_or_default();
        let mut fields = Vec::new();
        for (_, input) in tags(inner, "input") {
            if let Some(name) = attribute(input, "name") {
                let kind = attribute(input, "type").unwrap_or_else(|| "text".to_owned());
                fields.push(Field {
                    name,
                    kind,
                    value: attribute(input, "value").unwrap_or_default(),
                });
            }
        }
        for (end, area) in tags(inner, "textarea") {
            if let Some(name) = attribute(area, "name") {
                let value = inner[end + 1..].split("</textarea>").next().unwrap_or_default();
                fields.push(Field {
                    name,
                    kind: "textarea".to_owned(),
                    value: unescaped(value),
                });
            }
        }
        for (end, select) in tags(inner, "select") {
            if let Some(name) = attribute(select, "name") {
                let choices = inner[end..].split("</select>").next().unwrap_or_default();
                let last = tags(choices, "option").into_iter().next_back();
                let value = last.and_then(|(_, option)| attribute(option, "value"));
                fields.push(Field {
                    name,
                    kind: "select".to_owned(),
                    value: value.unwrap_or_default(),
                });
            }
        }
        for (_, button) in tags(inner, "button") {
            if let Some(name) = attribute(button, "name") {
                let value = attribute(button, "value").unwrap_or_default();
                fields.push(Field {
                    name,
                    kind: "submit".to_owned(),
                    value,
                });
            }
        }
        found.push(Form {
            action: attribute(tag, "action").unwrap_or_default(),
            multipart: attribute(tag, "enctype").is_some_and(|kind| kind.starts_with("multipart")),
            fields,
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{forms, links};

    #[test]
    fn links_and_forms_are_found_as_the_templates_write_them() {
        let html = r##"<a class="x" href="/hazards?a=1&#38;b=2#top">h</a> <a href="https://example.org/">o</a>
            <form method="post" action="/units/new"><input type="hidden" name="csrf" value="t"><input name="name" value="a&#34;">
            <textarea name="why">x &#60; y</textarea><select name="kind"><option value="a"><option value="b"></select>
            <button name="what" value="go">go</button></form><form action="/search"><input name="q"></form>"##;
        assert_eq!(links(html), ["/hazards?a=1&b=2"]);
        let forms = forms(html);
        assert_eq!(forms.len(), 1);
        let fields: Vec<_> = forms[0]
            .fields
            .iter()
            .map(|f| (&*f.name, &*f.value, f.is_free()))
            .collect();
        assert_eq!(
            fields,
            [
                ("csrf", "t", false),
                ("name", "a\"", true),
                ("why", "x < y", true),
                ("kind", "b", false),
                ("what", "go", false)
            ]
        );
    }
}
