// Three ways to trap. The test finds the lines by their "here:" comments.
#include "inlined/divide.h"

// Nobody calls it: the linker drops it, and leaves its lines at an address where no code is.
int dropped(int a) { return a + 1; }

static volatile int *const out_of_bounds = (int *)0x7ffffff0;

__attribute__((noinline)) int inner(int a, int b) {
  if (a < 0)
    __builtin_trap(); // here: trap
  if (a == 0)
    return *out_of_bounds; // here: load
  return divide(a, b);
}

__attribute__((noinline)) int middle(int a, int b) {
  int sum = inner(a, b); // here: middle
  return sum + 1;
}

__attribute__((export_name("outer"))) int outer(int a, int b) {
  return 2 + middle(a, b); // here: outer
}
