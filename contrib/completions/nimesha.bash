# Completion of nimesha for bash, made by: nimesha completions bash

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
        "nimesha serve") at="nimesha serve" ;;
        "nimesha config") at="nimesha config" ;;
        "nimesha run") at="nimesha run" ;;
        "nimesha next") at="nimesha next" ;;
        "nimesha forecast") at="nimesha forecast" ;;
        "nimesha job") at="nimesha job" ;;
        "nimesha job list") at="nimesha job list" ;;
        "nimesha job show") at="nimesha job show" ;;
        "nimesha job create") at="nimesha job create" ;;
        "nimesha job update") at="nimesha job update" ;;
        "nimesha job delete") at="nimesha job delete" ;;
        "nimesha job enable") at="nimesha job enable" ;;
        "nimesha job disable") at="nimesha job disable" ;;
        "nimesha job start") at="nimesha job start" ;;
        "nimesha job runs") at="nimesha job runs" ;;
        "nimesha job output") at="nimesha job output" ;;
        "nimesha job cancel") at="nimesha job cancel" ;;
        "nimesha top") at="nimesha top" ;;
        "nimesha stats") at="nimesha stats" ;;
        "nimesha pause") at="nimesha pause" ;;
        "nimesha resume") at="nimesha resume" ;;
        "nimesha apply") at="nimesha apply" ;;
        "nimesha export") at="nimesha export" ;;
        "nimesha validate") at="nimesha validate" ;;
        "nimesha import") at="nimesha import" ;;
        "nimesha check") at="nimesha check" ;;
        "nimesha backup") at="nimesha backup" ;;
        "nimesha restore") at="nimesha restore" ;;
        "nimesha migrate") at="nimesha migrate" ;;
        "nimesha completions") at="nimesha completions" ;;
        "nimesha man") at="nimesha man" ;;
        esac
    done
    case "$at $prev" in
    "nimesha serve --port" | "nimesha serve -p")
        :
        return
        ;;
    "nimesha serve --interface" | "nimesha serve -i")
        :
        return
        ;;
    "nimesha serve --listen-unix")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha serve --token-file")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha serve --allow-host")
        :
        return
        ;;
    "nimesha serve --tls-cert")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha serve --tls-key")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha serve --jobdb")
        mapfile -t COMPREPLY < <(compgen -W "redb boltdb redis postgres mysql mariadb" -- "$cur")
        return
        ;;
    "nimesha serve --boltpath")
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        return
        ;;
    "nimesha serve --jobdb-address")
        :
        return
        ;;
    "nimesha serve --jobdb-username")
        :
        return
        ;;
    "nimesha serve --jobdb-password")
        :
        return
        ;;
    "nimesha serve --jobdb-tls-capath")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha serve --jobdb-tls-certpath")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha serve --jobdb-tls-keypath")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha serve --jobdb-tls-servername")
        :
        return
        ;;
    "nimesha serve --jobdb-prefix")
        :
        return
        ;;
    "nimesha serve --persist-every" | "nimesha serve -e")
        :
        return
        ;;
    "nimesha serve --jobstat-ttl")
        :
        return
        ;;
    "nimesha serve --history-limit")
        :
        return
        ;;
    "nimesha serve --output-limit")
        :
        return
        ;;
    "nimesha serve --output-total")
        :
        return
        ;;
    "nimesha serve --done-ttl")
        :
        return
        ;;
    "nimesha serve --on-event")
        :
        return
        ;;
    "nimesha serve --workers")
        :
        return
        ;;
    "nimesha serve --grace")
        :
        return
        ;;
    "nimesha serve --timezone")
        :
        return
        ;;
    "nimesha serve --default-owner" | "nimesha serve -o")
        :
        return
        ;;
    "nimesha serve --log-format")
        mapfile -t COMPREPLY < <(compgen -W "text json" -- "$cur")
        return
        ;;
    "nimesha serve --config")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha config --port" | "nimesha config -p")
        :
        return
        ;;
    "nimesha config --interface" | "nimesha config -i")
        :
        return
        ;;
    "nimesha config --listen-unix")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha config --token-file")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha config --allow-host")
        :
        return
        ;;
    "nimesha config --tls-cert")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha config --tls-key")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha config --jobdb")
        mapfile -t COMPREPLY < <(compgen -W "redb boltdb redis postgres mysql mariadb" -- "$cur")
        return
        ;;
    "nimesha config --boltpath")
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        return
        ;;
    "nimesha config --jobdb-address")
        :
        return
        ;;
    "nimesha config --jobdb-username")
        :
        return
        ;;
    "nimesha config --jobdb-password")
        :
        return
        ;;
    "nimesha config --jobdb-tls-capath")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha config --jobdb-tls-certpath")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha config --jobdb-tls-keypath")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha config --jobdb-tls-servername")
        :
        return
        ;;
    "nimesha config --jobdb-prefix")
        :
        return
        ;;
    "nimesha config --persist-every" | "nimesha config -e")
        :
        return
        ;;
    "nimesha config --jobstat-ttl")
        :
        return
        ;;
    "nimesha config --history-limit")
        :
        return
        ;;
    "nimesha config --output-limit")
        :
        return
        ;;
    "nimesha config --output-total")
        :
        return
        ;;
    "nimesha config --done-ttl")
        :
        return
        ;;
    "nimesha config --on-event")
        :
        return
        ;;
    "nimesha config --workers")
        :
        return
        ;;
    "nimesha config --grace")
        :
        return
        ;;
    "nimesha config --timezone")
        :
        return
        ;;
    "nimesha config --default-owner" | "nimesha config -o")
        :
        return
        ;;
    "nimesha config --log-format")
        mapfile -t COMPREPLY < <(compgen -W "text json" -- "$cur")
        return
        ;;
    "nimesha config --config")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha run --timeout")
        :
        return
        ;;
    "nimesha run --env")
        :
        return
        ;;
    "nimesha run --cwd")
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        return
        ;;
    "nimesha next --timezone")
        :
        return
        ;;
    "nimesha next --count")
        :
        return
        ;;
    "nimesha next --from")
        :
        return
        ;;
    "nimesha forecast --from")
        :
        return
        ;;
    "nimesha forecast --to")
        :
        return
        ;;
    "nimesha forecast --workers")
        :
        return
        ;;
    "nimesha forecast --timezone")
        :
        return
        ;;
    "nimesha forecast --url")
        :
        return
        ;;
    "nimesha forecast --cacert")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha job list --name")
        :
        return
        ;;
    "nimesha job list --tag")
        :
        return
        ;;
    "nimesha job list --status")
        mapfile -t COMPREPLY < <(compgen -W "disabled running scheduled done failed" -- "$cur")
        return
        ;;
    "nimesha job list --owner")
        :
        return
        ;;
    "nimesha job list --search")
        :
        return
        ;;
    "nimesha job list --limit")
        :
        return
        ;;
    "nimesha job list --sort")
        mapfile -t COMPREPLY < <(compgen -W "created name next last errors" -- "$cur")
        return
        ;;
    "nimesha job list --url")
        :
        return
        ;;
    "nimesha job list --cacert")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha job show --url")
        :
        return
        ;;
    "nimesha job show --cacert")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha job create --url")
        :
        return
        ;;
    "nimesha job create --cacert")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha job update --url")
        :
        return
        ;;
    "nimesha job update --cacert")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha job delete --url")
        :
        return
        ;;
    "nimesha job delete --cacert")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha job enable --url")
        :
        return
        ;;
    "nimesha job enable --cacert")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha job disable --url")
        :
        return
        ;;
    "nimesha job disable --cacert")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha job start --url")
        :
        return
        ;;
    "nimesha job start --cacert")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha job runs --limit")
        :
        return
        ;;
    "nimesha job runs --url")
        :
        return
        ;;
    "nimesha job runs --cacert")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha job output --url")
        :
        return
        ;;
    "nimesha job output --cacert")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha job cancel --url")
        :
        return
        ;;
    "nimesha job cancel --cacert")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha top --url")
        :
        return
        ;;
    "nimesha top --cacert")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha stats --url")
        :
        return
        ;;
    "nimesha stats --cacert")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha pause --url")
        :
        return
        ;;
    "nimesha pause --cacert")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha resume --url")
        :
        return
        ;;
    "nimesha resume --cacert")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha apply --url")
        :
        return
        ;;
    "nimesha apply --cacert")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha export --url")
        :
        return
        ;;
    "nimesha export --cacert")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha import --timezone")
        :
        return
        ;;
    "nimesha import --url")
        :
        return
        ;;
    "nimesha import --cacert")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha backup --from")
        :
        return
        ;;
    "nimesha backup --url")
        :
        return
        ;;
    "nimesha backup --cacert")
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    "nimesha restore --to")
        :
        return
        ;;
    "nimesha migrate --from")
        :
        return
        ;;
    "nimesha migrate --to")
        :
        return
        ;;
    esac
    case "$at" in
    "nimesha")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --version" -- "$cur")
        else
            mapfile -t COMPREPLY < <(compgen -W "serve config run next forecast job top stats pause resume apply export validate import check backup restore migrate completions man" -- "$cur")
        fi
        ;;
    "nimesha serve")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --port --interface --listen-unix --token-file --allow-host --tls-cert --tls-key --insecure --deny-local-jobs --deny-delete-all --jobdb --boltpath --jobdb-address --jobdb-username --jobdb-password --jobdb-tls-capath --jobdb-tls-certpath --jobdb-tls-keypath --jobdb-tls-servername --jobdb-prefix --no-persist --no-tx-persist --persist-every --jobstat-ttl --history-limit --output-limit --output-total --done-ttl --on-event --workers --grace --timezone --default-owner --verbose --log-format --config" -- "$cur")
        else
            :
        fi
        ;;
    "nimesha config")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --port --interface --listen-unix --token-file --allow-host --tls-cert --tls-key --insecure --deny-local-jobs --deny-delete-all --jobdb --boltpath --jobdb-address --jobdb-username --jobdb-password --jobdb-tls-capath --jobdb-tls-certpath --jobdb-tls-keypath --jobdb-tls-servername --jobdb-prefix --no-persist --no-tx-persist --persist-every --jobstat-ttl --history-limit --output-limit --output-total --done-ttl --on-event --workers --grace --timezone --default-owner --verbose --log-format --config" -- "$cur")
        else
            :
        fi
        ;;
    "nimesha run")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --timeout --env --cwd" -- "$cur")
        else
            :
        fi
        ;;
    "nimesha next")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --timezone --count --from" -- "$cur")
        else
            :
        fi
        ;;
    "nimesha forecast")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --from --to --workers --timezone --json --url --cacert" -- "$cur")
        else
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        fi
        ;;
    "nimesha job")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help" -- "$cur")
        else
            mapfile -t COMPREPLY < <(compgen -W "list show create update delete enable disable start runs output cancel" -- "$cur")
        fi
        ;;
    "nimesha job list")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --name --tag --status --owner --search --limit --sort --names --json --url --cacert" -- "$cur")
        else
            :
        fi
        ;;
    "nimesha job show")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --json --url --cacert" -- "$cur")
        else
            _nimesha_jobs "$cur"
        fi
        ;;
    "nimesha job create")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --url --cacert" -- "$cur")
        else
            :
        fi
        ;;
    "nimesha job update")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --url --cacert" -- "$cur")
        else
            _nimesha_jobs "$cur"
        fi
        ;;
    "nimesha job delete")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --url --cacert" -- "$cur")
        else
            _nimesha_jobs "$cur"
        fi
        ;;
    "nimesha job enable")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --url --cacert" -- "$cur")
        else
            _nimesha_jobs "$cur"
        fi
        ;;
    "nimesha job disable")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --url --cacert" -- "$cur")
        else
            _nimesha_jobs "$cur"
        fi
        ;;
    "nimesha job start")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --wait --no-wait --url --cacert" -- "$cur")
        else
            _nimesha_jobs "$cur"
        fi
        ;;
    "nimesha job runs")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --limit --json --url --cacert" -- "$cur")
        else
            _nimesha_jobs "$cur"
        fi
        ;;
    "nimesha job output")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --follow --url --cacert" -- "$cur")
        else
            _nimesha_jobs "$cur"
        fi
        ;;
    "nimesha job cancel")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --url --cacert" -- "$cur")
        else
            _nimesha_jobs "$cur"
        fi
        ;;
    "nimesha top")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --once --url --cacert" -- "$cur")
        else
            :
        fi
        ;;
    "nimesha stats")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --json --url --cacert" -- "$cur")
        else
            :
        fi
        ;;
    "nimesha pause")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --url --cacert" -- "$cur")
        else
            :
        fi
        ;;
    "nimesha resume")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --url --cacert" -- "$cur")
        else
            :
        fi
        ;;
    "nimesha apply")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --dry-run --prune --url --cacert" -- "$cur")
        else
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        fi
        ;;
    "nimesha export")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --url --cacert" -- "$cur")
        else
            :
        fi
        ;;
    "nimesha validate")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help" -- "$cur")
        else
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        fi
        ;;
    "nimesha import")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --system --timezone --replace --dry-run --url --cacert" -- "$cur")
        else
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        fi
        ;;
    "nimesha check")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help" -- "$cur")
        else
            :
        fi
        ;;
    "nimesha backup")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --from --url --cacert" -- "$cur")
        else
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        fi
        ;;
    "nimesha restore")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --to" -- "$cur")
        else
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        fi
        ;;
    "nimesha migrate")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help --from --to" -- "$cur")
        else
            :
        fi
        ;;
    "nimesha completions")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help" -- "$cur")
        else
            mapfile -t COMPREPLY < <(compgen -W "bash zsh fish" -- "$cur")
        fi
        ;;
    "nimesha man")
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--help" -- "$cur")
        else
            :
        fi
        ;;
    esac
}

complete -o filenames -F _nimesha nimesha
