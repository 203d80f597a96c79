#!/bin/sh
# Fuzzes what reads bytes from outside, each target for so many minutes, one after the other:
#
#     cargo install cargo-fuzz && rustup toolchain install nightly
#     contrib/fuzz/run.sh 10 [TARGET...]
#
# What crashes a target is left in contrib/fuzz/artifacts, and the command to see it again is printed. New inputs go to
# contrib/fuzz/found; the small corpus in contrib/fuzz/corpus stays as it is.
set -eu
cd "$(dirname "$0")"
minutes=${1:?"how many minutes for each target?"}
shift
[ $# -gt 0 ] || set -- schedule cron job head guard record wheel
for target; do
    mkdir -p "found/$target" "corpus/$target"
    # The code is safe Rust throughout, so there is nothing for sanitizers of memory to find.
    cargo +nightly fuzz run --fuzz-dir . --sanitizer none --debug-assertions "$target" "found/$target" "corpus/$target" -- \
        -max_total_time=$((minutes * 60)) -timeout=10 -rss_limit_mb=1024 -print_final_stats=1
done
