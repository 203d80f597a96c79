//! Why a request came to nothing, in words that say what to do about it.

use std::fmt;

use rustls::CertificateError;

use super::Url;

/// Why the server did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientError {
    /// No server answers there, or its answer broke off.
    Away(String),
    /// It has no such job or run.
    NotFound(String),
    /// It refused.
    Refused {
        /// The status of HTTP.
        status: u16,
        /// The server's own words.
        why: String,
    },
    /// What answers there is no Nimesha.
    Foreign(String),
}

impl ClientError {
    pub(super) fn away(url: &Url, why: &ureq::Error) -> ClientError {
        if let Some(wrong) = certificate_error(why) {
            return ClientError::Away(format!(
                "the certificate of {url} is not trusted ({wrong}): {}",
                remedy(wrong)
            ));
        }
        ClientError::Away(format!(
            "no answer from {url} ({why}): is the server running? Start it with \"nimesha serve\", or name another one \
             with --url or NIMESHA_URL"
        ))
    }

    /// An answer that broke off in its middle.
    pub(super) fn lost(url: &Url, why: &dyn fmt::Display) -> ClientError {
        ClientError::Away(format!(
            "the connection to {url} was lost ({why}): is the server still running?"
        ))
    }

    /// A refusal, by its status and the `error` of its body.
    pub(super) fn refused(status: u16, why: String) -> ClientError {
        match status {
            404 => ClientError::NotFound(why),
            401 => ClientError::Refused {
                status,
                why: format!(
                    "{why} (the token is taken from NIMESHA_TOKEN: a secret, or @FILE with one)"
                ),
            },
            _ => ClientError::Refused { status, why },
        }
    }

    pub(super) fn foreign(url: &Url, what: &str) -> ClientError {
        ClientError::Foreign(format!(
            "what answers at {url} does not seem to be Nimesha: {what}"
        ))
    }
}

/// What is wrong with the certificate, if it is that. ureq has TLS's errors inside of those of reading and writing, too.
fn certificate_error(why: &ureq::Error) -> Option<&CertificateError> {
    let inner = match why {
        ureq::Error::Rustls(error) => Some(error),
        ureq::Error::Io(error) => error.get_ref().and_then(|inner| inner.downcast_ref()),
        _ => None,
    };
    match inner {
        Some(rustls::Error::InvalidCertificate(wrong)) => Some(wrong),
        _ => None,
    }
}

/// The way out. Only one that nobody known has signed becomes right by being named.
fn remedy(wrong: &CertificateError) -> &'static str {
    match wrong {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "renew it; the server reads it anew on SIGHUP"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "wait for its time, or set this machine's clock"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "ask by a name that it is made out to"
        }
        // By its word: rustls hands this one on as it came from a library of its own.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "it is an authority's own (CA:TRUE) and no server's; make one with basicConstraints=CA:FALSE"
        }
        _ => "name the authority that signed it by --cacert or NIMESHA_CACERT",
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Away(why)
            | ClientError::NotFound(why)
            | ClientError::Refused { why, .. }
            | ClientError::Foreign(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ClientError {}
