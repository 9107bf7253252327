#!/bin/bash -eu
# The targets are built by the project's own script.
exec "$SRC/ebb/fuzz/build.sh"
