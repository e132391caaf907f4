/* The module that ../quick-scan.ts calls: the scan of object.h, for what is copied into its memory. */
#include "object.h"

enum { ROOM = 4 << 20, REFUSED = -1 };

static uint8_t input[ROOM + LANES];
static struct members members;

uint32_t EXPORT(inputAt)(void) { return (uint32_t)input; }
uint32_t EXPORT(inputBytes)(void) { return ROOM; }
uint32_t EXPORT(membersAt)(void) { return (uint32_t)members.of; }

/* Where the last object that was taken ends. */
static uint32_t end;
uint32_t EXPORT(endAt)(void) { return (uint32_t)&end; }

/* Scans the object that begins at a place of the input. Returns how many members it has, which are then in the table; -1
   when it is refused. */
int32_t EXPORT(scan)(uint32_t start, uint32_t max_depth) {
  place after = object_end(input, input + start, max_depth, &members);
  if (after == refused) return REFUSED;
  end = after - input;
  return members.count;
}
