//! The jobs around one job as a picture: what triggers it above, what it triggers below, each with its state.
//!
//! Drawn in layers: a job stands below all that trigger it. Within a layer jobs are moved towards the middle of their
//! neighbours, a few times down and up, which removes most crossings (the method of Sugiyama, Tagawa and Toda).

use std::collections::HashMap;

use maud::{Markup, html};

use crate::config;
use crate::job::JobId;
use crate::registry::{JobView, Registry};

use super::chart::short;
use super::mark::State;
use super::{part, survey, text};

const WIDTH: f64 = 168.0;
const HEIGHT: f64 = 44.0;
const GAP_X: f64 = 24.0;
const GAP_Y: f64 = 44.0;
/// Characters of a name that fit into a box.
const NAME_CHARS: usize = 20;
/// Further sweeps hardly move anything.
const SWEEPS: usize = 4;

/// An edge between places of jobs; `true` when the second runs after a failure of the first.
type Edge = (usize, usize, bool);

/// The jobs around one, in the order in which they were found.
struct Graph {
    jobs: Vec<JobView>,
    edges: Vec<Edge>,
    left_out: bool,
}

impl Graph {
    /// All that triggers `view`, and all that it triggers, nearest first.
    fn around(registry: &Registry, view: &JobView) -> Graph {
        let mut places = HashMap::from([(view.job.id, 0)]);
        let mut graph = Graph {
            jobs: vec![view.clone()],
            edges: Vec::new(),
            left_out: false,
        };
        graph.walk(registry, &mut places, |view| view.job.spec.parents.clone());
        graph.walk(registry, &mut places, |view| {
            let children = view.live.children.as_deref().unwrap_or_default();
            children
                .iter()
                .copied()
                .chain(view.job.spec.on_failure_job)
                .collect()
        });
        for (to, view) in graph.jobs.iter().enumerate() {
            let from = view
                .job
                .spec
                .parents
                .iter()
                .filter_map(|parent| places.get(parent));
            graph.edges.extend(from.map(|from| (*from, to, false)));
            let failure = view
                .job
                .spec
                .on_failure_job
                .and_then(|job| places.get(&job));
            graph
                .edges
                .extend(failure.map(|failure| (to, *failure, true)));
        }
        graph
    }

    /// Adds what `next` leads to from the first job on, breadth first, as long as there is room.
    fn walk(
        &mut self,
        registry: &Registry,
        places: &mut HashMap<JobId, usize>,
        next: impl Fn(&JobView) -> Vec<JobId>,
    ) {
        let mut waiting = std::collections::VecDeque::from([self.jobs[0].clone()]);
        while let Some(view) = waiting.pop_front() {
            for id in next(&view) {
                if places.contains_key(&id) {
                    continue;
                }
                if self.jobs.len() == config::WEB_GRAPH_JOBS {
                    self.left_out = true;
                    return;
                }
                if let Some(found) = registry.job(id) {
                    places.insert(id, self.jobs.len());
                    self.jobs.push(found.clone());
                    waiting.push_back(found);
                }
            }
        }
    }

    /// The layer of each job: one below the lowest of those that lead to it. There is no cycle, so it settles after as
    /// many rounds as there are jobs at the latest.
    fn layers(&self) -> Vec<Vec<usize>> {
        let mut layer = vec![0; self.jobs.len()];
        for _ in 0..self.jobs.len() {
            for &(from, to, _) in &self.edges {
                layer[to] = layer[to].max(layer[from] + 1);
            }
        }
        let mut layers = vec![Vec::new(); layer.iter().max().map_or(0, |last| last + 1)];
        for (job, layer) in layer.iter().enumerate() {
            layers[*layer].push(job);
        }
        for sweep in 0..SWEEPS {
            self.untangle(&mut layers, sweep % 2 == 0);
        }
        layers
    }

    /// Sorts each layer by the mean place of the neighbours on one side.
    fn untangle(&self, layers: &mut [Vec<usize>], down: bool) {
        let mut place = vec![0.0; self.jobs.len()];
        let set = |place: &mut Vec<f64>, layer: &[usize]| {
            let middle = (layer.len() as f64 - 1.0) / 2.0;
            for (at, job) in layer.iter().enumerate() {
                place[*job] = at as f64 - middle;
            }
        };
        layers.iter().for_each(|layer| set(&mut place, layer));
        let order: Vec<usize> = if down {
            (0..layers.len()).collect()
        } else {
            (0..layers.len()).rev().collect()
        };
        for at in order {
            let mean = |job: usize| {
                let side = self
                    .edges
                    .iter()
                    .filter_map(|&(from, to, _)| match (down, job) {
                        (true, job) if to == job => Some(place[from]),
                        (false, job) if from == job => Some(place[to]),
                        _ => None,
                    });
                let (sum, number) = side.fold((0.0, 0.0), |(sum, number), place| {
                    (sum + place, number + 1.0)
                });
                if number > 0.0 {
                    sum / number
                } else {
                    place[job]
                }
            };
            let mut sorted: Vec<(f64, usize)> =
                layers[at].iter().map(|&job| (mean(job), job)).collect();
            sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
            layers[at] = sorted.into_iter().map(|(_, job)| job).collect();
            set(&mut place, &layers[at]);
        }
    }
}

