//! The alerts that wait to be posted: bounded, and such that one job cannot flood those who read them.
//!
//! Of one kind about one job, one alert is posted at most every [`ALERT_EVERY`](config::ALERT_EVERY). What comes in
//! between waits until then, as one alert with their number. Alerts about one job keep their order, so that the last one
//! tells how it is.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use super::{Alert, What};
use crate::config;
use crate::job::JobId;

/// What kind of alert, about which job.
type Topic = (&'static str, Option<JobId>);

fn topic(alert: &Alert) -> Topic {
    (alert.what.as_str(), alert.what.job())
}

/// Alerts in the order in which they are posted; see the [module's documentation](self).
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Waiting>,
    /// When one of each topic was last handed out, as far as that still matters.
    told: HashMap<Topic, Instant>,
    overflows: bool,
}

#[derive(Debug)]
struct Waiting {
    alert: Alert,
    not_before: Instant,
}

/// What there is to post.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This.
    Now(Box<Alert>),
    /// Something at this instant.
    At(Instant),
    /// Nothing.
    Never,
}

impl Queue {
    /// Adds an alert, or makes one of it and the one of its topic that waits. Says whether the oldest had to go for it.
    pub(super) fn push(&mut self, mut alert: Alert, now: Instant) -> bool {
        let topic = topic(&alert);
        let mut not_before = match self.told.get(&topic) {
            Some(told) => (*told + config::ALERT_EVERY).max(now),
            None => now,
        };
        if let Some(place) = self
            .waiting
            .iter()
            .position(|w| self::topic(&w.alert) == topic)
        {
            merge(&mut alert, self.waiting.remove(place).map(|w| w.alert));
        }
        let same_job = |w: &&Waiting| w.alert.what.job() == topic.1;
        let others = self.waiting.iter().filter(same_job);
        not_before = others.map(|w| w.not_before).fold(not_before, Instant::max);
        let overflows = self.waiting.len() >= config::ALERTS_WAITING_MAX;
        if overflows {
            self.waiting.pop_front();
            self.overflows = true;
        }
        self.waiting.push_back(Waiting { alert, not_before });
        overflows
    }

    /// Takes out the first alert that may be posted; in `haste`, the first of all.
    pub(super) fn next(&mut self, now: Instant, haste: bool) -> Next {
        let may_go = |w: &Waiting| haste || w.not_before <= now;
        if let Some(place) = self.waiting.iter().position(may_go)
            && let Some(waiting) = self.waiting.remove(place)
        {
            self.overflows &= !self.waiting.is_empty();
            self.remember(topic(&waiting.alert), now);
            return Next::Now(Box::new(waiting.alert));
        }
        let soonest = self.waiting.iter().map(|w| w.not_before).min();
        soonest.map_or(Next::Never, Next::At)
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether alerts had to go since it was last empty.
    pub(super) fn overflows(&self) -> bool {
        self.overflows
    }

    fn remember(&mut self, topic: Topic, now: Instant) {
        if self.told.len() >= config::ALERT_TOPICS_MAX {
            self.told
                .retain(|_, told| now.saturating_duration_since(*told) < config::ALERT_EVERY);
        }
        // With more topics a minute than are kept, none is a flood by itself.
        if self.told.len() < config::ALERT_TOPICS_MAX {
            self.told.insert(topic, now);
        }
    }
}

/// Lets an alert stand for an older one of its topic, too.
fn merge(alert: &mut Alert, older: Option<Alert>) {
    let Some(older) = older else { return };
    alert.count = alert.count.saturating_add(older.count);
    if let (What::ManyMissed { jobs }, What::ManyMissed { jobs: before }) =
        (&mut alert.what, older.what)
    {
        *jobs = before.max(*jobs);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::{alert, missed};
    use super::*;
    use crate::clock;

    /// The kinds and numbers of what is handed out at that second.
    fn take(queue: &mut Queue, begin: Instant, second: u64) -> Vec<(&'static str, u64)> {
        let mut taken = Vec::new();
        while let Next::Now(alert) = queue.next(begin + Duration::from_secs(second), false) {
            taken.push((alert.what.as_str(), alert.count));
        }
        taken
    }

    #[test]
    fn one_job_that_comes_and_goes_is_no_flood_and_the_last_word_comes_last() {
        let begin = clock::monotonic();
        let mut queue = Queue::default();
        let push = |queue: &mut Queue, failed: bool, second: u64| {
            let at = begin + Duration::from_secs(second);
            assert!(!queue.push(alert(1, failed), at));
        };
        push(&mut queue, true, 0);
        assert_eq!(take(&mut queue, begin, 0), [("failed", 1)]);
        push(&mut queue, false, 10);
        assert_eq!(take(&mut queue, begin, 10), [("recovered", 1)]);
        for second in 20..40 {
            push(&mut queue, second % 2 == 0, second);
            assert_eq!(take(&mut queue, begin, second), []);
        }
        push(&mut queue, true, 41);
        let wanted = Next::At(begin + Duration::from_secs(70));
        assert_eq!(queue.next(begin + Duration::from_secs(60), false), wanted);
        assert_eq!(
            take(&mut queue, begin, 70),
            [("recovered", 10), ("failed", 11)]
        );
        assert_eq!(queue.next(begin, false), Next::Never);
        push(&mut queue, false, 131);
        assert_eq!(take(&mut queue, begin, 131), [("recovered", 1)]);
    }

    #[test]
    fn jobs_do_not_wait_for_each_other() {
        let begin = clock::monotonic();
        let mut queue = Queue::default();
        for (job, word) in [(1, "failed"), (2, "failed")] {
            queue.push(alert(job, true), begin);
            assert_eq!(take(&mut queue, begin, 0), [(word, 1)]);
        }
        queue.push(alert(1, true), begin);
        queue.push(missed(1, 3), begin);
        queue.push(missed(2, 4), begin);
        assert_eq!(take(&mut queue, begin, 1), [("missed", 4)]);
        assert_eq!(take(&mut queue, begin, 60), [("failed", 1), ("missed", 3)]);
    }

    #[test]
    fn when_there_are_too_many_the_oldest_go() {
        let begin = clock::monotonic();
        let mut queue = Queue::default();
        let max = config::ALERTS_WAITING_MAX as u128;
        for job in 0..max {
            assert!(!queue.push(alert(job, true), begin));
        }
        assert!(!queue.push(alert(0, true), begin), "it is there already");
        assert!(queue.push(alert(max, true), begin));
        assert_eq!((queue.len() as u128, queue.overflows()), (max, true));
        let first = queue.next(begin, false);
        let Next::Now(first) = first else {
            panic!("{first:?}")
        };
        assert_eq!(first.what.job(), alert(2, true).what.job());
        while queue.next(begin, true) != Next::Never {}
        assert!(!queue.overflows());
        assert!(queue.told.len() <= config::ALERT_TOPICS_MAX);
    }
}
