// One player's connection: login, messages, groups, keepalive, end. What the stream is made of comes from outside.
import { closeName, mayReconnect } from './close_codes.js';
import { Emitter } from './emitter.js';
import { DisconnectedError } from './errors.js';
import { EVERYONE, KEEPALIVE_GROUP, OpCode, SERVER } from './limits.js';
import { checkedGroup, checkedInt32, checkedOptions, checkedPayload, checkedToken, checkedUrl, demand } from './options.js';
import { decodePacket, encodeGroup, encodeLogin, encodeMessage } from './packet.js';
import { WireError } from './wire.js';

const PINGS_MISSED_MAX = 3;
// A deadline is waited for in parts. One that comes late by more than a stall is not counted, once: a program that stood still has not read what the server said meanwhile.
const DEADLINE_PARTS = 4, STALL_MS = 1000;
const DECODER = new TextDecoder();

// IDLE, then OPENING (TCP, upgrade), LOGIN, OPEN, CLOSING (our goodbye is sent), and IDLE again. Who may resume goes from OPEN to OPENING.
const Phase = { IDLE: 0, OPENING: 1, LOGIN: 2, OPEN: 3, CLOSING: 4 };
const STATES = ['idle', 'connecting', 'connecting', 'connected', 'closing'];

class Message {
	constructor({ opCode, sender, targetPlayer, targetGroup, payload }) {
		Object.assign(this, { opCode, sender, targetPlayer, targetGroup, payload });
	}

	// The payload as UTF-8.
	get text() {
		return DECODER.decode(this.payload);
	}
}

// A promise to be kept from outside. Who does not look at it hears of the end by the event, so a rejection nobody handles is no error.
function makePromise() {
	const made = {};
	made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
	made.promise.catch(() => {});
	return made;
}

function zeroCounters() {
	return { messagesSent: 0, messagesReceived: 0, bytesSent: 0, bytesReceived: 0, fastFallback: 0, rttMs: 0, rttSmoothedMs: 0, resumes: 0, gaps: 0, messagesResent: 0 };
}

export class Client extends Emitter {
	#Socket;
	#options;
	#phase = Phase.IDLE;
	#socket = null;
	#login = null; // encoded, until it is sent
	#address = '';
	#resume; // what outlives a connection (resume.js), if the game wants that
	#peerId = 0;
	#deadline; // the timer of the phase
	#pingTimer;
	#pingsMissed = 0;
	#pingedAt = 0;
	#closeCode = 0; // the one we sent
	#isLeaving = false; // disconnect() was called
	#connected = makePromise();
	#disconnected = makePromise();
	#counters = zeroCounters();

	constructor(Socket, options) {
		super();
		this.#Socket = Socket;
		this.#options = checkedOptions(options);
	}

	get state() {
		return this.#isResuming ? 'resuming' : STATES[this.#phase];
	}

