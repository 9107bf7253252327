#!/bin/bash -eu
# The same targets as on OSS-Fuzz.
exec "$SRC/ebb/fuzz/build.sh"
