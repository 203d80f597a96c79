//! Who looks at a page, and how: what they may do, their zone, their choice of light or dark, and the instant.

use crate::clock::Timestamp;
pub(super) use crate::http::Role;
use crate::http::{Request, SESSION_COOKIE};
use crate::schedule::Zone;

/// Light or dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Theme {
    /// As the system has it.
    Auto,
    Light,
    Dark,
}

/// Somebody who looks at a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Viewer {
    pub(super) role: Role,
    /// The zone that times are shown in: the browser's once it has said so, else the server's.
    pub(super) zone: Zone,
    pub(super) theme: Theme,
    pub(super) now: Timestamp,
    /// Whether they can sign out.
    pub(super) signed_in: bool,
}

impl Viewer {
    /// Whoever sent the request. A script of ours tells the browser's zone in a cookie.
    pub(super) fn of(request: &Request, role: Role, server_zone: Zone, now: Timestamp) -> Viewer {
        let zone = request
            .cookie("nimesha_zone")
            .and_then(|name| Zone::parse(name).ok());
        let theme = match request.cookie("nimesha_theme") {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::Auto,
        };
        Viewer {
            role,
            zone: zone.unwrap_or(server_zone),
            theme,
            now,
            signed_in: request.cookie(SESSION_COOKIE).is_some(),
        }
    }

    /// Whether they may start, stop and switch jobs.
    pub(super) fn may_operate(&self) -> bool {
        self.role >= Role::Operate
    }

    /// Whether they may create, change and delete jobs.
    pub(super) fn may_change(&self) -> bool {
        self.role >= Role::Admin
    }
}

impl Theme {
    /// The word for it, if it is not left to the system.
    pub(super) fn forced(self) -> Option<&'static str> {
        (self != Theme::Auto).then(|| self.as_str())
    }

    /// The word for it in forms, cookies and styles.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// The one that a switch leads to.
    pub(super) fn next(self) -> Theme {
        match self {
            Theme::Auto => Theme::Dark,
            Theme::Dark => Theme::Light,
            Theme::Light => Theme::Auto,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tiny_http::Method;

    #[test]
    fn cookies_say_how_pages_look() {
        let rows = [
            ("", Theme::Auto, "UTC"),
            (
                "nimesha_theme=dark; nimesha_zone=Europe/Berlin",
                Theme::Dark,
                "Europe/Berlin",
            ),
            (
                "a=b;nimesha_theme=light;nimesha_zone=Nowhere",
                Theme::Light,
                "UTC",
            ),
            ("nimesha_theme=<script>", Theme::Auto, "UTC"),
        ];
        for (cookies, theme, zone) in rows {
            let mut request = Request::new(Method::Get, "/webui/");
            request.headers.push("Cookie", cookies.as_bytes());
            let viewer = Viewer::of(&request, Role::Read, Zone::UTC, Timestamp::EPOCH);
            assert_eq!(
                (viewer.theme, viewer.zone.to_string()),
                (theme, zone.to_owned()),
                "{cookies}"
            );
        }
    }
}
