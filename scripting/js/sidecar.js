'use strict';
// The sidecar's main thread: reads the engine's frames from descriptor 3, hands them to the worker of their session, and writes what the
// workers say back. It looks at heads only; no script runs here, so none can hold it up. docs/sidecar-protocol.md describes the wire.
const net = require('net');
const inspector = require('inspector');
const path = require('path');
const { MessageChannel, Worker, receiveMessageOnPort } = require('worker_threads');
const { afterRunning } = require('./lib/clock');
const frames = require('./lib/frame');

const { BODY_BYTES_MAX, END, HEAD_BYTES, KIND, VERSION_MAX, VERSION_MIN } = frames;
const CHANNEL_FD = Number(process.env.RINGCAST_CHANNEL_FD || 3);
const READ_BYTES = 256 << 10;
const IDLE_WORKERS = Number(process.env.RINGCAST_IDLE_WORKERS || 2);
const CLOSE_GRACE_MS = 1000;
const TERMINATE_GRACE_MS = Number(process.env.RINGCAST_TERMINATE_GRACE_MS || 30000);
const RESPAWN_MS = 1000;
const BEAT_INTERVAL_MS = 1000;
const MEGABYTE = 1 << 20;

const socket = new net.Socket({ fd: CHANNEL_FD, readable: true, writable: true,
	onread: { buffer: Buffer.allocUnsafeSlow(READ_BYTES), callback: (size, buffer) => take(buffer, size) } });
const sessions = new Map(); // number -> seat
const idle = []; // seats that wait for a session
const dirty = []; // seats with runs of the chunk that is being read
let isWelcome = false;
let memoryBytes = 0;
let creditBytes = 0;

function stop(code, text) {
	if (text)
		process.stderr.write(`ringcast sidecar: ${text}\n`);
	process.exit(code);
}

// To the engine: everything of one turn of the loop in one write.

let outgoing = [];
let isWriteDue = false;

function write(bytes, seat) {
	outgoing.push({ bytes, seat });
	if (isWriteDue)
		return;
	isWriteDue = true;
	setImmediate(flush);
}

function flush() {
	const batch = outgoing;
	outgoing = [];
	isWriteDue = false;
	socket.cork();
	batch.forEach(({ bytes }, i) => socket.write(bytes, i === batch.length - 1 ? () => settle(batch) : undefined));
	socket.uncork();
}

// The engine has taken them: the workers may say more.
function settle(batch) {
	for (const { bytes, seat } of batch)
		if (seat !== null)
			Atomics.add(seat.taken, 0, bytes.length);
}

// Seats: a worker each, warm before it has a session

function environment() {
	const { RINGCAST_CHANNEL_FD, RINGCAST_IDLE_WORKERS, ...rest } = process.env;
	return rest;
}

function seatCreate(bytesMax) {
	const { port1, port2 } = new MessageChannel();
	const taken = new Int32Array(new SharedArrayBuffer(4));
	const worker = new Worker(path.join(__dirname, 'lib', 'worker.js'), {
		workerData: { port: port2, taken, creditBytes },
		transferList: [port2],
		env: environment(),
		stdout: true,
		stderr: true,
		resourceLimits: bytesMax > 0 ? { maxOldGenerationSizeMb: Math.max(4, Math.floor(bytesMax / MEGABYTE)), maxYoungGenerationSizeMb: 8 } : {},
	});
	const seat = { worker, port: port1, taken, bytesMax, number: 0, runs: [], runBytes: 0, isUp: false, isEnded: false, error: null,
		callOff: () => {} };
	port1.on('message', (said) => hear(seat, said));
	worker.on('error', (error) => { seat.error = error; });
	worker.on('exit', (code) => leave(seat, code));
	return seat;
}

function hear(seat, said) {
	if (said === 'up')
		seat.isUp = true;
	else if (said === 'ended')
		seat.isEnded = true;
	else
		write(Buffer.from(said), seat);
}

// Its last words may still lie in the port.
function leave(seat, code) {
	seat.callOff();
	for (let last = receiveMessageOnPort(seat.port); last !== undefined; last = receiveMessageOnPort(seat.port))
		hear(seat, last.message);
	seat.port.close();
	if (seat.number !== 0) {
		sessions.delete(seat.number);
		if (!seat.isEnded)
			write(farewell(seat, code), null);
		return;
	}
	idle.splice(idle.indexOf(seat), 1);
	process.stderr.write(`ringcast sidecar: a waiting worker ended (exit code ${code}): ${seat.error && seat.error.stack}\n`);
	setTimeout(fillIdle, RESPAWN_MS);
}

// Hundreds of sessions that begin at once wait for their threads; that is not their scripts' fault, so somebody says for them that they
// live.
function beat() {
	for (const seat of sessions.values())
		if (!seat.isUp)
			write(frames.encode('CREDIT', seat.number, { bytes: 0 }), null);
}

// A worker that could not say so itself.
function farewell({ number, error, bytesMax }, code) {
	const megabytes = Math.floor(bytesMax / MEGABYTE);
	if (error !== null && error.code === 'ERR_WORKER_OUT_OF_MEMORY')
		return frames.encode('END', number, { how: END.OUT_OF_MEMORY, text: `script needs more than its ${megabytes} MB of memory` });
	const text = error !== null ? `script failed: ${error.message}` : `worker ended with exit code ${code}`;
	return frames.encode('END', number, { how: END.FAILED, text: Buffer.from(text).subarray(0, frames.TEXT_BYTES_MAX) });
}

function fillIdle() {
	while (idle.length < IDLE_WORKERS)
		idle.push(seatCreate(memoryBytes));
}

