// The stream, where the platform has a WebSocket: browsers, workers, Deno, Bun. It cannot ping, and takes no close codes of the protocol's own.
import { PACKET_BYTES_MAX } from './limits.js';

// Which code of those that a script may send says the same: 4002 for 1002.
function closeCodeOf(code) {
	return code === 1000 || code >= 3000 ? code : 4000 + (code % 1000);
}

export class BrowserSocket {
	#socket;
	#owner;

	// owner: opened(), received(bytes), broken(code, reason), closed(code, reason)
	constructor(url, owner, { WebSocket = globalThis.WebSocket } = {}) {
		this.#owner = owner;
		this.#socket = new WebSocket(url);
		this.#socket.binaryType = 'arraybuffer';
		this.#socket.onopen = () => this.#owner.opened();
		this.#socket.onmessage = ({ data }) => this.#receive(data);
		this.#socket.onclose = ({ code, reason }) => this.#owner.closed(code, reason);
		this.#socket.onerror = () => {}; // says nothing; a close follows
	}

	get queuedBytes() {
		return this.#socket.bufferedAmount;
	}

	get pongsUnsent() {
		return 0;
	}

	#receive(data) {
		if (typeof data === 'string')
			this.#owner.broken(1003, 'the server sent a text message');
		else if (data.byteLength > PACKET_BYTES_MAX)
			this.#owner.broken(1009, 'the server sent a message that is too long');
		else
			this.#owner.received(new Uint8Array(data));
	}

	send(bytes) {
		this.#socket.send(bytes);
	}

	close(code) {
		this.#socket.close(closeCodeOf(code));
	}

	// Nothing is told from here on. A browser's WebSocket has no harder end than a close.
	abandon() {
		this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
		this.#socket.close();
	}
}
