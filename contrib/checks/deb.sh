#!/usr/bin/env bash
# Builds the Debian package, lets lintian judge it if that is there, installs it into a fresh Debian in a directory, runs it
# there as its own user, upgrades and removes it, looks that settings and jobs are kept, and purges both.
#
#   contrib/checks/deb.sh [PACKAGE]  as root; needs debootstrap, and cargo-deb for a package that is not built yet; takes
#                                    a minute then, and a build else
set -euo pipefail
cd "$(dirname "$0")/../.."

say() { echo "== $*"; }
fail() {
    echo "FAILED: $*" >&2
    exit 1
}

package=${1:-}
if [ -z "$package" ]; then
    say "building"
    package=$(cargo deb --locked | tail -1)
fi
dpkg-deb --info "$package"
dpkg-deb --contents "$package"
if command -v lintian >/dev/null; then
    lintian --allow-root --fail-on error "$package"
fi

root=$(mktemp -d)
chmod 755 "$root"
server=
clean_up() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    wait
    rm -rf "$root"
}
trap clean_up EXIT

inside() { chroot "$root" "$@"; }
ask() { curl --silent --fail --unix-socket "$root/var/lib/nimesha/socket" "http://localhost$1" "${@:2}"; }

serve() {
    # As the unit does; there is no systemd inside.
    chroot "$root" setpriv --reuid nimesha --regid nimesha --clear-groups \
        nimesha serve --boltpath /var/lib/nimesha --config /etc/nimesha/nimesha.toml \
        --port none --listen-unix /var/lib/nimesha/socket &
    server=$!
    for _ in $(seq 300); do
        ask /healthz >/dev/null && return
        sleep 0.1
    done
    fail "the server does not answer"
}
stop() {
    kill "$server"
    wait "$server" || fail "the server ended with $?"
    server=
}
expect_job() { ask /api/v1/stats/ | grep -q '"Jobs":1,' || fail "the job is gone $1"; }

say "making a Debian in $root"
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
debootstrap --variant=minbase --include=ca-certificates "$release" "$root" >/dev/null
cp "$package" "$root/nimesha.deb"

say "installing"
inside dpkg --install /nimesha.deb
inside getent passwd nimesha || fail "there is no user"
inside test -f /usr/lib/systemd/system/nimesha.service || fail "there is no unit"
inside test -f /usr/share/man/man1/nimesha.1.gz || fail "there is no manual page"
# The unit's StateDirectory makes this.
inside install -d -o nimesha -g nimesha -m 0700 /var/lib/nimesha
serve
ask /api/v1/job/ -d '{"name": "kept", "command": "true", "schedule": "@daily"}'
stop

say "upgrading"
echo 'workers = 8' >>"$root/etc/nimesha/nimesha.toml"
inside dpkg --install --force-confold /nimesha.deb
grep -q '^workers = 8' "$root/etc/nimesha/nimesha.toml" || fail "the settings are gone"
serve
expect_job "after the upgrade"
stop

say "removing and installing again"
inside dpkg --remove nimesha
inside test ! -e /usr/bin/nimesha || fail "the program is still there"
inside dpkg --install /nimesha.deb
serve
expect_job "after the removal"
stop

say "purging"
inside dpkg --purge nimesha
for left in /usr/bin/nimesha /etc/nimesha /var/lib/nimesha /usr/share/doc/nimesha; do
    inside test ! -e "$left" || fail "$left is left"
done
say "all well"
