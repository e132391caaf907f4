"""Joins two network namespaces by a line that delays, reorders, loses and doubles packets:

    delay-line.py NAMESPACE_A ADDRESS_A NAMESPACE_B ADDRESS_B DELAY_S JITTER_S LOSS DOUBLED

Each namespace gets a TUN device; packets wait in a queue here. Prints "up" when both are ready, and ends when it is
killed. Does what tc-netem does, which many kernels do not have.
"""
import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x0001 | 0x1000
MTU = 1500

libc = ctypes.CDLL(None, use_errno=True)


def enter(path):
    namespace = os.open(path, os.O_RDONLY)
    if libc.setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), f"setns {path}")
    os.close(namespace)


def open_device(namespace, address):
    enter(f"/var/run/netns/{namespace}")
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22s", b"line0", IFF_TUN_NO_PI, b""))
    for words in (f"addr add {address}/24 dev line0", f"link set line0 up mtu {MTU}"):
        subprocess.run(["ip", *words.split()], check=True)
    return device


def read_all(device):
    while True:
        try:
            yield os.read(device, 65536)
        except BlockingIOError:
            return


def main():
    name_a, address_a, name_b, address_b = sys.argv[1:5]
    delay, jitter, loss, doubled = map(float, sys.argv[5:9])
    device_a, device_b = open_device(name_a, address_a), open_device(name_b, address_b)
    other = {device_a: device_b, device_b: device_a}
    print("up", flush=True)
    queue, count = [], 0
    while True:
        wait = queue[0][0] - time.monotonic() if queue else 1
        ready, _, _ = select.select([device_a, device_b], [], [], max(0, min(wait, 1)))
        for device in ready:
            for packet in read_all(device):
                copies = 0 if random.random() < loss else 2 if random.random() < doubled else 1
                for _ in range(copies):
                    count += 1
                    due = time.monotonic() + max(0, delay + random.uniform(-jitter, jitter))
                    heapq.heappush(queue, (due, count, other[device], packet))
        while queue and queue[0][0] <= time.monotonic():
            _, _, device, packet = heapq.heappop(queue)
            try:
                os.write(device, packet)
            except OSError:
                pass  # As on a real line, a packet that finds no room is lost.


main()
