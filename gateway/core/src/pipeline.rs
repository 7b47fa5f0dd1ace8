//! The whole core behind one function.

use crate::catalog::{Catalog, EquipmentIx};
use crate::hash::ContentHash;
use crate::input::{Input, Position};
use crate::output::{DecodeContext, Outputs, UnregisteredDevice};
use crate::settings::Settings;
use crate::status::{EquipmentView, NodeStatus, PipelineCounts};
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;

/// Why a stored snapshot cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Not a snapshot of this version.
    #[error("reading the snapshot of node `{node}`: {source}")]
    Malformed {
        /// `group/node`, empty for the pipeline's own.
        node: String,
        /// What is wrong with the JSON.
        source: serde_json::Error,
    },
}

/// The whole core behind one function.
#[derive(Debug)]
pub struct Pipeline {
    catalog: Arc<Catalog>,
    settings: Settings,
}

impl Pipeline {
    /// A pipeline that has seen nothing.
    #[must_use]
    pub fn new(catalog: Arc<Catalog>, settings: Settings) -> Self {
        Self { catalog, settings }
    }

    /// Feeds one input; appends what is to be stored and done. `now` must not decrease.
    pub fn handle(&mut self, input: Input<'_>, position: Position, now: UtcMillis, out: &mut Outputs) {
        let (Self { settings: _, .. }, _, _, _, _) = (self, input, position, now, out);
    }

    /// When [`Input::Tick`] is due at the latest. May be earlier than anything happens.
    #[must_use]
    pub fn next_deadline(&self) -> Option<UtcMillis> {
        None
    }

    /// What it watches.
    #[must_use]
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Every node of the catalog and every node heard, catalog order first.
    pub fn nodes(&self) -> impl Iterator<Item = NodeStatus> {
        std::iter::empty()
    }

    /// One node by `group/node`.
    #[must_use]
    pub fn node(&self, key: &str) -> Option<NodeStatus> {
        self.nodes()
            .find(|node| format!("{}/{}", node.group, node.node) == key)
    }

    /// One piece of equipment. Panics if `ix` is not of this pipeline's catalog.
    #[must_use]
    pub fn equipment(&self, ix: EquipmentIx) -> EquipmentView<'_> {
        EquipmentView {
            ix,
            equipment: &self.catalog.equipment[ix.0 as usize],
            node_online: false,
        }
    }

    /// Devices that send but are in no catalog.
    #[must_use]
    pub fn unregistered(&self) -> Vec<UnregisteredDevice> {
        Vec::new()
    }

    /// Counts that belong to no node.
    #[must_use]
    pub fn counts(&self) -> PipelineCounts {
        PipelineCounts::default()
    }

    /// At most `max` nodes changed since their last snapshot, longest-dirty first; they count as clean from
    /// now on. `""` is the pipeline's own state.
    pub fn take_dirty(&mut self, max: usize) -> Vec<Arc<str>> {
        Vec::with_capacity(max.min(0))
    }

    /// A node's state and all its equipment's as JSON; `None` for an unknown node.
    #[must_use]
    pub fn snapshot(&self, node: &str) -> Option<Vec<u8>> {
        let _ = node;
        None
    }

    /// The births a snapshot refers to: hand them to [`Self::restore_context`] before [`Self::restore_node`].
    ///
    /// # Errors
    /// [`RestoreError`] if the bytes are no snapshot.
    pub fn contexts_of(node: &str, bytes: &[u8]) -> Result<Vec<ContentHash>, RestoreError> {
        serde_json::from_slice::<serde_json::Value>(bytes)
            .map(|_| Vec::new())
            .map_err(|source| RestoreError::Malformed {
                node: node.to_owned(),
                source,
            })
    }

    /// A stored birth that a snapshot refers to.
    pub fn restore_context(&mut self, context: &DecodeContext) {
        let _ = context;
    }

    /// Puts back a node's state. Inputs up to the snapshot's position are ignored for this node from then on.
    ///
    /// # Errors
    /// [`RestoreError`] if the bytes are no snapshot; the node then starts from nothing.
    pub fn restore_node(&mut self, node: &str, bytes: &[u8]) -> Result<(), RestoreError> {
        Self::contexts_of(node, bytes).map(|_| ())
    }
}
