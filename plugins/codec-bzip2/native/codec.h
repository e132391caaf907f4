#ifndef CODEC_H
#define CODEC_H

#define EXPORT(name) __attribute__((export_name(name)))

/* Most that one call of the decoder writes; a run may pass it by three bytes. */
#define OUTPUT_BYTES (64 * 1024)

/* libbz2's table of the lengths between changed bits, in blocks that were randomised (bzip2 0.9 and older). */
extern int BZ2_rNums[512];

#endif
