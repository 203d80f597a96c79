//! The last runs of a job as a strip of bars: the higher the worse, each outcome with its own form.

use maud::{Markup, html};

use crate::config;
use crate::job::run::HistoryEntry;

use super::mark::Mark;

const WIDTH: usize = 6;
const HEIGHT: usize = 20;

/// The strip of these entries, which are newest first; the newest stands at the right end.
pub(super) fn of(entries: &[HistoryEntry]) -> Markup {
    let shown = entries.len().min(config::WEB_LAST_RUNS);
    let empty = config::WEB_LAST_RUNS - shown;
    let failed = entries[..shown]
        .iter()
        .filter(|entry| Mark::of(entry) != Mark::Succeeded)
        .count();
    let words = match (shown, failed) {
        (0, _) => "never ran".to_owned(),
        (_, 0) => format!("the last {shown} succeeded"),
        _ => format!("{failed} of the last {shown} did not succeed"),
    };
    html! {
        svg.strip viewBox={ "0 0 " (config::WEB_LAST_RUNS * WIDTH) " " (HEIGHT) } width=(config::WEB_LAST_RUNS * WIDTH)
            height=(HEIGHT) role="img" aria-label=(words) {
            @for place in 0..empty { rect.none x=(place * WIDTH + 1) y="17" width="4" height="2" {} }
            @for (place, entry) in entries[..shown].iter().rev().enumerate() {
                (bar(Mark::of(entry), (empty + place) * WIDTH + 1))
            }
        }
    }
}

fn bar(mark: Mark, x: usize) -> Markup {
    let (y, height) = match mark {
        Mark::Succeeded => (8, 11),
        Mark::Failed | Mark::TimedOut | Mark::Interrupted => (1, 18),
        Mark::Missed => (4, 15),
        _ => (14, 5),
    };
    html! { rect.(mark.class()).hollow[mark == Mark::Missed] x=(x) y=(y) width="4" height=(height) rx="1" {} }
}

#[cfg(test)]
mod tests {
    use super::super::testing::run;
    use super::*;
    use crate::job::JobId;
    use crate::job::run::Outcome;

    #[test]
    fn a_strip_says_what_it_shows() {
        let job = JobId(uuid::Uuid::from_u128(1));
        let mut entries = Vec::new();
        assert!(of(&entries).into_string().contains("never ran"));
        for number in 1..=30 {
            entries.push(HistoryEntry::Run(Box::new(run(job, number))));
        }
        assert!(of(&entries).into_string().contains("the last 20 succeeded"));
        if let HistoryEntry::Run(run) = &mut entries[0] {
            run.outcome = Outcome::Failed;
        }
        assert!(
            of(&entries)
                .into_string()
                .contains("1 of the last 20 did not succeed")
        );
    }
}
