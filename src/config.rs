//! Every limit of the program, with its unit and the reason for it. Nothing that comes from outside may grow without
//! one of these.

use std::time::Duration;

/// Jobs that may be in progress side by side for one job with `overlap: allow`; further occurrences are skipped.
pub const OVERLAP_RUNS_MAX: usize = 64;
/// Claimed runs that wait for a worker, as a multiple of the workers: a crash leaves at most so many without an end.
pub const CLAIMS_AHEAD_PER_WORKER: usize = 4;
/// How long before its instant an occurrence is claimed, at first; follows the store's commit time afterwards.
pub const CLAIM_LEAD_START: Duration = Duration::from_millis(20);
/// The shortest lead that a quick store can bring the claim to.
pub const CLAIM_LEAD_MIN: Duration = Duration::from_millis(5);
/// The longest lead: a disable or delete has to withdraw what was claimed, so a slow store must not claim minutes ahead.
pub const CLAIM_LEAD_MAX: Duration = Duration::from_millis(500);
/// How long the ends of runs may wait for company before they are written. A finished run is durable within 100 ms, so
/// half of that is left for the write.
pub const END_FLUSH_DELAY: Duration = Duration::from_millis(40);
/// Retries that a job may ask for.
pub const RETRIES_MAX: u32 = 1_000;
/// The shortest interval between two occurrences.
pub const INTERVAL_MIN: Duration = Duration::from_millis(10);
/// Bytes of a schedule or an interval: the longest cron lists take some 600.
pub const SCHEDULE_BYTES_MAX: usize = 1_024;
/// Years of an interval: no two instants of RFC 3339 are further apart.
pub const INTERVAL_YEARS_MAX: u64 = 10_000;
/// Characters of the user's own text that an error about it repeats.
pub const QUOTED_CHARS_MAX: usize = 40;
/// A step of the clock back by more than this brings cursors that are ahead of now back to now.
pub const STEP_BACK_MAX: Duration = Duration::from_secs(3_600);
/// Stretches of claimed occurrences that a job remembers in case the clock is stepped back: one ends at each catch-up.
pub const CLAIMED_STRETCHES_MAX: usize = 4;
/// An occurrence that is later than this is caught up with those after it, instead of worked off one by one.
pub const CATCH_UP_AFTER: Duration = Duration::from_secs(1);
/// Bytes of output kept a run, the last part (`--output-limit`).
pub const OUTPUT_LIMIT_BYTES: usize = 64 * 1024;
/// Bytes of output kept of all runs together, oldest go first (`--output-total`).
pub const OUTPUT_TOTAL_BYTES: u64 = 256 * 1024 * 1024;
/// What the names of all tables or keys in a shared database begin with (`--jobdb-prefix`).
pub const JOBDB_PREFIX: &str = "nimesha";
/// Bytes of that prefix: names of PostgreSQL end after 63, and the rest of ours is short.
pub const JOBDB_PREFIX_BYTES_MAX: usize = 32;
/// How long a connection to a shared database may take to come about, TLS and sign-in included.
pub const JOBDB_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a shared database may be silent in the middle of a request: longer, and it is away.
pub const JOBDB_ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an SQL database lets one server wait for the transaction of another: less than what counts as silence.
pub const JOBDB_LOCK_WAIT: Duration = Duration::from_secs(4);
/// The pause after the first attempt to connect that fails; each further one doubles it. Requests meanwhile fail at once.
pub const JOBDB_RECONNECT_MIN: Duration = Duration::from_millis(100);
/// The longest such pause: this long a database may be back unnoticed.
pub const JOBDB_RECONNECT_MAX: Duration = Duration::from_secs(2);
/// A connection to a shared database that nobody used for so long is looked after, before a firewall forgets it.
pub const JOBDB_KEEPALIVE: Duration = Duration::from_secs(60);
/// Connections to an SQL database for reads, beside the writer's: pages of history do not wait for each other.
pub const JOBDB_READERS: usize = 2;
/// Rows of the first piece of a scan: most want the first few. Each further piece has four times as many.
pub const JOBDB_PAGE_ROWS_MIN: usize = 16;
/// Rows of the largest piece: of outputs, which are the longest rows, that is some 16 MiB.
pub const JOBDB_PAGE_ROWS_MAX: usize = 256;
/// Rows that a backup reads at once of a shared database: of outputs some 4 MiB.
pub const JOBDB_SNAPSHOT_ROWS: usize = 64;
/// How often a shared database is asked how big its tables are: big ones take it some milliseconds.
pub const JOBDB_MEASURE_EVERY: Duration = Duration::from_secs(60);
/// Rows that one SQL statement writes.
pub const JOBDB_STATEMENT_ROWS_MAX: usize = 1_000;
/// Bytes that one SQL statement writes, unless a single row has more. As text it is twice as long, and servers that are set
/// to little take 4 MiB.
pub const JOBDB_STATEMENT_BYTES_MAX: usize = 512 * 1024;
/// How long a lease of a shared database lasts unless it is prolonged: this long nothing starts after a server's death.
pub const LEASE_TTL: Duration = Duration::from_secs(10);
/// How often it is prolonged, and how often a server that stands by asks for it: two requests may fail.
pub const LEASE_EVERY: Duration = Duration::from_secs(3);
/// At the server's end a database that does not answer is not waited for any longer than this.
pub const LEASE_GIVE_BACK_MAX: Duration = Duration::from_secs(1);
/// How long what a server that stands by has read of the database is new enough for those who ask it.
pub const STANDBY_VIEW_EVERY: Duration = Duration::from_secs(1);
/// Before its end a lease counts as ended for starts, so that clocks of unequal speed and a thread that is put to sleep
/// between the look and the start do no harm.
pub const LEASE_MARGIN: Duration = Duration::from_secs(2);
/// Runs kept in a job's history (`--history-limit`).
pub const HISTORY_LIMIT_RUNS: u64 = 1_000;
/// Worker threads (`--workers`).
pub const WORKERS: usize = 64;
/// After SIGTERM a command has this long before SIGKILL.
pub const KILL_AFTER: Duration = Duration::from_secs(5);
/// A command that ends within this time is seen to its end by its pipe alone; only a longer one is worth a descriptor of
/// its process. Ten thousand at one instant share two cores for so long each.
pub const SPRINT: Duration = Duration::from_millis(20);
/// After a command's exit its pipe is read for so long, in case a process it left behind still writes.
pub const PIPE_LINGER: Duration = Duration::from_millis(500);
/// A run that waited longer than this in the queue is a warning.
pub const QUEUE_WAIT_WARN: Duration = Duration::from_secs(1);
/// How long runs may finish at shutdown (`--grace`): below the 10 s of supervisord and Docker.
pub const GRACE: Duration = Duration::from_secs(8);
/// Entries in one transaction of the writer: bounds its memory and the time until the first of them is durable.
pub const BATCH_ENTRIES_MAX: usize = 1_024;
/// How long the start waits for a database file that somebody has locked, and how often it looks.
pub const LOCK_WAIT: Duration = Duration::from_secs(1);
/// See [`LOCK_WAIT`].
pub const LOCK_POLL: Duration = Duration::from_millis(10);
/// Bytes of a request's body.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of all bodies that are on their way in: slow senders together must not take the memory of a small machine.
pub const BODIES_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of a request's head.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Header fields of a request.
pub const HEADERS_MAX: usize = 100;
/// Connections open at once; the oldest idle one is closed for a new one.
pub const CONNECTIONS_MAX: usize = 4_096;
/// Where the server listens unless told otherwise: on this machine alone, since the API runs commands.
pub const LISTEN_HOST: &str = "127.0.0.1";
/// The port unless told otherwise, as Kala's.
pub const LISTEN_PORT: u16 = 8_000;
/// Time between writes with `--no-tx-persist` (`--persist-every`), as Kala's.
pub const PERSIST_EVERY: Duration = Duration::from_secs(3_600);
/// Worker threads that may be asked for: each takes a stack, and a process and three descriptors for its command.
pub const WORKERS_MAX: usize = 4_096;
/// Occurrences that `nimesha next` prints at most.
pub const NEXT_COUNT_MAX: u64 = 10_000;
/// Bytes of a settings file, far more than all settings with their comments take.
pub const SETTINGS_FILE_BYTES_MAX: u64 = 64 * 1024;
/// After SIGTERM at shutdown a command has this long before SIGKILL: service managers do not wait longer.
pub const STOP_KILL_AFTER: Duration = Duration::from_secs(1);
/// Signals that may wait to be looked at: the first two mean something.
pub const DAEMON_EVENTS_MAX: usize = 4;
/// Descriptors of a worker at work: its bell, its command's pipe and process, and one more while it starts that.
pub const FILES_PER_WORKER: usize = 4;
/// Descriptors beside connections and workers: listeners, the database, timers and pipes.
pub const FILES_BESIDE: usize = 64;
/// Processes and threads of a worker at work: its own thread, its command, and one that this starts.
pub const TASKS_PER_WORKER: usize = 3;
/// Threads beside the workers: those of HTTP, the dispatcher, the writer, signals, clocks, events, trials.
pub const TASKS_BESIDE: usize = 24;
/// A user with a limit of so many tasks is not counted: that takes a look at all processes of the machine.
pub const TASKS_PLENTY: u64 = 16_384;
/// Ends of runs whose output is kept while the store is away; older ones lose it, their counters stay.
pub const UNWRITTEN_OUTPUTS_MAX: usize = 1_000;
/// Ends of runs whose history is kept while the store is away.
pub const UNWRITTEN_UNITS_MAX: usize = 100_000;
/// Occurrences that one backfill puts in line.
pub const BACKFILL_MAX: u32 = 10_000;
/// Stack of a worker's thread: 64 of them stand by in a server of a few MiB, and only the pages touched count.
pub const WORKER_STACK_BYTES: usize = 256 * 1024;
/// How much output a worker reads at once; each thread that has read any keeps a buffer of it.
pub const READ_BYTES: usize = 16 * 1024;
/// The first wait of a worker that could not start its command for want of descriptors, processes or memory.
pub const SHORTAGE_WAIT_MIN: Duration = Duration::from_millis(1);
/// The longest wait between two such tries: the machine may recover without a command of ours ending.
pub const SHORTAGE_WAIT_MAX: Duration = Duration::from_secs(1);
/// A shortage is logged once in this time, however many workers meet it.
pub const SHORTAGE_WARN_EVERY: Duration = Duration::from_secs(10);
/// A remote job's request without a timeout of its own is given up after this.
pub const REMOTE_TIMEOUT: Duration = Duration::from_secs(30);
/// Redirects that a remote job's request follows.
pub const REMOTE_REDIRECTS_MAX: u32 = 10;
/// Bytes of a remote job's answer that are read: its last part is kept as output, and a stream that never ends is left.
pub const REMOTE_BODY_BYTES_MAX: usize = 1024 * 1024;
/// Size of each buffer of a remote job's connection, and so the most that the head of an answer may take.
pub const REMOTE_BUFFER_BYTES: usize = 16 * 1024;
/// Lookups of host names under way at once; one that hangs keeps its thread until the system gives it up.
pub const LOOKUPS_MAX: usize = 64;
/// Bytes from which an answer is compressed: less fits a packet as it is.
pub const GZIP_BYTES_MIN: usize = 1_400;
/// Bytes of a list of jobs that are made before the client takes some.
pub const LIST_PAGE_BYTES: usize = 64 * 1024;
/// Jobs that a list fetches under one lock.
pub const LIST_PAGE_JOBS: usize = 128;
/// Runs in an answer that names no other number.
pub const RUNS_PAGE: usize = 50;
/// Runs that an answer may be asked for.
pub const RUNS_PAGE_MAX: usize = 1_000;
/// How often an update is made because the job was changed meanwhile, before its author is told. Of those who change one
/// job at one moment one wins each time, so it takes far more than a few of them to use these up.
pub const UPDATE_TRIES: u32 = 64;
/// Occurrences that a preview shows unless another number is asked for.
pub const PREVIEW: u32 = 10;
/// Occurrences that a preview may be asked for.
pub const PREVIEW_MAX: u32 = 1_000;
/// Bytes that redb may cache. The system caches the file besides, and a small server's jobs fit into a fraction of it.
pub const REDB_CACHE_BYTES: usize = 2 * 1024 * 1024;
/// Files below so many bytes are not compacted: there is nothing to win that anybody would notice.
pub const COMPACT_FILE_BYTES_MIN: u64 = 32 * 1024 * 1024;
/// A file is compacted at start when it is so many times as big as what it holds.
pub const COMPACT_RATIO: u64 = 4;
/// Bytes of a backup that are made before the client takes some.
pub const BACKUP_PAGE_BYTES: usize = 64 * 1024;
/// Bytes of a line of a backup: an output of `--output-total`, whatever is to be escaped in it.
pub const BACKUP_LINE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// How long a client may take to fetch a backup: the file keeps what is deleted meanwhile.
pub const BACKUP_TIME_MAX: Duration = Duration::from_secs(1_800);
/// Bytes that go into an empty database in one transaction: enough that syncs do not count.
pub const FILL_BATCH_BYTES: usize = 1024 * 1024;
/// Problems that a check of a database names one by one.
pub const CHECK_PROBLEMS_SHOWN: usize = 20;
/// Bytes that must be writable beside the database before it is opened again after an error of the disk.
pub const DISK_PROBE_BYTES: usize = 1024 * 1024;
/// Bytes that `--no-tx-persist` holds back before it writes, whatever `--persist-every` says.
pub const RELAXED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Every so many runs of a job its oldest history entries are looked through for expired ones.
pub const SWEEP_EVERY_RUNS: u64 = 16;
/// History entries looked through then: more than come in between two such looks, so that it catches up.
pub const SWEEP_ENTRIES: usize = 64;
/// Outputs removed in one transaction because there are too many bytes of them; the next one goes on.
pub const EVICTED_OUTPUTS_MAX: usize = 4_096;

