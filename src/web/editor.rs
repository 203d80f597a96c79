//! The form for a new job and for changing one: plain choices, a preview of what they mean, and the JSON beside it.
//!
//! Everything works by posting the form. The script only asks for the preview as one types.

use maud::{Markup, html};

use crate::clock;
use crate::config;
use crate::http;
use crate::job::validate::{self, Draft, Invalid};
use crate::job::{Job, JobId, JobSpec};
use crate::schedule::{Schedule, Zone};
use crate::scheduler::command::{Answer, Command, NewJob, Refusal};

use super::fieldset;
use super::form::Fields;
use super::page::{Page, Place};
use super::viewer::Viewer;
use super::{Fault, Reply, Web, answer, choices, drafts, page, part, snippet, text, tryout};

/// What a form is for.
#[derive(Clone)]
pub(super) enum Purpose {
    /// A new job.
    New,
    /// A change of one, and the version that the change is of.
    Edit(std::sync::Arc<Job>, u64),
}

/// `GET /webui/new`. The query may fill in fields, as links to "a job after this one" and "a copy of this one" do.
pub(super) fn new(web: &Web, viewer: &Viewer, query: &Fields, host: &str) -> http::Answer {
    let copied = query
        .get("copy")
        .parse()
        .ok()
        .and_then(|id: JobId| web.registry().job(id));
    let mut fields = match copied {
        Some(view) => {
            let draft = Draft {
                name: format!("{} (copy)", view.job.spec.name()),
                ..Draft::of(&view.job.spec)
            };
            drafts::fields(&draft, web.registry())
        }
        None => {
            let zone = if viewer.zone == Zone::UTC {
                String::new()
            } else {
                viewer.zone.to_string()
            };
            drafts::fields(
                &Draft {
                    timezone: zone,
                    ..Draft::default()
                },
                web.registry(),
            )
            .with("when", "every")
        }
    };
    for name in ["when", "parents", "name", "command"] {
        if !query.get(name).is_empty() {
            fields = fields.with(name, query.get(name));
        }
    }
    form_page(web, viewer, &Purpose::New, &fields, None, host, 200)
}

/// `GET /webui/job/{id}/edit`.
pub(super) fn edit(
    web: &Web,
    viewer: &Viewer,
    job: &std::sync::Arc<Job>,
    host: &str,
) -> http::Answer {
    let fields = drafts::fields(&Draft::of(&job.spec), web.registry());
    let purpose = Purpose::Edit(std::sync::Arc::clone(job), job.version);
    form_page(web, viewer, &purpose, &fields, None, host, 200)
}

/// `POST /webui/new` and `POST /webui/job/{id}/edit`: stores the job, or shows the form again with what is wrong or, if
/// that was asked for, with what it means.
pub(super) fn store(
    web: &Web,
    viewer: &Viewer,
    purpose: Purpose,
    fields: Fields,
    host: &str,
) -> Reply {
    if fields.has("do", "preview") {
        return Reply::Now(form_page(web, viewer, &purpose, &fields, None, host, 200));
    }
    if fields.has("do", "try") {
        return try_out(web, viewer, purpose, fields, host);
    }
    let command = match command(web, &purpose, &fields) {
        Ok(command) => command,
        Err(why) => {
            return Reply::Now(form_page(
                web,
                viewer,
                &purpose,
                &fields,
                Some(&why.0),
                host,
                400,
            ));
        }
    };
    let (web, viewer, host) = (web.clone(), *viewer, host.to_owned());
    Reply::ask(vec![command], move |mut heard| match heard.pop() {
        Some(Ok(Answer::Created(id))) => {
            answer::see_other(&format!("{}?did=create", part::job_path(id)))
        }
        Some(Ok(Answer::Job(job, _))) => {
            answer::see_other(&format!("{}?did=edit", part::job_path(job.id)))
        }
        Some(Err(refusal)) => {
            let why = refusal_words(&refusal);
            let purpose = match (purpose, &refusal) {
                (Purpose::Edit(job, _), Refusal::VersionChanged(version)) => {
                    Purpose::Edit(job, *version)
                }
                (purpose, _) => purpose,
            };
            form_page(
                &web,
                &viewer,
                &purpose,
                &fields,
                Some(&why),
                &host,
                Fault::from(refusal).status,
            )
        }
        _ => page::fault(&web, &viewer, 500, "The scheduler gave no job back."),
    })
}

