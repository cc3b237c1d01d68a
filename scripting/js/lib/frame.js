'use strict';
// The frames between engine and sidecar. The list is scripting/sidecar/frame.def once more (a test compares them);
// docs/sidecar-protocol.md says what they mean. Layout: I = 32 bits, Q = 64 bits, S = text behind its size in 32 bits, R = the rest of
// the frame. All little-endian.

const HEAD_BYTES = 12;
const BODY_BYTES_MAX = 64 << 10;
const TEXT_BYTES_MAX = 32 << 10; // what is said is cut there, so that it fits a frame
const MAGIC = 0x43534352;
const VERSION_MIN = 2;
const VERSION_MAX = 2;
const PIECED_BYTES_MAX = 4 << 20; // one text in all its pieces
const FLAG_RELIABLE = 1;
const FLAG_ERROR = 1;
const FLAG_MORE = 1;
const FEATURE_DEBUGGER = 1;
const ANSWER = { ALLOW: 0, DENY: 1, FAILED: 2 };
const PIECES = ['properties', 'matchmaker_data', 'arguments']; // texts of OPEN that may come in pieces, in this order
const END = { FINISHED: 0, FAILED: 1, OUT_OF_MEMORY: 2 };

const LIST = [
	['HELLO', 1, 'IIIIIQS', 'magic version_min version_max features window_bytes memory_bytes engine'],
	['OPEN', 2, 'QIIISSSSSSSSS', 'memory_bytes players_max ping_ms tick_ms id name properties matchmaker_data script version folder main arguments'],
	['CLOSE', 3, 'S', 'reason'],
	['TERMINATE', 4, 'Q', 'left_ms'],
	['CONNECT', 5, 'QISSSR', 'ticket peer player_session_id player_id player_data payload'],
	['ACCEPTED', 6, 'ISSS', 'peer player_session_id player_id player_data'],
	['DISCONNECTED', 7, 'IS', 'peer reason'],
	['MESSAGE', 8, 'IIIIR', 'opcode sender player group payload'],
	['TO_PLAYER', 9, 'QIIIIR', 'ticket opcode sender player group payload'],
	['TO_GROUP', 10, 'QIIIIR', 'ticket opcode sender player group payload'],
	['JOIN', 11, 'QII', 'ticket group peer'],
	['LEAVE', 12, 'QII', 'ticket group peer'],
	['HEALTH', 13, 'Q', 'ticket'],
	['TICK', 14, 'Q', 'now_ns'],
	['PING', 15, 'Q', 'cookie'],
	['MISSED', 16, 'QI', 'ticket answer'],
	['PIECE', 17, 'IIIR', 'what total_bytes offset bytes'],
	['SERVICE', 18, 'IR', 'opcode payload'],
	['ANSWERED', 19, 'IR', 'number json'],
	['DROPPED', 20, 'I', 'peer'],
	['RESUMED', 21, 'I', 'peer'],
	['SNAPSHOT', 22, 'QII', 'ticket group peer'],

	['WELCOME', 32, 'IIIIS', 'magic version features process_id runtime'],
	['OPENED', 33, 'IIII', 'callbacks players_max ping_interval_ms tick_interval_ms'],
	['CREDIT', 34, 'I', 'bytes'],
	['ANSWER', 35, 'QI', 'ticket answer'],
	['SEND', 36, 'IIIIR', 'opcode sender player group payload'],
	['BROADCAST', 37, 'II', 'group target_group'],
	['KICK', 38, 'IR', 'peer text'],
	['PUT', 39, 'II', 'group peer'],
	['TAKE', 40, 'II', 'group peer'],
	['LOG', 41, 'IR', 'level text'],
	['END', 42, 'IR', 'how text'],
	['MEMORY', 43, 'Q', 'bytes'],
	['PONG', 44, 'Q', 'cookie'],
	['EMIT', 45, 'SR', 'name json'],
	['ASK', 46, 'IR', 'number json'],
	['RETAIN', 47, 'IIIIR', 'opcode sender group key payload'],
	['FORGET', 48, 'II', 'group key'],
	['SNAPSHOT_PART', 49, 'QIIR', 'ticket opcode sender payload'],
];

const KIND = {};
const byNumber = [];
for (const [name, number, layout, fields] of LIST) {
	KIND[name] = number;
	byNumber[number] = { name, layout, fields: fields.split(' ') };
}

// One frame of buffer at offset, which the caller knows to be whole. 64 bits become a BigInt, S a string, R a Buffer that shares the
// memory.
function decode(buffer, offset = 0) {
	const end = offset + HEAD_BYTES + buffer.readUInt32LE(offset);
	const kind = byNumber[buffer[offset + 4]];
	if (kind === undefined)
		throw new RangeError(`no such frame: ${buffer[offset + 4]}`);
	const frame = { kind: kind.name, flags: buffer[offset + 5], session: buffer.readUInt32LE(offset + 8) };
	let at = offset + HEAD_BYTES;
	for (let i = 0; i < kind.layout.length; i++) {
		const field = kind.fields[i];
		if (kind.layout[i] === 'I') {
			frame[field] = buffer.readInt32LE(at);
			at += 4;
		} else if (kind.layout[i] === 'Q') {
			frame[field] = buffer.readBigUInt64LE(at);
			at += 8;
		} else if (kind.layout[i] === 'S') {
			const size = buffer.readUInt32LE(at);
			frame[field] = buffer.toString('utf8', at + 4, at + 4 + size);
			at += 4 + size;
		} else {
			frame[field] = buffer.subarray(at, end);
			at = end;
		}
	}
	if (at !== end)
		throw new RangeError(`${kind.name} has ${end - at} bytes too many`);
	return frame;
}

// A frame from { field: value }: numbers, BigInts, strings and byte arrays.
function encode(name, session, values, flags = 0) {
	const kind = byNumber[KIND[name]];
	const parts = [Buffer.alloc(HEAD_BYTES)];
	for (let i = 0; i < kind.layout.length; i++) {
		const value = values[kind.fields[i]];
		const number = Buffer.alloc(kind.layout[i] === 'Q' ? 8 : 4);
		if (kind.layout[i] === 'I') {
			number.writeUInt32LE(value >>> 0);
			parts.push(number);
		} else if (kind.layout[i] === 'Q') {
			number.writeBigUInt64LE(BigInt(value));
			parts.push(number);
		} else {
			const bytes = Buffer.from(value);
			number.writeUInt32LE(bytes.length);
			parts.push(...(kind.layout[i] === 'S' ? [number, bytes] : [bytes]));
		}
	}
	const frame = Buffer.concat(parts);
	writeHead(frame, 0, frame.length - HEAD_BYTES, KIND[name], flags, session);
	return frame;
}

function writeHead(buffer, offset, bodyBytes, kind, flags, session) {
	buffer.writeUInt32LE(bodyBytes, offset);
	buffer.writeUInt32LE(kind | (flags << 8), offset + 4);
	buffer.writeUInt32LE(session, offset + 8);
}

module.exports = { HEAD_BYTES, BODY_BYTES_MAX, PIECED_BYTES_MAX, TEXT_BYTES_MAX, MAGIC, VERSION_MIN, VERSION_MAX, FLAG_RELIABLE, FLAG_ERROR,
	FLAG_MORE, FEATURE_DEBUGGER, ANSWER, PIECES, END, LIST, KIND, decode, encode, writeHead };
