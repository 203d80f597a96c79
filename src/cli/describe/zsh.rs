//! Completion for zsh, with a description beside each word.

use super::{Fill, Place, begun, brief, quoted};

const HEAD: &str = r#"#compdef nimesha
# Completion of nimesha for zsh, made by: nimesha completions zsh

_nimesha_jobs() {
    local -a jobs=("${(@f)$(nimesha job list --names 2>/dev/null)}")
    compadd -a jobs
}

_nimesha() {
    local at=nimesha prev=${words[CURRENT-1]} index
    local -a found
    # The value of --flag=value stands in the same word.
    if [[ $PREFIX == --*=* ]]; then
        prev=${PREFIX%%=*}
        compset -P '*='
    fi
    for ((index = 2; index < CURRENT; index++)); do
        case "$at ${words[index]}" in
"#;

/// The script.
pub(super) fn script(places: &[Place<'_>]) -> String {
    let mut script = begun(HEAD, places, reply);
    let mut line = |text: &str| {
        script.push_str(text);
        script.push('\n');
    };
    line("    esac\n    case \"$at\" in");
    for place in places {
        let flags = place.flags();
        let flags = flags.map(|flag| described(flag.long, &brief(flag.description)));
        let commands: Vec<String> = place
            .commands()
            .map(|(name, description)| described(name, &description))
            .collect();
        line(&format!("    \"{}\")", place.path));
        line("        if [[ $PREFIX == -* ]]; then");
        line(&format!(
            "            found=({})",
            flags.collect::<Vec<_>>().join(" ")
        ));
        line("            _describe -o option found\n        else");
        match commands.is_empty() {
            true => line(&format!("            {}", reply(place.operands()))),
            false => {
                line(&format!("            found=({})", commands.join(" ")));
                line("            _describe command found");
            }
        }
        line("        fi\n        ;;");
    }
    line("    esac\n}\n\n_nimesha \"$@\"");
    script
}

fn reply(fill: Fill) -> String {
    match fill {
        Fill::Words(list) => format!("compadd {list}"),
        Fill::Files => "_files".to_owned(),
        Fill::Dirs => "_files -/".to_owned(),
        Fill::Jobs => "_nimesha_jobs".to_owned(),
        Fill::Nothing => ":".to_owned(),
    }
}

/// A word with its description, in the form of `_describe`.
fn described(word: &str, description: &str) -> String {
    quoted(&format!("{word}:{}", description.replace(':', r"\:")))
}
