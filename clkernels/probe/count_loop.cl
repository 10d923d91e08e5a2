// count_loop: counts the iterations of a loop, for devices that silently leave long loops.
//
// Layout   cells: 5 ints; cells[1..4] are 1, cells[0] becomes the count.
// Method   the summands are read from volatile memory, so that no compiler replaces the loop.
// Launch   global (1), local (1).
__kernel void count_loop(__global volatile int* restrict cells, const int n) {
  int count = 0;
  for (int i = 0; i < n; ++i) count += cells[1 + (i & 3)];
  cells[0] = count;
}
