// The relay that one would write in an afternoon on npm ws, at its fast settings: no compression, no logging, one encoding per message
// for all receivers. Sessions come into being with their first player; a token is "<prefix>-<session>-<anything>". No UDP (fastPort 0).
'use strict';
const { WebSocketServer } = require('ws');

const sessions = new Map(); // name -> { next, peers: Map(id -> socket), groups: Map(number -> Set(socket)) }

// protobuf, as little of it as a Packet needs; int32 are at most 10-byte varints
function readVarint(buf, at) {
  let value = 0n, shift = 0n, byte;
  do { byte = buf[at.i++]; value |= BigInt(byte & 127) << shift; shift += 7n; } while (byte & 128);
  return Number(BigInt.asIntN(64, value));
}
function decode(buf, at = { i: 0 }, end = buf.length) {
  const fields = {};
  while (at.i < end) {
    const tag = readVarint(buf, at);
    if ((tag & 7) === 0) fields[tag >> 3] = readVarint(buf, at);
    else { const size = readVarint(buf, at); fields[tag >> 3] = buf.subarray(at.i, at.i += size); }
  }
  return fields;
}
function varint(value) {
  const bytes = [];
  let v = BigInt.asUintN(64, BigInt(value));
  while (v > 127n) { bytes.push(Number(v & 127n) | 128); v >>= 7n; }
  bytes.push(Number(v));
  return bytes;
}
const zigzag = (n) => (n << 1) ^ (n >> 31);
function packet(parts) {
  const body = Buffer.concat(parts.map((p) => Buffer.from(p)));
  return Buffer.concat([Buffer.from(varint(body.length)), body]);
}

function login(ws, login) {
  const name = decode(login)[1].toString().split('-')[1];
  let session = sessions.get(name);
  if (!session) sessions.set(name, session = { next: 1, peers: new Map(), groups: new Map() });
  Object.assign(ws, { session, name, peerId: session.next++, joined: new Set() });
  session.peers.set(ws.peerId, ws);
  const id = varint(ws.peerId), result = [0x08, 1, 0x18, ...id];
  ws.send(packet([[0x08, ...varint(zigzag(-1)), 0x18, ...id, 0x28, ...varint(-1), 0x30, 1], [0xfa, 0x01, result.length, ...result]]));
}

function relay(ws, p, opCode) {
  const { session } = ws;
  const targets = p[4] === -1 ? session.peers.values() : p[4] > 0 ? session.groups.get(p[4]) : p[3] > 0 ? [session.peers.get(p[3])] : [];
  const payload = p[15] || Buffer.alloc(0);
  const out = packet([[0x08, ...varint(zigzag(opCode)), 0x28, ...varint(ws.peerId), 0x30, 1, 0x7a, ...varint(payload.length)], payload]);
  for (const peer of targets || []) if (peer) peer.send(out);
}

function receive(ws, data) {
  const at = { i: 0 };
  readVarint(data, at); // the length prefix
  const p = decode(data, at), raw = p[1] || 0, opCode = (raw >>> 1) ^ -(raw & 1);
  if (!ws.session) return opCode === 0 && p[30] ? login(ws, p[30]) : ws.close(1002);
  if (opCode === -10) {
    const group = decode(p[40])[1];
    if (!ws.session.groups.has(group)) ws.session.groups.set(group, new Set());
    ws.session.groups.get(group).add(ws);
    ws.joined.add(group);
  } else if (opCode > 0) relay(ws, p, opCode);
}

function leave(ws) {
  if (!ws.session) return;
  ws.session.peers.delete(ws.peerId);
  for (const group of ws.joined) ws.session.groups.get(group).delete(ws);
  if (ws.session.peers.size === 0) sessions.delete(ws.name);
}

const port = Number(process.argv[2] || 7790);
const server = new WebSocketServer({ host: '127.0.0.1', port, perMessageDeflate: false, maxPayload: 16384, backlog: 4096 });
server.on('connection', (ws) => {
  ws._socket.setNoDelay(true);
  ws.on('message', (data) => receive(ws, data));
  ws.on('close', () => leave(ws));
  ws.on('error', () => ws.terminate());
});
server.on('listening', () => console.log(`ws relay on 127.0.0.1:${port}, pid ${process.pid}`));
