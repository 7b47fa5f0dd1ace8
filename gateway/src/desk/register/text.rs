//! Texts of people: tidied, within a length.

use super::RegisterError;
use vigil_core::register::tidy;

/// A text of a person, within a length.
pub(super) fn short(field: &'static str, text: &str, longest: usize) -> Result<String, RegisterError> {
    let text = tidy(text);
    if text.chars().count() > longest {
        return Err(RegisterError::Value {
            field,
            what: format!("at most {longest} characters"),
        });
    }
    Ok(text)
}

/// The same of a text that must be there.
pub(super) fn required(field: &'static str, text: &str, longest: usize) -> Result<String, RegisterError> {
    let text = short(field, text, longest)?;
    if text.is_empty() {
        return Err(RegisterError::Value {
            field,
            what: "must not be empty".to_owned(),
        });
    }
    Ok(text)
}