/// Runs the command of the form once, and shows the form again with what became of it.
fn try_out(web: &Web, viewer: &Viewer, purpose: Purpose, fields: Fields, host: &str) -> Reply {
    let trial = match web.inner.scheduler.forbidden().local_jobs {
        true => Err(Invalid(Refusal::LocalJobsDenied.to_string())),
        false => tryout::trial(&fields, viewer.now),
    };
    let (web, viewer, host) = (web.clone(), *viewer, host.to_owned());
    let show = move |tried: Markup| {
        Form {
            tried: Some(tried),
            ..Form::new(&web, &viewer, &purpose, &fields, &host)
        }
        .answer(200)
    };
    match trial {
        Ok(trial) => Reply::Try(trial, Box::new(move |tried| show(tryout::outcome(&tried)))),
        Err(why) => Reply::Now(show(tryout::wrong(&why.0))),
    }
}

/// `POST /webui/preview`: what the fields of a form mean, as a piece of HTML.
pub(super) fn preview(web: &Web, viewer: &Viewer, fields: &Fields, host: &str) -> http::Answer {
    answer::html(200, preview_of(web, viewer, fields, host))
}

fn refusal_words(refusal: &Refusal) -> String {
    match refusal {
        Refusal::VersionChanged(_) => {
            "Somebody else has changed this job meanwhile. Open it in another tab to see how; store again to overwrite it."
                .to_owned()
        }
        other => other.to_string(),
    }
}

fn command(web: &Web, purpose: &Purpose, fields: &Fields) -> Result<Command, Invalid> {
    let now = clock::now();
    let base = match purpose {
        Purpose::New => Draft::default(),
        Purpose::Edit(job, _) => Draft::of(&job.spec),
    };
    let mut draft = drafts::draft(fields, base, web.registry())?;
    if let (Purpose::New, true) = (purpose, draft.owner.is_empty()) {
        draft.owner.push_str(&web.settings().default_owner);
    }
    let spec: JobSpec = draft.check()?;
    if let Purpose::Edit(old, version) = purpose {
        let (schedule, anchor) = match validate::keeps_schedule(old, &spec) {
            true => (old.schedule.clone(), old.anchor),
            false => (checked_schedule(web, fields, &spec, now)?, now),
        };
        let job = Box::new(NewJob {
            id: old.id,
            spec,
            schedule,
            anchor,
        });
        return Ok(Command::Update {
            job,
            expected_version: Some(*version),
        });
    }
    let schedule = checked_schedule(web, fields, &spec, now)?;
    let job = Box::new(NewJob {
        id: JobId::random(),
        spec,
        schedule,
        anchor: now,
    });
    Ok(Command::Create {
        job,
        unique_name: false,
    })
}

fn checked_schedule(
    web: &Web,
    fields: &Fields,
    spec: &JobSpec,
    now: clock::Timestamp,
) -> Result<Schedule, Invalid> {
    let schedule = validate::schedule(spec, web.settings().zone, now)?;
    if !fields.has("past_start", "keep") && schedule.check_start(now).is_err() {
        return Err(Invalid(
            "The schedule begins in the past: choose a begin that is still to come, or leave it empty to begin now, \
             or tick \u{201c}may begin in the past\u{201d} to go on with its next occurrence."
                .to_owned(),
        ));
    }
    Ok(schedule)
}

/// The form, with what there is to say about it.
struct Form<'a> {
    web: &'a Web,
    viewer: &'a Viewer,
    purpose: &'a Purpose,
    fields: &'a Fields,
    host: &'a str,
    /// What is wrong with it.
    fault: Option<&'a str>,
    /// What became of its command on trial.
    tried: Option<Markup>,
}

impl<'a> Form<'a> {
    fn new(
        web: &'a Web,
        viewer: &'a Viewer,
        purpose: &'a Purpose,
        fields: &'a Fields,
        host: &'a str,
    ) -> Form<'a> {
        Form {
            web,
            viewer,
            purpose,
            fields,
            host,
            fault: None,
            tried: None,
        }
    }

    fn answer(self, status: u16) -> http::Answer {
        let (title, place) = match self.purpose {
            Purpose::New => ("New job", Place::New),
            Purpose::Edit(..) => ("Edit job", Place::Jobs),
        };
        let content = html! {
            header.top {
                div {
                    @if let Purpose::Edit(job, _) = self.purpose { p.crumbs { a href="/webui/jobs" { "Jobs" } " / " (part::job_link(job)) } }
                    h1 { (title) }
                }
            }
            div #definition { (self.markup()) }
        };
        let page = Page::still(title, place, content);
        page.answer_with(status, self.web, self.viewer, &Fields::default())
    }

    fn markup(&self) -> Markup {
        let (path, back) = match self.purpose {
            Purpose::New => ("/webui/new".to_owned(), "/webui/jobs".to_owned()),
            Purpose::Edit(job, _) => {
                let path = part::job_path(job.id);
                (format!("{path}edit"), path)
            }
        };
        let may_try = !self.web.inner.scheduler.forbidden().local_jobs;
        let tryout = may_try.then(|| tryout::button(self.tried.as_ref()));
        html! {
            form.editor method="post" action=(path) data-editor {
                @if let Purpose::Edit(_, version) = self.purpose { input type="hidden" name="version" value=(version); }
                // Enter presses the first button there is.
                button.default tabindex="-1" aria-hidden="true" {}
                div.fields {
                    @if let Some(why) = self.fault { div.banner.bad role="alert" { (why) } }
                    (fieldset::all(self.fields, tryout.as_ref()))
                    div.submit {
                        button.primary { @match self.purpose { Purpose::New => { "Create job" } Purpose::Edit(..) => { "Store changes" } } }
                        button.ghost name="do" value="preview" formnovalidate { "Preview" }
                        a.button.ghost href=(back) { "Cancel" }
                    }
                }
                aside.card.preview aria-label="Preview" {
                    div #preview aria-live="polite" { (preview_of(self.web, self.viewer, self.fields, self.host)) }
                }
            }
        }
    }
}

