//! Nimesha: a job scheduler in one small binary. This page is its architecture.
//!
//! A job is a command or an HTTP request with a rule that says when it is due. Users store jobs over a JSON API; the
//! server runs each at its instants, writes down what became of it, and goes on where it stood after a crash.
//!
//! # The way of data
//!
//! ```text
//!   terminal                     curl, scripts, browser
//!      |                               |
//!    cli                             http      listens, reads, limits
//!      |                             guard     who may come in
//!    daemon  wires it all            api, web  decode, command, answer
//!                                      |   \
//!               Command + reply (channel)   \ reads: registry; history from the store
//!                                      v     \
//!   +------------- scheduler::dispatcher: ONE thread, alone changes jobs -------------+
//!   |   commands | ends of runs | commits | the wheel's next deadline                 |
//!   |   scheduler::core    pure: (now, event) -> effects                              |
//!   |   scheduler::wheel   what is due next                                           |
//!   +--------|------------------------------|---------------------------^-------------+
//!            | changes (channel)            | run orders (channel)      | ends (channel)
//!            v                              v                           |
//!   store::writer: ONE thread,       worker: a pool of threads, each waits for the
//!   one transaction for all          command or request that it started
//!   that waits; then "durable"
//! ```
//!
//! There is no async runtime: a thread waits in one place for one kind of thing, and an idle server wakes for nothing.
//!
//! # Floors
//!
//! A room may use only rooms on lower floors, and a test reads the sources to keep it so. So each part can be read
//! and tested without what stands above it.
//!
//! | floor | rooms | what they do |
//! | --- | --- | --- |
//! | 9 | `main` | words in, exit code out |
//! | 8 | `cli` | the commands of the command line |
//! | 7 | `daemon` | starts the parts in order, stops them in reverse |
//! | 6 | `api`, `guard`, `web` | the JSON API; who may come in; the pages |
//! | 5 | `http`, `scheduler` | connections and limits; what is due, what may start |
//! | 4 | `registry`, `events`, `alerts` | what readers see; what happens, for those who listen, and for those who do not |
//! | 3 | `store`, `worker` | what outlives the process; what runs commands and requests |
//! | 2 | `job`, `settings` | the words for jobs and runs; what the server can be told |
//! | 1 | `schedule`, `logging`, `metrics`, `process`, `client` | rules that yield instants; the log; what is counted; what we ask of the system, and of a server elsewhere |
//! | 0 | `clock`, `config`, `nearest` | the clocks; every limit; the nearest word |
//!
//! # What always holds
//!
//! 1. `schedule`, `job` and the core of `scheduler` do no I/O, take no lock and read no clock: `now` is handed to
//!    them. So years of schedules, with crashes and steps of the clock, are tested in milliseconds.
//! 2. Only `clock` reads the clocks. A run may be late, never early.
//! 3. The dispatcher alone changes jobs, and never waits for a disk or a socket. Readers see snapshots.
//! 4. An acknowledged change is durable: the store says so first, then readers see it, then the answer leaves.
//! 5. An occurrence is claimed durably before it starts. A claimed run without a recorded end is `interrupted`, and
//!    never silently repeated.
//!    Where other servers share the database, it starts only under a lease that cannot have ended, and a server whose
//!    lease is another's stores nothing more.
//! 6. Everything that can grow has a limit in [`config`], with its unit and its reason.
//! 7. JSON is read and answered by `api`, and handed on by `client` and `cli`; the form on the disk is known to
//!    `store::record` alone.
//! 8. A panic in a worker fails one run. A panic of the dispatcher or the writer ends the process: the store is right,
//!    and the service manager starts it again.
//!
//! # Where to add
//!
//! The compiler leads through most of it: each of these begins with one name, and every `match` that has to know of it
//! is exhaustive. What the compiler cannot see, a test misses: `api/openapi.json`, the tables of the README and the
//! lists of the command line must name all routes, keys, flags and metrics. So begin there, run the tests, and follow
//! what they say; `cargo test --lib` finds what is missing in the code, `cargo test --test it` the rest.
//!
//! | what | begin at | then |
//! | --- | --- | --- |
//! | a route | an arm in `api::router`, its path in `TEMPLATES` there | a handler in the file of its noun, an entry in `api/openapi.json`, which also says to tests which role may use it; a curl line in the README |
//! | a page | an arm in `web::router` | a file in `web`, a view in `contrib/ui-tests` |
//! | a key of a job | a field of [`job::JobSpec`], or of [`job::Extras`] if few jobs will have it | [`job::validate::Draft`] checks it; `api::wire::draft` reads and `api::wire::job` answers it; `store::record::job` keeps it (behind a version if old records lack it, or with a default), `store::samples` has a value for it; `web::fieldset` asks for it, `web::drafts` takes it from there and back, `web::job` shows it, `web::snippet` writes it as JSON; `cli::jobset` and, if it is no text, `cli::job::keys` know its name |
//! | a flag | a field of [`settings::Settings`] | `daemon` hands it on; the environment, the file, help, completions and manual follow from it (`REGENERATE=1 cargo test --test it contrib`) |
//! | a metric | a field of [`metrics::Metrics`] | whoever does the thing counts it; a line where [`metrics::Metrics::write`] has its kind, a row in the README |
//! | a kind of schedule | `Kind` in [`schedule`] | `Context::read` there knows it from the others and `schedule::describe` puts it into words; its next occurrence and its count between two instants, in constant time; rows in the tables of the tests |
//! | a job database | a file in [`store`] for the trait, an arm in `store::shared` | a feature in `Cargo.toml`; `store::conformance` says whether it is right |
//! | something that happens | a variant of [`events::What`] | `scheduler::tale` tells it, `api::wire` writes it |
//! | a command | a variant of [`scheduler::command::Command`] | the core decides, an `apply` makes it true once it is durable |
//! | a client command | a struct in `cli`, an arm where its neighbours are | completions and manual as for flags |

pub mod alerts;
pub mod api;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod events;
pub mod guard;
pub mod http;
pub mod job;
pub mod logging;
pub mod metrics;
pub mod nearest;
pub mod process;
pub mod registry;
pub mod schedule;
pub mod scheduler;
pub mod settings;
pub mod store;
pub mod web;
pub mod worker;
