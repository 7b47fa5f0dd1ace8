//! Small numbers for names that stand in millions of rows.

use crate::store::StoreError;
use sqlx::{Row as _, SqliteConnection};
use std::collections::HashMap;
use std::sync::Arc;
use vigil_core::hash::ContentHash;
use vigil_core::output::DecodeContext;

/// Numbers of nodes, devices and contexts; this process is the only one that gives them.
#[derive(Debug, Default)]
pub(super) struct Names {
    nodes: HashMap<Arc<str>, Node>,
    contexts: HashMap<ContentHash, i64>,
    last_device: i64,
    added: Added,
}

#[derive(Debug, Default)]
struct Node {
    id: i64,
    devices: HashMap<Arc<str>, i64>,
}

/// Given since the last commit: to be written with the next.
#[derive(Debug, Default)]
pub(super) struct Added {
    pub(super) nodes: Vec<(i64, Arc<str>)>,
    pub(super) devices: Vec<(i64, i64, Arc<str>)>,
    pub(super) contexts: Vec<(i64, DecodeContext)>,
}

impl Names {
    /// All numbers given so far.
    pub(super) async fn load(connection: &mut SqliteConnection) -> Result<Self, StoreError> {
        let read = |source| StoreError::Read {
            what: "names",
            source,
        };
        let mut names = Self::default();
        let mut by_id = HashMap::new();
        for row in sqlx::query("SELECT id, name FROM nodes")
            .fetch_all(&mut *connection)
            .await
            .map_err(read)?
        {
            let name: Arc<str> = row.get::<String, _>(1).into();
            by_id.insert(row.get::<i64, _>(0), Arc::clone(&name));
            names.nodes.insert(
                name,
                Node {
                    id: row.get(0),
                    devices: HashMap::new(),
                },
            );
        }
        let rows = sqlx::query("SELECT id, node_id, name FROM devices")
            .fetch_all(&mut *connection)
            .await;
        for row in rows.map_err(read)? {
            let id: i64 = row.get(0);
            names.last_device = names.last_device.max(id);
            if let Some(node) = by_id
                .get(&row.get::<i64, _>(1))
                .and_then(|name| names.nodes.get_mut(name))
            {
                node.devices.insert(row.get::<String, _>(2).into(), id);
            }
        }
        let rows = sqlx::query("SELECT id, hash FROM contexts")
            .fetch_all(&mut *connection)
            .await;
        for row in rows.map_err(read)? {
            let bytes: Vec<u8> = row.get(1);
            let hash = <[u8; 32]>::try_from(bytes).map_err(|bytes| StoreError::Corrupt {
                what: "context",
                detail: format!("a hash of {} bytes", bytes.len()),
            })?;
            names.contexts.insert(ContentHash(hash), row.get(0));
        }
        Ok(names)
    }

    /// Numbers of a node and one of its devices (0 for the node itself).
    pub(super) fn ids(&mut self, node: &Arc<str>, device: Option<&Arc<str>>) -> (i64, i64) {
        let next = self.nodes.len() as i64 + 1;
        let entry = self.nodes.entry(Arc::clone(node)).or_insert_with(|| {
            self.added.nodes.push((next, Arc::clone(node)));
            Node {
                id: next,
                devices: HashMap::new(),
            }
        });
        let Some(device) = device else {
            return (entry.id, 0);
        };
        if let Some(id) = entry.devices.get(device) {
            return (entry.id, *id);
        }
        self.last_device += 1;
        entry.devices.insert(Arc::clone(device), self.last_device);
        self.added
            .devices
            .push((self.last_device, entry.id, Arc::clone(device)));
        (entry.id, self.last_device)
    }

    /// Notes a certificate; known ones cost nothing.
    pub(super) fn add_context(&mut self, context: &DecodeContext) {
        if !self.contexts.contains_key(&context.hash) {
            let id = self.contexts.len() as i64 + 1;
            self.contexts.insert(context.hash, id);
            self.added.contexts.push((id, context.clone()));
        }
    }

    /// Number of a certificate.
    pub(super) fn context(&self, hash: &ContentHash) -> Option<i64> {
        self.contexts.get(hash).copied()
    }

    /// What must be written before the rows that use it.
    pub(super) const fn added(&self) -> &Added {
        &self.added
    }

    /// The additions are in the database.
    pub(super) fn keep(&mut self) {
        self.added = Added::default();
    }
}

#[cfg(test)]
mod tests {
    use super::Names;
    use std::sync::Arc;

    #[test]
    fn each_name_gets_one_number_and_new_ones_are_noted_until_written() {
        let mut names = Names::default();
        let (node, first, second) = (Arc::from("g/n"), Arc::from("d1"), Arc::from("d2"));
        assert_eq!(names.ids(&node, Some(&first)), (1, 1));
        assert_eq!(names.ids(&node, None), (1, 0));
        names.keep();
        assert_eq!(names.ids(&node, Some(&second)), (1, 2));
        assert_eq!(names.ids(&Arc::from("g/m"), Some(&first)), (2, 3));
        assert_eq!(names.ids(&node, Some(&first)), (1, 1));
        assert_eq!((names.added().nodes.len(), names.added().devices.len()), (1, 2));
    }
}
