//! A private database server for programs that need one.

use crate::real::{Daemon, find, free_port, output, run, wait_for};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// Long, so that only a fault and no slow machine reaches it.
const LIMIT: Duration = Duration::from_secs(300);

/// Listens on loopback. It has one database, whose name is the user's name and the password, too.
pub struct Database {
    pub port: u16,
    name: String,
    socket: PathBuf,
    _daemon: Daemon,
    _folder: TempDir,
}

impl Database {
    pub fn start(name: &str, collation: &str) -> Self {
        let place = make_folder();
        let folder = place.path();
        let user = run(Command::new("id").arg("-un"));
        let own = |program: &str| {
            let mut command = Command::new(find(program).expect("MariaDB is installed"));
            command.arg("--no-defaults").arg(format!("--user={}", user.trim()));
            command.arg(format!("--datadir={}", folder.join("database").display()));
            command
        };
        run(own("mariadb-install-db").args(["--auth-root-authentication-method=normal", "--skip-test-db"]));
        let port = free_port();
        let socket = folder.join("database.sock");
        let daemon = Daemon::start(
            own("mariadbd")
                .arg(format!("--socket={}", socket.display()))
                .arg(format!("--pid-file={}", folder.join("database.pid").display()))
                .args(["--bind-address=127.0.0.1", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0"])
                .arg(format!("--port={port}")),
            &folder.join("database.log"),
        );
        let database = Self { port, name: name.to_owned(), socket, _daemon: daemon, _folder: place };
        let ask = |query: &str| output(database.client("").args(["-e", query])).status.success().then_some(());
        wait_for("MariaDB answers", LIMIT, || ask("SELECT 1"));
        let character_set = collation.split('_').next().unwrap_or_default();
        let setup = format!(
            "CREATE DATABASE {name} CHARACTER SET {character_set} COLLATE {collation}; \
             CREATE USER {name}@'127.0.0.1' IDENTIFIED BY '{name}'; GRANT ALL ON {name}.* TO {name}@'127.0.0.1'"
        );
        run(database.client("").args(["-e", &setup]));
        database
    }

    /// Runs what this command of a shell prints.
    pub fn load(&self, command: &str) {
        let client = self.client(&self.name);
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{command} | \"$@\""), "sh"]).arg(client.get_program()).args(client.get_args());
        run(&mut shell);
    }

    /// The rows that answer a query, without the names of their columns.
    pub fn ask(&self, query: &str) -> String {
        run(self.client(&self.name).args(["-N", "-e", query])).trim_end().to_owned()
    }

    fn client(&self, database: &str) -> Command {
        let mut command = Command::new("mariadb");
        command.arg("--no-defaults").arg(format!("--socket={}", self.socket.display())).arg("--user=root");
        if !database.is_empty() {
            command.arg(database);
        }
        command
    }
}

/// In memory if there is enough: hundreds of tables take a minute on a disk that is busy. A container may have little.
fn make_folder() -> TempDir {
    const MEMORY: &str = "/dev/shm";
    const ENOUGH_KILOBYTES: u64 = 1_000_000;
    let shown = output(Command::new("df").args(["-k", "--output=avail", MEMORY])).stdout;
    let free = String::from_utf8_lossy(&shown).lines().last().and_then(|line| line.trim().parse().ok());
    let is_enough = free.is_some_and(|free: u64| free > ENOUGH_KILOBYTES);
    if is_enough { tempfile::tempdir_in(MEMORY) } else { tempfile::tempdir() }.expect("a temporary folder")
}
