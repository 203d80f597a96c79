//! The list of jobs: found, sorted, and done something with, one or several at once.

use maud::{Markup, html};

use crate::config;
use crate::http::Answer;
use crate::job::Job;
use crate::job::run::HistoryEntry;
use crate::registry::JobView;

use super::form::Fields;
use super::mark::{Mark, State};
use super::page::{Page, Place};
use super::survey::{self, Filter, Sort, Status};
use super::viewer::Viewer;
use super::{Web, part, past, strip, text};

/// `GET /webui/jobs`.
pub(super) fn show(web: &Web, viewer: &Viewer, query: &Fields) -> Answer {
    let page = Filter::of(query).page(web.registry());
    let content = html! {
        header.top {
            h1 { "Jobs" span.note { (text::count(page.matches as u64)) } }
            div.actions { @if viewer.may_change() { a.button.primary href="/webui/new" { "New job" } } }
        }
        (search(query))
        @if page.jobs.is_empty() {
            section.card { (nothing(viewer, web.registry().totals().jobs)) }
        } @else {
            (table(web, viewer, query, &page))
        }
    };
    Page::live("Jobs", Place::Jobs, content).answer(web, viewer, query)
}

fn nothing(viewer: &Viewer, jobs: u64) -> Markup {
    match jobs {
        0 => part::empty(
            "No jobs yet",
            &html! {
                @if viewer.may_change() { a href="/webui/new" { "Create the first one" } "." }
            },
        ),
        _ => part::empty(
            "No job is like that",
            &html! { a href="/webui/jobs" { "Show all jobs" } "." },
        ),
    }
}

fn search(query: &Fields) -> Markup {
    html! {
        form.search method="get" action="/webui/jobs" role="search" data-search {
            input type="search" name="q" value=(query.get("q")) placeholder="Search name, command, owner or id"
                aria-label="Search jobs" data-key="/";
            select name="status" aria-label="Status" {
                @for (_, word, label) in Status::ALL {
                    option value=(word) selected[query.get("status") == word] { (label) }
                }
            }
            select name="sort" aria-label="Order" {
                @for (_, word, label) in Sort::ALL {
                    option value=(word) selected[query.get("sort") == word] { (label) }
                }
            }
            @if !query.get("tag").is_empty() {
                input type="hidden" name="tag" value=(query.get("tag"));
                a.tag href={ "/webui/jobs?" (shown(query).with("tag", "").to_query()) } title="Show jobs without this tag too" {
                    (text::clipped(query.get("tag"), config::WEB_CLIPPED_CHARS)) " \u{d7}"
                }
            }
            button.ghost { "Search" }
        }
    }
}

/// What the address says of the list, without page and what was done.
fn shown(query: &Fields) -> Fields {
    let mut kept = Fields::default();
    for name in ["q", "status", "sort", "tag"] {
        kept.push(name, query.get(name));
    }
    kept
}

fn table(web: &Web, viewer: &Viewer, query: &Fields, page: &survey::Page) -> Markup {
    let back = format!(
        "/webui/jobs?{}",
        shown(query)
            .with("page", &page.number.to_string())
            .to_query()
    );
    html! {
        form method="post" action="/webui/jobs/do" {
            input type="hidden" name="back" value=(back);
            div.card.table {
                table.jobs {
                    thead { tr {
                        @if viewer.may_operate() {
                            th.pick scope="col" { input type="checkbox" data-all aria-label="Choose all on this page" hidden; }
                        }
                        th scope="col" { "Job" }
                        th scope="col" { "Schedule" }
                        th scope="col" { "Next run" }
                        th scope="col" { "Last run" }
                        th.wide scope="col" { "Last runs" }
                    } }
                    tbody { @for view in &page.jobs { (row(web, viewer, view, query)) } }
                }
            }
            div.below {
                @if viewer.may_operate() { (bulk(viewer)) }
                (pages(query, page))
            }
        }
    }
}

