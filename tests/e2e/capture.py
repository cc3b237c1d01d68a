"""What goes over a loopback device, as a pcap file: a packet socket and thirty lines instead of a capture tool's rights and start-up."""

import ctypes
import shutil
import socket
import struct
import subprocess
import threading

ETH_P_ALL = 3
OUTGOING = 4  # each packet of lo is seen twice, going out and coming in
LINKTYPE_ETHERNET = 1
CLONE_NEWNET = 0x40000000


def enter_network_of_our_own():
    """This thread, and whom it starts from now on: a loopback device on which nobody else talks. False: there is no right to that."""
    if shutil.which("ip") is None or ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        return False
    return subprocess.run(["ip", "link", "set", "lo", "up"], check=False).returncode == 0


class Capture:
    """From entering to leaving. Nothing is filtered: who reads the file knows the ports."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.bind(("lo", ETH_P_ALL))
        self.socket.settimeout(0.1)
        self.is_over = False
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.thread.join()
        self.socket.close()

    def _run(self):
        count = 0
        with open(self.path, "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, LINKTYPE_ETHERNET))
            while True:
                try:
                    data, address = self.socket.recvfrom(1 << 18)
                except socket.timeout:
                    if self.is_over:
                        return
                    continue
                if address[2] != OUTGOING:
                    file.write(struct.pack("<IIII", count, 0, len(data), len(data)) + data)
                    count += 1