/// How long a turn of the dispatcher may take before the server counts as not ready: the longest take a moment.
pub const READY_TURN_MAX: Duration = Duration::from_secs(5);
/// The same for a write to the job database: a disk may hang for a while, and a database elsewhere be slow.
pub const READY_WRITE_MAX: Duration = Duration::from_secs(10);
/// Messages that wait for the dispatcher: each thread and each connection has at most one there.
pub const MESSAGES_MAX: usize = 8_192;
/// Connections among them that follow events or output: each may hold a buffer for hours.
pub const STREAMS_MAX: usize = 512;
/// Bytes pushed into one such stream and not yet sent: a reader slower than this is told so.
pub const STREAM_BUFFER_BYTES: usize = 256 * 1024;
/// Threads that read requests, run handlers and write answers. No wait holds one, so a few serve any number of clients.
pub const HTTP_THREADS: usize = 4;
/// A kept-alive connection without a request is closed after this long: above the 60 s for which proxies keep theirs.
pub const HTTP_IDLE: Duration = Duration::from_secs(75);
/// From a head's first byte to its last.
pub const HTTP_HEAD: Duration = Duration::from_secs(10);
/// For a body to come or an answer to go, beside a second for each [`HTTP_RATE_MIN_BYTES`] that have moved.
pub const HTTP_PATIENCE: Duration = Duration::from_secs(10);
/// Bytes a second below which a client uses up its patience: dribbling does not keep a connection.
pub const HTTP_RATE_MIN_BYTES: u64 = 8 * 1024;
/// After an answer that refuses a request, what the client still sends is read for so long: closed sooner, the kernel's
/// reset would take the answer away before the client has read it.
pub const HTTP_LINGER: Duration = Duration::from_secs(1);
/// Bytes read and thrown away in that time.
pub const HTTP_LINGER_BYTES: usize = 2 * 1024 * 1024;
/// At shutdown, answers under way have this long to leave.
pub const HTTP_CLOSING: Duration = Duration::from_secs(5);
/// Bytes under TLS that may come without any text in them: a whole record and a little, or a handshake. Whatever a
/// client sends beyond that would only have to be kept.
pub const TLS_SILENT_BYTES_MAX: usize = 20 * 1024;
/// Bytes of a file of certificates or of a key: a chain has a few KiB.
pub const TLS_FILE_BYTES_MAX: u64 = 256 * 1024;
/// How long no connection is accepted after the system refused one and nothing could be given up for it.
pub const HTTP_ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Failed runs and gaps that are kept at hand: more than anybody reads on one page.
pub const TROUBLES_KEPT: usize = 100;
/// Jobs on a page of the list of the web pages.
pub const WEB_JOBS_PAGE: usize = 50;
/// Pages of that list: whoever has to look further should narrow the list instead, and sorting keeps no more.
pub const WEB_PAGES_MAX: usize = 200;
/// Runs of a job that its page shows at once.
pub const WEB_RUNS_PAGE: usize = 50;
/// Last runs that stand beside a job in the list.
pub const WEB_LAST_RUNS: usize = 20;
/// Runs in progress, next runs and troubles that the overview shows.
pub const WEB_OVERVIEW_ROWS: usize = 8;
/// Jobs whose occurrences are counted for the forecast: of more, one in so many stands for all.
pub const WEB_FORECAST_JOBS: usize = 2_000;
/// How long a forecast is good for: jobs change rarely, and the picture is rough anyway.
pub const WEB_FORECAST_KEPT: Duration = Duration::from_secs(30);
/// History entries that are read at the first view after a start, to show what happened before it.
pub const WEB_PAST_ENTRIES: usize = 20_000;
/// Jobs in the graph of one job: more could not be told apart.
pub const WEB_GRAPH_JOBS: usize = 40;
/// Bytes of output that a page shows; the rest is there to download.
pub const WEB_OUTPUT_BYTES: usize = 256 * 1024;
/// Fields of a form: a job has about 40, a list of chosen jobs one for each.
pub const WEB_FIELDS_MAX: usize = 2_000;
/// Characters of a name, a command or a tag in a list; its own page shows all of it.
pub const WEB_CLIPPED_CHARS: usize = 120;
/// Jobs that `/metrics` shows one by one; more would drown who reads them.
pub const METRICS_JOBS_MAX: usize = 1_000;
/// Bytes of the token file: some hundred tokens, far more than people who share one scheduler.
pub const TOKEN_FILE_BYTES_MAX: u64 = 64 * 1024;
/// Characters below which a token's secret is worth a warning: 16 random ones cannot be guessed.
pub const TOKEN_BYTES_ADVISED: usize = 16;
/// How long a session of the pages lives: a working day, so that one signs in once.
pub const SESSION: Duration = Duration::from_secs(12 * 3_600);
/// Sessions at one moment; each takes some hundred bytes.
pub const SESSIONS_MAX: usize = 1_024;
/// Wrong tokens that an address may send at once: a client with an old token repeats itself, and shall read why.
pub const WRONG_TOKEN_BURST: u32 = 20;
/// After which time it may send one more.
pub const WRONG_TOKEN_EVERY: Duration = Duration::from_secs(1);
/// Addresses whose wrong tokens are counted.
pub const WRONG_TOKEN_PEERS_MAX: usize = 1_024;
/// Jobs that one line of the audit names.
pub const AUDIT_JOBS_MAX: usize = 16;
/// Characters of a path or host that a line of the log, or an error, repeats.
pub const SHOWN_CHARS_MAX: usize = 200;

