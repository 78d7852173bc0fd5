//! The system's trust with one CA more.

use openssl::x509::X509;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// What stands for `/etc/ssl/certs` so that the fixture's CA is among the system's: a copy, with it.
pub struct SystemTrust(tempfile::TempDir);

impl SystemTrust {
    pub fn copy(ca_file: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let system = Path::new("/etc/ssl/certs");
        for entry in system.read_dir().into_iter().flatten() {
            let name = entry.unwrap().file_name();
            symlink(system.join(&name), folder.path().join(name)).unwrap();
        }
        let ca = fs::read(ca_file).unwrap();
        let hash = X509::from_pem(&ca).unwrap().subject_name_hash();
        fs::write(folder.path().join(format!("{hash:08x}.0")), &ca).unwrap();
        let bundle = folder.path().join("ca-certificates.crt");
        let known = fs::read(&bundle).unwrap_or_default();
        let _ = fs::remove_file(&bundle);
        fs::write(bundle, [known, ca].concat()).unwrap();
        Self(folder)
    }

    pub fn directory(&self) -> &Path {
        self.0.path()
    }

    /// How many CAs the bundle has.
    pub fn count(&self) -> usize {
        X509::stack_from_pem(&fs::read(self.bundle()).unwrap()).unwrap().len()
    }

    pub fn bundle(&self) -> PathBuf {
        self.0.path().join("ca-certificates.crt")
    }
}
