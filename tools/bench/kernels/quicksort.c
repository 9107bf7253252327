/* Quicksort with a median of three and an insertion sort below sixteen: compares, swaps and
 * branches that no predictor knows. */
#include "kernel.h"

enum { count = 200000, rounds = 7 };

static int32_t numbers[count];

static void sort(int32_t* v, int low, int high) {
  while (high - low > 16) {
    int middle = low + (high - low) / 2;
    int32_t x = v[low], y = v[middle], z = v[high];
    int32_t pivot = x < y ? (y < z ? y : x < z ? z : x) : (x < z ? x : y < z ? z : y);
    int i = low, j = high;
    while (i <= j) {
      while (v[i] < pivot)
        i++;
      while (v[j] > pivot)
        j--;
      if (i <= j) {
        int32_t t = v[i];
        v[i++] = v[j];
        v[j--] = t;
      }
    }
    if (j - low < high - i) {
      sort(v, low, j);
      low = i;
    } else {
      sort(v, i, high);
      high = j;
    }
  }
  for (int i = low + 1; i <= high; i++) {
    int32_t value = v[i];
    int j = i - 1;
    while (j >= low && v[j] > value) {
      v[j + 1] = v[j];
      j--;
    }
    v[j + 1] = value;
  }
}

int main(void) {
  uint32_t seed = 42;
  uint64_t sum = 6;
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < count; i++)
      numbers[i] = (int32_t)next_random(&seed);
    sort(numbers, 0, count - 1);
    for (int i = 0; i < count; i += 997)
      sum = fold(sum, (uint32_t)numbers[i]);
    for (int i = 1; i < count; i++)
      if (numbers[i - 1] > numbers[i]) return 1;
  }
  return report("quicksort", sum);
}
