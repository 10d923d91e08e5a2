// simt: y[to(b) + u * U_STEP + i] = x[from(b) + u + i * I_STEP], for devices with many work-items
// per group.
//
// Layout   u: the axis along which x is contiguous; i: the axis along which y is; b: all others.
// Method   a group turns one tile in local memory, so that neighbours read and write neighbouring
//          addresses; a column of padding avoids bank conflicts.
// Cost     one read and one write per element.
// Launch   global (ceil(u_count / TILE) * TILE, ceil(i_count / TILE) * TILE, boxes),
//          local (TILE, TILE, 1).
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   ELEMENT      type of an element: uchar, ushort, uint, ulong
//   TILE         edge of a tile
//   U_STEP       distance in y of neighbours along u
//   I_STEP       distance in x of neighbours along i
//   FROM, TO     offsets of a box in x and in y, as expressions in box
#ifndef ELEMENT
#define ELEMENT uint
#endif
#ifndef TILE
#define TILE 16
#endif
#ifndef U_STEP
#define U_STEP i_count
#endif
#ifndef I_STEP
#define I_STEP u_count
#endif
#ifndef FROM
#define FROM (box * u_count * i_count)
#endif
#ifndef TO
#define TO (box * u_count * i_count)
#endif

__kernel __attribute__((reqd_work_group_size(TILE, TILE, 1))) void simt(
    __global const ELEMENT* restrict x, __global ELEMENT* restrict y, int u_count, int i_count) {
  __local ELEMENT tile[TILE][TILE + 1];
  const int box = get_group_id(2);
  const int u0 = get_group_id(0) * TILE;
  const int i0 = get_group_id(1) * TILE;
  const int a = get_local_id(0);
  const int b = get_local_id(1);
  __global const ELEMENT* from = x + FROM;
  __global ELEMENT* to = y + TO;
  if (u0 + a < u_count && i0 + b < i_count) tile[b][a] = from[(u0 + a) + (i0 + b) * I_STEP];
  barrier(CLK_LOCAL_MEM_FENCE);
  if (u0 + b < u_count && i0 + a < i_count) to[(u0 + b) * U_STEP + (i0 + a)] = tile[a][b];
}
