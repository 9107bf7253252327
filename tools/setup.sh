#!/bin/sh
# Installs the Debian packages that building, testing and the demo need, and only those that are missing.
#   tools/setup.sh [demo|test]      (default: test, which includes what the demo needs)
# It says what it is going to do, changes nothing when nothing is missing, and may be run as often as one likes.
set -eu

demo_packages="clang-19 lld-19 libclang-rt-19-dev-wasm32 wasi-libc meson ninja-build cmake pkg-config python3 git
  libmimalloc-dev doctest-dev nlohmann-json3-dev"
test_packages="g++-12 libclang-rt-19-dev llvm-19 g++-arm-linux-gnueabihf qemu-user libstdc++-arm-none-eabi-newlib
  clang-tidy-19 libclang-19-dev llvm-19-dev valgrind"

case "${1:-test}" in
demo) wanted="$demo_packages" ;;
test) wanted="$demo_packages $test_packages" ;;
*)
  echo "usage: tools/setup.sh [demo|test]" >&2
  exit 2
  ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
  echo "setup: no dpkg on this machine; install what these Debian packages hold: $(echo $wanted)" >&2
  exit 1
fi

missing=
for package in $wanted; do
  status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "setup: installing$missing"
as_root=
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    echo "setup: root is needed; run as root: apt-get install --no-install-recommends$missing" >&2
    exit 1
  fi
  as_root=sudo
fi
export DEBIAN_FRONTEND=noninteractive
if ! $as_root apt-get install -y -q --no-install-recommends $missing >/dev/null 2>&1; then
  # The usual reason is a package list that is missing or old.
  $as_root apt-get update -q
  $as_root apt-get install -y -q --no-install-recommends $missing
fi
echo "setup: done"