/// How long the command line waits until a server takes its connection.
pub const CLIENT_CONNECT: Duration = Duration::from_secs(10);
/// How long it waits for an answer that does not wait for a run: a server with much to do takes a second or two.
pub const CLIENT_PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of an answer that it takes in: a page of jobs with all the keys that a request may give them.
pub const CLIENT_ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Jobs in a page that it asks for.
pub const CLIENT_PAGE_JOBS: usize = 1_000;
/// Bytes of a run's output that it takes in at once.
pub const CLIENT_PART_BYTES: usize = 64 * 1024;
/// How long a stream of events may be silent before the connection counts as lost: three signs of life.
pub const CLIENT_SILENCE: Duration = Duration::from_secs(45);
/// Bytes of a line of such a stream: several times what a server tells of an event.
pub const CLIENT_EVENT_BYTES_MAX: u64 = 64 * 1024;
/// Bytes of a file of jobs or of a crontab.
pub const CLIENT_FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Runs of a job that come over from Kala, which keeps them all: a fifth of what a request holds.
pub const CLIENT_IMPORT_RUNS: usize = 1_000;
/// Candidates that are listed where a name or the beginning of an id means several jobs.
pub const CLIENT_CANDIDATES_MAX: usize = 10;
/// Events kept for listeners that come back: minutes of a busy server, in less than a MiB.
pub const EVENTS_KEPT: usize = 2_048;
/// Bytes of a name or an error that an event repeats: both come from outside, and may be as large as a request.
pub const EVENT_TEXT_BYTES_MAX: usize = 256;
/// Clients that listen to events at once: each is told of everything, by one thread.
pub const EVENT_STREAMS_MAX: usize = 64;
/// While nothing happens, listeners get a sign of life this often: below the 60 s after which proxies close what is quiet.
pub const EVENTS_HEARTBEAT: Duration = Duration::from_secs(15);
/// Bytes of a run's output that one event tells: escaped as JSON they are still a line that clients take.
pub const EVENT_OUTPUT_BYTES_MAX: usize = 8 * 1024;
/// Bytes of output that wait to be told: a moment of a busy server. More is told of nobody.
pub const EVENT_OUTPUTS_BYTES_MAX: usize = 256 * 1024;
/// Bytes on their way to a listener beside which no output is sent: the rest of its buffer is for events that matter more.
pub const EVENT_OUTPUT_BACKLOG_BYTES_MAX: usize = STREAM_BUFFER_BYTES / 2;
/// Clients that follow the output of one run, and all that listen to events as one more: each is handed every part of it by the thread that reads it.
pub const OUTPUT_FOLLOWERS_MAX: usize = 16;
/// Commands on trial at once: each takes a thread and a process beside those of the jobs.
pub const TRIALS_MAX: usize = 4;
/// How long a command on trial may take that is given no other limit: somebody waits for it.
pub const TRIAL_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a command on trial may be given: what takes longer is no trial.
pub const TRIAL_TIMEOUT_MAX: Duration = Duration::from_secs(600);
/// How far a forecast looks ahead: the longest month with the days of a week around it.
pub const FORECAST_SPAN_MAX: Duration = Duration::from_secs(35 * 86_400);
/// How far it looks unless told otherwise.
pub const FORECAST_SPAN: Duration = Duration::from_secs(86_400);
/// Steps of the core, and occurrences that come to nothing, in one forecast: a few seconds of one processor.
pub const FORECAST_EVENTS_MAX: u64 = 1_000_000;
/// Jobs that a forecast takes in: each takes some 500 bytes while it is made.
pub const FORECAST_JOBS_MAX: usize = 200_000;
/// How long a run is taken to last of a job that has never run.
pub const FORECAST_RUN_ASSUMED: Duration = Duration::from_secs(1);
/// Past runs of a job that a forecast asks the store for: enough to meet the odd long one.
pub const FORECAST_PAST_RUNS: usize = 8;
/// Jobs whose past runs it asks the store for; of further ones the last run alone counts, which is kept in memory.
pub const FORECAST_PAST_JOBS: usize = 2_000;
/// Minutes that a forecast names as the busiest.
pub const FORECAST_MINUTES: usize = 10;
/// Jobs that the answer to a forecast lists, the most troubled first.
pub const FORECAST_ROWS_MAX: usize = 1_000;
/// How much lower than the others' the thread of a forecast has its priority, as `nice` counts: it must delay no run.
pub const FORECAST_NICE: i32 = 10;
/// Alerts that wait to be posted: an hour of a busy server, in 2 MiB at most.
pub const ALERTS_WAITING_MAX: usize = 1_024;
/// Of one kind about one job, an alert is posted no more often: whoever is woken by it has seen the first.
pub const ALERT_EVERY: Duration = Duration::from_secs(60);
/// Kinds of alerts and jobs of which it is known when they were last posted.
pub const ALERT_TOPICS_MAX: usize = 4_096;
/// Jobs whose missed occurrences are posted one by one: more at one moment have one cause, and are one alert.
pub const ALERT_MISSED_JOBS_MAX: usize = 16;
/// Bytes of a run's output that an alert repeats, its last part.
pub const ALERT_OUTPUT_BYTES: usize = 1_024;
/// How long a post of an alert may take.
pub const ALERT_TIMEOUT: Duration = Duration::from_secs(10);
/// After a post that failed it is tried again, first after this time, then after twice as long each time.
pub const ALERT_RETRY_MIN: Duration = Duration::from_secs(1);
/// The longest wait between two such tries.
pub const ALERT_RETRY_MAX: Duration = Duration::from_secs(60);
/// How long an alert is tried to be posted: older ones are no news.
pub const ALERT_KEPT: Duration = Duration::from_secs(3_600);
/// When the server stops, alerts that are left have this long: with the runs' grace it stays within the 10 s of service
/// managers.
pub const ALERTS_DRAIN: Duration = Duration::from_millis(900);

