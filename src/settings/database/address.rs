//! Where a job database is, in the forms that people have at hand: `host:port`, `host:port/name`, a URL, or the form of
//! Go's MySQL driver that Kala took, `user:password@tcp(host:port)/name?tls=custom`.
//!
//! All of them are cut by one grammar, `[scheme://][user[:password]@]host[:port][/name][?parameters]`, where the host may
//! stand in `tcp(...)`. What is cut is never repeated in an error: there may be a password in it.

use crate::settings::values::Secret;

/// What an address says; what it leaves out is for others to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Address {
    /// The word before `://`, in lower case.
    pub(super) scheme: Option<String>,
    /// User name.
    pub(super) user: Option<String>,
    /// Password.
    pub(super) password: Option<Secret>,
    /// Name or address, without the brackets of IPv6.
    pub(super) host: String,
    /// Port.
    pub(super) port: Option<u16>,
    /// Database.
    pub(super) name: Option<String>,
    /// Whether it wants TLS, where it says that.
    pub(super) tls: Option<bool>,
}

impl Address {
    /// Cuts an address into its parts.
    ///
    /// # Errors
    /// In words for the user, which do not repeat the address.
    pub(super) fn parse(text: &str) -> Result<Address, String> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
            None => (None, text),
        };
        // A password may hold any of the signs that come after it.
        let (who, rest) = match rest.rsplit_once('@') {
            Some((who, rest)) => (Some(who), rest),
            None => (None, rest),
        };
        let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let is_url = scheme.is_some();
        let decode = |part: &str| match is_url {
            true => percent_decoded(part),
            false => Ok(part.to_owned()),
        };
        let (user, password) = match who.map(|who| who.split_once(':').unwrap_or((who, ""))) {
            Some((user, password)) => (decode(user)?, decode(password)?),
            None => Default::default(),
        };
        let (place, name) = cut_name(rest);
        let (host, port) = cut_port(place)?;
        let by_scheme = scheme.as_deref().and_then(tls_of_scheme);
        let tls = tls_of_parameters(parameters)?.or(by_scheme);
        Ok(Address {
            scheme,
            user: some(user),
            password: some(password).map(Secret),
            host,
            port,
            name: some(decode(name)?),
            tls,
        })
    }
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// `host:port/name`, `tcp(host:port)/name` or `(host)/name`, without what only tells how to connect.
fn cut_name(text: &str) -> (&str, &str) {
    let bare = text.strip_prefix("tcp").filter(|t| t.starts_with('('));
    if let Some(inner) = bare.unwrap_or(text).strip_prefix('(')
        && let Some((place, rest)) = inner.split_once(')')
    {
        return (place, rest.strip_prefix('/').unwrap_or(rest));
    }
    text.split_once('/').unwrap_or((text, ""))
}

fn cut_port(place: &str) -> Result<(String, Option<u16>), String> {
    const EXPECTED: &str = "expected an address such as db.example.com:5432, db.example.com:5432/jobs, \
                            postgres://db.example.com/jobs or tcp(db.example.com:3306)/jobs, of one server, over TCP";
    let (host, port) = match place.strip_prefix('[').and_then(|p| p.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':').ok_or(EXPECTED)?)),
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    if host.is_empty() || !host.chars().all(is_host) {
        return Err(EXPECTED.to_owned());
    }
    let port = port.map(|port| port.parse().map_err(|_| EXPECTED.to_owned()));
    Ok((host.to_owned(), port.transpose()?.filter(|port| *port != 0)))
}

fn tls_of_scheme(scheme: &str) -> Option<bool> {
    scheme.ends_with("ss").then_some(true)
}

/// What the parameters of Go's MySQL driver and of libpq say about TLS. There is no TLS here without a look at the
/// certificate: what asks for that is refused, what is laxer than ours is taken as ours.
fn tls_of_parameters(parameters: &str) -> Result<Option<bool>, String> {
    let mut tls = None;
    for parameter in parameters.split('&').filter(|p| !p.is_empty()) {
        let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        tls = match (key, value) {
            ("tls", "true" | "custom")
            | ("sslmode", "require" | "verify-ca" | "verify-full")
            | ("ssl-mode", "REQUIRED" | "VERIFY_CA" | "VERIFY_IDENTITY") => Some(true),
            ("tls", "false") | ("sslmode", "disable") | ("ssl-mode", "DISABLED") => Some(false),
            ("tls" | "sslmode" | "ssl-mode", _) => {
                return Err(format!(
                    "{key}={value} would leave it open whether the connection is safe: say tls=true, and name the \
                     authority with --jobdb-tls-capath if the system does not know it; or tls=false"
                ));
            }
            // Others tune drivers that are not ours.
            _ => tls,
        };
    }
    Ok(tls)
}

