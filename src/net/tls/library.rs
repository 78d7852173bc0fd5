//! The library that does TLS: OpenSSL of the system, or with the feature `portable` AWS-LC, which is linked into the program.
//! All that differs between them is here. Both files have the same items, and one of them is compiled.

#[cfg(feature = "portable")]
mod aws_lc;
#[cfg(not(feature = "portable"))]
mod openssl;

#[cfg(feature = "portable")]
pub use aws_lc::*;
#[cfg(not(feature = "portable"))]
pub use openssl::*;

/// A certificate of a chain that must not be trusted, most often because it is too weak.
pub struct Weakness {
    /// Its place in the chain, in which the server's own certificate is the first.
    pub depth: u32,
    /// The result of the verification, one of OpenSSL's `X509_V_ERR_*`.
    pub code: i32,
}

/// Name and version of the library that runs, such as `OpenSSL 3.0.19`.
#[must_use]
pub fn describe_library() -> String {
    ::openssl::version::version().split(' ').take(2).collect::<Vec<_>>().join(" ")
}
