//! The frame of every page: head, navigation, banners, what was just done, and the content.

use maud::{DOCTYPE, Markup, html};

use crate::events::What;
use crate::http::Answer;

use super::form::Fields;
use super::viewer::Viewer;
use super::{Web, answer, assets, part, text};

/// A page to be framed.
pub(super) struct Page<'a> {
    pub(super) title: &'a str,
    /// The way to this page, for the mark in the navigation.
    pub(super) place: Place,
    /// Whether the script keeps it fresh. Pages with forms stay as they are.
    pub(super) live: bool,
    /// Whether something on it is in progress, so that it is worth a reload without a script.
    pub(super) moving: bool,
    pub(super) content: Markup,
}

/// A place in the navigation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Overview,
    Jobs,
    New,
}

impl<'a> Page<'a> {
    /// A page that the script keeps fresh.
    pub(super) fn live(title: &'a str, place: Place, content: Markup) -> Page<'a> {
        Page {
            title,
            place,
            live: true,
            moving: false,
            content,
        }
    }

    /// A page that stays as it is.
    pub(super) fn still(title: &'a str, place: Place, content: Markup) -> Page<'a> {
        Page {
            live: false,
            ..Page::live(title, place, content)
        }
    }

    /// The answer with this page in its frame.
    pub(super) fn answer(self, web: &Web, viewer: &Viewer, query: &Fields) -> Answer {
        self.answer_with(200, web, viewer, query)
    }

    pub(super) fn answer_with(
        self,
        status: u16,
        web: &Web,
        viewer: &Viewer,
        query: &Fields,
    ) -> Answer {
        answer::html(status, self.framed(web, viewer, query))
    }

    fn framed(self, web: &Web, viewer: &Viewer, query: &Fields) -> Markup {
        let alive = html! {
            script src=(assets::SCRIPT.path()) defer {}
            @if self.moving {
                noscript { meta http-equiv="refresh" content="3"; }
            }
        };
        html! {
            (DOCTYPE)
            html lang="en" data-theme=[viewer.theme.forced()] data-live[self.live]
                data-events="/api/v1/events/" data-event-kinds=(What::KINDS.join(" ")) {
                (head(viewer, self.title, &alive))
                body data-zone=(viewer.zone) {
                    a.skip href="#main" { "Skip to content" }
                    (navigation(web, viewer, self.place))
                    main #main tabindex="-1" {
                        (banners(web, viewer))
                        (flash(query))
                        (self.content)
                    }
                    (keys(viewer))
                }
            }
        }
    }
}

/// What a browser has to know before it shows a page; `more` is what this one needs besides.
pub(super) fn head(viewer: &Viewer, title: &str, more: &Markup) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content=(viewer.theme.forced().unwrap_or("light dark"));
            title { (title) " \u{b7} Nimesha" }
            link rel="icon" href=(assets::ICON.path()) type="image/svg+xml";
            link rel="stylesheet" href=(assets::STYLE.path());
            (more)
        }
    }
}

fn navigation(web: &Web, viewer: &Viewer, place: Place) -> Markup {
    let totals = web.registry().totals();
    let link = |to: Place, path: &str, key: &str, words: &str| {
        html! {
            a href=(path) data-key=(key) aria-current=[(to == place).then_some("page")] {
                (words) kbd aria-hidden="true" { (key) }
            }
        }
    };
    html! {
        header.side {
            a.brand href="/webui/" { (eye()) "Nimesha" }
            nav aria-label="Pages" {
                (link(Place::Overview, "/webui/", "g o", "Overview"))
                (link(Place::Jobs, "/webui/jobs", "g j", "Jobs"))
                @if viewer.may_change() { (link(Place::New, "/webui/new", "n", "New job")) }
            }
            div.foot {
                p.pulse-line {
                    @if totals.paused { span.dot.warn {} "Paused" }
                    @else if totals.running > 0 { span.dot.run {} (text::count(totals.running)) " running" }
                    @else { span.dot.ok {} "Idle" }
                    @if let (Some(next), false) = (totals.next_run_at, totals.paused) {
                        span.faint { " \u{b7} next " (part::relative(viewer, next)) }
                    }
                }
                p.faint.zone { "Times in " (viewer.zone) }
                form method="post" action="/webui/theme" {
                    button.ghost.small name="theme" value=(viewer.theme.next().as_str())
                        title={ "Switch to " (viewer.theme.next().as_str()) } {
                        "Theme: " (viewer.theme.as_str())
                    }
                }
                @if viewer.signed_in {
                    form method="post" action="/webui/sign-out" { button.ghost.small { "Sign out" } }
                }
            }
        }
    }
}

