# Shell functions shared by ./dev, .ci/run and the demo: messages, packages, builds, formatting. Sourced, with ROOT set.

PYTHON=/usr/bin/python3
[[ -x "$PYTHON" ]] || PYTHON=python3

readonly PACKAGES=(
  # compilers, build
  g++ clang-14 libclang-rt-14-dev cmake ninja-build ccache mold make pkg-config python3
  # libraries: docs/adr/0001-dependencies.md says why each
  libabsl-dev libseccomp-dev nlohmann-json3-dev libcapstone-dev libspdlog-dev libfmt-dev libcli11-dev libcap-dev
  # tests, measurements
  libgtest-dev libgmock-dev debootstrap busybox-static strace git perl bubblewrap
  # lint, debugging
  clang-format-14 clang-tidy-14 gdb
)

progress() { printf '== %(%H:%M:%S)T %s\n' -1 "$*" >&2; }
die() {
  printf 'dev: %s\n' "$*" >&2
  exit 2
}

# Runs a command as root: directly, or through sudo.
as_root() {
  if [[ $EUID == 0 ]]; then
    "$@"
  elif command -v sudo > /dev/null; then
    sudo --preserve-env=DEBIAN_FRONTEND,http_proxy,https_proxy,no_proxy "$@"
  else
    die "'$1' needs root and there is no sudo: run ./dev setup as root once"
  fi
}

# Prints the packages that are not installed, one a line.
missing_packages() {
  local installed
  installed="$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' "${PACKAGES[@]}" 2> /dev/null | awk '$1 == "ii" { print $2 }' || true)"
  printf '%s\n' "${PACKAGES[@]}" | grep -vxF -f <(printf '%s\n' "$installed") || true
}

install_packages() {
  command -v dpkg-query > /dev/null || die "setup knows Debian only; install by hand: ${PACKAGES[*]}"
  local -a missing
  mapfile -t missing < <(missing_packages)
  if [[ ${#missing[@]} == 0 ]]; then
    progress "setup: all ${#PACKAGES[@]} packages are here"
    return
  fi
  progress "setup: installing ${#missing[@]} packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  local attempt
  for attempt in 1 2 3; do
    # The package lists are fetched only when they are needed: when there are none, or when an install failed with the old ones.
    if [[ $attempt -gt 1 ]] || ! apt-cache show "${missing[@]}" > /dev/null 2>&1; then
      progress "setup: apt-get update"
      as_root apt-get -q -o Acquire::Retries=3 update >&2 || true
    fi
    if as_root apt-get -q -y -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 install --no-install-recommends "${missing[@]}" >&2; then
      progress "setup: done"
      return
    fi
    progress "setup: attempt $attempt of 3 failed"
    sleep $((attempt * 3))
  done
  die "setup: could not install: ${missing[*]}"
}

# Installs what is missing; costs some 30 ms when nothing is.
need_packages() {
  command -v dpkg-query > /dev/null || return 0
  if [[ -n "$(missing_packages)" ]]; then install_packages; fi
}

preset_names() {
  "$PYTHON" - << 'EOF'
import json
for preset in json.load(open("CMakePresets.json"))["configurePresets"]:
    if not preset.get("hidden"):
        print(preset["name"])
EOF
}

# known_targets PRESET NAME...: those of the names that ninja knows.
known_targets() {
  local preset="$1"
  shift
  ninja -C "build/$preset" -t targets all 2> /dev/null | cut -d: -f1 | grep -xF -f <(printf '%s\n' "$@") || true
}

# build_preset PRESET [TARGET...]: configures when needed and builds. Release without a target builds `ringwall` only.
build_preset() {
  local preset="$1"
  shift
  local -a targets=("$@")
  if [[ ${#targets[@]} == 0 ]]; then
    if [[ "$preset" == release* ]]; then targets=(ringwall); else targets=(all); fi
  fi
  local directory="build/$preset"
  if [[ ! -f "$directory/build.ninja" || CMakePresets.json -nt "$directory/build.ninja" ]]; then
    progress "configuring $preset"
    mkdir -p build
    cmake --preset "$preset" > "$directory.log" 2>&1 || { tail -40 "$directory.log" >&2; die "cmake failed"; }
    touch "$directory/build.ninja"
  fi
  ln -sfn "$directory/compile_commands.json" compile_commands.json
  local -a known
  mapfile -t known < <(known_targets "$preset" "${targets[@]}")
  [[ ${#known[@]} -gt 0 ]] || die "build: preset $preset has no target ${targets[*]}"
  progress "building $preset: ${known[*]}"
  local status='[%f/%t %es] '
  NINJA_STATUS="$status" ninja -C "$directory" "${known[@]}" || return 1
  if [[ -x "$directory/ringwall" ]]; then progress "$directory/ringwall is up to date"; fi
}

# format_files [--check] [FILE...]: clang-format over what git tracks or would track.
format_files() {
  local -a mode=(-i)
  if [[ "${1:-}" == --check ]]; then
    mode=(--dry-run -Werror)
    shift
  fi
  local -a files=("$@")
  if [[ ${#files[@]} == 0 ]]; then
    mapfile -t files < <(git ls-files --cached --others --exclude-standard -- '*.h' '*.cc' | while read -r f; do [[ -f "$f" ]] && echo "$f"; done)
  fi
  [[ ${#files[@]} -gt 0 ]] || return 0
  printf '%s\0' "${files[@]}" | xargs -0 -n 32 -P "$(nproc)" clang-format-14 "${mode[@]}"
}
