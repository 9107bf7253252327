#include "core/types/type_registry.h"

#include "core/types/implementation_limits.h"
#include "core/types/type_group.h"

#include <cstring>
#include <new>

namespace ebb {

class TypeRegistry::Lock {
public:
  explicit Lock(std::atomic_flag& flag) : flag_(flag) {
    while (flag_.test_and_set(std::memory_order_acquire)) {
    }
  }
  ~Lock() { flag_.clear(std::memory_order_release); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

private:
  std::atomic_flag& flag_;
};

namespace {

class Hasher {
public:
  explicit Hasher(uint64_t seed) : state_(seed ^ 0x9e3779b97f4a7c15u) {}
  void add(uint32_t word) {
    state_ = (state_ ^ word) * 0xff51afd7ed558ccdu;
    state_ ^= state_ >> 32;
  }
  void add(ValType type) { add(type.bits()); }
  void add(const FieldType& field) {
    add(field.type.bits());
    add(static_cast<uint32_t>(field.packing) * 2 + (field.is_mutable ? 1 : 0));
  }
  uint64_t value() const { return state_ ^ state_ >> 29; }

private:
  uint64_t state_;
};

// Heap types within a group under construction, in terms of a group that may turn out to be the
// same.
bool equal_heap_types(const TypeRegistry& registry, const TypeGroup& group, HeapType known,
                      HeapType spec) {
  if (spec.is_abstract()) return known == spec;
  if (!known.is_concrete()) return false;
  const SubType& known_type = registry.get(known.type_id());
  const SubType* const first = group.types();
  const bool is_own = &known_type >= first && &known_type < first + group.type_count;
  if (spec.is_recursive()) return is_own && &known_type == first + spec.position();
  return !is_own && known == spec;
}

bool equal_val_types(const TypeRegistry& registry, const TypeGroup& group, ValType known,
                     ValType spec) {
  if (known.kind() != spec.kind() || known.is_nullable() != spec.is_nullable()) return false;
  return !spec.is_ref() || equal_heap_types(registry, group, known.heap_type(), spec.heap_type());
}

} // namespace

uint32_t SubType::group_size() const { return group_->type_count; }

TypeRegistry::TypeRegistry(Heap& heap, uint64_t hash_seed) : heap_(heap), hash_seed_(hash_seed) {}

TypeRegistry::~TypeRegistry() {
  EBB_ASSERT(group_count_ == 0);
  free_tables();
}

uint64_t TypeRegistry::hash(const RecGroup& group) const {
  Hasher hasher(hash_seed_);
  for (const SubTypeSpec& spec : group.types) {
    hasher.add(static_cast<uint32_t>(spec.kind) * 4 + (spec.is_final ? 2u : 0u) +
               (spec.has_supertype ? 1u : 0u));
    hasher.add(spec.param_count);
    hasher.add(spec.item_count);
    if (spec.has_supertype) hasher.add(spec.supertype.bits());
  }
  for (ValType type : group.values)
    hasher.add(type);
  for (const FieldType& field : group.fields)
    hasher.add(field);
  return hasher.value();
}

bool TypeRegistry::equal(const TypeGroup& group, const RecGroup& spec) const {
  if (group.type_count != spec.types.size() || group.value_count != spec.values.size() ||
      group.field_count != spec.fields.size()) {
    return false;
  }
  for (size_t i = 0; i < spec.types.size(); ++i) {
    const SubType& known = group.types()[i];
    const SubTypeSpec& wanted = spec.types[i];
    if (known.kind_ != wanted.kind || known.is_final_ != wanted.is_final ||
        known.param_count_ != wanted.param_count || known.item_count_ != wanted.item_count ||
        (known.depth_ != 0) != wanted.has_supertype) {
      return false;
    }
    if (has_feature(Feature::gc) && wanted.has_supertype &&
        !equal_heap_types(*this, group, HeapType::concrete(known.supertype()), wanted.supertype)) {
      return false;
    }
  }
  for (size_t i = 0; i < spec.values.size(); ++i) {
    if (!equal_val_types(*this, group, group.values()[i], spec.values[i])) return false;
  }
  for (size_t i = 0; has_feature(Feature::gc) && i < spec.fields.size(); ++i) {
    const FieldType& known = group.fields()[i];
    const FieldType& wanted = spec.fields[i];
    if (known.packing != wanted.packing || known.is_mutable != wanted.is_mutable) return false;
    if (!equal_val_types(*this, group, known.type, wanted.type)) return false;
  }
  return true;
}

TypeGroup* TypeRegistry::find(const RecGroup& group, uint64_t hash) const {
  if (bucket_count_ == 0) return nullptr;
  for (TypeGroup* known = buckets_[hash & (bucket_count_ - 1)]; known; known = known->next) {
    if (known->hash == hash && equal(*known, group)) return known;
  }
  return nullptr;
}

Result<void> TypeRegistry::place_supertypes(const RecGroup& spec, size_t& display_size) const {
  display_size = 0;
  if (!has_feature(Feature::gc)) return {};
  for (const SubTypeSpec& type : spec.types) {
    // Chains end, since each step goes to a smaller position or out of the group; depths are
    // bounded.
    size_t depth = 0;
    for (const SubTypeSpec* at = &type; at->has_supertype;) {
      ++depth;
      if (at->supertype.is_concrete()) {
        depth += get(at->supertype.type_id()).depth_;
        break;
      }
      EBB_ASSERT(at->supertype.position() < static_cast<size_t>(at - spec.types.data()));
      if (depth > limits::subtyping_depth_max) break;
      at = &spec.types[at->supertype.position()];
    }
    if (depth > limits::subtyping_depth_max) return Error::subtyping_too_deep;
    display_size += depth;
  }
  return {};
}

// Fails: out_of_memory, subtyping_too_deep. On failure: nothing has changed.
Result<TypeGroup*> TypeRegistry::build(const RecGroup& spec, uint64_t hash) {
  size_t display_size = 0;
  EBB_TRY(place_supertypes(spec, display_size));
  const uint64_t bytes = sizeof(TypeGroup) + uint64_t{spec.types.size()} * sizeof(SubType) +
                         uint64_t{spec.values.size()} * sizeof(ValType) +
                         uint64_t{spec.fields.size()} * sizeof(FieldType) +
                         uint64_t{display_size} * sizeof(TypeId);
  if (bytes > PTRDIFF_MAX) return Error::out_of_memory;
  const Block block = EBB_TRY(heap_.allocate(static_cast<size_t>(bytes), alignof(TypeGroup)));
  TypeGroup* group = ::new (block.pointer) TypeGroup;
  group->hash = hash;
  group->block_bytes = block.bytes;
  group->type_count = static_cast<uint32_t>(spec.types.size());
  group->value_count = static_cast<uint32_t>(spec.values.size());
  group->field_count = static_cast<uint32_t>(spec.fields.size());
  return group;
}

// Ids have been reserved; what the types refer to is retained for them.
void TypeRegistry::fill(TypeGroup& group, const RecGroup& spec) {
  SubType* const types = group.types();
  for (size_t i = 0; i < spec.types.size(); ++i) {
    SubType* type = ::new (static_cast<void*>(types + i)) SubType;
    type->group_ = &group;
    type->position_ = static_cast<uint32_t>(i);
    type->id_ = TypeId{take_id(type)};
  }
  const auto settle_heap_type = [&](HeapType type) {
    if (has_feature(Feature::gc) && type.is_recursive())
      return HeapType::concrete(types[type.position()].id_);
    if (type.is_concrete()) ++get(type.type_id()).group_->references;
    return type;
  };
  const auto settle = [&](ValType type) {
    return type.is_ref() ? ValType::ref(settle_heap_type(type.heap_type()), type.is_nullable())
                         : type;
  };
  for (size_t i = 0; i < spec.values.size(); ++i)
    ::new (static_cast<void*>(group.values() + i)) ValType(settle(spec.values[i]));
  for (size_t i = 0; has_feature(Feature::gc) && i < spec.fields.size(); ++i) {
    const FieldType& field = spec.fields[i];
    ::new (static_cast<void*>(group.fields() + i))
        FieldType{settle(field.type), field.packing, field.is_mutable};
  }
  TypeId* display = group.supertypes();
  for (size_t i = 0; i < spec.types.size(); ++i) {
    const SubTypeSpec& from = spec.types[i];
    SubType& type = types[i];
    type.kind_ = from.kind;
    type.is_final_ = from.is_final;
    type.item_count_ = from.item_count;
    type.param_count_ = from.param_count;
    type.items_ = from.kind == CompositeKind::func
                      ? static_cast<const void*>(group.values() + from.first)
                      : static_cast<const void*>(group.fields() + from.first);
    if (has_feature(Feature::gc) && from.kind != CompositeKind::func) {
      for (const FieldType& field : std::span(group.fields() + from.first, from.item_count)) {
        if (!field.type.is_defaultable()) type.is_defaultable_ = false;
      }
    }
    if (!has_feature(Feature::gc) || !from.has_supertype) continue;
    const SubType& super = get(settle_heap_type(from.supertype).type_id());
    type.supertypes_ = display;
    type.depth_ = static_cast<uint8_t>(super.depth_ + 1);
    for (size_t j = 0; j < super.depth_; ++j)
      *display++ = super.supertypes_[j];
    *display++ = super.id_;
  }
}

Result<void> TypeRegistry::intern(const RecGroup& group, std::span<TypeId> ids) {
  EBB_ASSERT(ids.size() == group.types.size());
  if (group.types.empty()) return {};
  const uint64_t group_hash = hash(group);
  Lock lock(lock_);
  TypeGroup* known = find(group, group_hash);
  if (!known) {
    known = EBB_TRY(build(group, group_hash));
    const auto reserve = [&]() -> Result<void> {
      EBB_TRY(reserve_ids(group.types.size()));
      return reserve_buckets();
    };
    const Result<void> reserved = reserve();
    if (!reserved) {
      free_block(known);
      trim_chunks();
      return reserved;
    }
    fill(*known, group);
    TypeGroup*& bucket = buckets_[group_hash & (bucket_count_ - 1)];
    known->next = bucket;
    bucket = known;
    ++group_count_;
  }
  known->references += ids.size();
  for (size_t i = 0; i < ids.size(); ++i)
    ids[i] = known->types()[i].id_;
  return {};
}

Result<TypeId> TypeRegistry::intern_function(std::span<const ValType> values, size_t param_count) {
  SubTypeSpec spec;
  spec.param_count = static_cast<uint32_t>(param_count);
  spec.item_count = static_cast<uint32_t>(values.size());
  TypeId id;
  EBB_TRY(intern({{&spec, 1}, values, {}}, {&id, 1}));
  return id;
}

void TypeRegistry::retain(TypeId id) {
  Lock lock(lock_);
  ++get(id).group_->references;
}

void TypeRegistry::release(TypeId id) {
  Lock lock(lock_);
  TypeGroup* group = get(id).group_;
  EBB_ASSERT(group->references > 0);
  if (--group->references == 0) drop(group);
}

// Frees a group that nobody refers to, and those that only it referred to, and so on.
void TypeRegistry::drop(TypeGroup* group) {
  TypeGroup* dead = nullptr;
  const auto bury = [&](TypeGroup* corpse) {
    TypeGroup** link = &buckets_[corpse->hash & (bucket_count_ - 1)];
    while (*link != corpse)
      link = &(*link)->next;
    *link = corpse->next;
    corpse->next = dead;
    dead = corpse;
  };
  bury(group);
  while (dead) {
    TypeGroup* corpse = dead;
    dead = corpse->next;
    const auto let_go = [&](HeapType type) {
      if (!type.is_concrete()) return;
      TypeGroup* other = get(type.type_id()).group_;
      if (other != corpse && --other->references == 0) bury(other);
    };
    const auto let_value_go = [&](ValType type) {
      if (type.is_ref()) let_go(type.heap_type());
    };
    for (uint32_t i = 0; i < corpse->value_count; ++i)
      let_value_go(corpse->values()[i]);
    for (uint32_t i = 0; has_feature(Feature::gc) && i < corpse->field_count; ++i)
      let_value_go(corpse->fields()[i].type);
    for (uint32_t i = 0; has_feature(Feature::gc) && i < corpse->type_count; ++i) {
      const TypeId super = corpse->types()[i].supertype();
      if (!super.is_none()) let_go(HeapType::concrete(super));
    }
    free_group(corpse);
  }
  if (group_count_ == 0) free_tables();
}

void TypeRegistry::free_group(TypeGroup* group) {
  for (uint32_t i = 0; i < group->type_count; ++i) {
    const uint32_t id = group->types()[i].id_.value;
    entry(id).next_free = free_head_;
    free_head_ = id + 1;
    ++free_count_;
  }
  --group_count_;
  free_block(group);
}

void TypeRegistry::free_block(TypeGroup* group) {
  heap_.release({group, group->block_bytes}, alignof(TypeGroup));
}

size_t TypeRegistry::table_bytes() const {
  size_t bytes = bucket_block_.bytes;
  for (size_t i = 0; i < chunk_count_max; ++i)
    bytes += chunks_[i] ? chunk_bytes_[i] : 0;
  return bytes;
}

// Frees the chunks that no id was ever taken from.
void TypeRegistry::trim_chunks() {
  for (size_t i = 0; i < chunk_count_max; ++i) {
    if (!chunks_[i] || chunk_start(i) < id_limit_) continue;
    heap_.release({chunks_[i], chunk_bytes_[i]}, alignof(Slot));
    chunks_[i] = nullptr;
  }
}

uint32_t TypeRegistry::take_id(SubType* type) {
  uint32_t id = id_limit_;
  if (free_head_ != 0) {
    id = free_head_ - 1;
    free_head_ = static_cast<uint32_t>(entry(id).next_free);
    --free_count_;
  } else {
    ++id_limit_;
  }
  entry(id).type = type;
  return id;
}

// Fails: out_of_memory, too_many_types. On failure: there may be chunks more, see trim_chunks.
Result<void> TypeRegistry::reserve_ids(size_t count) {
  if (count <= free_count_) return {};
  const uint64_t wanted = uint64_t{id_limit_} + (count - free_count_);
  if (wanted > HeapType::type_id_count_max) return Error::too_many_types;
  for (size_t chunk = 0; chunk_start(chunk) < wanted; ++chunk) {
    EBB_ASSERT(chunk < chunk_count_max);
    if (chunks_[chunk]) continue;
    const uint64_t bytes = (uint64_t{first_chunk_size} << 2 * chunk) * sizeof(Slot);
    if (bytes > PTRDIFF_MAX) return Error::out_of_memory;
    const Block block = EBB_TRY(heap_.allocate(static_cast<size_t>(bytes), alignof(Slot)));
    EBB_ASSERT(block.bytes <= UINT32_MAX);
    chunk_bytes_[chunk] = static_cast<uint32_t>(block.bytes);
    chunks_[chunk] = static_cast<Slot*>(block.pointer);
  }
  return {};
}

// Room for one more group at a load of at most one a bucket. Fails: out_of_memory. On failure:
// nothing has changed.
Result<void> TypeRegistry::reserve_buckets() {
  if (group_count_ < bucket_count_) return {};
  const size_t count = bucket_count_ == 0 ? 4 : bucket_count_ * 2;
  const Block block =
      EBB_TRY(heap_.allocate(count * sizeof(TypeGroup*), alignof(TypeGroup*), true));
  TypeGroup** buckets = static_cast<TypeGroup**>(block.pointer);
  for (size_t i = 0; i < bucket_count_; ++i) {
    while (TypeGroup* group = buckets_[i]) {
      buckets_[i] = group->next;
      TypeGroup*& bucket = buckets[group->hash & (count - 1)];
      group->next = bucket;
      bucket = group;
    }
  }
  if (buckets_) heap_.release(bucket_block_, alignof(TypeGroup*));
  buckets_ = buckets;
  bucket_block_ = block;
  bucket_count_ = count;
  return {};
}

void TypeRegistry::free_tables() {
  id_limit_ = 0;
  trim_chunks();
  if (buckets_) heap_.release(bucket_block_, alignof(TypeGroup*));
  buckets_ = nullptr;
  bucket_block_ = Block();
  bucket_count_ = 0;
  free_count_ = 0;
  free_head_ = 0;
}

} // namespace ebb
