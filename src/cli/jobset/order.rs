//! Which jobs the words of a file mean, and the order in which each job comes after those that it names.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Wanted;
use crate::cli::CliError;
use crate::cli::select::text;

/// Jobs in an order in which they can be created.
pub(super) struct Ordered {
    pub(super) jobs: Vec<Wanted>,
    /// For each word that names a job, its name.
    pub(super) meant: BTreeMap<String, String>,
}

impl Ordered {
    /// The jobs, each after those of them that it names; `there` are those of the server, which `prune` will delete.
    ///
    /// # Errors
    /// When a name stands twice, a job names one that is nowhere, or jobs name each other in a circle.
    pub(super) fn of(
        wanted: Vec<Wanted>,
        there: &[Value],
        prune: bool,
    ) -> Result<Ordered, CliError> {
        let wanted = unique(wanted)?;
        let meant = meant(&wanted, there, prune)?;
        let mut left: BTreeMap<String, Wanted> = BTreeMap::new();
        let mut order: Vec<String> = Vec::new();
        for job in wanted {
            order.push(job.name.clone());
            left.insert(job.name.clone(), job);
        }
        let mut jobs = Vec::new();
        while !left.is_empty() {
            let before = left.len();
            for name in &order {
                let waits = left.get(name).is_none_or(|job| {
                    let mut others = job.references().filter_map(|(_, word)| meant.get(word));
                    others.any(|other| left.contains_key(other))
                });
                if !waits {
                    jobs.extend(left.remove(name));
                }
            }
            if left.len() == before {
                let names: Vec<&str> = left.keys().map(String::as_str).collect();
                return failed(format!(
                    "jobs name each other in a circle, over parents and failure jobs: {} (or those before them)",
                    names.join(", ")
                ));
            }
        }
        Ok(Ordered { jobs, meant })
    }
}

pub(super) fn failed<T>(why: String) -> Result<T, CliError> {
    Err(CliError::Failed(why))
}

fn unique(wanted: Vec<Wanted>) -> Result<Vec<Wanted>, CliError> {
    let mut names = BTreeSet::new();
    match wanted.iter().find(|job| !names.insert(&job.name)) {
        Some(job) => failed(format!(
            "{} stands there twice: names tell jobs apart",
            job.title()
        )),
        None => Ok(wanted),
    }
}

/// The name of the job that each word means: in the files before on the server, a name before an id.
fn meant(
    wanted: &[Wanted],
    there: &[Value],
    prune: bool,
) -> Result<BTreeMap<String, String>, CliError> {
    let kept = if prune { &[] } else { there };
    let mut known: BTreeMap<&str, &str> = BTreeMap::new();
    let ids = kept.iter().map(|job| (text(job, "id"), text(job, "name")));
    known.extend(ids);
    known.extend(
        kept.iter()
            .map(|job| (text(job, "name"), text(job, "name"))),
    );
    known.extend(
        wanted
            .iter()
            .filter(|job| !job.id.is_empty())
            .map(|job| (&*job.id, &*job.name)),
    );
    known.extend(wanted.iter().map(|job| (&*job.name, &*job.name)));
    let mut meant = BTreeMap::new();
    for job in wanted {
        for (key, word) in job.references() {
            let Some(name) = known.get(word) else {
                let gone = if prune { " that would stay" } else { "" };
                return failed(format!(
                    "{}: {key} names {word:?}, but no job{gone} has this name or id, here or on the server",
                    job.title()
                ));
            };
            meant.insert(word.to_owned(), (*name).to_owned());
        }
    }
    Ok(meant)
}
