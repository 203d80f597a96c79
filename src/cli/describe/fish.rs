//! Completion for fish, with a description beside each word.

use super::{Fill, Place, brief, quoted, value};

const HEAD: &str = "# Completion of nimesha for fish, made by: nimesha completions fish

function __nimesha_jobs
    nimesha job list --names 2>/dev/null
end

# Whether the words before the cursor lead to this command.
function __nimesha_at
    set -l at nimesha
    for word in (commandline -opc)[2..]
        if contains -- \"$at $word\" $__nimesha_commands
            set at \"$at $word\"
        end
    end
    test \"$at\" = \"$argv\"
end

complete -c nimesha -f
";

/// The script.
pub(super) fn script(places: &[Place<'_>]) -> String {
    let mut script = HEAD.to_owned();
    let paths: Vec<String> = places[1..]
        .iter()
        .map(|place| quoted(&place.path))
        .collect();
    script.push_str(&format!("set -g __nimesha_commands {}\n", paths.join(" ")));
    for place in places {
        let start = format!(
            "complete -c nimesha -n {}",
            quoted(&format!("__nimesha_at {}", place.path))
        );
        for (name, description) in place.commands() {
            script.push_str(&format!("{start} -a {name} -d {}\n", quoted(&description)));
        }
        if let Some(reply) = reply(place.operands()) {
            script.push_str(&format!("{start} {reply}\n"));
        }
        for flag in place.flags() {
            let long = flag.long.trim_start_matches('-');
            let short = flag
                .short
                .map(|short| format!(" -s {short}"))
                .unwrap_or_default();
            let value = match value(flag) {
                None => String::new(),
                Some(fill) => format!(" -r {}", reply(fill).unwrap_or_default()),
            };
            let value = value.trim_end();
            let description = quoted(&brief(flag.description));
            script.push_str(&format!(
                "{start} -l {long}{short}{value} -d {description}\n"
            ));
        }
    }
    script
}

/// What completes a value; none where only the person knows.
fn reply(fill: Fill) -> Option<String> {
    match fill {
        Fill::Words(list) => Some(format!("-a {}", quoted(list))),
        Fill::Files => Some("-F".to_owned()),
        Fill::Dirs => Some("-a '(__fish_complete_directories)'".to_owned()),
        Fill::Jobs => Some("-a '(__nimesha_jobs)'".to_owned()),
        Fill::Nothing => None,
    }
}
