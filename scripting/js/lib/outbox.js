'use strict';
// What a session says to the engine, in its worker: frames are written into one buffer and posted to the main thread together, at the end
// of the events that caused them. A script that says more than the engine takes is cut short instead of filling the memory.
const { HEAD_BYTES, TEXT_BYTES_MAX, FLAG_ERROR, FLAG_RELIABLE, KIND, writeHead } = require('./frame');

const CAPACITY_BYTES = 256 << 10;
const POST_BYTES = 64 << 10;
const UNTAKEN_BYTES_MAX = 8 << 20;
const CREDIT_BYTES = HEAD_BYTES + 4;
const CREDIT_DELAY_MS = 250;
const WARN = 2;

class Outbox {
	// taken: one shared number, how many bytes (mod 2^32) of what was posted the engine has taken. creditBytes: so much may be taken
	// before credit is worth a post of its own; less of it travels with other frames, or a little later.
	constructor(port, taken, creditBytes) {
		this.port = port;
		this.taken = taken;
		this.creditBytes = creditBytes;
		this.creditOwed = 0;
		this.creditTimer = null;
		this.buffer = Buffer.allocUnsafeSlow(CAPACITY_BYTES);
		this.size = 0;
		this.posted = 0;
		this.postCount = 0;
		this.session = 0;
		this.isBatching = false;
		this.isScheduled = false;
		this.linesLost = 0;
		this.flush = this.flush.bind(this);
	}

	isChoked() {
		return ((this.posted + this.size - Atomics.load(this.taken, 0)) >>> 0) > UNTAKEN_BYTES_MAX;
	}

	// Room for a frame; returns where its body begins.
	begin(kind, flags, bodyBytes) {
		if (this.size + HEAD_BYTES + bodyBytes + CREDIT_BYTES > CAPACITY_BYTES)
			this.flush();
		const { buffer, size } = this;
		buffer.writeUInt32LE(bodyBytes, size);
		buffer.writeUInt32LE(kind | (flags << 8), size + 4);
		buffer.writeUInt32LE(this.session, size + 8);
		this.size = size + HEAD_BYTES + bodyBytes;
		if (!this.isBatching && !this.isScheduled) {
			this.isScheduled = true;
			setImmediate(this.flush);
		}
		return size + HEAD_BYTES;
	}

	flush() {
		this.isScheduled = false;
		if (this.size === 0 && this.creditOwed < this.creditBytes)
			return this.payLater();
		if (this.creditOwed > 0)
			this.pay();
		if (this.size > 0)
			this.post();
		return undefined;
	}

	post() {
		const bytes = this.buffer.buffer.slice(0, this.size);
		this.posted = (this.posted + this.size) >>> 0;
		this.size = 0;
		this.postCount++;
		this.port.postMessage(bytes, [bytes]);
	}

	// Within one long callback: what is much goes already.
	flushIfMuch() {
		if (this.size >= POST_BYTES)
			this.flush();
	}

	send(reliable, opCode, sender, player, group, payload) {
		this.message(KIND.SEND, reliable ? FLAG_RELIABLE : 0, opCode, sender, player, group, payload);
	}

	// SEND, RETAIN: two numbers more say where it belongs.
	message(kind, flags, opCode, sender, first, second, payload) {
		const at = this.begin(kind, flags, 16 + payload.length);
		const { buffer } = this;
		buffer.writeInt32LE(opCode, at);
		buffer.writeInt32LE(sender, at + 4);
		buffer.writeInt32LE(first, at + 8);
		buffer.writeInt32LE(second | 0, at + 12);
		buffer.set(payload, at + 16);
		this.flushIfMuch();
	}

	snapshotPart(low, high, opCode, sender, payload) {
		const at = this.begin(KIND.SNAPSHOT_PART, 0, 16 + payload.length);
		const { buffer } = this;
		buffer.writeUInt32LE(low, at);
		buffer.writeUInt32LE(high, at + 4);
		buffer.writeInt32LE(opCode, at + 8);
		buffer.writeInt32LE(sender, at + 12);
		buffer.set(payload, at + 16);
		this.flushIfMuch();
	}

