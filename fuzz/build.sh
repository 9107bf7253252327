#!/bin/bash -eu
# Builds the fuzz targets as OSS-Fuzz and ClusterFuzzLite want them: with their compiler, flags and engine, into $OUT, each
# with a dictionary and a corpus where it has one.
#   variables: SRC, OUT, CC, CXX, CXXFLAGS, LIB_FUZZING_ENGINE; optional: WORK, SANITIZER
cd "$(dirname "$(readlink -f "$0")")/.."
build=${WORK:-/tmp}/ebb-fuzz-build
rm -rf "$build"

# Handlers that end in tail calls cannot have frames that the sanitizer moves to the heap.
case "${SANITIZER:-} $CXXFLAGS" in
*address*) export CXXFLAGS="$CXXFLAGS -fsanitize-address-use-after-return=never" ;;
esac
# Assertions are part of what targets check.
meson setup "$build" -Dbuildtype=plain -Db_lundef=false -Dassertions=true -Dfuzzers=true -Dtests=false -Dtools=false \
  -Dtidy=disabled -Dwerror=false -Dfuzz_engine="$LIB_FUZZING_ENGINE"
ninja -C "$build" fuzzers

seeds=$build/seeds
"$build/fuzz/fuzz_seeds" "$seeds"
for target in "$build"/fuzz/*_fuzzer; do
  name=$(basename "$target" _fuzzer)
  cp "$target" "$OUT/"
  if [ -d "fuzz/corpus/$name" ]; then cp "fuzz/corpus/$name"/* "$seeds/$name/"; fi
  (cd "$seeds/$name" && python3 -m zipfile -c "$OUT/${name}_fuzzer_seed_corpus.zip" ./*)
  case $name in
  validate | bytecode_mutation) cp fuzz/wasm.dict "$OUT/${name}_fuzzer.dict" ;;
  esac
done
