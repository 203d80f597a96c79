//! Looks over all jobs: those that a filter lets through, sorted and by pages, and what comes next.
//!
//! Each look walks through the registry, a few jobs under each lock, and keeps no more than it shows. So a list stays
//! quick with a hundred thousand jobs and needs no index that would have to be kept right.

use std::cmp::Reverse;
use std::str::FromStr;

use crate::clock::Timestamp;
use crate::config;
use crate::job::JobId;
use crate::registry::{JobView, Registry};

use super::form::Fields;
use super::mark::State;

/// What a list shows, and in which order.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    text: String,
    /// The text, if it is an id.
    id: Option<JobId>,
    tag: String,
    status: Status,
    sort: Sort,
    page: usize,
}

/// A state to filter by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Status {
    #[default]
    All,
    Running,
    Failing,
    Scheduled,
    Disabled,
    Done,
}

/// An order of jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sort {
    /// The last created first.
    #[default]
    Newest,
    Name,
    /// The first to run first.
    Next,
    /// The last one that ran first.
    Ran,
}

/// A page of a list.
pub(super) struct Page {
    pub(super) jobs: Vec<JobView>,
    /// How many jobs the filter lets through.
    pub(super) matches: usize,
    /// Which page it is, from 1.
    pub(super) number: usize,
    /// How many pages can be shown.
    pub(super) pages: usize,
}

impl Status {
    pub(super) const ALL: [(Status, &'static str, &'static str); 6] = [
        (Status::All, "", "Any status"),
        (Status::Running, "running", "Running"),
        (Status::Failing, "failing", "Failing"),
        (Status::Scheduled, "scheduled", "Scheduled"),
        (Status::Disabled, "disabled", "Disabled"),
        (Status::Done, "done", "Done"),
    ];

    fn lets_through(self, view: &JobView) -> bool {
        match self {
            Status::All => true,
            Status::Running => view.live.running > 0,
            Status::Failing => is_failing(view),
            Status::Scheduled => State::of(view) == State::Scheduled,
            Status::Disabled => view.job.spec.disabled,
            Status::Done => State::of(view) == State::Done,
        }
    }
}

impl Sort {
    pub(super) const ALL: [(Sort, &'static str, &'static str); 4] = [
        (Sort::Newest, "", "Newest first"),
        (Sort::Name, "name", "By name"),
        (Sort::Next, "next", "Next to run"),
        (Sort::Ran, "ran", "Last run"),
    ];
}

impl Filter {
    /// What a query asks for; words that mean nothing are as if they were not there.
    pub(super) fn of(query: &Fields) -> Filter {
        let status = Status::ALL
            .iter()
            .find(|(_, word, _)| *word == query.get("status"));
        let sort = Sort::ALL
            .iter()
            .find(|(_, word, _)| *word == query.get("sort"));
        Filter {
            text: query.get("q").trim().to_lowercase(),
            id: query.get("q").trim().parse().ok(),
            tag: query.get("tag").to_owned(),
            status: status.map(|(status, ..)| *status).unwrap_or_default(),
            sort: sort.map(|(sort, ..)| *sort).unwrap_or_default(),
            page: usize::from_str(query.get("page")).unwrap_or(1),
        }
    }

    fn lets_through(&self, view: &JobView) -> bool {
        let has_tag = || view.job.extras().tags.contains(&self.tag);
        self.status.lets_through(view) && (self.tag.is_empty() || has_tag()) && self.finds(view)
    }

    fn finds(&self, view: &JobView) -> bool {
        if self.text.is_empty() {
            return true;
        }
        let spec = &view.job.spec;
        let texts = [
            spec.name(),
            spec.command(),
            spec.owner(),
            &spec.extras().description,
        ];
        texts.iter().any(|text| contains(text, &self.text)) || self.id == Some(view.job.id)
    }

    /// The page that it asks for.
    pub(super) fn page(&self, registry: &Registry) -> Page {
        let number = self.page.clamp(1, config::WEB_PAGES_MAX);
        let mut kept = Kept::new(self.sort, number * config::WEB_JOBS_PAGE);
        let mut matches: usize = 0;
        each(registry, |view| {
            if self.lets_through(&view) {
                matches += 1;
                kept.push(view);
            }
        });
        let pages = matches
            .div_ceil(config::WEB_JOBS_PAGE)
            .clamp(1, config::WEB_PAGES_MAX);
        let number = number.min(pages);
        let jobs = kept
            .finish()
            .into_iter()
            .skip((number - 1) * config::WEB_JOBS_PAGE);
        let jobs = jobs.take(config::WEB_JOBS_PAGE).collect();
        Page {
            jobs,
            matches,
            number,
            pages,
        }
    }
}

/// The first jobs in an order, of however many come.
struct Kept {
    sort: Sort,
    limit: usize,
    jobs: Vec<JobView>,
}

impl Kept {
    fn new(sort: Sort, limit: usize) -> Kept {
        Kept {
            sort,
            limit,
            jobs: Vec::new(),
        }
    }

    fn push(&mut self, view: JobView) {
        self.jobs.push(view);
        if self.jobs.len() >= 4 * self.limit {
            self.cut();
        }
    }

    fn finish(mut self) -> Vec<JobView> {
        self.cut();
        self.jobs
    }

