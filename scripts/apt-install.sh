#!/bin/sh
# Installs Debian packages as root, for provision.js: `sh apt-install.sh PACKAGE...`
#
# Debian starts a packaged server on installation and at boot. The gateway and the tests run their own redis-server and
# mosquitto, and use only promtool of prometheus; the benchmark runs its own nats-server and webdis. So servers on ports
# 6379, 1883, 9090, 4222 and 7379 are not needed. A policy-rc.d prevents their start during the installation. Afterwards
# the newly installed services are disabled.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
policy=/usr/sbin/policy-rc.d
mark="# temporary, of the Redis Streamer installation"

# One run at a time. A run that waited finds its packages installed.
exec 9>/run/redis-streamer-provision.lock
flock -w 600 9 || { echo "another installation holds /run/redis-streamer-provision.lock" >&2; exit 1; }

installed() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }
missing=
for package; do installed "$package" || missing="$missing $package"; done
[ -n "$missing" ] || exit 0

# apt waits for dpkg's lock itself, but not for the one on its package lists.
update() {
  tries=0
  until output=$(apt-get update -qq 2>&1); do
    tries=$((tries + 1))
    case $output in
      *"Could not get lock"* | *"Unable to lock"*) [ $tries -lt 60 ] && sleep 2 && continue ;;
    esac
    echo "$output" >&2
    return 1
  done
}
# shellcheck disable=SC2086 # the list is meant to be split
fetch() { apt-get install -y -qq --no-install-recommends --download-only $missing; }

if grep -qsF "$mark" $policy; then rm -f $policy; fi # left behind by a killed run
if [ ! -e $policy ]; then
  trap 'rm -f $policy' EXIT
  trap 'exit 130' HUP INT TERM
  # Only these services are affected, in case other packages are installed at the same time.
  printf '#!/bin/sh\n%s\ncase " $* " in *" redis-server"* | *" prometheus"* | *" mosquitto"* | *" nats-server"* | *" webdis"*) exit 101 ;; esac\nexit 0\n' "$mark" >$policy
  chmod 755 $policy
fi

# shellcheck disable=SC2086
apt-cache show $missing >/dev/null 2>&1 || update
# Outdated package lists refer to files that the mirror no longer has.
fetch || { update && fetch; }

# Ctrl-C may stop the download, but not dpkg, which would leave packages half configured. dpkg runs in its own session.
trap '' HUP INT TERM
# shellcheck disable=SC2086
setsid --wait apt-get install -y -qq --no-install-recommends \
  -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 $missing

for service in redis-server prometheus mosquitto nats-server webdis; do
  case " $missing " in
    *" $service "*)
      if [ -d /run/systemd/system ]; then
        systemctl disable --now $service.service
      else
        deb-systemd-helper disable $service.service || true
        update-rc.d $service disable || true
      fi
      ;;
  esac
done
