// Modules around functions: types, globals, segments, and the callers that are exported.
#include "fuzz/generator_parts.h"

namespace ebb::fuzz {

uint32_t Generator::add_type(const FuncType& type) {
  for (uint32_t i = 0; i < types_.size(); ++i)
    if (types_[i].params == type.params && types_[i].results == type.results) return i;
  types_.push_back(type);
  return static_cast<uint32_t>(types_.size() - 1);
}

void Generator::choose_types() {
  function_types_.push_back(add_type({{i32, i64}, {i32}}));
  const uint32_t count = 1 + input_.below(5);
  for (uint32_t i = 0; i < count; ++i) {
    FuncType type;
    for (uint32_t params = input_.below(6); params != 0; --params)
      type.params.push_back(input_.one_in(12) ? (input_.one_in(2) ? funcref : externref)
                                              : number_type());
    // Mostly one result, sometimes none or several.
    const uint32_t shape = input_.below(8);
    for (uint32_t results = shape < 5 ? 1 : shape - 5 == 0 ? 0 : shape - 4; results != 0; --results)
      type.results.push_back(number_type());
    function_types_.push_back(add_type(type));
  }
}

void Generator::choose_globals(Bytes& section) {
  globals_.push_back({i32, true});
  for (uint32_t count = input_.below(5); count != 0; --count)
    globals_.push_back({number_type(), !input_.one_in(4)});
  put_uleb(section, globals_.size());
  for (const GlobalType& global : globals_) {
    section.push_back(global.type);
    section.push_back(global.is_mutable ? 1 : 0);
    code_.clear();
    if (&global == &globals_[0])
      i32_const(0);
    else
      constant(global.type);
    section.insert(section.end(), code_.begin(), code_.end());
    section.push_back(0x0b);
  }
}

static Bytes with_locals(const Bytes& locals, size_t params, const Bytes& code) {
  Bytes body;
  put_uleb(body, locals.size() - params);
  for (size_t i = params; i < locals.size(); ++i) {
    body.push_back(1);
    body.push_back(locals[i]);
  }
  body.insert(body.end(), code.begin(), code.end());
  body.push_back(0x0b);
  return body;
}

Bytes Generator::function_body(uint32_t function) {
  function_ = function;
  const FuncType type = types_[function_types_[function]];
  locals_ = type.params;
  // A function without declared locals is entered without an instruction for that.
  has_locals_ = !input_.one_in(4);
  if (has_locals_) {
    // Those of canonicalize.
    locals_.push_back(f32);
    locals_.push_back(f64);
    for (uint32_t count = input_.below(7); count != 0; --count)
      locals_.push_back(input_.one_in(10) ? funcref : number_type());
  }
  code_.clear();
  labels_.clear();
  use_step();
  statements(0, 6);
  // A tail call stands where the results would.
  if (input_.one_in(6)) {
    for (uint32_t callee = 0; callee < function_types_.size(); ++callee) {
      if (types_[function_types_[callee]].results != type.results) continue;
      arguments(types_[function_types_[callee]], 2);
      op_index(0x12, callee);
      return with_locals(locals_, type.params.size(), code_);
    }
  }
  for (const uint8_t result : type.results)
    expression(result, 0);
  return with_locals(locals_, type.params.size(), code_);
}

/// local 2 = value ^ local 2 * factor, with the bits of the value on the stack.
void Generator::mix_into_sum(uint8_t type, uint8_t factor) {
  if (type == f32 || type == f64) {
    canonicalize(type);
    op(type == f32 ? 0xbc : 0xbd); // reinterpret
  }
  if (type == i32 || type == f32) op(0xad); // extend_i32_u
  op_index(0x20, 2);
  op(0x42);
  code_.push_back(factor);
  op(0x7e);
  op(0x85); // xor
  op_index(0x21, 2);
}

/// Calls a function and makes one number of its results.
Bytes Generator::caller_body(uint32_t function) {
  const FuncType callee = types_[function_types_[function]];
  function_ = static_cast<uint32_t>(function_types_.size());
  function_types_.push_back(add_type({{}, {i64}}));
  locals_ = {f32, f64, i64, i32};
  has_locals_ = true;
  code_.clear();
  labels_.clear();
  i32_const(steps_max);
  op_index(0x24, 0);
  for (const uint8_t param : callee.params)
    constant(param);
  op_index(0x10, function);
  for (size_t i = callee.results.size(); i-- > 0;)
    mix_into_sum(callee.results[i], 31);
  // Globals are part of what engines must agree on.
  for (uint32_t i = 1; i < globals_.size(); ++i) {
    op_index(0x23, i);
    mix_into_sum(globals_[i].type, 33);
  }
  op_index(0x20, 2);
  const Bytes body = with_locals(locals_, 0, code_);
  function_types_.pop_back();
  return body;
}

Bytes Generator::type_section() const {
  Bytes section;
  put_uleb(section, types_.size());
  for (const FuncType& type : types_) {
    section.push_back(0x60);
    put_uleb(section, type.params.size());
    section.insert(section.end(), type.params.begin(), type.params.end());
    put_uleb(section, type.results.size());
    section.insert(section.end(), type.results.begin(), type.results.end());
  }
  return section;
}

/// The table's first elements are the functions; a declarative segment lets all be referred to.
Bytes Generator::element_section() const {
  const size_t count = function_types_.size();
  const Bytes declared = {3, 0};
  Bytes section = {1};
  if (has_table_) {
    section = {2, 0, 0x41, 0, 0x0b};
    put_uleb(section, count);
    for (size_t i = 0; i < count; ++i)
      put_uleb(section, i);
  }
  section.insert(section.end(), declared.begin(), declared.end());
  put_uleb(section, count);
  for (size_t i = 0; i < count; ++i)
    put_uleb(section, i);
  return section;
}

Bytes Generator::data_section() {
  Bytes section = {2, 1}; // the first is passive
  put_uleb(section, 16);
  for (int i = 0; i < 16; ++i)
    section.push_back(input_.byte());
  section.push_back(0);
  section.push_back(memory_is_64_ ? 0x42 : 0x41);
  section.insert(section.end(), {8, 0x0b, 8});
  for (int i = 0; i < 8; ++i)
    section.push_back(input_.byte());
  return section;
}

Bytes Generator::run() {
  choose_types();
  has_memory_ = !input_.one_in(5);
  memory_is_64_ = has_memory_ && input_.one_in(5);
  has_table_ = !input_.one_in(3);
  has_data_ = has_memory_ && !input_.one_in(2);
  Bytes globals;
  choose_globals(globals);
  const Bytes datas = has_data_ ? data_section() : Bytes();

  const uint32_t functions = static_cast<uint32_t>(function_types_.size());
  Bytes codes;
  Bytes exports;
  const uint32_t callers = functions - first_function;
  put_uleb(codes, 2 * callers);
  put_uleb(exports, callers + (has_memory_ ? 1u : 0u));
  const auto add_body = [&](const Bytes& body) {
    put_uleb(codes, body.size());
    codes.insert(codes.end(), body.begin(), body.end());
  };
  for (uint32_t i = first_function; i < functions; ++i)
    add_body(function_body(i));
  for (uint32_t i = 0; i < callers; ++i) {
    add_body(caller_body(first_function + i));
    put_name(exports, "c" + std::to_string(i));
    exports.push_back(0);
    put_uleb(exports, functions + i);
  }
  if (has_memory_) {
    put_name(exports, "m");
    exports.insert(exports.end(), {2, 0});
  }
  Bytes declared;
  put_uleb(declared, 2 * callers);
  for (uint32_t i = first_function; i < functions; ++i)
    put_uleb(declared, function_types_[i]);
  const uint32_t caller_type = add_type({{}, {i64}});
  for (uint32_t i = 0; i < callers; ++i)
    put_uleb(declared, caller_type);

  Bytes imports = {1};
  put_name(imports, "host");
  put_name(imports, "note");
  imports.push_back(0);
  put_uleb(imports, function_types_[note]);
  Bytes module = {0, 'a', 's', 'm', 1, 0, 0, 0};
  put_section(module, 1, type_section());
  put_section(module, 2, imports);
  put_section(module, 3, declared);
  if (has_table_) put_section(module, 4, {1, funcref, 1, 8, table_max});
  if (has_memory_)
    put_section(module, 5, {1, static_cast<uint8_t>(memory_is_64_ ? 5 : 1), 1, pages_max});
  put_section(module, 6, globals);
  put_section(module, 7, exports);
  put_section(module, 9, element_section());
  if (has_data_) put_section(module, 12, {2});
  put_section(module, 10, codes);
  if (has_data_) put_section(module, 11, datas);
  return module;
}

std::vector<uint8_t> generate_module(Input& input) { return Generator(input).run(); }

} // namespace ebb::fuzz
