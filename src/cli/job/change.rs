//! `nimesha job create`, `update`, `delete`, `enable` and `disable`.

use serde_json::Value;

use super::keys;
use crate::cli::connect::asking;
use crate::cli::select::{find, path, text};
use crate::cli::{CliError, print};
use crate::client::{Client, escape};

asking! {
    /// Create a job, and print its id.
    #[argh(
        subcommand,
        name = "create",
        help_triggers("--help", "-h", "help"),
        example = "Every ten minutes:\n  {command_name} mirror command='rsync -a /a /b' schedule=R//PT10M timeout=PT5M",
        example = "After two others have succeeded, tagged:\n  {command_name} report command=./report \
                   parent_jobs=mirror,backup run_after=all tags=nightly",
        note = "The keys are those of the API. Other jobs may be given by their names."
    )]
    Create {
        /// its name, which no other job has
        #[argh(positional)]
        name: String,

        /// its keys, such as command='echo hello' schedule='30 2 * * *' retries=3
        #[argh(positional, arg_name = "key=value")]
        keys: Vec<String>,
    }
}

asking! {
    /// Change some keys of a job.
    #[argh(
        subcommand,
        name = "update",
        help_triggers("--help", "-h", "help"),
        example = "Another time, no retries:\n  {command_name} backup schedule='0 3 * * *' retries=0"
    )]
    Update {
        /// the job
        #[argh(positional)]
        job: String,

        /// what to change
        #[argh(positional, arg_name = "key=value")]
        keys: Vec<String>,
    }
}

asking! {
    /// Delete jobs, with the children that have no other parent.
    #[argh(subcommand, name = "delete", help_triggers("--help", "-h", "help"))]
    Delete {
        /// the jobs
        #[argh(positional, arg_name = "job")]
        jobs: Vec<String>,
    }
}

asking! {
    /// Let disabled jobs run again.
    #[argh(subcommand, name = "enable", help_triggers("--help", "-h", "help"))]
    Enable {
        /// the jobs
        #[argh(positional, arg_name = "job")]
        jobs: Vec<String>,
    }
}

asking! {
    /// Let jobs run no more until they are enabled.
    #[argh(subcommand, name = "disable", help_triggers("--help", "-h", "help"))]
    Disable {
        /// the jobs
        #[argh(positional, arg_name = "job")]
        jobs: Vec<String>,
    }
}

impl Create {
    pub(super) fn run(&self) -> Result<(), CliError> {
        let client = self.connect()?;
        let mut job = keys::read(&client, &self.keys)?;
        job.insert("name".to_owned(), Value::from(self.name.as_str()));
        let created = client.post("/job/?unique=name", Some(&Value::Object(job)))?;
        print(&format!("{}\n", text(&created.json, "id")))
    }
}

impl Update {
    pub(super) fn run(&self) -> Result<(), CliError> {
        let client = self.connect()?;
        let keys = keys::read(&client, &self.keys)?;
        if keys.is_empty() {
            return Err(CliError::Usage(
                "nothing is to change: give at least one key=value".into(),
            ));
        }
        let job = find(&client, &self.job)?;
        client.patch(&path(&job), &Value::Object(keys))?;
        Ok(())
    }
}

impl Delete {
    pub(super) fn run(&self) -> Result<(), CliError> {
        each(&self.connect()?, &self.jobs, |client, job| {
            client.delete(&path(job)).map_err(CliError::from)
        })
    }
}

impl Enable {
    pub(super) fn run(&self) -> Result<(), CliError> {
        switch(&self.connect()?, &self.jobs, "enable")
    }
}

impl Disable {
    pub(super) fn run(&self) -> Result<(), CliError> {
        switch(&self.connect()?, &self.jobs, "disable")
    }
}

fn switch(client: &Client, jobs: &[String], how: &str) -> Result<(), CliError> {
    each(client, jobs, |client, job| {
        client.post(&format!("/job/{how}/{}/", escape(text(job, "id"))), None)?;
        Ok(())
    })
}

/// Finds all the jobs before it changes the first, so that a typo changes nothing.
fn each(
    client: &Client,
    words: &[String],
    change: impl Fn(&Client, &Value) -> Result<(), CliError>,
) -> Result<(), CliError> {
    if words.is_empty() {
        return Err(CliError::Usage(
            "no job is given: name it, or give its id".into(),
        ));
    }
    let jobs: Vec<Value> = words
        .iter()
        .map(|word| find(client, word))
        .collect::<Result<_, _>>()?;
    jobs.iter().try_for_each(|job| change(client, job))
}