    fn cut(&mut self) {
        match self.sort {
            Sort::Newest => self.jobs.sort_by_key(|view| Reverse(view.job.seq)),
            Sort::Name => self
                .jobs
                .sort_by_cached_key(|view| view.job.spec.name().to_lowercase()),
            Sort::Next => self
                .jobs
                .sort_by_key(|view| view.live.next_run_at.unwrap_or(Timestamp::MAX)),
            Sort::Ran => self
                .jobs
                .sort_by_key(|view| Reverse(view.live.figures().last_attempted_run)),
        }
        self.jobs.truncate(self.limit);
    }
}

/// Calls `look` with each job, in order of creation.
pub(super) fn each(registry: &Registry, mut look: impl FnMut(JobView)) {
    let mut after = None;
    loop {
        let page = registry.page(after, config::LIST_PAGE_JOBS);
        let Some(last) = page.last() else { return };
        after = Some(last.job.seq);
        page.into_iter().for_each(&mut look);
    }
}

/// Jobs whose last run did not succeed.
pub(super) fn is_failing(view: &JobView) -> bool {
    view.live
        .figures
        .as_ref()
        .is_some_and(|figures| figures.failures_in_a_row > 0)
}

/// The jobs that run next, the first one first.
pub(super) fn coming(registry: &Registry, limit: usize) -> Vec<JobView> {
    let mut kept = Kept::new(Sort::Next, limit);
    each(registry, |view| {
        if view.live.next_run_at.is_some() {
            kept.push(view);
        }
    });
    kept.finish()
}

/// The jobs that go with these when they are deleted: children that have no other parent, and theirs.
pub(super) fn goes_along(registry: &Registry, wanted: &[JobView]) -> Vec<JobView> {
    let mut gone: std::collections::HashSet<JobId> =
        wanted.iter().map(|view| view.job.id).collect();
    let mut along = Vec::new();
    let mut waiting: Vec<JobView> = wanted.to_vec();
    while let Some(view) = waiting.pop() {
        for &child in view.live.children.as_deref().unwrap_or_default() {
            let Some(child) = registry.job(child) else {
                continue;
            };
            let orphaned = child
                .job
                .spec
                .parents
                .iter()
                .all(|parent| gone.contains(parent));
            if orphaned && gone.insert(child.job.id) {
                waiting.push(child.clone());
                along.push(child);
            }
        }
    }
    along
}

/// Whether `text` has `wanted`, which is in small letters, in it, in whatever case.
fn contains(text: &str, wanted: &str) -> bool {
    if !wanted.is_ascii() {
        return text.to_lowercase().contains(wanted);
    }
    let mut windows = text.as_bytes().windows(wanted.len());
    windows.any(|window| window.eq_ignore_ascii_case(wanted.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{put, web};
    use super::*;
    use crate::registry::Live;

    fn names(query: &str) -> (Vec<String>, usize) {
        let web = web();
        for (seq, (name, command, tags)) in [
            ("Backup", "tar c /srv", "nightly"),
            ("report", "make \u{c9}tat", ""),
            ("zip", "gzip -9", "nightly"),
        ]
        .into_iter()
        .enumerate()
        {
            put(&web, seq as u64 + 1, |draft| {
                draft.name = name.to_owned();
                draft.command = command.to_owned();
                draft.extras.tags = tags.split_whitespace().map(str::to_owned).collect();
                draft.disabled = name == "zip";
            });
        }
        let page = Filter::of(&Fields::parse(query.as_bytes())).page(web.registry());
        let names = page
            .jobs
            .iter()
            .map(|view| view.job.spec.name().to_string());
        (names.collect(), page.matches)
    }

    #[test]
    fn ok_filters() {
        for (query, expected) in [
            ("", &["zip", "report", "Backup"][..]),
            ("sort=name", &["Backup", "report", "zip"]),
            ("q=BACK", &["Backup"]),
            ("q=%C3%A9tat", &["report"]),
            ("tag=nightly", &["zip", "Backup"]),
            ("tag=nightly&status=disabled", &["zip"]),
            ("status=nonsense&page=-1", &["zip", "report", "Backup"]),
            ("q=nothing+like+it", &[]),
        ] {
            assert_eq!(
                names(query),
                (
                    expected.iter().map(|n| (*n).to_owned()).collect(),
                    expected.len()
                ),
                "{query}"
            );
        }
    }

    #[test]
    fn a_long_list_has_pages() {
        let web = web();
        for seq in 1..=120 {
            put(&web, seq, |draft| draft.name = format!("{seq:03}"));
        }
        let page = |query: &str| Filter::of(&Fields::parse(query.as_bytes())).page(web.registry());
        let second = page("page=2");
        assert_eq!(
            (second.jobs[0].job.seq, second.matches, second.pages),
            (70, 120, 3)
        );
        assert_eq!(page("page=9").number, 3);
        assert_eq!(page("page=3&sort=name").jobs.len(), 20);
    }

    #[test]
    fn children_without_another_parent_go_along() {
        let web = web();
        let (a, b) = (put(&web, 1, |_| ()), put(&web, 2, |_| ()));
        let child_of = |seq, parents: &[JobId]| {
            let child = put(&web, seq, |draft| {
                draft.parents = parents.iter().map(JobId::to_string).collect();
            });
            for parent in parents {
                let live = Live {
                    children: Some([child.id].into()),
                    ..Live::default()
                };
                web.registry().write(|inner| inner.put_live(*parent, live));
            }
            child
        };
        let only = child_of(3, &[a.id]);
        child_of(4, &[b.id, only.id]);
        let wanted = [web.registry().job(a.id).unwrap()];
        let along = goes_along(web.registry(), &wanted);
        assert_eq!(
            along.iter().map(|view| view.job.id).collect::<Vec<_>>(),
            [only.id]
        );
    }
}
