//! How many wrong tokens an address may send: a bucket for each that fills again with time.
//!
//! Only requests that carry a wrong token are held up, and by an answer, not by a wait, so that guessing takes neither
//! threads nor connections, and whoever has a right token never pays for a stranger behind the same proxy.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::config;
use crate::http::Peer;

/// The addresses that sent wrong tokens lately: for each the instant at which its bucket is full again.
#[derive(Default)]
pub(super) struct Throttle(Mutex<HashMap<Option<IpAddr>, Instant>>);

impl Throttle {
    /// A wrong token came from `peer`; whether it gets a real answer, or has to hear that there were too many.
    pub(super) fn admit(&self, peer: &Peer, now: Instant) -> bool {
        let mut full_at = self.0.lock();
        let peer = source(peer);
        if full_at.len() >= config::WRONG_TOKEN_PEERS_MAX && !full_at.contains_key(&peer) {
            full_at.retain(|_, instant| *instant > now);
            if full_at.len() >= config::WRONG_TOKEN_PEERS_MAX {
                return false;
            }
        }
        let empty_until = now + config::WRONG_TOKEN_EVERY * config::WRONG_TOKEN_BURST;
        let full = full_at.entry(peer).or_insert(now);
        let next = (*full).max(now) + config::WRONG_TOKEN_EVERY;
        let admitted = next <= empty_until;
        if admitted {
            *full = next;
        }
        admitted
    }
}

/// When to try again, in whole seconds, for `Retry-After`.
pub(super) fn retry_after() -> String {
    let whole = config::WRONG_TOKEN_EVERY + Duration::from_millis(999);
    whole.as_secs().to_string()
}

/// Who counts as one: a network of IPv6 has more addresses than could be counted, so its first half stands for it.
fn source(peer: &Peer) -> Option<IpAddr> {
    match peer {
        Peer::Unix => None,
        Peer::Tcp(address) => Some(match address.ip().to_canonical() {
            IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() & !u128::from(u64::MAX)).into()),
            ip => ip,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn peer(address: &str) -> Peer {
        Peer::Tcp(address.parse().unwrap())
    }

    #[test]
    fn a_burst_passes_then_one_at_a_time() {
        let (throttle, now) = (Throttle::default(), clock::monotonic());
        let (one, other) = (peer("10.0.0.1:1"), peer("10.0.0.2:1"));
        for _ in 0..config::WRONG_TOKEN_BURST {
            assert!(throttle.admit(&one, now));
        }
        assert!(!throttle.admit(&one, now));
        assert!(!throttle.admit(&peer("10.0.0.1:2"), now));
        assert!(throttle.admit(&other, now));
        let later = now + config::WRONG_TOKEN_EVERY;
        assert!(throttle.admit(&one, later));
        assert!(!throttle.admit(&one, later));
    }

    #[test]
    fn there_is_a_bound_and_who_was_quiet_goes_first() {
        let (throttle, now) = (Throttle::default(), clock::monotonic());
        for number in 0..config::WRONG_TOKEN_PEERS_MAX {
            let (high, low) = (number / 256, number % 256);
            assert!(throttle.admit(&peer(&format!("10.1.{high}.{low}:1")), now));
        }
        assert!(!throttle.admit(&peer("10.0.0.1:1"), now));
        assert!(throttle.admit(&peer("10.0.0.1:1"), now + config::WRONG_TOKEN_EVERY));
        assert_eq!(throttle.0.lock().len(), 1);
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        for (address, expected) in [
            ("[2001:db8:0:1:2:3:4:5]:1", "2001:db8:0:1::"),
            ("[::ffff:10.0.0.1]:1", "10.0.0.1"),
            ("10.0.0.1:1", "10.0.0.1"),
        ] {
            assert_eq!(
                source(&peer(address)),
                Some(expected.parse().unwrap()),
                "{address}"
            );
        }
        assert_eq!(source(&Peer::Unix), None);
    }
}