fn percent_decoded(text: &str) -> Result<String, String> {
    let bad = || {
        "a % in a URL begins two hexadecimal digits; a percent sign itself is written %25"
            .to_owned()
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'%' {
            bytes.push(byte);
            rest = after;
            continue;
        }
        let digits = after
            .get(..2)
            .filter(|d| d.iter().all(u8::is_ascii_hexdigit));
        let digits = digits
            .and_then(|d| std::str::from_utf8(d).ok())
            .ok_or_else(bad)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| bad())?);
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scheme, user, password, host, port, name and TLS, `-` where there is none.
    fn told(text: &str) -> String {
        let a = Address::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let or = |part: Option<String>| part.unwrap_or_else(|| "-".to_owned());
        let password = a.password.map(|secret| secret.0);
        let tls = a.tls.map(|tls| tls.to_string());
        let port = a.port.map(|port| port.to_string());
        let parts = [a.scheme, a.user, password, Some(a.host), port, a.name, tls];
        parts.map(or).join(" ")
    }

    #[test]
    fn ok_addresses() {
        for (text, parts) in [
            ("db", "- - - db - - -"),
            ("127.0.0.1:6379", "- - - 127.0.0.1 6379 - -"),
            ("[::1]:6379", "- - - ::1 6379 - -"),
            ("[::1]/kala", "- - - ::1 - kala -"),
            (
                "server1.example.com/kala",
                "- - - server1.example.com - kala -",
            ),
            ("db:5432/kala", "- - - db 5432 kala -"),
            ("db:5432/kala?sslmode=disable", "- - - db 5432 kala false"),
            (
                "(server1.example.com)/kala",
                "- - - server1.example.com - kala -",
            ),
            ("(db:3307)/kala?charset=utf8", "- - - db 3307 kala -"),
            ("tcp(db:3306)/kala?tls=custom", "- - - db 3306 kala true"),
            ("tcp([::1]:3306)/kala", "- - - ::1 3306 kala -"),
            (
                "me:se@c?et/%41@tcp(db)/kala",
                "- me se@c?et/%41 db - kala -",
            ),
            ("redis://db", "redis - - db - - -"),
            ("redis://:pw@db:6380/2", "redis - pw db 6380 2 -"),
            ("rediss://me:p%40%2fw@db/0", "rediss me p@/w db - 0 true"),
            (
                "postgres://me@db/jobs?sslmode=verify-full",
                "postgres me - db - jobs true",
            ),
            (
                "MySQL://me:a:b@db:3306/jobs?x=1&tls=false",
                "mysql me a:b db 3306 jobs false",
            ),
            (
                "mariadb://db/a%20b?ssl-mode=REQUIRED",
                "mariadb - - db - a b true",
            ),
        ] {
            assert_eq!(told(text), parts, "{text}");
        }
    }

    #[test]
    fn err_addresses_are_not_repeated() {
        for (text, why) in [
            ("", "expected an address"),
            (":6379", "expected an address"),
            ("db:port", "expected an address"),
            ("db:99999", "expected an address"),
            ("::1", "expected an address"),
            ("[::1]6379", "expected an address"),
            ("a,b", "of one server"),
            ("unix(/run/mysqld.sock)/kala", "over TCP"),
            ("redis://tell-nobody%zz@db", "%25"),
            ("redis://tell-nobody%4", "expected an address"),
            ("tcp(db)/kala?tls=skip-verify", "--jobdb-tls-capath"),
            ("db/kala?sslmode=prefer", "tls=true"),
            ("tell-nobody:tell-nobody@", "expected an address"),
        ] {
            let error = Address::parse(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
            assert!(!error.contains("tell-nobody"), "{error}");
        }
    }
}
