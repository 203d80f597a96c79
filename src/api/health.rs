//! What watches the server: whether it lives, whether it is ready, and its metrics.

use std::time::{Duration, Instant};

use crate::clock::{self, Timestamp};
use crate::config;
use crate::http::{Answer, Body};
use crate::metrics::{Exposition, Underway};
use crate::process;
use crate::registry::{JobView, Totals};
use crate::scheduler::command::Refusal;

use super::answer;
use super::error::ApiError;
use super::{Api, Call, Reply};

/// `GET /healthz`: the process lives.
pub(super) fn healthz(_: &Api, _: &Call<'_>) -> Result<Reply, ApiError> {
    Ok(Reply::Now(answer::json(
        200,
        b"{\"status\":\"ok\"}\n".to_vec(),
    )))
}

/// `GET /readyz`: this server works on the store, which takes writes, and the dispatcher turns. Says what is wrong
/// otherwise. It asks no other thread, so that it answers whichever of them hangs.
pub(super) fn readyz(api: &Api, _: &Call<'_>) -> Result<Reply, ApiError> {
    match trouble(api, clock::monotonic()) {
        Some(why) => Err(ApiError::new(503, why)),
        None => Ok(Reply::Now(answer::json(
            200,
            b"{\"status\":\"ready\"}\n".to_vec(),
        ))),
    }
}

/// Why the server cannot do its work, if that is so.
fn trouble(api: &Api, now: Instant) -> Option<String> {
    let metrics = &api.metrics;
    let hangs = |what: &Underway, longest: Duration| what.lasts(now).filter(|it| *it > longest);
    if let Some(why) = api.scheduler.stands_by() {
        Some(format!("this server stands by: {why}"))
    } else if api.scheduler.is_stopping() {
        Some(Refusal::Stopping.to_string())
    } else if metrics.is_store_away() {
        Some("the job database cannot be written: see the log".to_owned())
    } else if let Some(turn) = hangs(&metrics.turn, config::READY_TURN_MAX) {
        let secs = turn.as_secs();
        Some(format!(
            "the dispatcher hangs: a turn of it has lasted for {secs} s"
        ))
    } else if let Some(write) = hangs(&metrics.write_underway, config::READY_WRITE_MAX) {
        let secs = write.as_secs();
        Some(format!(
            "the job database hangs: a write to it has lasted for {secs} s"
        ))
    } else {
        None
    }
}

/// `GET /metrics`, in the form that Prometheus reads.
pub(super) fn metrics(api: &Api, _: &Call<'_>) -> Result<Reply, ApiError> {
    let mut to = Exposition::default();
    api.metrics.write(&mut to);
    let totals = api.registry.totals();
    server(&mut to, &totals, api.settings.workers);
    to.gauge(
        "nimesha_leader",
        "Whether this server works on the job database; if not, it stands by.",
        u8::from(api.scheduler.stands_by().is_none()),
    );
    if let Some(bytes) = api.store.size_bytes() {
        let help = "Bytes that the job database takes.";
        to.gauge("nimesha_store_size_bytes", help, bytes);
    }
    of_process(&mut to);
    let listed = api.registry.page(None, config::METRICS_JOBS_MAX);
    to.gauge(
        "nimesha_jobs_without_metrics",
        "Jobs that have no metrics of their own, as there are too many.",
        totals.jobs.saturating_sub(listed.len() as u64),
    );
    jobs(&mut to, &listed);
    let body = Body::Bytes(to.into_text().into_bytes().into());
    let answer = Answer::new(200, body);
    Ok(Reply::Now(answer.with_header(
        "Content-Type",
        "text/plain; version=0.0.4; charset=utf-8",
    )))
}

fn server(to: &mut Exposition, totals: &Totals, workers: usize) {
    to.family("nimesha_build_info", "gauge", "The program's version.");
    to.sample(
        "nimesha_build_info",
        &[("version", env!("CARGO_PKG_VERSION"))],
        1,
    );
    to.family("nimesha_jobs", "gauge", "Stored jobs, by state.");
    to.sample(
        "nimesha_jobs",
        &[("state", "active")],
        totals.jobs.saturating_sub(totals.disabled_jobs),
    );
    to.sample(
        "nimesha_jobs",
        &[("state", "disabled")],
        totals.disabled_jobs,
    );
    to.gauge(
        "nimesha_runs_in_progress",
        "Runs from the run queue to their end.",
        totals.running,
    );
    to.gauge(
        "nimesha_queue_depth",
        "Runs that wait for a worker.",
        totals.queued,
    );
    to.gauge(
        "nimesha_workers",
        "Runs that may be executed at one moment.",
        workers,
    );
    to.gauge(
        "nimesha_workers_busy",
        "Attempts that are being executed.",
        totals.busy,
    );
    to.gauge(
        "nimesha_paused",
        "Whether all scheduling is paused.",
        u8::from(totals.paused),
    );
    to.gauge(
        "nimesha_next_run_timestamp_seconds",
        "The earliest next occurrence; 0 for none.",
        seconds(totals.next_run_at),
    );
}

