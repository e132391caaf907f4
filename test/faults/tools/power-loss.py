"""Cuts a mounted ext4 file system off from its disk, as a loss of power does: power-loss.py MOUNT_POINT

What was not synced is lost, the journal's buffers included (EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH of
linux/fs/ext4/ext4.h). Every later access fails with EIO until the file system is mounted again.
"""
import fcntl
import os
import struct
import sys

EXT4_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
NO_LOG_FLUSH = 2

mount_point = os.open(sys.argv[1], os.O_RDONLY)
fcntl.ioctl(mount_point, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
