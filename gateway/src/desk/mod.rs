//! The regulator's desk: what people keep and do beside the flow of messages.
//!
//! ```text
//! store::Desk (connections) ─► desk::* (tables, one module each) ─► view ─► api, web
//! ```
//! A module owns its tables: nobody else writes SQL over them. What is decided without a database (who may do what,
//! when something is due, what a row has wrong) is in `vigil_core`.

pub mod attachments;