/// The picture around `view`; nothing if it stands alone.
pub(super) fn of(registry: &Registry, view: &JobView) -> Markup {
    let graph = Graph::around(registry, view);
    if graph.jobs.len() == 1 {
        return html! {};
    }
    let layers = graph.layers();
    let widest = layers.iter().map(Vec::len).max().unwrap_or(1) as f64;
    let width = widest * (WIDTH + GAP_X) - GAP_X + 4.0;
    let height = layers.len() as f64 * (HEIGHT + GAP_Y) - GAP_Y + 4.0;
    let mut places = vec![(0.0, 0.0); graph.jobs.len()];
    for (row, layer) in layers.iter().enumerate() {
        let left = (width - layer.len() as f64 * (WIDTH + GAP_X) + GAP_X) / 2.0;
        for (column, job) in layer.iter().enumerate() {
            places[*job] = (
                left + column as f64 * (WIDTH + GAP_X),
                2.0 + row as f64 * (HEIGHT + GAP_Y),
            );
        }
    }
    html! {
        section.card {
            h2 { "Dependencies" span.note { "after success " span.edge {} " after failure " span.edge.failure {} } }
            div.graph tabindex="0" role="group" aria-label="Jobs before and after this one" {
                svg viewBox={ "0 0 " (short(width)) " " (short(height)) } width=(short(width)) height=(short(height)) {
                    @for edge in &graph.edges { (line(*edge, &places)) }
                    @for (job, place) in graph.jobs.iter().zip(&places) { (node(job, *place, job.job.id == view.job.id)) }
                }
            }
            @if graph.left_out { p.faint { "Only the nearest " (config::WEB_GRAPH_JOBS) " jobs are drawn." } }
        }
    }
}

fn line((from, to, failure): Edge, places: &[(f64, f64)]) -> Markup {
    let (x1, y1) = (places[from].0 + WIDTH / 2.0, places[from].1 + HEIGHT);
    let (x2, y2) = (places[to].0 + WIDTH / 2.0, places[to].1);
    let bend = (y2 - y1) / 2.0;
    let d = format!(
        "M{} {}C{} {} {} {} {} {}",
        short(x1),
        short(y1),
        short(x1),
        short(y1 + bend),
        short(x2),
        short(y2 - bend),
        short(x2),
        short(y2)
    );
    html! { path.edge.failure[failure] d=(d) {} }
}

fn node(view: &JobView, (x, y): (f64, f64), is_this: bool) -> Markup {
    let state = State::of(view);
    let failing = survey::is_failing(view);
    let word = if failing {
        "last run failed"
    } else {
        state.word()
    };
    html! {
        a.node.this[is_this].failing[failing].(state.class()) href=(part::job_path(view.job.id)) aria-current=[is_this.then_some("true")] {
            title { (text::clipped(view.job.spec.name(), config::WEB_CLIPPED_CHARS)) ": " (word) }
            rect x=(short(x)) y=(short(y)) width=(WIDTH) height=(HEIGHT) rx="8" {}
            @if failing { path.dot d={ "M" (short(x + 15.0)) " " (short(y + 26.0)) "l5 5-5 5-5-5z" } {} }
            @else { circle.dot cx=(short(x + 15.0)) cy=(short(y + 31.0)) r="4" {} }
            text x=(short(x + 11.0)) y=(short(y + 18.0)) { (text::clipped(view.job.spec.name(), NAME_CHARS)) }
            text.state x=(short(x + 25.0)) y=(short(y + 34.5)) { (word) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{link, put, web};
    use super::*;

    #[test]
    fn a_job_stands_below_all_that_trigger_it() {
        let web = web();
        let ids: Vec<JobId> = (1..=5).map(|seq| put(&web, seq, |_| ()).id).collect();
        link(&web, &ids, &[(0, 1), (0, 2), (1, 3), (2, 3), (0, 3)]);
        let view = web.registry().job(ids[1]).unwrap();
        let graph = Graph::around(web.registry(), &view);
        let layers = graph.layers();
        let seqs = |layer: &Vec<usize>| {
            layer
                .iter()
                .map(|at| graph.jobs[*at].job.seq)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            layers.iter().map(seqs).collect::<Vec<_>>(),
            [vec![1], vec![2], vec![4]]
        );
        assert!(
            of(web.registry(), &web.registry().job(ids[4]).unwrap())
                .into_string()
                .is_empty()
        );
    }

    #[test]
    fn a_tangle_is_undone() {
        let web = web();
        let ids: Vec<JobId> = (1..=5).map(|seq| put(&web, seq, |_| ()).id).collect();
        link(&web, &ids, &[(0, 1), (0, 2), (1, 4), (2, 3)]);
        let graph = Graph::around(web.registry(), &web.registry().job(ids[0]).unwrap());
        let layers = graph.layers();
        let seqs = |layer: &Vec<usize>| {
            layer
                .iter()
                .map(|at| graph.jobs[*at].job.seq)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            (seqs(&layers[1]), seqs(&layers[2])),
            (vec![2, 3], vec![5, 4])
        );
    }

    #[test]
    fn a_crowd_is_cut() {
        let web = web();
        let ids: Vec<JobId> = (1..=100).map(|seq| put(&web, seq, |_| ()).id).collect();
        let links: Vec<(usize, usize)> = (1..100).map(|to| (0, to)).collect();
        link(&web, &ids, &links);
        let picture = of(web.registry(), &web.registry().job(ids[0]).unwrap()).into_string();
        assert!(picture.contains("Only the nearest 40"));
    }
}
