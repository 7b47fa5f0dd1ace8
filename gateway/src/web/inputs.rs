//! Fields of a form as templates draw them: label above, hint and error beside, what was typed kept.

use super::sent::Sent;
use vigil_core::output::Refusal;

/// How a field is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// One line.
    Line,
    /// Several lines.
    Lines,
    /// A whole number.
    Number,
    /// A civil date.
    Date,
    /// One of several, from a list.
    Choice,
    /// One of a few, all of them seen.
    Radio,
}

/// A field.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) id: String,
    pub(crate) name: &'static str,
    pub(crate) label: String,
    /// What belongs there; empty where the label says enough.
    pub(crate) hint: String,
    pub(crate) entry: Entry,
    /// Value and words of what can be chosen; of a line, of what is suggested.
    pub(crate) choices: Vec<(String, String)>,
    pub(crate) required: bool,
    pub(crate) value: String,
    pub(crate) error: Option<String>,
    /// Characters at most.
    pub(crate) longest: u16,
}

impl Input {
    pub(crate) fn new(form: &str, name: &'static str, label: &str, entry: Entry) -> Self {
        Self {
            id: format!("{form}-{name}"),
            name,
            label: label.to_owned(),
            hint: String::new(),
            entry,
            choices: Vec::new(),
            required: false,
            value: String::new(),
            error: None,
            longest: if entry == Entry::Lines { 2_000 } else { 200 },
        }
    }

    pub(crate) const fn required(mut self, required: bool) -> Self {
        self.required = required;
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    pub(crate) fn choices(mut self, choices: Vec<(String, String)>) -> Self {
        self.choices = choices;
        self
    }

    pub(crate) fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    /// With what was typed, and what is wrong with it.
    pub(crate) fn answered(mut self, sent: &Sent, refusal: Option<(&Refusal, &str)>) -> Self {
        self.value = sent.text(self.name).to_owned();
        self.error = refusal
            .filter(|(refusal, _)| concerns(refusal, self.name))
            .map(|(_, why)| why.to_owned());
        self
    }

    /// Whether one line is typed, and of which type.
    pub(crate) const fn line_type(&self) -> Option<&'static str> {
        match self.entry {
            Entry::Line => Some("text"),
            Entry::Number => Some("number"),
            Entry::Date => Some("date"),
            Entry::Lines | Entry::Choice | Entry::Radio => None,
        }
    }

    pub(crate) fn is_long(&self) -> bool {
        self.entry == Entry::Lines
    }

    pub(crate) fn is_radio(&self) -> bool {
        self.entry == Entry::Radio
    }

    pub(crate) fn is_choice(&self) -> bool {
        self.entry == Entry::Choice
    }

    /// Attributes that tell of hint and error; empty without either.
    pub(crate) fn described_by(&self) -> Option<String> {
        let ids = [
            (!self.hint.is_empty()).then(|| format!("{}-hint", self.id)),
            self.error.is_some().then(|| format!("{}-error", self.id)),
        ];
        let ids: Vec<String> = ids.into_iter().flatten().collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }
}

/// Where files are added.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) required: bool,
    pub(crate) error: Option<String>,
    /// Kept already: value of the form, and name.
    pub(crate) kept: Vec<(String, String)>,
}

/// Whether a refusal is about a field of a form.
pub(crate) fn concerns(refusal: &Refusal, name: &str) -> bool {
    let api = match name {
        "text" => "reason",
        "files" => "attachments",
        name => name,
    };
    refusal.fields.iter().any(|field| field == api)
}