fn form_page(
    web: &Web,
    viewer: &Viewer,
    purpose: &Purpose,
    fields: &Fields,
    fault: Option<&str>,
    host: &str,
    status: u16,
) -> http::Answer {
    Form {
        fault,
        ..Form::new(web, viewer, purpose, fields, host)
    }
    .answer(status)
}

fn preview_of(web: &Web, viewer: &Viewer, fields: &Fields, host: &str) -> Markup {
    let draft = drafts::draft(fields, Draft::default(), web.registry());
    html! {
        h2 { "Preview" }
        (schedule_preview(web, viewer, fields))
        @match &draft {
            Ok(draft) => {
                details {
                    summary { "JSON" }
                    (part::copyable("json", "Copy JSON", &format!("{:#}", snippet::json(draft))))
                }
                details {
                    summary { "curl" }
                    (part::copyable("curl", "Copy as curl", &snippet::curl(draft, host)))
                }
            }
            // What is wrong with the schedule is said above already.
            Err(why) if choices::schedule(fields).is_ok() => { p.wrong { (why) } }
            Err(_) => {}
        }
    }
}

fn schedule_preview(web: &Web, viewer: &Viewer, fields: &Fields) -> Markup {
    match fields.get("when") {
        "parents" => return html! { p { "Runs after the success of its parents." } },
        "manual" => {
            return html! { p { "Runs only when it is started, or as the failure job of another one." } };
        }
        "now" => return html! { p { "Runs once, as soon as it is stored." } },
        _ => {}
    }
    let own_zone = match fields.get("timezone").trim() {
        "" => Ok(None),
        name => Zone::parse(name).map(Some),
    };
    let parsed = choices::schedule(fields).and_then(|text| {
        let own_zone = own_zone.map_err(|why| Invalid(why.0))?;
        let zone = own_zone.unwrap_or(web.settings().zone);
        let schedule = Schedule::parse(&text, zone, own_zone.is_some(), viewer.now)
            .map_err(|why| Invalid(why.0))?;
        Ok((text, schedule))
    });
    let (text, schedule) = match parsed {
        Ok(parsed) => parsed,
        Err(why) => return html! { p.wrong { (why) } },
    };
    html! {
        p.expression { code { (text) } }
        p { (part::described(viewer, &schedule, &text)) }
        @if schedule.check_start(viewer.now).is_err() { p.wrong { "It begins in the past." } }
        (occurrences(viewer, &schedule, config::PREVIEW as usize))
    }
}

/// The next occurrences, in the viewer's zone and in the job's where that is another.
pub(super) fn occurrences(viewer: &Viewer, schedule: &Schedule, limit: usize) -> Markup {
    let mut at = viewer.now.minus(std::time::Duration::from_nanos(1));
    let next = std::iter::from_fn(|| {
        at = schedule.next_after(at)?;
        Some(at)
    });
    let next: Vec<_> = next.take(limit).collect();
    let both = schedule.zone() != viewer.zone;
    html! {
        @if next.is_empty() { p.faint { "No occurrence is left." } }
        @else {
            div.table tabindex="0" role="group" aria-label="Occurrences" { table.times {
                thead { tr {
                    th scope="col" { (viewer.zone) }
                    @if both { th scope="col" { (schedule.zone()) } }
                    th.number scope="col" { "From now" }
                } }
                tbody {
                    @for t in next {
                        tr {
                            td { (part::instant(viewer, t)) }
                            @if both { td { (text::date_time(t, schedule.zone(), viewer.now)) } }
                            td.number { (part::relative(viewer, t)) }
                        }
                    }
                }
            } }
        }
    }
}