/// The figures that every exporter of a process gives.
fn of_process(to: &mut Exposition) {
    if let Some(memory) = process::memory() {
        let (resident, whole) = (memory.resident_bytes, memory.virtual_bytes);
        to.gauge(
            "process_resident_memory_bytes",
            "Resident memory.",
            resident,
        );
        to.gauge("process_virtual_memory_bytes", "Address space.", whole);
    }
    to.family(
        "process_cpu_seconds_total",
        "counter",
        "User and system time of this process.",
    );
    to.sample(
        "process_cpu_seconds_total",
        &[],
        clock::processor_time().as_secs_f64(),
    );
    if let Some(count) = process::open_files() {
        to.gauge("process_open_fds", "Open descriptors.", count);
    }
    if let Some(count) = process::open_files_max() {
        let help = "Descriptors that may be open.";
        to.gauge("process_max_fds", help, count);
    }
    if let Some(count) = process::threads() {
        to.gauge("process_threads", "Threads.", count);
    }
}

/// A few figures of each job, up to a number of jobs that does not drown who reads them.
fn jobs(to: &mut Exposition, jobs: &[JobView]) {
    type Figure = fn(&JobView) -> f64;
    let figures: [(&str, &str, &str, Figure); 5] = [
        (
            "nimesha_job_last_success_timestamp_seconds",
            "gauge",
            "When a run last succeeded; 0 for never.",
            |view| seconds(view.live.figures().last_success),
        ),
        (
            "nimesha_job_last_duration_seconds",
            "gauge",
            "How long the run took that ended last; 0 before the first.",
            |view| view.live.figures().last_duration.as_secs_f64(),
        ),
        (
            "nimesha_job_next_run_timestamp_seconds",
            "gauge",
            "The next occurrence; 0 for none.",
            |view| seconds(view.live.next_run_at),
        ),
        (
            "nimesha_job_failures_in_a_row",
            "gauge",
            "Runs that failed since the last success.",
            |view| f64::from(view.live.figures().failures_in_a_row),
        ),
        (
            "nimesha_job_runs_total",
            "counter",
            "Runs that ended.",
            |view| view.live.figures().finished_runs as f64,
        ),
    ];
    for (name, kind, help, figure) in figures {
        to.family(name, kind, help);
        for view in jobs {
            let id = view.job.id.to_string();
            to.sample(
                name,
                &[("job_id", &id), ("name", view.job.spec.name())],
                figure(view),
            );
        }
    }
}

fn seconds(at: Option<Timestamp>) -> f64 {
    at.map_or(0.0, |at| at.unix_nanos() as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    use super::super::testing;
    use super::*;
    use crate::schedule::Zone;
    use crate::scheduler::command::Command;
    use crate::scheduler::core::Settings;
    use crate::scheduler::dispatcher::Dispatcher;
    use crate::scheduler::journal::Journal;
    use crate::store::load;
    use crate::store::memory::MemoryStore;
    use crate::store::writer::{Keep, Writer, WriterConfig};
    use crate::worker::{Pool, PoolConfig};

    /// A dispatcher for the scheduler of `api`, on a store without jobs.
    fn dispatcher(api: &Api) -> Dispatcher {
        let store = Arc::new(MemoryStore::new());
        let loaded = load::load(&*store, Zone::UTC).unwrap();
        let config = WriterConfig {
            keep: Keep {
                history_limit: 1,
                history_ttl: None,
                output_total: 1,
            },
            persist_every: None,
        };
        let (committed, completed) = (api.scheduler.clone(), api.scheduler.clone());
        let writer = Writer::start(store, config, move |batch| committed.committed(batch));
        let report = move |completion| completed.completed(completion);
        let pool = Pool::start(PoolConfig::default(), report).unwrap();
        let settings = Settings {
            workers: 1,
            output_limit: 1,
            lease: None,
            done_ttl: None,
        };
        let journal = Journal::new(Arc::clone(&api.metrics), None);
        let mut inbox = api.scheduler.inbox();
        inbox.open();
        Dispatcher::start(inbox, settings, loaded, writer.unwrap(), pool, journal).unwrap()
    }

    /// What would be wrong if what is under way now still were in a minute.
    fn trouble_in_a_minute(api: &Api) -> Option<String> {
        trouble(api, clock::monotonic() + Duration::from_secs(60))
    }

    #[test]
    fn a_dispatcher_that_does_not_turn_is_told() {
        let api = testing::api();
        let dispatcher = dispatcher(&api);
        let ((begun, has_begun), (go_on, goes_on)) = (channel(), channel());
        // Answers are given on its thread.
        api.scheduler.send(Command::Pause, move |_| {
            begun.send(()).unwrap();
            goes_on.recv().unwrap();
        });
        has_begun.recv().unwrap();
        assert_eq!(trouble(&api, clock::monotonic()), None);
        let why = trouble_in_a_minute(&api).unwrap();
        assert!(
            why.starts_with("the dispatcher hangs: a turn of it has lasted for 6"),
            "{why}"
        );
        go_on.send(()).unwrap();
        while trouble_in_a_minute(&api).is_some() {
            std::thread::yield_now();
        }
        api.scheduler.stop();
        assert!(
            trouble(&api, clock::monotonic())
                .unwrap()
                .contains("stopping")
        );
        let _ = dispatcher.join();
    }

    #[test]
    fn a_write_that_does_not_end_is_told() {
        let api = testing::api();
        let mut inbox = api.scheduler.inbox();
        inbox.open();
        api.metrics.write_underway.begin();
        assert_eq!(trouble(&api, clock::monotonic()), None);
        let why = trouble_in_a_minute(&api).unwrap();
        assert!(why.starts_with("the job database hangs"), "{why}");
        api.metrics.set_store_away(true);
        assert!(
            trouble_in_a_minute(&api)
                .unwrap()
                .contains("cannot be written")
        );
    }
}
