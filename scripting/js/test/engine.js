'use strict';
// An engine for tests: starts the sidecar on a socket pair, speaks the protocol of frame.js to it, and keeps what it says.
const { spawn } = require('child_process');
const path = require('path');
const frames = require('../lib/frame');

const SIDECAR = path.join(__dirname, '..', 'sidecar.js');
const SCRIPTS = path.join(__dirname, 'scripts');
const PATIENCE_MS = 20000; // an event that has not come by then never will

class Engine {
	// t: the test, at whose end nothing is left running.
	constructor(t, { memory = 0, env = {}, nodeArguments = [] } = {}) {
		this.frames = [];
		this.waiters = [];
		this.rest = Buffer.alloc(0);
		this.stderr = '';
		this.memory = memory;
		this.ticket = 0;
		this.child = spawn(process.execPath, [...nodeArguments, SIDECAR], { stdio: ['ignore', 'inherit', 'pipe', 'pipe'], env: { ...process.env, ...env } });
		this.socket = this.child.stdio[3];
		this.socket.on('data', (bytes) => this.take(bytes));
		this.socket.on('error', () => {}); // the process may go before its last bytes are read
		this.child.stderr.on('data', (text) => { this.stderr += text; });
		t.after(() => this.child.kill('SIGKILL'));
		this.exited = new Promise((resolve) => { this.child.on('exit', (code, signal) => resolve(signal || code)); });
		this.write('HELLO', 0, { magic: frames.MAGIC, version_min: frames.VERSION_MIN, version_max: frames.VERSION_MAX, features: 0, window_bytes: 1 << 20, memory_bytes: memory, engine: 'test' });
	}

	write(name, session, values, flags = 0) {
		this.socket.write(frames.encode(name, session, values, flags));
	}

	take(bytes) {
		this.rest = Buffer.concat([this.rest, bytes]);
		while (this.rest.length >= frames.HEAD_BYTES && this.rest.length >= frames.HEAD_BYTES + this.rest.readUInt32LE(0)) {
			const size = frames.HEAD_BYTES + this.rest.readUInt32LE(0);
			this.hear(frames.decode(Buffer.from(this.rest.subarray(0, size))));
			this.rest = this.rest.subarray(size);
		}
	}

	hear(frame) {
		this.frames.push(frame);
		this.waiters = this.waiters.filter((waiter) => !waiter(frame));
	}

	// The first frame that fits, said already or to come. It is taken out.
	expect(name, fits = () => true) {
		const wanted = (frame) => frame.kind === name && fits(frame);
		const at = this.frames.findIndex(wanted);
		if (at >= 0)
			return Promise.resolve(this.frames.splice(at, 1)[0]);
		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => reject(new Error(`no ${name} came; instead: ${this.summary()}\n${this.stderr}`)), PATIENCE_MS);
			this.waiters.push((frame) => {
				if (!wanted(frame))
					return false;
				clearTimeout(timer);
				this.frames.splice(this.frames.lastIndexOf(frame), 1);
				resolve(frame);
				return true;
			});
		});
	}

	expectLog(session, pattern) {
		return this.expect('LOG', (frame) => frame.session === session && pattern.test(frame.text.toString()));
	}

	summary() {
		return this.frames.filter(({ kind }) => kind !== 'CREDIT' && kind !== 'MEMORY').map((frame) => `${frame.kind}/${frame.session} ${frame.text || ''}`).join(', ');
	}

	open(session, main, { folder = SCRIPTS, args = '', properties = '', matchmaker = '', name = '', flags = 0 } = {}) {
		this.write('OPEN', session, { memory_bytes: this.memory, players_max: 8, ping_ms: 3000, tick_ms: 0, id: `gsess-${session}`, name,
			properties, matchmaker_data: matchmaker, script: 'test', version: 'v1', folder, main, arguments: args }, flags);
	}

	connect(session, peer, payload = '', { playerId = `id${peer}`, data = '' } = {}) {
		this.ticket++;
		this.write('CONNECT', session, { ticket: this.ticket, peer, player_session_id: `psess-${peer}`, player_id: playerId, player_data: data, payload });
		return this.answer(this.ticket);
	}

	accept(session, peer, { playerId = `id${peer}`, data = '' } = {}) {
		this.write('ACCEPTED', session, { peer, player_session_id: `psess-${peer}`, player_id: playerId, player_data: data });
	}

	leave(session, peer) {
		this.write('DISCONNECTED', session, { peer, reason: 'client' });
	}

	message(session, sender, opcode, payload, reliable = false) {
		this.write('MESSAGE', session, { opcode, sender, player: -1, group: 0, payload }, reliable ? frames.FLAG_RELIABLE : 0);
	}

	ask(name, session, values) {
		this.ticket++;
		this.write(name, session, { ticket: this.ticket, ...values });
		return this.answer(this.ticket);
	}

	async answer(ticket) {
		return (await this.expect('ANSWER', (frame) => frame.ticket === BigInt(ticket))).answer;
	}

	async stop() {
		this.socket.end();
		return this.exited;
	}
}

module.exports = { Engine, SCRIPTS };
