// Resuming (docs/protocol.md) of a client that is made with { resume: resume() }: what outlives a connection. Who does not import this does not load it.
import { CLIENT_VERSION, INT32_MAX, OpCode, TOKEN_BYTES_MAX } from './limits.js';
import { demand } from './options.js';
import { encodeCommand } from './packet.js';
import { Writer } from './wire.js';

const LOGIN_FIELD = 30, PING_RESULT_FIELD = 33;
const ACKNOWLEDGE_COUNT = 16, ACKNOWLEDGE_BYTES = 16_384; // so much is read of the server before it is told
const RETRY_MS = 100, RETRY_MS_MAX = 2_000; // between tries: doubles with each one
// What is sent again goes in portions, well below what a server takes of a player by default: what is above that it reads and does not act upon. And no more at once than is acknowledged soon.
const RESEND_MS = 20, RESEND_COUNT = 20, RESEND_BYTES = 4_096, RESEND_WINDOW = 256;
const KEPT_BYTES_MAX = 65_536;
const ABNORMAL = 1006, NO_PONG = 3012, RETRY_CODES = [ABNORMAL, NO_PONG, 3013, 3014, 3017]; // the last ones: rate_limit, login_timeout, no_resources

class Resume {
	isResuming = false; // between the drop and the answer that ends it
	#token = null; // null: the server lets nobody resume
	#peerId = 0;
	#socket = null;
	#bytesMax;
	#kept = []; // packets that are not known to be read, oldest first
	#keptBytes = 0;
	#unsent = 0; // of those kept, the last ones: not sent on this connection yet
	#timer; // of the next portion
	#counters = null; // the client's
	#first = 0; // number of the oldest
	#received = 0;
	#told = 0;
	#untoldBytes = 0;
	#windowMs = 0;
	#endsAt = 0;
	#tries = 0;

	constructor(bytesMax) {
		this.#bytesMax = bytesMax;
	}

	// What is kept goes behind what is still to be sent again.
	get isBehind() {
		return this.#unsent > 0;
	}

	// False: there is no room.
	keep(bytes) {
		if (this.#token === null)
			return true;
		if (this.#keptBytes + bytes.length > this.#bytesMax)
			return false;
		this.#kept.push(bytes);
		this.#keptBytes += bytes.length;
		this.#unsent += this.isBehind ? 1 : 0;
		return true;
	}

	// A server that says it has read what was never sent is not believed.
	#forget(received) {
		const count = (received - this.#first) >>> 0;
		if (count > this.#kept.length - this.#unsent)
			return;
		for (const bytes of this.#kept.splice(0, count))
			this.#keptBytes -= bytes.length;
		this.#first = received;
	}

	// Of an open connection. True: the packet was for us, and is not the game's.
	take(packet) {
		if (this.#token === null)
			return false;
		if (packet.opCode === OpCode.PING_RESULT) {
			this.#forget(packet.received ?? 0);
			return true;
		}
		this.#received = (this.#received + 1) | 0;
		this.#untoldBytes += packet.payload.length;
		if (((this.#received - this.#told) >>> 0) >= ACKNOWLEDGE_COUNT || this.#untoldBytes >= ACKNOWLEDGE_BYTES)
			this.tell();
		return false;
	}

	// Tells the server what is read and not told.
	tell() {
		if (this.#token === null || this.#received === this.#told)
			return;
		this.#told = this.#received;
		this.#untoldBytes = 0;
		this.#socket.send(encodeCommand(OpCode.PING_RESULT, this.#peerId, PING_RESULT_FIELD, new Writer().int32(1, this.#received)));
	}

	// The login has succeeded. What the server has not read goes out again, before anything new.
	open({ peerId, reconnectToken = [], windowMs = 0, received = 0, lost = 0 }, socket, counters) {
		this.#token = windowMs > 0 && reconnectToken.length > 0 && reconnectToken.length <= TOKEN_BYTES_MAX ? reconnectToken : null;
		this.#windowMs = windowMs;
		this.#peerId = peerId;
		this.#socket = socket;
		if (!this.isResuming)
			return;
		this.isResuming = false;
		this.#received = (this.#received + lost) | 0;
		this.#forget(received);
		counters.resumes++;
		counters.gaps += lost !== 0 ? 1 : 0;
		this.#counters = counters;
		this.#unsent = this.#kept.length;
		this.#resend(this.#token === null);
	}

	// The next portion, or all that is left.
	#resend(isAll) {
		let count = 0, bytes = 0;
		const mayGo = () => isAll || (count < RESEND_COUNT && bytes < RESEND_BYTES && this.#kept.length - this.#unsent < RESEND_WINDOW);
		for (; this.#unsent > 0 && mayGo(); count++) {
			const packet = this.#kept[this.#kept.length - this.#unsent--];
			this.#socket.send(packet);
			this.#counters.messagesResent++;
			bytes += packet.length;
		}
		clearTimeout(this.#timer);
		if (this.#unsent > 0)
			this.#timer = setTimeout(() => this.#resend(false), RESEND_MS);
	}

	// The game says goodbye: first what it has said.
	flush() {
		if (this.isBehind)
			this.#resend(true);
	}

	// After an end with this code: how long to wait before the next try, of which the first is made at once. Undefined: that was the end.
	drop(code, wasOpen) {
		clearTimeout(this.#timer);
		this.#unsent = 0;
		if (this.#token === null || !(wasOpen || this.isResuming) || !(wasOpen ? [ABNORMAL, NO_PONG] : RETRY_CODES).includes(code))
			return undefined;
		if (wasOpen) {
			this.isResuming = true;
			this.#tries = 0;
			this.#endsAt = performance.now() + this.#windowMs;
			return 0;
		}
		const leftMs = this.leftMs();
		return leftMs > 0 ? Math.min(RETRY_MS * 2 ** this.#tries++, RETRY_MS_MAX, leftMs) : undefined;
	}

	leftMs() {
		return this.#endsAt - performance.now();
	}

	login(noEcho) {
		const login = new Writer().int32(2, CLIENT_VERSION).int32(16, 1).bytes(17, this.#token).int32(18, this.#received).int32(20, noEcho ? 1 : 0);
		return encodeCommand(OpCode.LOGIN, 0, LOGIN_FIELD, login);
	}
}

// keptBytesMax: of what was sent and is not known to be read; beyond, a call is refused with code 'full'.
export function resume({ keptBytesMax = KEPT_BYTES_MAX } = {}) {
	demand(Number.isInteger(keptBytesMax) && keptBytesMax >= 0 && keptBytesMax <= INT32_MAX, 'keptBytesMax is a whole number from 0');
	return () => new Resume(keptBytesMax);
}