/// What concerns everybody: scheduling is paused, the database is away, or the server cannot be reached.
fn banners(web: &Web, viewer: &Viewer) -> Markup {
    html! {
        div #lost.banner.bad role="alert" hidden {
            strong { "Connection lost." } " What you see may be old. Trying to reach the server again\u{2026}"
        }
        @if web.registry().totals().paused {
            div #paused.banner.warn role="status" {
                strong { "Scheduling is paused." } " No occurrence becomes a run until it goes on."
                @if viewer.may_operate() {
                    form.inline method="post" action="/webui/resume" { button.small { "Resume" } }
                }
            }
        }
        @if let Some(why) = web.stands_by() {
            div #stands-by.banner.warn role="status" {
                strong { "This server stands by." } " " (sentence(&why)) " What you see is read from there; changes are refused."
            }
        }
        @if web.registry().totals().store_away {
            div #store-away.banner.bad role="alert" {
                strong { "The job database is away." } " What runs goes on; changes are refused until it is back."
            }
        }
    }
}

/// A reason as a sentence.
fn sentence(why: &str) -> String {
    let mut rest = why.chars();
    let first = rest.next().map(|c| c.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), rest.as_str())
}

/// What was just done, told by the address that a form led to. Only words of ours are shown.
fn flash(query: &Fields) -> Markup {
    let number: u64 = query.get("n").parse().unwrap_or(1);
    let jobs = text::counted(number, "job");
    let words = match query.get("did") {
        "start" => format!("Started {jobs}."),
        "enable" => format!("Enabled {jobs}."),
        "disable" => format!("Disabled {jobs}."),
        "delete" => format!("Deleted {jobs}."),
        "create" => "The job is stored.".to_owned(),
        "edit" => "The changes are stored.".to_owned(),
        "cancel" => "The run is being stopped.".to_owned(),
        "pause" => "Scheduling is paused.".to_owned(),
        "resume" => "Scheduling goes on.".to_owned(),
        _ => String::new(),
    };
    html! { @if !words.is_empty() { div #did.flash role="status" data-flash { (words) } } }
}

/// The keys that the script listens to.
fn keys(viewer: &Viewer) -> Markup {
    let rows = [
        ("g o", "Overview"),
        ("g j", "Jobs"),
        ("n", "New job"),
        ("/", "Search"),
        ("j k", "Next and previous row"),
        ("Enter", "Open the row"),
        ("x", "Choose the row"),
        ("?", "This list"),
    ];
    html! {
        dialog #keys aria-labelledby="keys-title" {
            h2 #keys-title { "Keys" }
            dl.keys {
                @for (key, words) in rows {
                    @if key != "n" || viewer.may_change() { dt { kbd { (key) } } dd { (words) } }
                }
            }
            form method="dialog" { button { "Close" } }
        }
    }
}

/// An eye about to blink.
pub(super) fn eye() -> Markup {
    html! {
        svg.logo viewBox="0 0 24 24" width="22" height="22" aria-hidden="true" {
            path d="M2 12c3-5 6.300-7.500 10-7.500S19 7 22 12c-3 5-6.300 7.500-10 7.500S5 17 2 12z" {}
            circle cx="12" cy="12" r="3.500" {}
        }
    }
}

/// The page that says what went wrong, and how to go on.
pub(super) fn fault(web: &Web, viewer: &Viewer, status: u16, why: &str) -> Answer {
    let title = match status {
        404 => "Not found",
        405 => "Not possible here",
        503 => "Not now",
        _ => "That did not work",
    };
    let content = html! {
        header.top { h1 { (title) } }
        section.card.fault {
            p { (why) }
            p { a.button href="/webui/jobs" { "All jobs" } " " a.button.ghost href="/webui/" { "Overview" } }
        }
    };
    Page::still(title, Place::Overview, content).answer_with(
        status,
        web,
        viewer,
        &Fields::default(),
    )
}
