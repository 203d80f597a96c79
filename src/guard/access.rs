//! Which role a request needs: one table over all routes of the API and the pages.
//!
//! It names what is allowed to less than everything. A route that is not here needs `admin`, so that one which is
//! forgotten is closed, not open.

use tiny_http::Method::{self, Get, Head, Post};

use crate::http::Role;

/// What has to be shown for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Nothing: it tells nothing, or is needed before there is anything to show.
    Open,
    /// A token or session with at least this role.
    Role(Role),
    /// It brings a token, for a session.
    SignIn,
    /// It ends a session.
    SignOut,
}

/// Where the pages ask for a token.
pub(super) const SIGN_IN: &str = "/webui/sign-in";

/// What has to be shown for `method` at `path`.
pub(super) fn needed(method: &Method, path: &str) -> Access {
    const READ: Access = Access::Role(Role::Read);
    const OPERATE: Access = Access::Role(Role::Operate);
    const ADMIN: Access = Access::Role(Role::Admin);
    let segments: Vec<&str> = segments(path).collect();
    match (method, segments.as_slice()) {
        (Get | Head, ["healthz" | "readyz"]) => Access::Open,
        (Get | Head, ["webui", "sign-in"] | ["webui", "assets", _]) => Access::Open,
        // Whole jobs, with their secrets.
        (Get | Head, ["api", "v1", "backup"]) => ADMIN,
        (Get | Head, _) => READ,

        (Post, ["api", "v1", "schedule", "preview"]) => READ,
        (Post, ["api", "v1", "job", "start" | "enable" | "disable", _]) => OPERATE,
        (Post, ["api", "v1", "job", _, "backfill"]) => OPERATE,
        (Post, ["api", "v1", "job", _, "runs", _, "cancel"]) => OPERATE,
        (Post, ["api", "v1", "pause" | "resume"]) => OPERATE,

        (Post, ["webui", "sign-in"]) => Access::SignIn,
        (Post, ["webui", "sign-out"]) => Access::SignOut,
        (Post, ["webui", "theme" | "preview"]) => READ,
        // Starts, enables and disables the chosen jobs; to delete them it leads to another page.
        (Post, ["webui", "jobs", "do"]) => OPERATE,
        (Post, ["webui", "job", _, "run", _, "cancel"]) => OPERATE,
        (Post, ["webui", "pause" | "resume"]) => OPERATE,

        _ => ADMIN,
    }
}

/// Whether the path is one of the pages', which a person looks at.
pub(super) fn is_page(path: &str) -> bool {
    matches!(segments(path).next(), Some("" | "webui"))
}

/// Whether the path is an entrance: where people come in by a link or a bookmark from anywhere.
pub(super) fn is_entrance(path: &str) -> bool {
    matches!(path, "/" | "/webui" | "/webui/")
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    let inside = path.strip_prefix('/').unwrap_or(path);
    inside.strip_suffix('/').unwrap_or(inside).split('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use tiny_http::Method::{Delete, Options, Patch, Put};

    #[test]
    fn every_route_has_its_role() {
        let read = Access::Role(Role::Read);
        let operate = Access::Role(Role::Operate);
        let admin = Access::Role(Role::Admin);
        let rows = [
            (Get, "/healthz", Access::Open),
            (Head, "/readyz/", Access::Open),
            (Post, "/healthz", admin),
            (Get, "/metrics", read),
            (Get, "/", read),
            (Get, "/webui/", read),
            (Get, "/webui/sign-in", Access::Open),
            (Get, "/webui/assets/style-0.css", Access::Open),
            (Get, "/webui/assets/../job", read),
            (Post, "/webui/sign-in", Access::SignIn),
            (Post, "/webui/sign-out", Access::SignOut),
            (Post, "/webui/theme", read),
            (Post, "/webui/preview", read),
            (Post, "/webui/jobs/do", operate),
            (Post, "/webui/jobs/delete", admin),
            (Post, "/webui/new", admin),
            (Post, "/webui/job/J/edit", admin),
            (Post, "/webui/job/J/run/R/cancel", operate),
            (Post, "/webui/pause", operate),
            (Get, "/api/v1/job/", read),
            (Head, "/api/v1/job/J/", read),
            (Get, "/api/v1/events/", read),
            (Get, "/api/v1/backup/", admin),
            (Head, "/api/v1/backup", admin),
            (Post, "/api/v1/schedule/preview/", read),
            (Post, "/api/v1/job/", admin),
            (Put, "/api/v1/job/J/", admin),
            (Patch, "/api/v1/job/J", admin),
            (Delete, "/api/v1/job/J/", admin),
            (Delete, "/api/v1/job/all/", admin),
            (Post, "/api/v1/job/start/J/", operate),
            (Post, "/api/v1/job/enable/J", operate),
            (Post, "/api/v1/job/disable/J/", operate),
            (Post, "/api/v1/job/J/backfill/", operate),
            (Post, "/api/v1/job/J/runs/R/cancel/", operate),
            (Post, "/api/v1/pause/", operate),
            (Post, "/api/v1/resume", operate),
            (Post, "/api/v1//pause", admin),
            (Post, "/api/v1/import/", admin),
            (Post, "/api/v1/run/", admin),
            (Options, "/api/v1/job/", admin),
            (Post, "*", admin),
        ];
        for (method, path, expected) in rows {
            assert_eq!(needed(&method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn pages_are_told_from_the_api() {
        for (path, page, entrance) in [
            ("/", true, true),
            ("/webui", true, true),
            ("/webui/", true, true),
            ("/webui/jobs", true, false),
            ("/webuix", false, false),
            ("/api/v1/job/", false, false),
            ("/metrics", false, false),
        ] {
            assert_eq!(
                (is_page(path), is_entrance(path)),
                (page, entrance),
                "{path}"
            );
        }
    }
}
