// The client in Node, on a WebSocket of its own; on another one where the options name its class.
import { BrowserSocket } from './browser_socket.js';
import { Client } from './client.js';
import { NodeSocket } from './node_socket.js';

export class RingcastClient extends Client {
	constructor(options) {
		super(options?.WebSocket ? BrowserSocket : NodeSocket, options);
	}
}

export { CloseCode } from './close_codes.js';
export { DisconnectedError, RingcastError } from './errors.js';
export { EVERYONE, SERVER } from './limits.js';
