// The stream in Node: a WebSocket on node:net or node:tls, which pings, sees every close code, and keeps no more of a bad server than one message.
import { createHash, randomBytes } from 'node:crypto';
import { connect as connectTcp, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Frame, FrameError, FrameReader, MessageReader, decodeClose, encodeFrame } from './frames.js';
import { PACKET_BYTES_MAX } from './limits.js';
import { NO_BYTES } from './wire.js';

const LINGER_MS = 1000, HEAD_BYTES_MAX = 8192, HEAD_END = '\r\n\r\n';
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'; // RFC 6455

function requestOf(url, key) {
	return `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
		`Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`;
}

// Header values by name in lower case; those of one name in one list.
function headersOf(lines) {
	const headers = new Map();
	for (const line of lines) {
		const colon = line.indexOf(':'), name = line.slice(0, colon).toLowerCase();
		const before = headers.has(name) ? `${headers.get(name)},` : '';
		headers.set(name, before + line.slice(colon + 1).trim());
	}
	return headers;
}

function isUpgraded(head, key) {
	const [status, ...lines] = head.split('\r\n'), headers = headersOf(lines);
	const accept = createHash('sha1').update(key + GUID).digest('base64');
	const listed = (headers.get('connection') ?? '').toLowerCase().split(',').map((word) => word.trim());
	return /^HTTP\/1\.1 101( |$)/.test(status) && (headers.get('upgrade') ?? '').toLowerCase() === 'websocket' && listed.includes('upgrade') &&
		headers.get('sec-websocket-accept') === accept && !headers.has('sec-websocket-extensions') && !headers.has('sec-websocket-protocol');
}

export class NodeSocket {
	#owner;
	#key = randomBytes(16).toString('base64');
	#socket;
	#head = ''; // of the answer to the upgrade; null once it has come
	#frames = new FrameReader(PACKET_BYTES_MAX);
	#messages = new MessageReader(PACKET_BYTES_MAX);
	#isOver = false;
	#isClosing = false;
	#queueBytesMax;
	pongsUnsent = 0;

	// owner: opened(), received(bytes), ponged(), broken(code, reason), closed(code, reason). tls: options of tls.connect, such as ca.
	constructor(address, owner, { tls = {}, queueBytesMax }) {
		const url = new URL(address), isSecure = url.protocol === 'wss:', host = url.hostname.replace(/^\[|\]$/g, '');
		const to = { host, port: Number(url.port) || (isSecure ? 443 : 80) };
		this.#owner = owner;
		this.#queueBytesMax = queueBytesMax;
		this.#socket = isSecure ? connectTls({ ...(isIP(host) ? {} : { servername: host }), ...tls, ...to }) : connectTcp(to);
		this.#socket.setNoDelay(true);
		this.#socket.once(isSecure ? 'secureConnect' : 'connect', () => this.#socket.write(requestOf(url, this.#key)));
		this.#socket.on('data', (chunk) => this.#read(chunk));
		this.#socket.on('end', () => this.#end(1006, 'the server ended the connection'));
		this.#socket.on('error', ({ message }) => this.#end(1006, message));
		this.#socket.on('close', () => this.#end(1006, 'the connection ended'));
	}

	get queuedBytes() {
		return this.#socket.writableLength;
	}

	#write(opcode, payload) {
		if (!this.#socket.destroyed && this.#socket.writable)
			this.#socket.write(encodeFrame(opcode, payload, randomBytes(4)));
	}

	// The one end. Both have said goodbye, or one of them is gone.
	#end(code, reason) {
		if (this.#isOver)
			return;
		this.abandon();
		this.#owner.closed(code, reason);
	}

	#read(chunk) {
		if (this.#isOver)
			return;
		const bytes = this.#head === null ? chunk : this.#readHead(chunk);
		if (bytes === null)
			return;
		try {
			this.#frames.read(bytes, (opcode, isFinal, payload) => {
				this.#takeFrame(opcode, isFinal, payload);
				return !this.#isOver;
			});
		} catch (error) {
			if (!(error instanceof FrameError))
				throw error;
			this.#owner.broken(error.code, error.message);
		}
	}

	// What follows the head, or null while there is none.
	#readHead(chunk) {
		const before = this.#head.length, text = this.#head + chunk.subarray(0, HEAD_BYTES_MAX).toString('latin1');
		const end = text.indexOf(HEAD_END, Math.max(0, before - HEAD_END.length));
		if (end < 0 && text.length < HEAD_BYTES_MAX) {
			this.#head = text;
			return null;
		}
		if (end < 0 || !isUpgraded(text.slice(0, end), this.#key)) {
			this.#end(1006, 'the server refused the WebSocket upgrade');
			return null;
		}
		this.#head = null;
		this.#owner.opened();
		return chunk.subarray(end + HEAD_END.length - before);
	}

	#takeFrame(opcode, isFinal, payload) {
		if (opcode === Frame.PING)
			this.#pong(payload);
		else if (opcode === Frame.PONG)
			this.#owner.ponged();
		else if (opcode === Frame.CLOSE)
			this.#takeClose(payload);
		else
			this.#takeMessage(this.#messages.add(opcode, isFinal, payload));
	}

	// A server that asks and does not read the answers gets no more of them.
	#pong(payload) {
		if (this.queuedBytes > this.#queueBytesMax)
			this.pongsUnsent++;
		else if (!this.#isClosing)
			this.#write(Frame.PONG, payload);
	}

	#takeClose(payload) {
		const { code, reason } = decodeClose(payload);
		if (!this.#isClosing)
			this.close(code === 1005 ? 1000 : code);
		this.#end(code, reason);
	}

	#takeMessage(message) {
		if (message === null)
			return;
		if (message.isText)
			this.#owner.broken(1003, 'the server sent a text message');
		else
			this.#owner.received(message.bytes);
	}

	send(bytes) {
		this.#write(Frame.BINARY, bytes);
	}

	ping() {
		this.#write(Frame.PING, NO_BYTES);
	}

	close(code) {
		this.#isClosing = true;
		this.#write(Frame.CLOSE, Uint8Array.of(code >> 8, code & 0xff));
	}

	// Nothing is told from here on. What was written goes out, if the server reads it soon.
	abandon() {
		this.#isOver = true;
		if (this.#socket.connecting)
			this.#socket.destroy();
		this.#socket.end();
		setTimeout(() => this.#socket.destroy(), LINGER_MS).unref();
	}
}
