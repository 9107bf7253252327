# Functions that the scripts of this folder share; sourced, from the project's top.

# configure DIR [meson options…]: makes a build directory, or takes the one that is there.
configure() {
  local dir=$1
  shift
  if [ -f "$dir/build.ninja" ]; then
    meson configure "$dir" "$@" >/dev/null 2>&1 && return 0
    echo "the build directory $dir cannot be used any more and is made again"
    rm -rf "$dir"
  fi
  meson setup "$dir" "$@"
}

# configure_release: build/, the release build by clang 19 that the demo, the tests and people use.
configure_release() {
  CC=clang-19 CXX=clang++-19 configure build -Dbuildtype=release
}

# link_programs: build/ebb and build/spec_runner, wherever the build put them.
link_programs() {
  local name found
  for name in ebb spec_runner; do
    [ -x "build/$name" ] && [ ! -L "build/$name" ] && continue
    found=$(find build/tools -type f -name "$name" -perm -u+x 2>/dev/null | head -n 1)
    [ -n "$found" ] && ln -sfn "${found#build/}" "build/$name"
  done
  for name in ebb spec_runner; do
    [ -x "build/$name" ] || {
      echo "the build made no program '$name'" >&2
      return 1
    }
  done
}

# build_demo: build/demo/demo.wasm from examples/demo. Linked by a command without -O, with which clang would run wasm-opt
# where it is installed, and the module would differ from machine to machine.
build_demo() {
  local compiler="clang-19 --target=wasm32-wasi --sysroot=${WASI_SYSROOT:-/usr}" source
  rm -rf build/demo/objects
  mkdir -p build/demo/objects
  for source in examples/demo/*.c; do
    $compiler -std=c11 -D_GNU_SOURCE -O2 -ffp-contract=off -Wall -Wextra -c "$source" \
      -o "build/demo/objects/$(basename "$source" .c).o" || return
  done
  $compiler -Wl,--strip-all build/demo/objects/*.o -o build/demo/demo.wasm
}

# spec_paths: the folders below $data whose scripts run.
spec_paths() {
  local path
  for path in "$data"/spec/core/*/; do
    case "$(basename "$path")" in
    simd | relaxed-simd | gc | exceptions) ;;
    *) echo "$path" ;;
    esac
  done
  echo "$data/spec/proposals/custom-page-sizes"
}
