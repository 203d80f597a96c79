//! The texts that every job has, in one piece of memory.
//!
//! A server holds a million jobs, and their texts are short or empty: apart, each takes a pointer, a length and an
//! allocation that is rounded up, which together is more than what they say.

use super::JobSpec;

/// The texts of a job; made from [`TextsOf`], read through [`JobSpec`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts {
    /// One after the other.
    all: Box<str>,
    /// Where each but the last ends.
    ends: [u32; 4],
}

/// The texts of a job, one by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextsOf<'a> {
    /// Its name, at least one character.
    pub name: &'a str,
    /// The command; empty for remote jobs that have none.
    pub command: &'a str,
    /// Who it belongs to.
    pub owner: &'a str,
    /// The schedule as written; empty for once at once, and for jobs with parents.
    pub schedule: &'a str,
    /// IANA zone as written, or empty.
    pub timezone: &'a str,
}

impl From<TextsOf<'_>> for Texts {
    fn from(of: TextsOf<'_>) -> Texts {
        let texts = [of.name, of.command, of.owner, of.schedule, of.timezone];
        let mut end = 0;
        let ends = [0, 1, 2, 3].map(|n: usize| {
            end += texts[n].len();
            u32::try_from(end).expect("a job comes in a request of some megabytes at most")
        });
        let all = texts.concat().into();
        Texts { all, ends }
    }
}

impl Texts {
    fn nth(&self, n: usize) -> &str {
        let end = |n: usize| self.ends.get(n).map_or(self.all.len(), |&end| end as usize);
        let start = n.checked_sub(1).map_or(0, end);
        &self.all[start..end(n)]
    }
}

impl JobSpec {
    /// Its name, at least one character.
    #[must_use]
    pub fn name(&self) -> &str {
        self.texts.nth(0)
    }

    /// The command; empty for remote jobs that have none.
    #[must_use]
    pub fn command(&self) -> &str {
        self.texts.nth(1)
    }

    /// Who it belongs to.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.texts.nth(2)
    }

    /// The schedule as written; empty for once at once, and for jobs with parents.
    #[must_use]
    pub fn schedule(&self) -> &str {
        self.texts.nth(3)
    }

    /// IANA zone as written, or empty.
    #[must_use]
    pub fn timezone(&self) -> &str {
        self.texts.nth(4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_read_as_it_was_given() {
        let ok = [
            ["a", "b", "c", "d", "e"],
            ["name", "", "", "", ""],
            ["na\u{ef}ve \u{1F552}", "", "\u{f6}", "", "Europe/Berlin"],
            ["", "", "", "", ""],
        ];
        for given in ok {
            let [name, command, owner, schedule, timezone] = given;
            let texts = Texts::from(TextsOf {
                name,
                command,
                owner,
                schedule,
                timezone,
            });
            assert_eq!([0, 1, 2, 3, 4].map(|n| texts.nth(n)), given);
        }
    }
}
