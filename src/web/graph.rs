//! The jobs around one job as a picture: what triggers it above, what it triggers below, each with its state.
//!
//! Drawn in layers: a job stands below all that trigger it, and lines go around the boxes between (the method of
//! Sugiyama, Tagawa and Toda, by the crate `ascii-dag`, whose cells are scaled to pixels).

use std::collections::HashMap;

use ascii_dag::EdgePath;
use maud::{Markup, html};

use crate::config;
use crate::job::JobId;
use crate::registry::{JobView, Registry};

use super::chart::short;
use super::mark::State;
use super::{part, survey, text};

/// What the layout takes for a box, with a bracket at each end: so many cells wide.
const BOX: &str = "-------------------";
const CELL: f64 = 8.0;
const WIDTH: f64 = (BOX.len() + 2) as f64 * CELL;
const HEIGHT: f64 = 44.0;
const GAP_Y: f64 = 44.0;
const MARGIN: f64 = 2.0;
/// Characters of a name that fit into a box.
const NAME_CHARS: usize = 19;

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
}

/// Where everything stands, in pixels.
struct Layout {
    /// The left upper corner of each job's box.
    places: Vec<(f64, f64)>,
    /// Of each edge: where it goes straight down past boxes that it does not lead to, as x, and y from and to.
    passes: Vec<Vec<(f64, f64, f64)>>,
    width: f64,
    height: f64,
}

impl Layout {
    fn of(graph: &Graph) -> Layout {
        let mut picture = ascii_dag::Graph::new();
        for job in 0..graph.jobs.len() {
            picture.add_node(job, BOX);
        }
        for &(from, to, _) in &graph.edges {
            picture.add_edge(from, to, None);
        }
        let found = picture.compute_layout();
        let mut places = vec![(0.0, 0.0); graph.jobs.len()];
        let mut rows = vec![0; graph.jobs.len()];
        let mut lines = vec![0; found.level_count()];
        for node in found.nodes() {
            places[node.id] = (left(node.x), top(node.level));
            rows[node.id] = node.level;
            lines[node.level] = node.y;
        }
        let mut passes = vec![Vec::new(); graph.edges.len()];
        for edge in found.edges() {
            let EdgePath::MultiSegment { waypoints, .. } = &edge.path else {
                continue;
            };
            let mut row = rows[edge.from_id].min(rows[edge.to_id]);
            passes[edge.edge_index] = waypoints
                .iter()
                .map(|&(x, y)| {
                    let first = top(row + 1);
                    row = lines.partition_point(|line| *line <= y).saturating_sub(1);
                    (left(x) + CELL / 2.0, first, top(row) + HEIGHT)
                })
                .collect();
        }
        Layout {
            places,
            passes,
            width: left(found.width()) + MARGIN,
            height: top(found.level_count()) - GAP_Y + MARGIN,
        }
    }
}

fn left(cells: usize) -> f64 {
    MARGIN + cells as f64 * CELL
}

fn top(row: usize) -> f64 {
    MARGIN + row as f64 * (HEIGHT + GAP_Y)
}

/// The picture around `view`; nothing if it stands alone.
pub(super) fn of(registry: &Registry, view: &JobView) -> Markup {
    let graph = Graph::around(registry, view);
    if graph.jobs.len() == 1 {
        return html! {};
    }
    let Layout {
        places,
        passes,
        width,
        height,
    } = Layout::of(&graph);
    html! {
        section.card {
            h2 { "Dependencies" span.note { "after success " span.edge {} " after failure " span.edge.failure {} } }
            div.graph tabindex="0" role="group" aria-label="Jobs before and after this one" {
                svg viewBox={ "0 0 " (short(width)) " " (short(height)) } width=(short(width)) height=(short(height)) {
                    @for (edge, passes) in graph.edges.iter().zip(&passes) { (line(*edge, &places, passes)) }
                    @for (job, place) in graph.jobs.iter().zip(&places) { (node(job, *place, job.job.id == view.job.id)) }
                }
            }
            @if graph.left_out { p.faint { "Only the nearest " (config::WEB_GRAPH_JOBS) " jobs are drawn." } }
        }
    }
}

