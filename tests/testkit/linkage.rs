//! What a program asks of the system when it starts, as `readelf` of binutils shows it.
use std::path::Path;
use std::process::Command;

pub struct Linkage {
    /// The highest version of a glibc symbol, as major and minor number. A glibc below it does not start the program.
    pub glibc: (u32, u32),
    /// Of the symbols of OpenSSL, each once.
    pub openssl: Vec<String>,
    /// Shared libraries, in the order in which they are loaded.
    pub libraries: Vec<String>,
}

impl Linkage {
    /// None without `readelf`.
    pub fn read(program: &Path) -> Option<Self> {
        let shown = Command::new("readelf").args(["-W", "-V", "-d"]).arg(program).env("LC_ALL", "C").output().ok()?;
        assert!(shown.status.success(), "{}: {shown:?}", program.display());
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        let versions = |prefix: &str| -> Vec<String> {
            let names = shown.lines().filter_map(|line| line.split("Name: ").nth(1)?.split(' ').next());
            names.filter_map(|name| name.strip_prefix(prefix)).map(str::to_owned).collect()
        };
        let glibc = versions("GLIBC_").into_iter().map(|version| {
            let mut parts = version.split('.').map(|part| part.parse().expect("a number"));
            (parts.next().unwrap(), parts.next().unwrap_or(0))
        });
        let libraries = shown.lines().filter(|line| line.contains("(NEEDED)"));
        let libraries = libraries.map(|line| line.split(['[', ']']).nth(1).expect("a name").to_owned());
        let mut openssl = versions("OPENSSL_");
        openssl.sort();
        openssl.dedup();
        Some(Self { glibc: glibc.max().expect("a version of glibc"), openssl, libraries: libraries.collect() })
    }
}
