#!/usr/bin/env bash
# Builds the Debian package, installs it into a fresh Debian in a directory, runs it there as its own user, upgrades it,
# removes it, and looks that the jobs are kept throughout.
#
#   contrib/checks/deb.sh            as root; needs cargo-deb and debootstrap, and takes some minutes
set -euo pipefail
cd "$(dirname "$0")/../.."

say() { echo "== $*"; }
fail() { echo "FAILED: $*" >&2; exit 1; }

command -v debootstrap >/dev/null || apt-get install --yes --no-install-recommends debootstrap
command -v cargo-deb >/dev/null || cargo install --locked cargo-deb

say "building"
package=$(cargo deb --locked | tail -1)
dpkg-deb --info "$package"
dpkg-deb --contents "$package"

root=$(mktemp -d)
trap 'kill %1 2>/dev/null || true; rm -rf "$root"' EXIT
say "making a Debian in $root"
debootstrap --variant=minbase --include=ca-certificates,curl "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$root" >/dev/null
cp "$package" "$root/nimesha.deb"
inside() { chroot "$root" "$@"; }

serve() {
    inside setpriv --reuid nimesha --regid nimesha --clear-groups \
        nimesha serve --boltpath /var/lib/nimesha --config /etc/nimesha/nimesha.toml --port 18765 &
    for _ in $(seq 100); do
        curl --silent --fail http://127.0.0.1:18765/healthz >/dev/null && return
        sleep 0.1
    done
    fail "the server does not answer"
}
stop() { kill -TERM %1 2>/dev/null || pkill -TERM -f 'nimesha serve.*18765'; wait || true; }
jobs_stored() { curl --silent http://127.0.0.1:18765/api/v1/stats/ | sed -E 's/.*"Jobs":([0-9]+).*/\1/'; }

say "installing"
inside dpkg --install /nimesha.deb
inside getent passwd nimesha || fail "there is no user"
# On a real system the unit's StateDirectory makes this.
inside install -d -o nimesha -g nimesha -m 0700 /var/lib/nimesha
serve
curl --silent --fail http://127.0.0.1:18765/api/v1/job/ -d '{"name": "kept", "command": "true", "schedule": "@daily"}'
stop

say "upgrading"
echo 'workers = 8' >> "$root/etc/nimesha/nimesha.toml"
inside dpkg --install --force-confold /nimesha.deb
grep -q '^workers = 8' "$root/etc/nimesha/nimesha.toml" || fail "the settings are gone"
serve
[ "$(jobs_stored)" = 1 ] || fail "the job is gone after the upgrade"
stop

say "removing and purging"
inside dpkg --remove nimesha
[ ! -e "$root/usr/bin/nimesha" ] || fail "the program is still there"
inside dpkg --purge nimesha
[ -s "$root/var/lib/nimesha/nimesha.redb" ] || fail "the jobs went with the package"
say "all well"
