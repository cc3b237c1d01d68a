// The client where the platform has a WebSocket.
import { BrowserSocket } from './browser_socket.js';
import { Client } from './client.js';

export class RingcastClient extends Client {
	constructor(options) {
		super(BrowserSocket, options);
	}
}

export { CloseCode } from './close_codes.js';
export { DisconnectedError, RingcastError } from './errors.js';
export { EVERYONE, SERVER } from './limits.js';