	two(kind, first, second) {
		const at = this.begin(kind, 0, 8);
		this.buffer.writeInt32LE(first, at);
		this.buffer.writeInt32LE(second | 0, at + 4);
	}

	emit(name, json) {
		const at = this.begin(KIND.EMIT, 0, 4 + name.length + json.length);
		this.buffer.writeUInt32LE(name.length, at);
		this.buffer.set(name, at + 4);
		this.buffer.set(json, at + 4 + name.length);
		this.flushIfMuch();
	}

	ask(number, json) {
		const at = this.begin(KIND.ASK, 0, 4 + json.length);
		this.buffer.writeUInt32LE(number, at);
		this.buffer.set(json, at + 4);
		this.flushIfMuch();
	}

	// KICK, LOG, END
	text(kind, number, text, flags = 0) {
		const bytes = Buffer.from(text, 'utf8').subarray(0, TEXT_BYTES_MAX);
		const at = this.begin(kind, flags, 4 + bytes.length);
		this.buffer.writeInt32LE(number, at);
		this.buffer.set(bytes, at + 4);
		this.flushIfMuch();
	}

	// Lines beyond what the engine takes are left out, and how many is said when there is room again. Errors count, so they go through.
	log(level, text, isError = false) {
		if (!isError && this.isChoked())
			return void this.linesLost++;
		if (this.linesLost > 0)
			this.text(KIND.LOG, WARN, `${this.linesLost} log lines left out: more than the engine takes`);
		this.linesLost = 0;
		return this.text(KIND.LOG, level, text, isError ? FLAG_ERROR : 0);
	}

	opened(callbacks, configuration) {
		const at = this.begin(KIND.OPENED, 0, 16);
		this.buffer.writeUInt32LE(callbacks, at);
		this.buffer.writeUInt32LE(configuration.maxPlayers || 0, at + 4);
		this.buffer.writeUInt32LE(configuration.pingIntervalTime || 0, at + 8);
		this.buffer.writeUInt32LE(configuration.tickInterval || 0, at + 12);
	}

	credit(bytes) {
		this.creditOwed += bytes;
	}

	// There is always room for it.
	pay() {
		writeHead(this.buffer, this.size, 4, KIND.CREDIT, 0, this.session);
		this.buffer.writeUInt32LE(this.creditOwed, this.size + HEAD_BYTES);
		this.size += CREDIT_BYTES;
		this.creditOwed = 0;
	}

	payLater() {
		if (this.creditOwed === 0 || this.creditTimer !== null)
			return;
		this.creditTimer = setTimeout(() => {
			this.creditTimer = null;
			if (this.creditOwed > 0)
				this.beat();
		}, CREDIT_DELAY_MS);
	}

	// A sign of life, at once.
	beat() {
		this.pay();
		this.flush();
	}

	memory(bytes) {
		this.buffer.writeBigUInt64LE(BigInt(Math.round(bytes)), this.begin(KIND.MEMORY, 0, 8));
	}

	answer(low, high, answer) {
		const at = this.begin(KIND.ANSWER, 0, 12);
		this.buffer.writeUInt32LE(low, at);
		this.buffer.writeUInt32LE(high, at + 4);
		this.buffer.writeUInt32LE(answer, at + 8);
	}

	// As answer, but in front of what was written since: what a script sends while it is asked comes after what it was asked about.
	answerBefore(size, postCount, low, high, answer) {
		const from = this.size;
		this.answer(low, high, answer);
		this.moveBefore(size, postCount, from);
	}

	// What was written since it was this large, from, goes in front of what was written since it was that large, size; both in this buffer.
	moveBefore(size, postCount, from) {
		if (this.postCount !== postCount || from === size)
			return;
		const frames = Buffer.from(this.buffer.subarray(from, this.size));
		this.buffer.copyWithin(size + frames.length, size, from);
		this.buffer.set(frames, size);
	}
}

module.exports = { Outbox };
