// As much of the Realtime packet as a player needs, written from the schema once more for Node.
'use strict';

const VARINT = 0, BYTES = 2;
const FIELD = { opCode: 1, sequence: 2, targetPlayer: 3, targetGroup: 4, sender: 5, reliable: 6, payload: 15 };
const COMMAND = { login: 30, loginResult: 31, joinGroup: 40, requestMembership: 42, membership: 43 };

function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

function field(number, value) {
  if (typeof value === 'number') return value === 0 ? Buffer.alloc(0) : Buffer.concat([varint(number << 3 | VARINT), varint(value)]);
  return Buffer.concat([varint(number << 3 | BYTES), varint(value.length), value]);
}

function encode(packet) {
  const parts = [field(FIELD.opCode, packet.opCode << 1 ^ packet.opCode >> 31)];
  for (const name of ['targetPlayer', 'targetGroup', 'sender', 'reliable']) parts.push(field(FIELD[name], packet[name] || 0));
  if (packet.payload && packet.payload.length) parts.push(field(FIELD.payload, packet.payload));
  if (packet.command) parts.push(field(packet.command, packet.body || Buffer.alloc(0)));
  const body = Buffer.concat(parts);
  return Buffer.concat([varint(body.length), body]);
}

function readVarint(bytes, at) {
  let value = 0n, shift = 0n, byte;
  do {
    if (at.index >= bytes.length) throw new Error('a varint beyond the packet');
    byte = bytes[at.index++];
    value |= BigInt(byte & 127) << shift;
    shift += 7n;
  } while (byte & 128);
  return Number(BigInt.asIntN(64, value));
}

function fields(bytes) {
  const found = new Map(), at = { index: 0 };
  while (at.index < bytes.length) {
    const tag = readVarint(bytes, at);
    if ((tag & 7) === VARINT) { found.set(tag >> 3, readVarint(bytes, at)); continue; }
    if ((tag & 7) !== BYTES) throw new Error(`wire type ${tag & 7}`);
    const size = readVarint(bytes, at);
    if (at.index + size > bytes.length) throw new Error('a field beyond the packet');
    found.set(tag >> 3, bytes.subarray(at.index, at.index += size));
  }
  return found;
}

// One WebSocket message must be exactly one packet.
function decode(message) {
  const at = { index: 0 }, size = readVarint(message, at);
  if (at.index + size !== message.length) throw new Error(`a packet of ${size} in a message of ${message.length}`);
  const found = fields(message.subarray(at.index)), raw = found.get(FIELD.opCode) || 0;
  const packet = { opCode: raw >>> 1 ^ -(raw & 1), payload: found.get(FIELD.payload) || Buffer.alloc(0), commands: found };
  for (const name of ['sequence', 'targetPlayer', 'targetGroup', 'sender', 'reliable']) packet[name] = found.get(FIELD[name]) || 0;
  return packet;
}

function packedVarints(bytes) {
  const list = [], at = { index: 0 };
  while (at.index < bytes.length) list.push(readVarint(bytes, at));
  return list;
}

module.exports = { COMMAND, decode, encode, field, fields, packedVarints };
