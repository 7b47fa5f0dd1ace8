//! Where a test keeps its files: thrown away when it passes, kept when it fails.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory of one test below `tests/artefacts`. Removed on drop, unless the test is failing: then the logs, databases
/// and captures in it are what there is to look at, and where they are is said. To be dropped after whatever writes
/// there.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    keep: bool,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Place {
    /// An empty directory; its name begins with `test`.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn new(test: &str) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("artefacts")
            .join(format!("{test}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap_or_else(|e| panic!("making {}: {e}", path.display()));
        Self { path, keep: false }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A directory in it, made when it is not there.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn dir(&self, name: &str) -> PathBuf {
        let path = self.path.join(name);
        std::fs::create_dir_all(&path).unwrap_or_else(|e| panic!("making {}: {e}", path.display()));
        path
    }

    /// A file in it with this text.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path.join(name);
        std::fs::write(&path, text).unwrap_or_else(|e| panic!("writing {}: {e}", path.display()));
        path
    }

    /// Keeps it whatever happens.
    pub fn keep(&mut self) {
        self.keep = true;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.keep || std::thread::panicking() {
            let mut err = std::io::stderr().lock();
            let _best_effort = writeln!(err, "--- its files are kept in {}", self.path.display());
        } else {
            let _gone_or_in_use = std::fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn the_files_of_a_test_that_passes_are_gone() {
        let place = Place::new("place-passes");
        let path = place.write("console.log", "a line\n");
        drop(place);
        assert!(!path.exists() && !path.parent().unwrap().exists());
    }

    #[test]
    fn the_files_of_a_test_that_fails_are_kept() {
        let (send, path) = std::sync::mpsc::sync_channel(1);
        let failed = std::thread::spawn(move || {
            let place = Place::new("place-fails");
            send.send(place.write("console.log", "a line\n")).unwrap();
            panic!("as a test does");
        });
        assert!(failed.join().is_err());
        let path = path.recv().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a line\n");
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }
}
