//! Completion for bash. It needs nothing beside bash itself, not even the package that most systems have for it.

use super::{Fill, Place, begun};

const HEAD: &str = r#"# Completion of nimesha for bash, made by: nimesha completions bash

_nimesha_jobs() {
    local IFS=$'\n' name
    for name in $(nimesha job list --names 2>/dev/null); do
        [[ $name == "$1"* ]] && COMPREPLY+=("$(printf %q "$name")")
    done
}

_nimesha() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} at=nimesha index
    # bash takes --flag=value for three words.
    if [[ $cur == = ]]; then
        cur=
    elif [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    COMPREPLY=()
    for ((index = 1; index < COMP_CWORD; index++)); do
        case "$at ${COMP_WORDS[index]}" in
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
        let commands: Vec<&str> = place.commands().map(|(name, _)| name).collect();
        let flags: Vec<&str> = place.flags().map(|flag| flag.long).collect();
        line(&format!("    \"{}\")", place.path));
        line("        if [[ $cur == -* ]]; then");
        line(&format!("            {}", words(&flags.join(" "))));
        let operand = match commands.is_empty() {
            true => reply(place.operands()),
            false => words(&commands.join(" ")),
        };
        line(&format!(
            "        else\n            {operand}\n        fi\n        ;;"
        ));
    }
    line("    esac\n}\n\ncomplete -o filenames -F _nimesha nimesha");
    script
}

fn reply(fill: Fill) -> String {
    match fill {
        Fill::Words(list) => words(list),
        Fill::Files => "mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")".to_owned(),
        Fill::Dirs => "mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")".to_owned(),
        Fill::Jobs => "_nimesha_jobs \"$cur\"".to_owned(),
        Fill::Nothing => ":".to_owned(),
    }
}

fn words(list: &str) -> String {
    format!("mapfile -t COMPREPLY < <(compgen -W \"{list}\" -- \"$cur\")")
}
