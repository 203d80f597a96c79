//! The bounds that a server keeps to. The reasons for the values stand in [`config`](crate::config); they are fields so
//! that a test can have short ones.

use std::time::Duration;

use crate::config;

/// Every bound of the HTTP layer. [`Default`] has the program's own values.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Threads of the pool; at least one.
    pub threads: usize,
    /// Connections open at once.
    pub connections_max: usize,
    /// Connections among them that are event streams.
    pub streams_max: usize,
    /// Bytes of a request's head.
    pub head_bytes_max: usize,
    /// Bytes of a request's body.
    pub body_bytes_max: usize,
    /// Bytes of all bodies on their way in.
    pub bodies_bytes_max: usize,
    /// How long a kept-alive connection may be without a request.
    pub idle: Duration,
    /// From a head's first byte to its last.
    pub head: Duration,
    /// For a body to come or an answer to go, beside what [`rate_min_bytes`](Self::rate_min_bytes) adds.
    pub patience: Duration,
    /// Bytes a second that a client has to keep up once its patience is used up.
    pub rate_min_bytes: u64,
    /// How long a refused client is still read from.
    pub linger: Duration,
    /// How many bytes of it.
    pub linger_bytes_max: usize,
    /// How long answers under way may take at shutdown.
    pub closing: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            threads: config::HTTP_THREADS,
            connections_max: config::CONNECTIONS_MAX,
            streams_max: config::STREAMS_MAX,
            head_bytes_max: config::HEAD_BYTES_MAX,
            body_bytes_max: config::BODY_BYTES_MAX,
            bodies_bytes_max: config::BODIES_BYTES_MAX,
            idle: config::HTTP_IDLE,
            head: config::HTTP_HEAD,
            patience: config::HTTP_PATIENCE,
            rate_min_bytes: config::HTTP_RATE_MIN_BYTES,
            linger: config::HTTP_LINGER,
            linger_bytes_max: config::HTTP_LINGER_BYTES,
            closing: config::HTTP_CLOSING,
        }
    }
}

impl Limits {
    /// How long a transfer of which `moved` bytes have gone may have taken. Bytes buy time at the least rate that is
    /// accepted, so that a steady client is never cut and a dribbling one is, however it spaces its bytes.
    pub(super) fn patience_after(&self, moved: u64) -> Duration {
        self.patience
            + Duration::from_millis(moved.saturating_mul(1_000) / self.rate_min_bytes.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_buy_time_at_the_least_rate() {
        let limits = Limits {
            patience: Duration::from_secs(10),
            rate_min_bytes: 1_000,
            ..Limits::default()
        };
        for (moved, seconds) in [(0, 10.0), (1, 10.001), (1_000, 11.0), (60_000, 70.0)] {
            assert_eq!(
                limits.patience_after(moved),
                Duration::from_secs_f64(seconds),
                "{moved}"
            );
        }
        assert!(limits.patience_after(u64::MAX) > Duration::from_secs(3_600));
    }
}