fn line((from, to, failure): Edge, places: &[(f64, f64)], passes: &[(f64, f64, f64)]) -> Markup {
    let middle = |job: usize| places[job].0 + WIDTH / 2.0;
    let mut at = (middle(from), places[from].1 + HEIGHT);
    let mut d = format!("M{} {}", short(at.0), short(at.1));
    for &(x, begin, end) in passes {
        d.push_str(&bend(at, (x, begin)));
        d.push_str(&format!("V{}", short(end)));
        at = (x, end);
    }
    d.push_str(&bend(at, (middle(to), places[to].1)));
    html! { path.edge.failure[failure] d=(d) {} }
}

/// A curve that leaves and arrives upright.
fn bend((x1, y1): (f64, f64), (x2, y2): (f64, f64)) -> String {
    let half = f64::midpoint(y1, y2);
    let [x1, x2, y2, half] = [x1, x2, y2, half].map(short);
    format!("C{x1} {half} {x2} {half} {x2} {y2}")
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

    /// The numbers of the jobs by row, from left to right.
    fn rows(graph: &Graph) -> Vec<Vec<u64>> {
        let places = Layout::of(graph).places;
        let mut jobs: Vec<_> = places.iter().zip(&graph.jobs).collect();
        jobs.sort_by(|((x1, y1), _), ((x2, y2), _)| y1.total_cmp(y2).then(x1.total_cmp(x2)));
        let rows = jobs.chunk_by(|(a, _), (b, _)| a.1 == b.1);
        rows.map(|row| row.iter().map(|(_, job)| job.job.seq).collect())
            .collect()
    }

    #[test]
    fn a_job_stands_below_all_that_trigger_it() {
        let web = web();
        let ids: Vec<JobId> = (1..=5).map(|seq| put(&web, seq, |_| ()).id).collect();
        link(&web, &ids, &[(0, 1), (0, 2), (1, 3), (2, 3), (0, 3)]);
        let view = web.registry().job(ids[1]).unwrap();
        let graph = Graph::around(web.registry(), &view);
        assert_eq!(rows(&graph), [vec![1], vec![2], vec![4]]);
        let alone = web.registry().job(ids[4]).unwrap();
        assert!(of(web.registry(), &alone).into_string().is_empty());
    }

    #[test]
    fn a_line_goes_around_the_boxes_between() {
        let web = web();
        let ids: Vec<JobId> = (1..=4).map(|seq| put(&web, seq, |_| ()).id).collect();
        link(&web, &ids, &[(0, 1), (1, 2), (2, 3), (0, 3)]);
        let graph = Graph::around(web.registry(), &web.registry().job(ids[0]).unwrap());
        let layout = Layout::of(&graph);
        let place = |seq| graph.jobs.iter().position(|view| view.job.seq == seq);
        let [first, second, third, last] = [1, 2, 3, 4].map(|seq| place(seq).expect("it is drawn"));
        let edge = |edge: &Edge| (edge.0, edge.1) == (first, last);
        let long = graph.edges.iter().position(edge).expect("it is drawn");
        for (left, y) in [second, third].map(|job| layout.places[job]) {
            let goes_by = |(x, begin, end): &(f64, f64, f64)| {
                (*begin..*end).contains(&y) && !(left..left + WIDTH).contains(x)
            };
            assert!(layout.passes[long].iter().any(goes_by));
        }
    }

    #[test]
    fn a_tangle_is_undone() {
        let web = web();
        let ids: Vec<JobId> = (1..=5).map(|seq| put(&web, seq, |_| ()).id).collect();
        link(&web, &ids, &[(0, 1), (0, 2), (1, 4), (2, 3)]);
        let graph = Graph::around(web.registry(), &web.registry().job(ids[0]).unwrap());
        let rows = rows(&graph);
        assert!(
            (&rows[1][..], &rows[2][..]) == (&[2, 3], &[5, 4])
                || (&rows[1][..], &rows[2][..]) == (&[3, 2], &[4, 5]),
            "{rows:?}"
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
