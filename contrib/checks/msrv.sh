#!/usr/bin/env bash
# The oldest Rust that Cargo.toml names (`rust-version`) builds the program with all its drivers, its tests and benches.
#
#   contrib/checks/msrv.sh           needs rustup
set -euo pipefail
cd "$(dirname "$0")/../.."

rust=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
rustup toolchain install "$rust" --profile minimal
cargo "+$rust" check --locked --all-targets --features full
echo "all well with Rust $rust"
