//! The file that keeps a token until it expires, for many checks at once. Whatever is wrong with it is a note and no fault:
//! without the file each run fetches a token of its own.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::answer::Granted;
use crate::credentials::secret::Secret;
use crate::credentials::source::show_path;
use crate::replacement::replace_file;
use crate::text::describe_io_error;

/// Only the user who runs the checks may read it.
const MODE: u32 = 0o600;
/// Bytes; no cache is larger.
const MAX_BYTES: u64 = 128 * 1024;
/// A token is renewed before its last minute.
const MARGIN: Duration = Duration::from_secs(60);
/// The most that a run waits for another one that fetches a token for the same cache.
const PATIENCE: Duration = Duration::from_secs(1);
/// The pause between two looks whether the other one is done.
const PAUSE: Duration = Duration::from_millis(10);

/// The owner of a token. A token of another one is not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The address of the token endpoint.
    pub url: String,
    /// The client or the service account.
    pub client: String,
    /// The scope, if one is asked for.
    pub scope: Option<String>,
    /// The account that logs in.
    pub user: String,
}

/// A cache file, and whose token it may keep.
pub struct Cache {
    /// Its path.
    pub file: PathBuf,
    /// The owner.
    pub owner: Owner,
    /// Files that are read by the run, so that none of them may be replaced.
    pub needed: Vec<PathBuf>,
}

/// The tokens in a cache.
#[derive(Default)]
pub struct Kept {
    /// An access token, and when it expires.
    pub token: Option<(Secret, SystemTime)>,
    /// A refresh token that is newer than the one in the user's file.
    pub refresh_token: Option<Secret>,
}

/// The content of the file.
#[derive(Serialize, Deserialize)]
struct Content {
    owner: Owner,
    access_token: Option<String>,
    /// Unix time.
    expires: u64,
    refresh_token: Option<String>,
}

