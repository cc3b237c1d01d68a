// What the caller gives, checked: it is the caller's mistake, so it throws.
import { RingcastError } from './errors.js';
import { INT32_MAX, INT32_MIN, PAYLOAD_BYTES_MAX, TOKEN_BYTES_MAX } from './limits.js';
import { NO_BYTES, encodeText } from './wire.js';

export function demand(isGood, message, code = 'argument') {
	if (!isGood)
		throw new RingcastError(code, message);
}

export const DEFAULTS = Object.freeze({
	connectTimeoutMs: 10_000, // TCP, upgrade and login together
	closeTimeoutMs: 2_000,    // for the server's answer to our goodbye
	pingIntervalMs: 5_000,    // to notice a dead server, and for the round trip; 0: never
	queueBytesMax: 262_144,   // sent and not yet taken by the network
});

// The numbers of DEFAULTS, and whatever else the stream wants.
export function checkedOptions(options) {
	const checked = { ...DEFAULTS, ...options };
	for (const name of Object.keys(DEFAULTS))
		demand(Number.isInteger(checked[name]) && checked[name] >= 0 && checked[name] <= INT32_MAX, `${name} is a whole number from 0`);
	demand(!checked.resume || typeof checked.resume === 'function', 'resume is what resume() returns');
	return checked;
}

export function checkedUrl(text) {
	let url;
	try {
		url = new URL(text);
	} catch {
		demand(false, 'the address is a URL such as ws://127.0.0.1:7777/websocket');
	}
	demand((url.protocol === 'ws:' || url.protocol === 'wss:') && url.hash === '', 'the address begins with ws:// or wss:// and has no fragment');
	return url.href;
}

export function checkedToken(token) {
	demand(typeof token === 'string', 'the token is a text');
	demand(encodeText(token).length <= TOKEN_BYTES_MAX, `the token has more than ${TOKEN_BYTES_MAX} bytes`, 'size');
	return token;
}

function bytesOf(payload) {
	if (payload === undefined || payload === null)
		return NO_BYTES;
	if (typeof payload === 'string')
		return encodeText(payload);
	if (payload instanceof ArrayBuffer)
		return new Uint8Array(payload);
	demand(ArrayBuffer.isView(payload), 'a payload is bytes or text');
	return new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
}

// A view of what was given; it is copied when it is encoded.
export function checkedPayload(payload) {
	const bytes = bytesOf(payload);
	demand(bytes.length <= PAYLOAD_BYTES_MAX, `the payload has more than ${PAYLOAD_BYTES_MAX} bytes`, 'size');
	return bytes;
}

export function checkedInt32(value, what) {
	demand(Number.isInteger(value) && value >= INT32_MIN && value <= INT32_MAX, `${what} is a whole number of 32 bits`);
	return value;
}

// The last group is the keepalive's.
export function checkedGroup(group) {
	demand(checkedInt32(group, 'a group') > 0 && group < INT32_MAX, `a group is a number from 1 to ${INT32_MAX - 1}`);
	return group;
}
