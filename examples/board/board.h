// What the firmware knows of its board: a debugger that prints text.
#pragma once

#include <stdint.h>

/// The program, which start-up calls. Zero: it did what it should.
int board_main();

/// Prints a text that ends with a zero.
void board_write(const char* text);
/// Prints a number in decimal.
void board_write_number(int32_t number);