	get #isResuming() {
		return this.#resume?.isResuming ?? false;
	}

	// Our number in the session; 0 before the login.
	get peerId() {
		return this.#peerId;
	}

	connect(url, token, payload) {
		const address = checkedUrl(url), login = encodeLogin(checkedToken(token), checkedPayload(payload), this.#options);
		demand(this.#phase === Phase.IDLE, 'connected already, or about to be', 'state');
		this.#address = address;
		this.#open(login, this.#options.connectTimeoutMs);
		this.#resume = this.#options.resume?.();
		this.#isLeaving = false;
		this.#peerId = this.#pingsMissed = 0;
		this.#counters = zeroCounters();
		this.#connected = makePromise();
		this.#disconnected = makePromise();
		return this.#connected.promise;
	}

	#open(login, timeoutMs) {
		this.#socket = new this.#Socket(this.#address, this.#owner(), this.#options);
		this.#phase = Phase.OPENING;
		this.#login = login;
		this.#armDeadline(timeoutMs, () => this.#finish(1006, 'no login result in time'));
	}

	disconnect() {
		demand(this.#phase !== Phase.IDLE, 'not connected', 'state');
		const { promise } = this.#disconnected; // a listener that connects again makes another one
		this.#isLeaving = true;
		if (this.#isResuming)
			this.#end(1000, 'closed while the connection was broken');
		else if (this.#phase === Phase.OPENING)
			this.#finish(1006, 'closed before the connection was up');
		else if (this.#phase !== Phase.CLOSING)
			this.#close(1000);
		return promise;
	}

	send({ opCode, targetPlayer = 0, targetGroup = 0, payload, fast = false }) {
		const message = { opCode: checkedInt32(opCode, 'an op code'), targetPlayer: checkedInt32(targetPlayer, 'a player'),
			targetGroup: checkedInt32(targetGroup, 'a group'), sender: this.#peerId, payload: checkedPayload(payload) };
		demand(opCode !== OpCode.LOGIN, 'op code 0 is the login');
		demand(targetPlayer !== 0 || targetGroup !== 0, 'a message has a target');
		if (fast && this.#isResuming)
			return; // it may be lost, and it would be old when there is a connection again
		this.#transmit(encodeMessage(message));
		this.#counters.messagesSent++;
		this.#counters.bytesSent += message.payload.length;
		this.#counters.fastFallback += fast ? 1 : 0;
	}

	sendToServer(opCode, payload, options) {
		this.send({ ...options, opCode, targetPlayer: SERVER, payload });
	}

	sendToPlayer(peerId, opCode, payload, options) {
		this.send({ ...options, opCode, targetPlayer: peerId, payload });
	}

	sendToGroup(group, opCode, payload, options) {
		this.send({ ...options, opCode, targetGroup: group, payload });
	}

	joinGroup(group) {
		this.#transmit(encodeGroup(OpCode.JOIN_GROUP, checkedGroup(group), this.#peerId));
	}

	leaveGroup(group) {
		this.#transmit(encodeGroup(OpCode.LEAVE_GROUP, checkedGroup(group), this.#peerId));
	}

	requestMembership(group) {
		const asked = group === EVERYONE ? group : checkedGroup(group);
		this.#transmit(encodeGroup(OpCode.REQUEST_GROUP_MEMBERSHIP, asked, this.#peerId));
	}

	stats() {
		return { ...this.#counters, state: this.state, peerId: this.#peerId, queuedBytes: this.#socket?.queuedBytes ?? 0,
			pongsUnsent: this.#socket?.pongsUnsent ?? 0 };
	}

	// What the socket tells. One that was abandoned tells nothing.
	#owner() {
		return {
			opened: () => this.#takeOpened(),
			received: (bytes) => this.#receive(bytes),
			ponged: () => this.#takePong(),
			broken: (code, reason) => this.#fail(code, reason),
			closed: (code, reason) => this.#takeEnd(code, reason),
		};
	}

	#transmit(bytes) {
		const isOpen = this.#phase === Phase.OPEN;
		demand(isOpen || this.#isResuming, 'not connected', 'state');
		demand((!isOpen || this.#socket.queuedBytes + bytes.length <= this.#options.queueBytesMax) && this.#keep(bytes), 'the server or the network is too slow', 'full');
		if (isOpen && !this.#resume?.isBehind)
			this.#socket.send(bytes);
	}

	// False: the server has not read what was sent, and there is no room for more.
	#keep(bytes) {
		return this.#resume?.keep(bytes) ?? true;
	}

	#takeOpened() {
		this.#phase = Phase.LOGIN;
		this.#socket.send(this.#login);
		this.#login = null;
	}

	#receive(bytes) {
		let packet;
		try {
			packet = decodePacket(bytes);
		} catch (error) {
			if (!(error instanceof WireError))
				throw error;
			this.#fail(1002, 'the server sent a malformed packet');
			return;
		}
		if (this.#phase !== Phase.CLOSING)
			this.#take(packet);
	}

	#take(packet) {
		if (packet.opCode === OpCode.LOGIN_RESPONSE)
			this.#takeLoginResult(packet.loginResult);
		else if (this.#phase === Phase.OPEN && this.#resume?.take(packet))
			return;
		else if (packet.opCode === OpCode.GROUP_MEMBERSHIP_UPDATE && packet.membership)
			this.#takeMembership(packet.membership);
		else
			this.#takeMessage(packet);
	}

	// A refusal carries no reason: the close that follows does, and the deadline bounds the wait for it.
	#takeLoginResult(result) {
		if (this.#phase !== Phase.LOGIN || !result?.success)
			return;
		const isBack = this.#isResuming;
		if (isBack && !(result.isResumed && result.peerId === this.#peerId)) {
			this.#fail(1002, 'the server did not resume what it was asked to');
			return;
		}
		this.#phase = Phase.OPEN;
		this.#peerId = result.peerId;
		this.#pingsMissed = 0;
		clearTimeout(this.#deadline);
		this.#armPing();
		this.#resume?.open(result, this.#socket, this.#counters);
		if (isBack) {
			this.emit('resumed', { lost: (result.lost ?? 0) >>> 0 });
			return;
		}
		this.#connected.resolve(this.#peerId);
		this.emit('connected', { peerId: this.#peerId });
	}

	#takeMembership(membership) {
		if (membership.group === KEEPALIVE_GROUP)
			this.#takePong();
		else
			this.emit('membership', membership);
	}

	#takeMessage(packet) {
		this.#counters.messagesReceived++;
		this.#counters.bytesReceived += packet.payload.length;
		this.emit('message', new Message(packet));
	}

	#armPing() {
		if (this.#options.pingIntervalMs > 0)
			this.#pingTimer = setTimeout(() => this.#ping(), this.#options.pingIntervalMs);
	}

	#ping() {
		if (this.#pingsMissed >= PINGS_MISSED_MAX) {
			this.#finish(1006, 'the server does not answer pings');
			return;
		}
		this.#pingsMissed++;
		this.#pingedAt = performance.now();
		this.#resume?.tell();
		if (this.#socket.ping)
			this.#socket.ping();
		else
			this.#askWhoIsThere();
		this.#armPing();
	}

	// A question like any other: where too much is kept already nothing is asked.
	#askWhoIsThere() {
		const bytes = encodeGroup(OpCode.REQUEST_GROUP_MEMBERSHIP, KEEPALIVE_GROUP, this.#peerId);
		if (this.#keep(bytes) && !this.#resume?.isBehind)
			this.#socket.send(bytes);
	}

	// An answer to an older ping than the last measures nothing, but shows that the server lives.
	#takePong() {
		const missed = this.#pingsMissed, counters = this.#counters;
		this.#pingsMissed = 0;
		if (missed !== 1)
			return;
		counters.rttMs = performance.now() - this.#pingedAt;
		counters.rttSmoothedMs = counters.rttSmoothedMs === 0 ? counters.rttMs : counters.rttSmoothedMs * 7 / 8 + counters.rttMs / 8;
	}

	#close(code) {
		this.#resume?.flush();
		this.#phase = Phase.CLOSING;
		this.#closeCode = code;
		this.#stopTimers();
		this.#socket.close(code);
		this.#armDeadline(this.#options.closeTimeoutMs, () => this.#finishUnanswered());
	}

	#armDeadline(timeoutMs, expire, parts = DEADLINE_PARTS, stalls = 1) {
		const partMs = timeoutMs / DEADLINE_PARTS, dueMs = performance.now() + partMs;
		this.#deadline = setTimeout(() => {
			const stall = stalls > 0 && performance.now() - dueMs > STALL_MS ? 1 : 0, left = parts - 1 + stall;
			if (left === 0)
				expire();
			else
				this.#armDeadline(timeoutMs, expire, left, stalls - stall);
		}, partMs);
	}

	// Who was asked to close and just ends has done as asked.
	#takeEnd(code, reason) {
		if (this.#phase === Phase.CLOSING && code === 1006)
			this.#finishUnanswered();
		else
			this.#finish(code, reason);
	}

	#finishUnanswered() {
		this.#finish(this.#closeCode, 'closed; the server did not answer the close frame');
	}

	#fail(code, reason) {
		if (this.#phase === Phase.LOGIN || this.#phase === Phase.OPEN)
			this.#socket.close(code);
		this.#finish(code, reason);
	}

	#stopTimers() {
		clearTimeout(this.#deadline);
		clearTimeout(this.#pingTimer);
	}

	// Of a connection: the player may outlive it.
	#finish(code, reason) {
		const isFirst = !this.#isResuming, waitMs = this.#resume?.drop(code, this.#phase === Phase.OPEN);
		if (waitMs === undefined) {
			this.#end(code, reason);
			return;
		}
		this.#stopTimers();
		this.#socket.abandon();
		this.#socket = this.#login = null;
		this.#phase = Phase.OPENING;
		this.#deadline = setTimeout(() => this.#retry(), waitMs);
		if (isFirst)
			this.emit('dropped', { reason });
	}

	#retry() {
		const leftMs = this.#resume.leftMs();
		if (leftMs > 0)
			this.#open(this.#resume.login(this.#options.noEcho), Math.min(this.#options.connectTimeoutMs, leftMs));
		else
			this.#end(1006, 'the connection could not be made again in time');
	}

	// Everything is let go before the event, so that a listener may connect again.
	#end(code, reason) {
		const end = { code, name: closeName(code), reason, mayReconnect: !this.#isLeaving && mayReconnect(code) };
		const connected = this.#connected, disconnected = this.#disconnected;
		this.#stopTimers();
		this.#phase = Phase.IDLE;
		this.#socket?.abandon();
		this.#socket = this.#login = this.#resume = null;
		connected.reject(new DisconnectedError(end)); // nothing happens when the login had succeeded
		disconnected.resolve(end);
		this.emit('disconnected', end);
	}
}