/// Held by the one run that fetches a token for this cache; ends when it is dropped.
pub struct Lock(#[allow(dead_code, reason = "the lock lasts as long as the file is open")] File);

impl Kept {
    /// The access token, if it can still be used, with the time that it has left.
    #[must_use]
    pub fn find_usable(&self, now: SystemTime) -> Option<(&Secret, Duration)> {
        let (token, expires) = self.token.as_ref()?;
        let left = expires.duration_since(now).ok().filter(|left| *left > MARGIN)?;
        Some((token, left))
    }
}

impl Cache {
    /// Reads what it keeps for its owner; nothing if there is no file yet.
    ///
    /// # Errors
    /// In words, for a note: it cannot be read, or is another's.
    pub fn read(&self) -> Result<Kept, String> {
        let content = match self.read_content() {
            Ok(content) if content.is_empty() => return Ok(Kept::default()),
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::default()),
            Err(error) => return Err(self.describe("cannot be read", &describe_io_error(&error))),
        };
        let content: Content = serde_json::from_slice(&content)
            .map_err(|_| self.describe("is not used", "it is not what this program has written"))?;
        let hide = |token: String| Secret::new(token.into_bytes());
        let (token, refresh_token) = (content.access_token.map(hide), content.refresh_token.map(hide));
        if content.owner != self.owner {
            return Err(self.describe("is not used", "its token is for another account, client, scope or address"));
        }
        let expires = UNIX_EPOCH.checked_add(Duration::from_secs(content.expires)).unwrap_or(UNIX_EPOCH);
        let is_token = |token: &Secret| !token.expose().is_empty() && token.check().is_ok();
        Ok(Kept {
            token: token.filter(is_token).map(|token| (token, expires)),
            refresh_token: refresh_token.filter(is_token),
        })
    }

    /// Waits until no other run fetches a token for this cache, but not for long. None if the other one is not done by
    /// then, or if the file cannot be opened: then this run fetches a token all the same.
    #[must_use]
    pub fn lock(&self) -> Option<Lock> {
        let begun = Instant::now();
        loop {
            let mut options = OpenOptions::new();
            let file = options.read(true).append(true).create(true).mode(MODE).open(&self.file).ok()?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                // Another run may have put a new file in its place.
                Ok(()) if is_still_there(&file, &self.file) => return Some(Lock(file)),
                Ok(()) => {}
                Err(_) if begun.elapsed() < PATIENCE => thread::sleep(PAUSE),
                Err(_) => return None,
            }
        }
    }

    /// Keeps a token that was granted; a refresh token that was kept stays if there is no newer one.
    ///
    /// # Errors
    /// In words, for a note: it cannot be written.
    pub fn keep(&self, granted: &Granted, kept: &Kept, now: SystemTime) -> Result<(), String> {
        if self.has_refresh_token_of_another() {
            return Err(self.describe("is not written", "the refresh token of another account would be lost"));
        }
        let expires = granted.lifetime.and_then(|lifetime| now.checked_add(lifetime));
        self.write(
            expires.map(|expires| (&granted.token, expires)),
            granted.refresh_token.as_ref().or(kept.refresh_token.as_ref()),
        )
    }

    /// Removes this access token, unless there is another one by now. A refresh token stays.
    ///
    /// # Errors
    /// In words: it cannot be written.
    pub fn drop_token(&self, token: &Secret) -> Result<(), String> {
        let kept = self.read()?;
        let is_it = kept.token.as_ref().is_some_and(|(kept, _)| kept.expose() == token.expose());
        if is_it { self.write(None, kept.refresh_token.as_ref()) } else { Ok(()) }
    }

    fn write(&self, token: Option<(&Secret, SystemTime)>, refresh_token: Option<&Secret>) -> Result<(), String> {
        let show = |token: &Secret| String::from_utf8_lossy(token.expose()).into_owned();
        let expires = token.map_or(UNIX_EPOCH, |(_, expires)| expires);
        let mut content = Content {
            owner: self.owner.clone(),
            access_token: token.map(|(token, _)| show(token)),
            expires: expires.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            refresh_token: refresh_token.map(show),
        };
        let written = serde_json::to_vec(&content).map(Zeroizing::new);
        for secret in [content.access_token.take(), content.refresh_token.take()].into_iter().flatten() {
            drop(Zeroizing::new(secret));
        }
        let written = written.map_err(io::Error::other);
        let written = written.and_then(|content| replace_file(&self.file, &content, MODE, &self.needed));
        written.map_err(|error| self.describe("cannot be written", &describe_io_error(&error)))
    }

    /// An access token can be fetched again, a refresh token cannot.
    fn has_refresh_token_of_another(&self) -> bool {
        let content = self.read_content().ok();
        let content = content.and_then(|content| serde_json::from_slice::<Content>(&content).ok());
        content.is_some_and(|mut content| {
            drop(content.access_token.take().map(Zeroizing::new));
            content.owner != self.owner && content.refresh_token.take().map(Zeroizing::new).is_some()
        })
    }

    fn read_content(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        // A pipe that nobody writes to is opened at once, too.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(open(&self.file, flags, Mode::empty())?);
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let mut content = Zeroizing::new(Vec::with_capacity(8 * 1024));
        file.take(MAX_BYTES + 1).read_to_end(&mut content)?;
        if u64::try_from(content.len()).is_ok_and(|length| length > MAX_BYTES) {
            return Err(io::Error::other("it is too large"));
        }
        Ok(content)
    }

    fn describe(&self, what: &str, why: &str) -> String {
        format!("the cache {} {what}: {why}", show_path(&self.file))
    }
}

