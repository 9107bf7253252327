// A firmware that runs WebAssembly: all that tools/size counts.
//
// Flash holds the runtime and a guest as .wasm; the guest is decoded, validated, compiled and run
// out of one static buffer. What the program says goes to a debugger by semihosting (board.h).
#include "examples/board/board.h"

#include "core/platform/platform.h"

#include <ebb/ebb.h>

#include <span>

namespace {

// All the memory that this program will ever give to guests.
alignas(8) unsigned char memory[112 * 1024];

// What the guest imports. An error returned here would end the guest's call.
ebb::Result<void> report(ebb::Caller&, int32_t value) {
  board_write("the guest says ");
  board_write_number(value);
  board_write("\n");
  return {};
}

// (module
//   (import "host" "report" (func $report (param i32)))
//   (memory 1)
//   (func (export "sum") (param $n i32) (result f64) (local $i i32) (local $sum f64)
//     ;; Writes the squares of 0 to n - 1 to memory as f64, then adds them up.
//     (loop $write
//       (f64.store (i32.shl (local.get $i) (i32.const 3))
//         (f64.convert_i32_s (i32.mul (local.get $i) (local.get $i))))
//       (br_if $write (i32.lt_s (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get
//       $n))))
//     (loop $add
//       (local.set $i (i32.sub (local.get $i) (i32.const 1)))
//       (local.set $sum (f64.add (local.get $sum)
//         (f64.load (i32.shl (local.get $i) (i32.const 3)))))
//       (br_if $add (local.get $i)))
//     (call $report (i32.trunc_f64_s (local.get $sum)))
//     (local.get $sum)))
constexpr uint8_t guest[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x0a, 0x02, 0x60, 0x01, 0x7f, 0x00, 0x60,
    0x01, 0x7f, 0x01, 0x7c, 0x02, 0x0f, 0x01, 0x04, 0x68, 0x6f, 0x73, 0x74, 0x06, 0x72, 0x65, 0x70,
    0x6f, 0x72, 0x74, 0x00, 0x00, 0x03, 0x02, 0x01, 0x01, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x07,
    0x01, 0x03, 0x73, 0x75, 0x6d, 0x00, 0x01, 0x0a, 0x47, 0x01, 0x45, 0x02, 0x01, 0x7f, 0x01, 0x7c,
    0x03, 0x40, 0x20, 0x01, 0x41, 0x03, 0x74, 0x20, 0x01, 0x20, 0x01, 0x6c, 0xb7, 0x39, 0x03, 0x00,
    0x20, 0x01, 0x41, 0x01, 0x6a, 0x22, 0x01, 0x20, 0x00, 0x48, 0x0d, 0x00, 0x0b, 0x03, 0x40, 0x20,
    0x01, 0x41, 0x01, 0x6b, 0x21, 0x01, 0x20, 0x02, 0x20, 0x01, 0x41, 0x03, 0x74, 0x2b, 0x03, 0x00,
    0xa0, 0x21, 0x02, 0x20, 0x01, 0x0d, 0x00, 0x0b, 0x20, 0x02, 0xaa, 0x10, 0x00, 0x20, 0x02, 0x0b};

// A program that loads .wasm alone is linked without what precompiled modules need.
#if defined(BOARD_LOADS_PRECOMPILED)
constexpr auto load_module = &ebb::Module::load;
#else
constexpr auto load_module = &ebb::Module::load_wasm;
#endif

// The linker must not know the guest: a product's is not there yet.
std::span<const uint8_t> flashed(std::span<const uint8_t> bytes) {
  const uint8_t* data = bytes.data();
  asm volatile("" : "+r"(data));
  return {data, bytes.size()};
}

// EBB_TRY gives a value, or returns the error to the caller.
ebb::Result<double> sum(const ebb::Allocator& allocator, int32_t count) {
  ebb::Config config;
  config.allocator = &allocator;
  config.encoding = ebb::Config::Encoding::compact;
  config.stack_bytes_max = 4096;
  config.fixed_seed = true; // A product takes a number that differs between devices.
  ebb::Engine engine = EBB_TRY(ebb::Engine::create(config));
  ebb::Module module = EBB_TRY(load_module(engine, flashed(guest), nullptr));
  ebb::Linker linker = EBB_TRY(ebb::Linker::create(engine));
  EBB_TRY(linker.define_func("host", "report", &report));
  ebb::Store store = EBB_TRY(ebb::Store::create(engine));
  ebb::Instance instance = EBB_TRY(linker.instantiate(store, module));
  auto function = EBB_TRY(instance.get_typed_func<double(int32_t)>(store, "sum"));
  return function.call(store, count);
}

} // namespace

// There is no source of entropy here; Config::fixed_seed says so.
bool ebb::platform_entropy(void*, size_t) { return false; }

int board_main() {
  const ebb::Allocator allocator = ebb::Pool::create(memory, sizeof memory)->allocator();
  const ebb::Result<double> result = sum(allocator, 100);
  if (!result.ok()) {
    // The number of a row of errors.def, which takes 4 KB less than the names.
    board_write("error ");
    board_write_number(static_cast<int32_t>(result.error()));
    board_write("\n");
    return 1;
  }
  const auto whole = static_cast<int32_t>(result.value());
  board_write("0 + 1 + 4 + ... = ");
  board_write_number(whole);
  board_write("\n");
  return whole == 328350 ? 0 : 1;
}
