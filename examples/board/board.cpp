// Start-up of a Cortex-M3, and its console: a debugger's, or an emulator's, by semihosting.
#include "examples/board/board.h"

#include <stddef.h>

extern "C" {

// The linker script's.
extern uint32_t board_stack_end[], board_data_start[], board_data_end[], board_data_source[];
extern uint32_t board_bss_start[], board_bss_end[];

[[noreturn]] void board_reset();

// What compilers call, and the library. They are short instead of fast.
void* memcpy(void* to, const void* from, size_t bytes);
void* memmove(void* to, const void* from, size_t bytes);
void* memset(void* to, int byte, size_t bytes);
int memcmp(const void* left, const void* right, size_t bytes);

} // extern "C"

void* memcpy(void* to, const void* from, size_t bytes) {
  auto* out = static_cast<unsigned char*>(to);
  auto* in = static_cast<const unsigned char*>(from);
  while (bytes-- != 0)
    *out++ = *in++;
  return to;
}

void* memmove(void* to, const void* from, size_t bytes) {
  auto* out = static_cast<unsigned char*>(to);
  auto* in = static_cast<const unsigned char*>(from);
  if (out <= in) return memcpy(to, from, bytes);
  while (bytes-- != 0)
    out[bytes] = in[bytes];
  return to;
}

void* memset(void* to, int byte, size_t bytes) {
  auto* out = static_cast<unsigned char*>(to);
  while (bytes-- != 0)
    *out++ = static_cast<unsigned char>(byte);
  return to;
}

int memcmp(const void* left, const void* right, size_t bytes) {
  auto* a = static_cast<const unsigned char*>(left);
  auto* b = static_cast<const unsigned char*>(right);
  for (; bytes != 0; bytes--, a++, b++)
    if (*a != *b) return *a - *b;
  return 0;
}

// The same under the names that compilers for ARM use, for addresses of any multiple.
extern "C" {

void __aeabi_memset(void* to, size_t bytes, int byte) { memset(to, byte, bytes); }
void __aeabi_memclr(void* to, size_t bytes) { memset(to, 0, bytes); }

void __aeabi_memcpy(void*, const void*, size_t) __attribute__((alias("memcpy")));
void __aeabi_memcpy4(void*, const void*, size_t) __attribute__((alias("memcpy")));
void __aeabi_memcpy8(void*, const void*, size_t) __attribute__((alias("memcpy")));
void __aeabi_memmove(void*, const void*, size_t) __attribute__((alias("memmove")));
void __aeabi_memmove4(void*, const void*, size_t) __attribute__((alias("memmove")));
void __aeabi_memmove8(void*, const void*, size_t) __attribute__((alias("memmove")));
void __aeabi_memset4(void*, size_t, int) __attribute__((alias("__aeabi_memset")));
void __aeabi_memset8(void*, size_t, int) __attribute__((alias("__aeabi_memset")));
void __aeabi_memclr4(void*, size_t) __attribute__((alias("__aeabi_memclr")));
void __aeabi_memclr8(void*, size_t) __attribute__((alias("__aeabi_memclr")));

} // extern "C"

namespace {

constexpr uint32_t semihosting_write0 = 0x04;
constexpr uint32_t semihosting_exit = 0x18;
constexpr uintptr_t stopped_application_exit = 0x20026;
constexpr uintptr_t stopped_run_time_error = 0x20023;

// How a Cortex-M asks its debugger, and how a process does that qemu-arm runs.
#if defined(BOARD_PROCESS)
#define BOARD_SEMIHOSTING "svc 0xab"
#else
#define BOARD_SEMIHOSTING "bkpt 0xab"
#endif

void semihosting(uint32_t operation, uintptr_t argument) {
  register uint32_t r0 asm("r0") = operation;
  register uintptr_t r1 asm("r1") = argument;
  asm volatile(BOARD_SEMIHOSTING : "+r"(r0) : "r"(r1) : "memory");
}

[[noreturn]] void stop(uintptr_t reason) {
  for (;;)
    semihosting(semihosting_exit, reason);
}

[[noreturn]] void fault() { stop(stopped_run_time_error); }

// What the processor reads first: its stack, where it starts, and where it goes when it cannot.
using Handler = void (*)();
struct Vectors {
  uint32_t* stack_end;
  Handler handlers[15];
};
[[gnu::section(".vectors"), gnu::used]] const Vectors vectors = {
    board_stack_end,
    {board_reset, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault,
     fault, fault, fault}};

} // namespace

void board_reset() {
  const uint32_t* from = board_data_source;
  for (uint32_t* to = board_data_start; to != board_data_end; to++)
    *to = *from++;
  for (uint32_t* to = board_bss_start; to != board_bss_end; to++)
    *to = 0;
  stop(board_main() == 0 ? stopped_application_exit : stopped_run_time_error);
}

void board_write(const char* text) {
  semihosting(semihosting_write0, reinterpret_cast<uintptr_t>(text));
}

void board_write_number(int32_t number) {
  char text[12];
  size_t at = sizeof text - 1;
  text[at] = 0;
  uint32_t rest = number < 0 ? 0u - static_cast<uint32_t>(number) : static_cast<uint32_t>(number);
  do {
    text[--at] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  if (number < 0) text[--at] = '-';
  board_write(text + at);
}
