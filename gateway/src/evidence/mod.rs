//! Evidence that holds without this server: a key, a signed head a day, one file per hazard, and its verification
//! offline.
//!
//! ```text
//! hazard events ─► heads (a signed head a day) ─┐
//! messages, contexts, rule pack, attachments ───┴─► export (one file) ─► verify (anywhere, with the public key)
//! ```

mod bundle;
mod export;
mod heads;
mod key;
mod verify;

pub use bundle::{Bundle, BundleError};
pub use export::{ExportError, Sources, export};
pub use heads::{HeadError, SignedHead, heads, keep_heads, remember_packs, seal};
pub use key::{KeyError, PublicKey, SigningKey};
pub use verify::{Finding, Holds, Verdict, verify};
