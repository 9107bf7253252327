// ModuleDecl: what a module declares, as decode_module reads it: everything but the contents of
// function bodies.
//
// Names, bodies, data and constant expressions of more than one instruction are ranges of the
// module's bytes, which the declaration borrows. Imports come first in each index space, as in the
// specification. The types are held in the registry until the declaration is destroyed or `types`
// is moved out.
#pragma once

#include "collections/vec.h"
#include "core/binary/reader.h"
#include "core/types/features.h"
#include "core/types/index.h"
#include "core/types/limits.h"
#include "core/types/type_registry.h"

namespace ebb {

/// The types of a module by index; holds a reference to each.
class TypeList {
public:
  TypeList(TypeRegistry* registry, Heap& heap) : registry_(registry), ids_(heap) {}
  TypeList(TypeList&& other) noexcept : registry_(other.registry_), ids_(std::move(other.ids_)) {}
  TypeList& operator=(TypeList&& other) noexcept;
  TypeList(const TypeList&) = delete;
  TypeList& operator=(const TypeList&) = delete;
  ~TypeList() { clear(); }

  size_t size() const { return ids_.size(); }
  TypeId operator[](TypeIndex index) const { return ids_[index.value]; }
  const SubType& get(TypeIndex index) const { return registry_->get(ids_[index.value]); }
  std::span<const TypeId> ids() const { return {ids_.data(), ids_.size()}; }
  /// Interns a group behind the others. Fails: as TypeRegistry::intern. On failure: nothing has
  /// changed.
  Result<void> intern(const RecGroup& group);
  void clear();
  void shrink_to_fit() { ids_.shrink_to_fit(); }

private:
  TypeRegistry* registry_;
  Vec<TypeId> ids_;
};

/// A constant expression. Those of a single instruction are stored decoded; others stay bytes,
/// already validated.
struct Init {
  enum class Kind : uint8_t {
    none,
    number,     ///< bits: of an i32 (zero-extended), i64, f32 or f64; the type tells which
    v128,       ///< range: the 16 bytes
    ref_null,   ///< of `type`
    ref_func,   ///< index
    global_get, ///< index
    extended,   ///< range: the expression with its end
  };
  union {
    uint64_t bits;
    ByteRange range;
    uint32_t index;
  };
  ValType
      type; ///< What the expression gives; for global_get and extended the type that was required.
  Kind kind = Kind::none;

  Init() : bits(0) {}
  FuncIndex func() const { return FuncIndex{index}; }
  GlobalIndex global() const { return GlobalIndex{index}; }
};
static_assert(sizeof(Init) == 16);

/// An import; `index` is its index in the space of its kind, where its type is.
struct ImportDecl {
  ByteRange module;
  ByteRange name;
  uint32_t index = 0;
  ExternKind kind = ExternKind::func;
};

struct ExportDecl {
  ByteRange name;
  uint32_t index = 0;
  ExternKind kind = ExternKind::func;
};

struct TableDecl {
  TableType type;
  Init init; ///< Kind::none: null, or imported.
};

struct GlobalDecl {
  GlobalType type;
  Init init; ///< Kind::none: imported.
};

enum class SegmentMode : uint8_t { passive, active, declarative };

/// An element segment. Its items are functions or nulls in `ModuleDecl::elem_functions` (null is
/// `no_function`), or, if one of them is anything else, expressions in `ModuleDecl::elem_inits`.
struct ElemDecl {
  ValType type;
  Init offset; ///< Of active segments.
  TableIndex table;
  uint32_t first = 0;
  uint32_t count = 0;
  SegmentMode mode = SegmentMode::passive;
  bool has_inits = false; ///< Whether the items are in `elem_inits`.
};

struct DataDecl {
  Init offset; ///< Of active segments.
  ByteRange bytes;
  MemoryIndex memory;
  SegmentMode mode = SegmentMode::passive;
};

struct CustomSection {
  ByteRange name;
  ByteRange bytes; ///< What follows the name.
};

struct ModuleDecl {
  explicit ModuleDecl(Heap& heap);

  std::span<const uint8_t> bytes; ///< The module, borrowed.
  TypeList types;
  Vec<ImportDecl> imports;
  Vec<TypeIndex> functions;
  Vec<TableDecl> tables;
  Vec<MemoryType> memories;
  Vec<GlobalDecl> globals;
  Vec<TagType> tags;
  Vec<ExportDecl> exports;
  /// Indices of `exports`, in the order of their names' bytes; empty if they are in that order.
  Vec<uint32_t> exports_by_name;
  Vec<ElemDecl> elems;
  Vec<FuncIndex> elem_functions;
  Vec<Init> elem_inits;
  Vec<DataDecl> datas;
  Vec<ByteRange>
      bodies; ///< Of the functions that are not imported: local declarations and expression.
  Vec<CustomSection> customs;
  Vec<uint32_t> declared_functions; ///< A bit for each function that ref.func may name.
  ByteRange names;                  ///< The name section's contents, where no custom section tells.
  FuncIndex start = no_function;
  uint32_t imported_functions = 0;
  uint32_t imported_tables = 0;
  uint32_t imported_memories = 0;
  uint32_t imported_globals = 0;
  uint32_t imported_tags = 0;
  uint32_t data_count = 0; ///< As the data count section says.
  bool has_data_count = false;
  FeatureSet features_used =
      FeatureSet::mvp(); ///< By declarations; BodyValidator tells about bodies.

  size_t defined_functions() const { return functions.size() - imported_functions; }
  TypeId function_type_id(FuncIndex index) const { return types[functions[index.value]]; }
  const SubType& function_type(FuncIndex index) const { return types.get(functions[index.value]); }
  bool is_declared(FuncIndex index) const {
    return (declared_functions[index.value / 32] >> (index.value % 32) & 1) != 0;
  }
  /// The export at a place in the order of names.
  const ExportDecl& export_by_name(size_t rank) const {
    return exports[exports_by_name.is_empty() ? rank : exports_by_name[rank]];
  }
  ByteRange body(FuncIndex index) const { return bodies[index.value - imported_functions]; }
  std::span<const uint8_t> slice(ByteRange range) const {
    return bytes.subspan(range.offset, range.size);
  }
  /// Gives back room that nothing is in. Cannot fail.
  void shrink_to_fit();
  /// The contents of the name section; empty where there is none.
  ByteRange name_section() const;
};

} // namespace ebb
