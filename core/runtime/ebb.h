// Everything that an embedder uses, in the order in which a program meets it:
//
//     Config, Engine, Module, Linker, InstancePre, Store, Instance, Func (TypedFunc, Execution),
//     Memory, Table, Global, Tag, Caller, Val, Root; resources_required.
//
// Every call that may allocate returns a Result; see each for how it fails. Calls on a store leave
// their details in `Store::diagnostic`, calls on shared objects take a `Diagnostic*` last.
#pragma once

#include "collections/pool.h"
#include "core/runtime/caller.h"
#include "core/runtime/config.h"
#include "core/runtime/engine.h"
#include "core/runtime/extern.h"
#include "core/runtime/extern_type.h"
#include "core/runtime/func.h"
#include "core/runtime/global.h"
#include "core/runtime/handle.h"
#include "core/runtime/host_func.h"
#include "core/runtime/instance.h"
#include "core/runtime/linker.h"
#include "core/runtime/memory.h"
#include "core/runtime/module.h"
#include "core/runtime/resources.h"
#include "core/runtime/root.h"
#include "core/runtime/store.h"
#include "core/runtime/table.h"
#include "core/runtime/tag.h"
#include "core/runtime/typed_func.h"
#include "core/runtime/val.h"
#include "core/wasi/wasi.h"