fn row(web: &Web, viewer: &Viewer, view: &JobView, query: &Fields) -> Markup {
    let job = &view.job;
    let last = past::of(web)
        .entries(job.id, None, config::WEB_LAST_RUNS)
        .unwrap_or_default();
    let words = part::schedule_words(viewer, job);
    html! {
        tr id={ "j" (job.id) } data-row {
            @if viewer.may_operate() {
                td.pick { input type="checkbox" name="id" value=(job.id) aria-label={ "Choose " (text::clipped(job.spec.name(), 60)) }; }
            }
            td.what {
                div.line { (part::job_link(job)) (tags(job, query)) }
                div.command title=(part::action_words(job)) dir="auto" { (text::clipped(&part::action_words(job), config::WEB_CLIPPED_CHARS)) }
            }
            td.when data-label="Schedule" { span title=(words) { (text::clipped(without_start(&words), 80)) } }
            td.next data-label="Next run" {
                @match (State::of(view), view.live.next_run_at) {
                    (State::Scheduled, Some(next)) => { (part::relative(viewer, next)) }
                    (State::Running, Some(next)) => { (State::Running.badge()) " " span.faint { (part::relative(viewer, next)) } }
                    (state, _) => { (state.badge()) }
                }
            }
            td.last data-label="Last run" {
                @match last.first() {
                    Some(HistoryEntry::Run(run)) => { (Mark::of_outcome(run.outcome).badge()) " " span.faint { (part::relative(viewer, run.finished_at)) } }
                    Some(HistoryEntry::Gap(gap)) => { (Mark::of(&HistoryEntry::Gap(*gap)).badge()) " " span.faint { (part::relative(viewer, gap.last)) } }
                    None => { (part::dash()) }
                }
            }
            td.wide { (strip::of(&last)) }
        }
    }
}

/// Plain words of a repetition without where it began, which the job's page shows.
fn without_start(words: &str) -> &str {
    match words.split_once(" from ") {
        Some((every, _)) if every.starts_with("every ") => every,
        _ => words,
    }
}

fn tags(job: &Job, query: &Fields) -> Markup {
    html! {
        @for tag in job.extras().tags.iter().take(5) {
            a.tag href={ "/webui/jobs?" (shown(query).with("tag", tag).to_query()) } { (text::clipped(tag, 40)) }
        }
    }
}

fn bulk(viewer: &Viewer) -> Markup {
    html! {
        div.bulk role="group" aria-label="With the chosen jobs" {
            span.faint data-chosen { "With the chosen:" }
            button.small name="action" value="start" { "Start" }
            button.small name="action" value="enable" { "Enable" }
            button.small name="action" value="disable" { "Disable" }
            @if viewer.may_change() { button.small.danger name="action" value="delete" { "Delete\u{2026}" } }
        }
    }
}

fn pages(query: &Fields, page: &survey::Page) -> Markup {
    let link = |number: usize, words: &str, rel: &str| {
        html! { a.button.small.ghost rel=(rel) href={ "/webui/jobs?" (shown(query).with("page", &number.to_string()).to_query()) } { (words) } }
    };
    let first = (page.number - 1) * config::WEB_JOBS_PAGE + 1;
    let last = first + page.jobs.len() - 1;
    html! {
        nav.pages aria-label="Pages of the list" {
            span.faint { (text::count(first as u64)) "\u{2013}" (text::count(last as u64)) " of " (text::count(page.matches as u64)) }
            @if page.number > 1 { (link(page.number - 1, "Previous", "prev")) }
            @if page.number < page.pages { (link(page.number + 1, "Next", "next")) }
            @else if page.matches > page.pages * config::WEB_JOBS_PAGE { span.faint { "Search to see more" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{get, put, web};
    use super::*;

    const HOSTILE: &str = "<script>alert(1)</script>\"'\u{202e}\u{5e9}";

    #[test]
    fn hostile_names_are_text() {
        let web = web();
        put(&web, 1, |draft| {
            draft.name = HOSTILE.to_owned();
            draft.command = "echo '</td><img src=x onerror=alert(1)>'".to_owned();
            draft.extras.tags = vec!["\"><b>".to_owned()];
        });
        let (status, page) = get(&web, "/webui/jobs");
        assert_eq!(status, 200);
        for bad in ["<script>alert", "<img", "\"><b>"] {
            assert!(!page.contains(bad), "{bad} in {page}");
        }
        assert!(page.contains("&lt;script&gt;alert(1)"));
        assert!(page.contains("tag=%22%3E%3Cb%3E"), "{page}");
    }

    #[test]
    fn long_names_are_clipped() {
        let web = web();
        put(&web, 1, |draft| draft.name = "x".repeat(10_000));
        let (_, page) = get(&web, "/webui/jobs");
        assert!(page.len() < 12_000, "{}", page.len());
        assert!(page.contains(&format!(
            "{}\u{2026}",
            "x".repeat(config::WEB_CLIPPED_CHARS)
        )));
    }

    #[test]
    fn an_empty_list_says_so() {
        let web = web();
        assert!(get(&web, "/webui/jobs").1.contains("No jobs yet"));
        put(&web, 1, |_| ());
        assert!(
            get(&web, "/webui/jobs?q=zzz")
                .1
                .contains("No job is like that")
        );
    }

    #[test]
    fn a_repetition_is_told_without_its_start() {
        assert_eq!(
            without_start("every 10 minutes from 2027-01-04T09:00:00Z"),
            "every 10 minutes"
        );
        assert_eq!(
            without_start("At 09:00 from Monday (UTC)"),
            "At 09:00 from Monday (UTC)"
        );
    }
}
