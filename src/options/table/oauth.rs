//! Options that say where a token for the login comes from.

use super::super::values::{parse_path, parse_word};
use super::{Completes, Given, InCheck, Opt, Section, put};
use crate::oauth::url::Url;

/// OAuth 2.0.
pub static SECTION: Section = Section {
    title: "OAuth 2.0",
    options: &[
        Opt {
            short: "",
            long: "oauth-token-url",
            value: "URL",
            help: "fetch an access token there and log in with it, as phase token",
            doc: "Fetch an access token there (RFC 6749) and log in with it. This is the phase `token`. The URL begins with \
                  `https://`; `http://` is only for loopback. The certificate is always verified, by the CAs of the system \
                  and those in `--ca-file`. The environment variables `https_proxy` and `no_proxy` are respected, and \
                  redirects are not followed.",
            completes: Completes::Nothing,
            given: Given::Once,
            in_check: InCheck::No,
            set: |o, v| put(&mut o.oauth.url, Url::parse(v).map(Some)),
        },
        Opt {
            short: "",
            long: "oauth-client-id",
            value: "ID",
            help: "name of the client that asks for the token",
            doc: "Name of the client that asks for the token.",
            completes: Completes::Nothing,
            given: Given::Once,
            in_check: InCheck::No,
            set: |o, v| put(&mut o.oauth.client_id, parse_word(v, "a client").map(Some)),
        },
        Opt {
            short: "",
            long: "oauth-client-secret-file",
            value: "FILE",
            help: "file whose first line is the secret of the client (client credentials)",
            doc: "File whose first line is the secret of the client. Without `--oauth-refresh-token-file` this is the \
                  client credentials grant. Name and secret are sent in the form, never as a header.",
            completes: Completes::Files,
            given: Given::Once,
            in_check: InCheck::No,
            set: |o, v| put(&mut o.oauth.client_secret_file, parse_path(v).map(Some)),
        },
        Opt {
            short: "",
            long: "oauth-scope",
            value: "SCOPE",
            help: "what the token is to allow, as the provider writes it",
            doc: "The scope: what the token is to allow, as the provider writes it. Several are separated by blanks.",
            completes: Completes::Nothing,
            given: Given::Once,
            in_check: InCheck::No,
            set: |o, v| put(&mut o.oauth.scope, parse_word(v, "a scope").map(Some)),
        },
        Opt {
            short: "",
            long: "oauth-refresh-token-file",
            value: "FILE",
            help: "file whose first line is a refresh token, which is exchanged for the token",
            doc: "File whose first line is a refresh token, which is exchanged for the access token. If the server sends a \
                  new refresh token, it is kept in `--oauth-cache` and used first.",
            completes: Completes::Files,
            given: Given::Once,
            in_check: InCheck::No,
            set: |o, v| put(&mut o.oauth.refresh_token_file, parse_path(v).map(Some)),
        },
        Opt {
            short: "",
            long: "oauth-service-account",
            value: "FILE",
            help: "JSON key of a service account that acts for USER (JWT, RFC 7523)",
            doc: "JSON key of a service account, as Google hands it out. It signs an assertion (JWT, RFC 7523, RS256) that \
                  it acts for the account of `-u`. The `token_uri` in the file is not used.",
            completes: Completes::Files,
            given: Given::Once,
            in_check: InCheck::No,
            set: |o, v| put(&mut o.oauth.service_account, parse_path(v).map(Some)),
        },
        Opt {
            short: "",
            long: "oauth-cache",
            value: "FILE",
            help: "file that keeps the token until it expires, for many checks",
            doc: "File that keeps the token until it expires, so that many checks fetch one token. Only the user who runs \
                  the checks can read it. The token in it is used for the same URL, client, scope and account alone. A \
                  file that cannot be read or written is a note and changes no state.",
            completes: Completes::Files,
            given: Given::Once,
            in_check: InCheck::No,
            set: |o, v| put(&mut o.oauth.cache, parse_path(v).map(Some)),
        },
    ],
};
