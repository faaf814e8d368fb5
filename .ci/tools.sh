#!/usr/bin/env bash
# Installs what the make targets need, or says in one line what a person has to install. Idempotent.
#   tools.sh build   a Rust toolchain (through rustup) and a C compiler
#   tools.sh peers   the Python peers of the interop tests, pinned by hash, under target/peers, and MIT's
#                    Kerberos server for the sign-in tests, which start one of their own in a temporary folder
#   tools.sh lint    buf, pinned, under target/buf
#   tools.sh gssapi  libclang and libkrb5, for the agent's feature of that name
#   tools.sh fuzz    cargo-fuzz, pinned, under target/cargo-fuzz, and a C++ compiler
# Peers and buf are optional on a person's machine (a visible skip) and required under CI=true.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "tools: $*" >&2; }
optional() { # MESSAGE CURE
  if [ "${CI:-}" = true ]; then say "error: $1 ($2)"; exit 1; fi
  say "skipped: $1 ($2)"
}
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo "$@"
  else return 1; fi
}
debian_install() { # PACKAGE...
  command -v apt-get >/dev/null || return 1
  say "installing $* (Debian packages)"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 \
    && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

build() {
  if ! command -v cc >/dev/null; then
    debian_install build-essential || { say "error: no C compiler: install build-essential (or Xcode's command line tools)"; exit 1; }
  fi
  if ! command -v cargo >/dev/null && [ ! -x "$HOME/.cargo/bin/cargo" ]; then
    command -v curl >/dev/null || { say "error: no curl: install curl, or Rust through rustup"; exit 1; }
    say "installing the Rust toolchain through rustup"
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y -q --profile minimal --default-toolchain none >&2
  fi
}

peers() {
  local venv=target/peers stamp
  stamp="$venv/.$(cksum < tests/interop/requirements.txt | cut -d' ' -f1)"
  [ -e "$stamp" ] && return 0
  if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    debian_install python3 python3-venv || { optional "no Python 3 with venv" "install python3 and python3-venv"; return 0; }
  fi
  command -v openssl >/dev/null || debian_install openssl || say "skipped: no openssl, so no proxy that breaks TLS open (install openssl)"
  say "installing the Python peers under $venv"
  rm -rf "$venv"
  python3 -m venv "$venv"
  if ! "$venv/bin/pip" install -q --disable-pip-version-check --require-hashes -r tests/interop/requirements.txt >&2; then
    rm -rf "$venv"
    optional "the Python peers could not be installed" "see the messages above"
    return 0
  fi
  touch "$stamp"
}

# Debian starts what it installs, unless this file says no.
without_services() { # COMMAND...
  local rule=/usr/sbin/policy-rc.d status=0
  [ -e "$rule" ] && { "$@"; return; }
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$rule" >/dev/null && as_root chmod +x "$rule" || return 1
  "$@" || status=$?
  as_root rm -f "$rule"
  return "$status"
}

kerberos() {
  local venv=target/peers stamp
  stamp="$venv/.$(cksum < tests/interop/requirements-kerberos.txt | cut -d' ' -f1)"
  [ -x "$venv/bin/python3" ] || return 0
  if ! { [ -x /usr/sbin/krb5kdc ] && [ -x /usr/sbin/kadmin.local ] && command -v krb5-config >/dev/null && command -v cc >/dev/null; }; then
    without_services debian_install krb5-kdc krb5-admin-server krb5-user libkrb5-dev gcc python3-dev \
      || { optional "no Kerberos server and libkrb5" "install krb5-kdc, krb5-admin-server and libkrb5-dev"; return 0; }
    # Enabled by their packages, and of no use here.
    if command -v systemctl >/dev/null; then as_root systemctl disable -q krb5-kdc krb5-admin-server 2>/dev/null || true; fi
  fi
  [ -e "$stamp" ] && return 0
  say "building the Kerberos peers under $venv"
  if ! "$venv/bin/pip" install -q --disable-pip-version-check --require-hashes -r tests/interop/requirements-kerberos.txt >&2; then
    optional "the Kerberos peers could not be built" "see the messages above"
    return 0
  fi
  touch "$stamp"
}

lint() {
  local dir=target/buf
  [ -x "$dir/node_modules/.bin/buf" ] && cmp -s .ci/buf/package-lock.json "$dir/package-lock.json" && return 0
  command -v npm >/dev/null || debian_install npm || { optional "no npm, so no buf" "install npm"; return 0; }
  say "installing buf under $dir"
  mkdir -p "$dir"
  cp .ci/buf/package.json .ci/buf/package-lock.json "$dir/"
  npm ci --prefix "$dir" --silent --no-audit --no-fund >&2 || { rm -rf "$dir"; optional "buf could not be installed" "see the messages above"; }
}

has_gssapi() {
  command -v krb5-config >/dev/null && compgen -G '/usr/lib/llvm-*/lib/libclang.so*' >/dev/null
}

gssapi() {
  has_gssapi || debian_install libclang-dev libkrb5-dev || optional "no libclang and libkrb5" "install libclang-dev and libkrb5-dev"
}

fuzz() {
  if ! command -v c++ >/dev/null; then
    debian_install g++ || { say "error: no C++ compiler: install g++ or clang"; exit 1; }
  fi
  [ -x target/cargo-fuzz/bin/cargo-fuzz ] && return 0
  say "installing cargo-fuzz under target/cargo-fuzz"
  cargo install --quiet --locked --version 0.13.2 --root target/cargo-fuzz cargo-fuzz >&2
}

for want in "$@"; do
  case "$want" in
    build | lint | gssapi | fuzz) "$want" ;;
    has-gssapi) has_gssapi || exit 1 ;;
    peers) peers && kerberos ;;
    *) say "error: nothing called $want: build, peers, lint, gssapi or fuzz"; exit 2 ;;
  esac
done