function open(number, bytesMax) {
	const at = idle.findIndex((seat) => seat.bytesMax === bytesMax);
	const seat = at >= 0 ? idle.splice(at, 1)[0] : seatCreate(bytesMax);
	if (at < 0 && bytesMax !== memoryBytes) {
		memoryBytes = bytesMax; // the limit has been changed: what waits has the old one
		idle.splice(0).forEach(retire);
	}
	seat.number = number;
	sessions.set(number, seat);
	setImmediate(fillIdle);
	return seat;
}

function retire(seat) {
	seat.isEnded = true;
	seat.worker.removeAllListeners('exit');
	seat.worker.terminate().then(() => seat.port.close());
}

// From the engine

function hello(buffer, offset) {
	const { magic, version_min, version_max, window_bytes, memory_bytes } = frames.decode(buffer, offset);
	const version = Math.min(version_max, VERSION_MAX);
	if (isWelcome || magic !== frames.MAGIC || version < Math.max(version_min, VERSION_MIN))
		stop(1, `the engine speaks versions ${version_min} to ${version_max} of the protocol, this sidecar ${VERSION_MIN} to ${VERSION_MAX}`);
	isWelcome = true;
	memoryBytes = Number(memory_bytes);
	creditBytes = window_bytes >>> 3;
	const features = inspector.url() === undefined ? 0 : frames.FEATURE_DEBUGGER;
	const runtime = `node ${process.version}`;
	write(frames.encode('WELCOME', 0, { magic, version, features, process_id: process.pid, runtime }), null);
	fillIdle();
}

function close(seat) {
	seat.isEnded = true;
	seat.callOff = afterRunning(CLOSE_GRACE_MS, () => terminate(seat));
}

// Node 24 has states near the heap's limit that nothing gets a thread out of. It would eat all there is, so the process gives way.
function terminate(seat) {
	seat.worker.terminate();
	seat.callOff = afterRunning(TERMINATE_GRACE_MS, () => stop(1, 'a worker cannot be stopped'));
}

// A whole frame of buffer: noted as part of its session's run, and handed over at the end of the chunk.
function dispatch(buffer, offset, end) {
	const kind = buffer[offset + 4];
	const number = buffer.readUInt32LE(offset + 8);
	let seat = sessions.get(number);
	if (number === 0)
		return channelFrame(buffer, offset, kind);
	if (kind === KIND.OPEN)
		seat = open(number, Number(buffer.readBigUInt64LE(offset + HEAD_BYTES)));
	if (seat === undefined)
		return undefined; // it has ended here, and the engine is being told
	const { runs } = seat;
	if (runs.length === 0)
		dirty.push(seat);
	if (runs.length > 0 && runs[runs.length - 1] === offset)
		runs[runs.length - 1] = end;
	else
		runs.push(offset, end);
	seat.runBytes += end - offset;
	return kind === KIND.CLOSE ? close(seat) : undefined;
}

function channelFrame(buffer, offset, kind) {
	if (kind === KIND.HELLO)
		hello(buffer, offset);
	else if (kind === KIND.PING)
		write(frames.encode('PONG', 0, { cookie: frames.decode(buffer, offset).cookie }), null);
	else
		stop(1, `frame ${kind} without a session`);
}

function handOver(buffer) {
	for (const seat of dirty) {
		const bytes = new ArrayBuffer(seat.runBytes);
		const target = Buffer.from(bytes);
		for (let i = 0, at = 0; i < seat.runs.length; i += 2)
			at += buffer.copy(target, at, seat.runs[i], seat.runs[i + 1]);
		seat.port.postMessage(bytes, [bytes]);
		seat.runs.length = 0;
		seat.runBytes = 0;
	}
	dirty.length = 0;
}

function sizeAt(buffer, offset) {
	const size = buffer.readUInt32LE(offset);
	if (size > BODY_BYTES_MAX)
		stop(1, `frame of ${size} bytes`);
	return HEAD_BYTES + size;
}

// Whole frames from offset on; returns where the first cut one begins.
function takeWhole(buffer, offset, size) {
	while (size - offset >= HEAD_BYTES) {
		const end = offset + sizeAt(buffer, offset);
		if (end > size)
			break;
		dispatch(buffer, offset, end);
		offset = end;
	}
	handOver(buffer);
	return offset;
}

const cut = Buffer.allocUnsafeSlow(HEAD_BYTES + BODY_BYTES_MAX);
let cutBytes = 0;

// Completes the frame that the last chunk ended in; returns how much of this one that took.
function mend(buffer, size) {
	let used = 0;
	while (cutBytes > 0 && used < size) {
		const wanted = cutBytes < HEAD_BYTES ? HEAD_BYTES : sizeAt(cut, 0);
		const part = Math.min(wanted - cutBytes, size - used);
		buffer.copy(cut, cutBytes, used, used + part);
		cutBytes += part;
		used += part;
		if (cutBytes >= HEAD_BYTES && cutBytes === sizeAt(cut, 0)) {
			takeWhole(cut, 0, cutBytes);
			cutBytes = 0;
		}
	}
	return used;
}

function take(buffer, size) {
	const offset = takeWhole(buffer, mend(buffer, size), size);
	if (offset < size)
		cutBytes += buffer.copy(cut, 0, offset, size);
	return true;
}

// An engine that goes while something of ours is unread ends the channel so, on a busy machine: an end like any other.
const ENDS = ['ECONNRESET', 'EPIPE'];
socket.on('error', (error) => (ENDS.includes(error.code) ? stop(0) : stop(1, `channel: ${error.message}`)));
socket.on('end', () => stop(0));
socket.on('close', () => stop(0));
socket.resume();
setInterval(beat, BEAT_INTERVAL_MS);
