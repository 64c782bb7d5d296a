#!/bin/bash
# The demo: installs, builds, makes a real Debian root file system, and runs it as an OCI bundle in the sandbox. `./dev demo`.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
readonly ROOT="$PWD"
# shellcheck source=tools/dev/common.sh
source tools/dev/common.sh

readonly DEMO="$ROOT/build/demo"
readonly ROOTFS="$DEMO/rootfs"
readonly STAMP="$DEMO/rootfs.stamp"
readonly PYTHON_PACKAGE=python3

# "MIRROR CODENAME" of the machine's own main archive, as apt knows it. Empty when apt knows none.
apt_mirror() {
  local codename
  codename="$(. /etc/os-release && echo "${VERSION_CODENAME:-}")"
  apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' 2> /dev/null |
    awk -v want="$codename" '$2 == want && $3 == "main" { print $1, $2; exit }' || true
}

remove_rootfs() {
  # A failed debootstrap may leave proc mounted inside; a recursive remove must not walk into it.
  awk -v below="$ROOTFS/" 'index($5 "/", below) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r mount; do
    as_root umount -l "$mount"
  done
  as_root rm -rf --one-file-system "$ROOTFS" "$STAMP"
}

# Prints one line for every 40 of debootstrap's, so that its three minutes are not silent.
thin_out() { awk 'NR % 40 == 1 { print "   " $0; fflush() } { last = $0 } END { print "   " last }' >&2; }

make_debian() {
  local mirror codename proxy
  read -r mirror codename <<< "$(apt_mirror)"
  [[ -n "$mirror" ]] || { progress "demo: apt knows no archive of this release"; return 1; }
  proxy="$(apt-config shell P Acquire::http::Proxy 2> /dev/null | sed -n "s/^P='\(.*\)'$/\1/p")"
  progress "demo: debootstrap $codename (minbase + $PYTHON_PACKAGE) from $mirror"
  (
    if [[ -n "$proxy" && -z "${http_proxy:-}" ]]; then export http_proxy="$proxy"; fi
    set -o pipefail
    as_root debootstrap --variant=minbase --include="$PYTHON_PACKAGE" --cache-dir="$DEMO/debs" "$codename" "$ROOTFS" "$mirror" 2>&1 |
      tee "$DEMO/debootstrap.log" | thin_out
  ) || { progress "demo: debootstrap failed, see build/demo/debootstrap.log"; return 1; }
  [[ -x "$ROOTFS/usr/bin/python3" && -x "$ROOTFS/bin/bash" ]]
}

make_busybox() {
  progress "demo: no Debian archive in reach: a busybox root file system instead (no Python in it)"
  mkdir -p "$ROOTFS"/{bin,sbin,usr/bin,usr/sbin,etc,proc,sys,dev,tmp,root,var}
  chmod 1777 "$ROOTFS/tmp"
  cp "$(command -v busybox)" "$ROOTFS/bin/busybox"
  local applet
  while read -r applet; do
    [[ -e "$ROOTFS/$applet" ]] || ln -s /bin/busybox "$ROOTFS/$applet"
  done < <("$ROOTFS/bin/busybox" --list-full)
  printf 'root:x:0:0:root:/root:/bin/sh\n' > "$ROOTFS/etc/passwd"
  printf 'root:x:0:\n' > "$ROOTFS/etc/group"
}

make_rootfs() {
  if [[ -f "$STAMP" && -x "$ROOTFS/bin/sh" ]]; then
    progress "demo: root file system from $(cat "$STAMP")"
    return
  fi
  remove_rootfs
  mkdir -p "$DEMO/debs"
  if make_debian; then
    echo "debootstrap $(date -u +%FT%TZ)" > "$STAMP"
  else
    remove_rootfs
    make_busybox
    # Next time the archive may be there: say so in the stamp, but do not try at every run.
    echo "busybox $(date -u +%FT%TZ); remove build/demo/rootfs.stamp to try Debian again" > "$STAMP"
  fi
}

make_bundle() {
  as_root mkdir -p "$ROOTFS/opt/demo"
  as_root cp tests/demo/guest/* "$ROOTFS/opt/demo/"
  rm -f "$DEMO/config.json"
  (cd "$DEMO" && "$ROOT/build/release/ringwall" spec)
  "$PYTHON" - "$DEMO/config.json" << 'EOF'
import json
import sys

path = sys.argv[1]
with open(path, encoding="utf-8") as file:
    spec = json.load(file)
spec["root"] = {"path": "rootfs", "readonly": False}  # writes go to the sandbox's own layer: the folder stays as it is
spec["hostname"] = "ringwall-demo"
spec["process"].update(terminal=False, cwd="/root", args=["/bin/sh", "/opt/demo/demo.sh"])
spec["process"]["env"] = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "TERM=dumb"]
with open(path, "w", encoding="utf-8") as file:
    json.dump(spec, file, indent=2)
EOF
}

main() {
  local started=$SECONDS code=0 id="demo-$$"
  need_packages
  build_preset release ringwall
  mkdir -p "$DEMO"
  make_rootfs
  make_bundle
  progress "demo: ringwall run --bundle build/demo $id"
  as_root "$ROOT/build/release/ringwall" run --bundle "$DEMO" "$id" < /dev/null | tee "$DEMO/output.txt" || code=$?
  if [[ $code == 0 ]] && ! grep -qx 'demo: every step passed' "$DEMO/output.txt"; then
    code=1
  fi
  if [[ $code == 0 ]]; then
    progress "demo: passed after $((SECONDS - started)) s"
  else
    progress "demo: FAILED (exit code $code) after $((SECONDS - started)) s; output in build/demo/output.txt"
  fi
  return $code
}

main "$@"
