// The header that users of Ebb include.
#pragma once

#include "core/runtime/ebb.h"
