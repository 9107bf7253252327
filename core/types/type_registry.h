// TypeRegistry: the canonical types of an engine.
//
// Types are hash-consed by recursive group: a group that is equal to one already there gets the
// same ids, so that type equality is equality of ids everywhere else. A group is one block of
// memory, counted, and freed with its last user; it holds the groups that its types refer to. Ids
// are reused after that.
//
// Interning, retaining and releasing take a spin lock and may be called from any thread. Looking at
// a type that the caller holds takes none: neither the type nor its place in the table moves or
// changes while it is held. Expected: tens of types a module, up to a million; interning once per
// group and load, looking all the time.
#pragma once

#include "collections/heap.h"
#include "core/types/sub_type.h"

#include <atomic>

namespace ebb {

/// One type of a recursive group that is to be interned.
struct SubTypeSpec {
  CompositeKind kind = CompositeKind::func;
  bool is_final = true;
  bool has_supertype = false;
  /// Concrete, or recursive with a smaller position.
  HeapType supertype;
  /// Of functions: where the parameters start in `RecGroup::values`; the results follow them.
  /// Of structures and arrays: where the fields start in `RecGroup::fields`.
  uint32_t first = 0;
  uint32_t param_count = 0; ///< Of functions.
  uint32_t item_count = 0;  ///< Parameters and results together, or fields.
};

/// A recursive group to be interned; it borrows its parts. The items of its types lie one behind
/// the other in order.
struct RecGroup {
  std::span<const SubTypeSpec> types;
  std::span<const ValType> values;
  std::span<const FieldType> fields;
};

class TypeRegistry {
public:
  /// `hash_seed` makes collisions unpredictable to those who choose types.
  explicit TypeRegistry(Heap& heap, uint64_t hash_seed = 0);
  TypeRegistry(const TypeRegistry&) = delete;
  TypeRegistry& operator=(const TypeRegistry&) = delete;
  /// All types must have been released.
  ~TypeRegistry();

  /// Finds or makes the group and writes the canonical ids of its types to `ids`, as many as there
  /// are types. The caller then holds one reference for each of them. Supertypes must be in place,
  /// but whether types match their supertypes is not checked here: see `matches_supertype`. Fails:
  /// out_of_memory, subtyping_too_deep, too_many_types. On failure: nothing has changed.
  Result<void> intern(const RecGroup& group, std::span<TypeId> ids);
  /// A final function type on its own; `values` are the parameters followed by the results.
  /// Fails: out_of_memory, too_many_types. On failure: nothing has changed.
  Result<TypeId> intern_function(std::span<const ValType> values, size_t param_count);

  void retain(TypeId id);
  void release(TypeId id);

  /// The type of an id that the caller holds.
  const SubType& get(TypeId id) const { return *slot(id.value); }

  bool is_subtype(TypeId sub, TypeId super) const {
    if (sub == super) return true;
    if (!has_feature(Feature::gc)) return false;
    const SubType& below = get(sub);
    const size_t depth = get(super).depth_;
    return depth < below.depth_ && below.supertypes_[depth] == super;
  }
  bool is_subtype(HeapType sub, HeapType super) const;
  bool is_subtype(ValType sub, ValType super) const {
    if (sub == super || sub.is_bottom()) return true;
    if (!sub.is_ref() || !super.is_ref()) return false;
    if (sub.is_nullable() && !super.is_nullable()) return false;
    return sub.heap_type() == super.heap_type() || is_subtype(sub.heap_type(), super.heap_type());
  }
  bool is_subtype(std::span<const ValType> sub, std::span<const ValType> super) const;
  bool is_subtype(const FieldType& sub, const FieldType& super) const;

  /// Whether a type's supertype, if it declares one, is open and the type's composite type is below
  /// it.
  bool matches_supertype(TypeId id) const;

  /// The abstract type at the top of a heap type's hierarchy: any, func, extern_ or exn.
  AbstractHeapType top(HeapType type) const;

  /// How many groups are alive.
  size_t group_count() const { return group_count_; }
  /// What the tables take in which types are found. They keep room for types that are gone.
  size_t table_bytes() const;

private:
  // Ids are positions in a table of chunks that quadruple in size, so that it grows without moving.
  // The first is small, since small hosts have few types.
  static constexpr uint32_t first_chunk_size = 4;
  static constexpr size_t chunk_count_max = 13;
  class Lock;
  union Slot {
    SubType* type;
    uintptr_t next_free; // the next free id + 1, or 0
  };

  static size_t chunk_of(uint32_t id) {
    return static_cast<size_t>(31 - __builtin_clz(3 * id / first_chunk_size + 1)) / 2;
  }
  static uint32_t chunk_start(size_t chunk) {
    return first_chunk_size * (((1u << 2 * chunk) - 1) / 3);
  }
  Slot& entry(uint32_t id) const {
    const size_t chunk = chunk_of(id);
    return chunks_[chunk][id - chunk_start(chunk)];
  }
  SubType* slot(uint32_t id) const { return entry(id).type; }

  uint64_t hash(const RecGroup& group) const;
  bool equal(const TypeGroup& group, const RecGroup& spec) const;
  TypeGroup* find(const RecGroup& group, uint64_t hash) const;
  Result<TypeGroup*> build(const RecGroup& group, uint64_t hash);
  Result<void> place_supertypes(const RecGroup& spec, size_t& display_size) const;
  void fill(TypeGroup& group, const RecGroup& spec);
  Result<void> reserve_ids(size_t count);
  Result<void> reserve_buckets();
  uint32_t take_id(SubType* type);
  void drop(TypeGroup* group);
  void free_group(TypeGroup* group);
  void free_block(TypeGroup* group);
  void trim_chunks();
  void free_tables();

  Heap& heap_;
  uint64_t hash_seed_;
  Slot* chunks_[chunk_count_max] = {};
  uint32_t chunk_bytes_[chunk_count_max] = {}; // as given
  TypeGroup** buckets_ = nullptr;
  Block bucket_block_;
  size_t bucket_count_ = 0;
  size_t group_count_ = 0;
  uint32_t id_limit_ = 0;   // ids below have a slot in use or on the free list
  uint32_t free_count_ = 0; // of the free list
  uint32_t free_head_ = 0;  // the first free id + 1, or 0
  std::atomic_flag lock_;
};

} // namespace ebb
