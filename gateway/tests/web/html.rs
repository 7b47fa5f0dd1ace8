//! As much of HTML as the tests must understand: tags in order, text, attributes.

/// A piece of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Open {
        name: String,
        attributes: Vec<(String, String)>,
    },
    Close(String),
    Text(String),
}

const VOID: [&str; 6] = ["meta", "link", "input", "br", "img", "hr"];

/// Splits a page into its pieces. What the pages write is regular enough for this.
pub fn pieces(html: &str) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        if !rest[..at].trim().is_empty() {
            out.push(Piece::Text(unescape(&rest[..at])));
        }
        let end = tag_end(&rest[at..]) + at;
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if tag.starts_with('!') {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            out.push(Piece::Close(name.trim().to_owned()));
            continue;
        }
        let closed = tag.ends_with('/');
        let (name, attributes) = parse(tag.trim_end_matches('/'));
        out.push(Piece::Open {
            name: name.clone(),
            attributes,
        });
        if closed || VOID.contains(&name.as_str()) {
            out.push(Piece::Close(name));
        }
    }
    out
}

/// Where a tag ends: a `>` inside quotes does not end it.
fn tag_end(text: &str) -> usize {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '>' if !quoted => return at,
            _ => {}
        }
    }
    panic!("a tag without end: {}", &text[..text.len().min(200)]);
}

fn parse(tag: &str) -> (String, Vec<(String, String)>) {
    let (name, mut rest) = tag.split_once(|c: char| c.is_whitespace()).unwrap_or((tag, ""));
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return (name.to_owned(), attributes);
        }
        let end = rest
            .find(|c: char| c == '=' || c.is_whitespace())
            .unwrap_or(rest.len());
        let key = rest[..end].to_owned();
        rest = &rest[end..];
        if let Some(value) = rest.strip_prefix("=\"") {
            let end = value.find('"').unwrap();
            attributes.push((key, unescape(&value[..end])));
            rest = &value[end + 1..];
        } else {
            attributes.push((key, String::new()));
        }
    }
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&#34;", "\"")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#38;", "&")
        .replace("&amp;", "&")
}

impl Piece {
    pub fn attribute(&self, wanted: &str) -> Option<&str> {
        let Self::Open { attributes, .. } = self else {
            return None;
        };
        attributes
            .iter()
            .find(|(key, _)| key == wanted)
            .map(|(_, value)| value.as_str())
    }
}

/// Panics unless every tag is closed in order.
pub fn assert_balanced(path: &str, pieces: &[Piece]) {
    let mut open: Vec<&str> = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Open { name, .. } => open.push(name),
            Piece::Close(name) => assert_eq!(
                open.pop(),
                Some(name.as_str()),
                "{path}: </{name}> inside {open:?}"
            ),
            Piece::Text(_) => {}
        }
    }
    assert_eq!(open, Vec::<&str>::new(), "{path}: not closed");
}

/// Everything a reader sees or hears in `language`: text and the attributes that are read out, without
/// what is quoted, what is marked as being in another language, and without machine words.
pub fn words(pieces: &[Piece], language: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut skip: Vec<bool> = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Open { name, .. } => {
                let foreign = name != "html" && piece.attribute("lang").is_some_and(|lang| lang != language);
                let machine = piece
                    .attribute("class")
                    .is_some_and(|class| class.split(' ').any(|one| one == "mono" || one == "quote"));
                let skipped = foreign || machine || skip.last() == Some(&true);
                skip.push(skipped);
                if !skipped {
                    out.extend(
                        ["title", "aria-label", "data-label", "placeholder"]
                            .iter()
                            .filter_map(|key| piece.attribute(key))
                            .map(str::to_owned),
                    );
                }
            }
            Piece::Close(_) => drop(skip.pop()),
            Piece::Text(text) if skip.last() != Some(&true) => out.push(text.clone()),
            Piece::Text(_) => {}
        }
    }
    out
}
