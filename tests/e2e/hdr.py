"""Reads HdrHistogram logs (V2, compressed, base64) by the format's description alone, for tests of what writes them."""

import base64
import struct
import zlib


def _varint(data, at):
    """ZigZag LEB128: seven bits a byte, the ninth byte whole."""
    value = 0
    for i in range(9):
        byte = data[at]
        at += 1
        value |= (byte if i == 8 else byte & 0x7F) << 7 * i
        if not byte & 0x80:
            break
    return (value >> 1) ^ -(value & 1), at


def _top(index, half_bits):
    """The greatest value that is counted at an index."""
    shift = max((index >> half_bits) - 1, 0)
    return ((index - (shift << half_bits) + 1) << shift) - 1


def decode(text):
    """{greatest value: count} of one histogram."""
    data = base64.b64decode(text, validate=True)
    cookie, size = struct.unpack(">ii", data[:8])
    if cookie & ~0xF0 != 0x1C849304 or len(data) != 8 + size:
        raise ValueError("not a compressed V2 histogram")
    data = zlib.decompress(data[8:])
    cookie, size, offset, digits, lowest, _highest, ratio = struct.unpack(">iiiiqqd", data[:40])
    if cookie & ~0xF0 != 0x1C849303 or len(data) != 40 + size or offset != 0 or lowest != 1 or ratio != 1.0:
        raise ValueError("not a V2 histogram")
    half_bits = (2 * 10**digits - 1).bit_length() - 1
    counts, index, at = {}, 0, 40
    while at < len(data):
        value, at = _varint(data, at)
        if value > 0:
            counts[_top(index, half_bits)] = value
        index += -value if value < 0 else 1
    return counts


def read_log(path):
    """[(tag, start in seconds, {greatest value: count})]"""
    intervals = []
    with open(path) as file:
        lines = file.read().splitlines()
    if lines[1] != "#[Histogram log format version 1.3]" or not lines[2].startswith("#[StartTime: "):
        raise ValueError("not a log")
    for line in lines:
        if line.startswith("Tag="):
            tag, start, length, _max, text = line[4:].split(",")
            if float(length) <= 0:
                raise ValueError("an interval without length")
            intervals.append((tag, float(start), decode(text)))
    return intervals


def merge(histograms):
    total = {}
    for counts in histograms:
        for value, count in counts.items():
            total[value] = total.get(value, 0) + count
    return total