/// Jobs that the live screen of the command line knows: more fill no screen, and take a second to read.
pub const TOP_JOBS_MAX: usize = 20_000;
/// Jobs in progress whose runs it asks for when it begins; the others come with their events.
pub const TOP_RUNNING_JOBS: usize = 100;
/// Failed runs and gaps that it keeps.
pub const TOP_TROUBLES_MAX: usize = 200;
/// Starts and ends of runs that it keeps, to tell of the last minute.
pub const TOP_EVENTS_MAX: usize = 10_000;
/// The last minute.
pub const TOP_WINDOW: Duration = Duration::from_secs(60);
/// Changed jobs that it looks at in one go.
pub const TOP_LOOKS: usize = 16;
/// Changed jobs above which it reads all of them anew.
pub const TOP_STALE_MAX: usize = 2_000;
/// How often it asks at most while something happens: a person reads no faster.
pub const TOP_ASK_EVERY: Duration = Duration::from_millis(500);
/// How often it reads all jobs anew at most: of a server on which thousands of them run a second.
pub const TOP_WHOLE_EVERY: Duration = Duration::from_secs(10);
/// How often it asks for figures while nothing happens.
pub const TOP_STATS_EVERY: Duration = Duration::from_secs(15);
/// How often it draws at most while something happens.
pub const TOP_DRAW_EVERY: Duration = Duration::from_millis(100);
/// How often it draws while nothing happens: countdowns go by seconds.
pub const TOP_TICK: Duration = Duration::from_secs(1);
/// The longest wait before it looks for a server that is away; the first one is a second.
pub const TOP_RETRY_MAX: Duration = Duration::from_secs(10);
/// Messages that wait to be drawn.
pub const TOP_MESSAGES_MAX: usize = 4_096;
/// Rows of each part where no terminal limits them.
pub const TOP_ROWS: usize = 20;