fn is_still_there(file: &File, path: &Path) -> bool {
    let identify = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let (own, found) = (file.metadata().map(identify), fs::metadata(path).map(identify));
    matches!((own, found), (Ok(own), Ok(found)) if own == found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, mkfifoat};
    use std::os::unix::fs::PermissionsExt;

    fn cache(file: &Path, user: &str) -> Cache {
        let owner = Owner {
            url: "https://login.example.org/token".to_owned(),
            client: "client".to_owned(),
            scope: None,
            user: user.to_owned(),
        };
        Cache { file: file.to_owned(), owner, needed: Vec::new() }
    }

    fn granted(token: &str, seconds: u64, refresh_token: Option<&str>) -> Granted {
        let secret = |text: &str| Secret::new(text.as_bytes().to_vec());
        Granted {
            token: secret(token),
            lifetime: Some(Duration::from_secs(seconds)),
            refresh_token: refresh_token.map(secret),
        }
    }

    #[test]
    fn a_token_is_kept_until_its_last_minute_and_its_refresh_token_longer() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(&folder.path().join("token"), "joe");
        let now = SystemTime::now();
        assert!(cache.read().unwrap().find_usable(now).is_none());
        cache.keep(&granted("one", 3600, Some("refresh")), &Kept::default(), now).unwrap();
        let kept = cache.read().unwrap();
        let (token, left) = kept.find_usable(now).unwrap();
        assert_eq!(token.expose(), b"one");
        assert!(left <= Duration::from_secs(3600) && left > Duration::from_secs(3598), "{left:?}");
        assert!(kept.find_usable(now + Duration::from_secs(3541)).is_none());
        assert_eq!(fs::metadata(&cache.file).unwrap().permissions().mode() & 0o777, MODE);

        cache.keep(&granted("two", 3600, None), &kept, now).unwrap();
        cache.drop_token(&Secret::new(b"one".to_vec())).unwrap();
        assert!(cache.read().unwrap().find_usable(now).is_some(), "another one's token is not dropped");
        cache.drop_token(&Secret::new(b"two".to_vec())).unwrap();
        let kept = cache.read().unwrap();
        assert!(kept.token.is_none());
        assert_eq!(kept.refresh_token.unwrap().expose(), b"refresh");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_cache_that_is_broken_or_of_another_gives_a_reason_and_no_token() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        cache(&file, "joe").keep(&granted("one", 3600, None), &Kept::default(), SystemTime::now()).unwrap();
        let refuse = |cache: &Cache| cache.read().err().unwrap();
        let keep = |user, refresh_token| {
            cache(&file, user).keep(&granted("two", 3600, refresh_token), &Kept::default(), SystemTime::now())
        };
        assert!(refuse(&cache(&file, "ann")).contains("is for another account"));
        keep("ann", Some("refresh")).unwrap();
        let why = keep("joe", None).unwrap_err();
        assert!(why.contains("is not written: the refresh token of another account would be lost"), "{why}");
        for (content, said) in [
            (b"{}".to_vec(), "not what this program has written"),
            (b"rubbish".to_vec(), "not what this program has written"),
            (vec![b' '; 200_000], "too large"),
        ] {
            fs::write(&file, content).unwrap();
            let why = refuse(&cache(&file, "joe"));
            assert!(why.contains(said), "{why}");
        }
        assert!(refuse(&cache(folder.path(), "joe")).contains("not a regular file"));
        let pipe = folder.path().join("pipe");
        mkfifoat(CWD, &pipe, Mode::from_raw_mode(MODE)).unwrap();
        assert!(refuse(&cache(&pipe, "joe")).contains("not a regular file"));
        let nowhere = cache(&folder.path().join("none/token"), "joe");
        assert!(nowhere.read().unwrap().token.is_none() && nowhere.lock().is_none());
        let why = nowhere.keep(&granted("one", 3600, None), &Kept::default(), SystemTime::now()).unwrap_err();
        assert!(why.contains("cannot be written: No such file"), "{why}");
    }

    #[test]
    fn a_run_waits_for_another_one_but_not_for_long() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(&folder.path().join("token"), "joe");
        let held = cache.lock().unwrap();
        let begun = Instant::now();
        assert!(cache.lock().is_none());
        assert!(begun.elapsed() >= PATIENCE && begun.elapsed() < PATIENCE * 5, "{:?}", begun.elapsed());
        // The other one puts a new file in the place of the one that it has locked.
        cache.keep(&granted("one", 3600, None), &Kept::default(), SystemTime::now()).unwrap();
        let lock = cache.lock();
        assert!(lock.is_some());
        drop(held);
    }
}
