//! The files that pages load: a style, a script and an icon, compiled in. Their names carry a hash of their content, so
//! that a browser keeps them for good and still gets new ones at once.

use std::borrow::Cow;
use std::io::Read;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::read::GzEncoder;

use crate::http::{Answer, Body, Request};

use super::answer;

/// A file.
pub(super) struct Asset {
    stem: &'static str,
    extension: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

pub(super) static STYLE: Asset = Asset {
    stem: "style",
    extension: "css",
    content_type: "text/css; charset=utf-8",
    bytes: include_bytes!("assets/style.css"),
};
pub(super) static SCRIPT: Asset = Asset {
    stem: "nimesha",
    extension: "js",
    content_type: "text/javascript; charset=utf-8",
    bytes: include_bytes!("assets/nimesha.js"),
};
pub(super) static ICON: Asset = Asset {
    stem: "icon",
    extension: "svg",
    content_type: "image/svg+xml",
    bytes: include_bytes!("assets/icon.svg"),
};

/// Where they are, and what they are compressed to.
static FILES: LazyLock<Vec<(String, &'static Asset, Vec<u8>)>> = LazyLock::new(|| {
    [&STYLE, &SCRIPT, &ICON]
        .map(|asset| (asset.path(), asset, zipped(asset.bytes)))
        .into()
});

impl Asset {
    /// Where pages find it.
    pub(super) fn path(&self) -> String {
        format!(
            "/webui/assets/{}-{:016x}.{}",
            self.stem,
            hash(self.bytes),
            self.extension
        )
    }
}

/// The file at that path; 404 where there is none.
pub(super) fn answer(request: &Request) -> Answer {
    let Some((path, asset, zipped)) = FILES.iter().find(|(path, ..)| *path == request.path) else {
        return Answer::text(404, "no such file\n");
    };
    let tag = format!("\"{:016x}\"", hash(asset.bytes));
    let fresh = request
        .header("if-none-match")
        .is_some_and(|known| known.contains(&tag));
    let (body, gzip) = match answer::takes_gzip(request) {
        true => (Cow::Borrowed(zipped.as_slice()), true),
        false => (Cow::Borrowed(asset.bytes), false),
    };
    debug_assert!(path.contains(tag.trim_matches('"')));
    let answer = match fresh {
        true => Answer::empty(304),
        false => {
            Answer::new(200, Body::Bytes(body)).with_header("Content-Type", asset.content_type)
        }
    };
    let answer = answer
        .with_header("ETag", &tag)
        .with_header("Cache-Control", "public, max-age=31536000, immutable")
        .with_header("X-Content-Type-Options", "nosniff")
        .with_header("Vary", "Accept-Encoding");
    match gzip && !fresh {
        true => answer.with_header("Content-Encoding", "gzip"),
        false => answer,
    }
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut small = Vec::new();
    GzEncoder::new(bytes, Compression::best())
        .read_to_end(&mut small)
        .expect("a slice can be read");
    small
}

/// FNV-1a with 64 bits: tells contents apart, and keeps nobody out.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tiny_http::Method;

    #[test]
    fn a_file_is_kept_for_good_under_the_name_of_its_content() {
        let mut request = Request::new(Method::Get, &STYLE.path());
        let first = answer(&request);
        assert_eq!(first.status.0, 200);
        assert_eq!(first.header("content-encoding"), None);
        assert!(first.header("cache-control").unwrap().contains("immutable"));
        let tag = first.header("etag").unwrap().to_owned();
        request.headers.push("If-None-Match", tag.as_bytes());
        assert_eq!(answer(&request).status.0, 304);
        assert_eq!(
            answer(&Request::new(Method::Get, "/webui/assets/style.css"))
                .status
                .0,
            404
        );
    }

    #[test]
    fn the_script_is_small() {
        assert!(
            SCRIPT.bytes.len() <= 15 * 1024,
            "{} bytes",
            SCRIPT.bytes.len()
        );
    }

    #[test]
    fn all_files_together_leave_room_for_a_page() {
        let all: usize = FILES.iter().map(|(.., zipped)| zipped.len()).sum();
        assert!(all < 24 * 1024, "{all} bytes");
    }
}
