#ifndef CODEC_H
#define CODEC_H

#define EXPORT(name) __attribute__((export_name(name)))

/* Most that one call of the decoder writes; a run may pass it by three bytes. */
#define OUTPUT_BYTES (64 * 1024)

#endif
