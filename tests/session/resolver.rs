//! A library that stands in for getaddrinfo, loaded into the plugin: a resolver that answers as a test wants it, or never.
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use crate::testkit::plugin::{Plugin, skipped};

pub struct Resolver {
    folder: tempfile::TempDir,
}

/// What environment variables decide: `SHIM_ADDRESSES` is the answer in its order, without it there is none, ever;
/// `SHIM_FAILS` is an error of it, -2 for example that there is no such name; `SHIM_CALLED` is a file that gets the name when the resolver is asked for it. With
/// `SHIM_BREAKS=N` the thread that asked has no clock from its Nth look at it on, which makes the standard library panic.
/// `SHIM_CONNECT` is a list such as `127.0.0.1=13,::1=1`: to these addresses connect(2) fails with these errors.
/// With `SHIM_DEAD_MOUNT` no file is ever renamed, `SHIM_DEAD_FILE` is a file that never answers; with `SHIM_NO_THREADS` no
/// thread is to be had.
const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static __thread int looks_left = -1;

int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (looks_left > 0)
        looks_left--;
    if (looks_left != 0)
        return syscall(SYS_clock_gettime, clock, now);
    errno = EFAULT;
    return -1;
}

int rename(const char *from, const char *to)
{
    while (getenv("SHIM_DEAD_MOUNT"))
        pause();
    return syscall(SYS_rename, from, to);
}

static void look_at(const char *path)
{
    char *dead = getenv("SHIM_DEAD_FILE");
    while (dead && path && !strcmp(path, dead))
        pause();
}

int open64(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    look_at(path);
    return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int statx(int folder, const char *restrict path, int flags, unsigned mask, struct statx *restrict data)
{
    look_at(path);
    return syscall(SYS_statx, folder, path, flags, mask, data);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = dlsym(RTLD_NEXT, "pthread_create");
    return getenv("SHIM_NO_THREADS") ? EAGAIN : create(thread, attr, start, arg);
}

int connect(int socket, const struct sockaddr *to, socklen_t length)
{
    char text[INET6_ADDRSTRLEN] = "", *list = getenv("SHIM_CONNECT");
    if (to->sa_family == AF_INET)
        inet_ntop(AF_INET, &((struct sockaddr_in *)to)->sin_addr, text, sizeof text);
    else if (to->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((struct sockaddr_in6 *)to)->sin6_addr, text, sizeof text);
    for (size_t size = strlen(text); list && *text; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL) {
        if (strncmp(list, text, size) || list[size] != '=')
            continue;
        errno = atoi(list + size + 1);
        return -1;
    }
    return syscall(SYS_connect, socket, to, length);
}

static void put(const char *path, const char *text)
{
    int file = creat(path, 0600);
    if (write(file, text, strlen(text)) < 0)
        abort();
    close(file);
}

struct answer { struct addrinfo info; struct sockaddr_in6 address; };

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    char *list = getenv("SHIM_ADDRESSES"), *called = getenv("SHIM_CALLED"), *breaks = getenv("SHIM_BREAKS");
    int port = htons(service ? atoi(service) : 0);
    if (called)
        put(called, node);
    if (getenv("SHIM_FAILS")) {
        errno = ENOMEM;
        return atoi(getenv("SHIM_FAILS"));
    }
    while (!list)
        pause();
    list = strdup(list);
    for (char *one = strtok(list, ","); one; one = strtok(NULL, ",")) {
        struct answer *answer = calloc(1, sizeof *answer);
        struct sockaddr_in *v4 = (struct sockaddr_in *)&answer->address;
        struct addrinfo *info = &answer->info;
        if (strchr(one, ':')) {
            info->ai_family = answer->address.sin6_family = AF_INET6;
            info->ai_addrlen = sizeof answer->address;
            answer->address.sin6_port = port;
            inet_pton(AF_INET6, one, &answer->address.sin6_addr);
        } else {
            info->ai_family = v4->sin_family = AF_INET;
            info->ai_addrlen = sizeof *v4;
            v4->sin_port = port;
            inet_pton(AF_INET, one, &v4->sin_addr);
        }
        info->ai_socktype = hints && hints->ai_socktype ? hints->ai_socktype : SOCK_STREAM;
        info->ai_protocol = IPPROTO_TCP;
        info->ai_addr = (struct sockaddr *)&answer->address;
        *result = info;
        result = &info->ai_next;
    }
    free(list);
    if (breaks)
        looks_left = atoi(breaks);
    return 0;
}
"#;

impl Resolver {
    /// None, said loudly, where there is no C compiler.
    pub fn build() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("resolver.c");
        std::fs::write(&source, SOURCE).unwrap();
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .arg(folder.path().join("resolver.so"))
            .arg(&source)
            .status();
        match built {
            Ok(status) => assert!(status.success(), "the resolver does not compile"),
            Err(error) => {
                skipped(&format!("a test of the resolver needs cc: {error}"));
                return None;
            }
        }
        Some(Self { folder })
    }

    pub fn load(&self, plugin: Plugin) -> Plugin {
        plugin.env("LD_PRELOAD", self.library())
    }

    pub fn library(&self) -> PathBuf {
        self.folder.path().join("resolver.so")
    }

    /// The same, and it answers with these addresses.
    pub fn answer(&self, plugin: Plugin, addresses: impl AsRef<OsStr>) -> Plugin {
        self.load(plugin).env("SHIM_ADDRESSES", addresses)
    }

    /// A file that is there once the resolver was asked, by a plugin that has its path in `SHIM_CALLED`.
    pub fn called(&self) -> PathBuf {
        self.folder.path().join("called")
    }
}
