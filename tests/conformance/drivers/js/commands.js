// The driver protocol of tests/conformance/README.md around a client of the JavaScript library, in Node and in a page alike.
import { resume } from '../../../../proto/clients/js/src/resume.js';

const hexOf = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
const bytesOf = (hex = '') => Uint8Array.from(hex.match(/../g) ?? [], (digits) => parseInt(digits, 16));

export class Commands {
	#RingcastClient;
	#say;
	#client;

	// say(object) is what the driver writes; a client is a RingcastClient.
	constructor(RingcastClient, say) {
		this.#RingcastClient = RingcastClient;
		this.#say = say;
		this.reset();
	}

	#create(options) {
		const client = new this.#RingcastClient(options);
		const tell = (event, values) => client === this.#client && this.#say({ event, ...values }); // one that was reset is not heard any more
		client.on('connected', ({ peerId }) => tell('connected', { peer: peerId }));
		client.on('message', (message) => tell('message', { opcode: message.opCode, sender: message.sender, player: message.targetPlayer,
			group: message.targetGroup, fast: false, payload: hexOf(message.payload) }));
		client.on('membership', ({ group, players }) => tell('membership', { group, peers: players }));
		client.on('dropped', ({ reason }) => tell('dropped', { reason }));
		client.on('resumed', ({ lost }) => tell('resumed', { lost }));
		client.on('disconnected', ({ code, name, reason }) => tell('disconnected', { code, name, reason }));
		this.#client = client;
	}

	reset() {
		const old = this.#client;
		this.#create();
		if (old && old.state !== 'idle')
			old.disconnect();
	}

	connect(command) {
		if (this.#client.state === 'idle')
			this.#create({
				connectTimeoutMs: command.connect_timeout_ms,
				closeTimeoutMs: command.close_timeout_ms,
				pingIntervalMs: command.ping_interval_ms,
				noEcho: command.no_echo,
				...(command.resume ? { resume: resume(command.kept_bytes_max ? { keptBytesMax: command.kept_bytes_max } : {}) } : {}),
				...(command.outq_bytes_max ? { queueBytesMax: command.outq_bytes_max } : {}),
			});
		this.#client.connect(`ws://${command.host}:${command.port}/websocket`, command.token, bytesOf(command.payload));
	}

	send({ opcode, player, group, fast, payload, bytes, count = 1 }) {
		const message = { opCode: opcode, targetPlayer: player, targetGroup: group, fast, payload: bytes === undefined ? bytesOf(payload) : new Uint8Array(bytes).fill(0x78) };
		for (let sent = 0; sent < count; sent++) {
			const result = this.#attempt(() => this.#client.send(message));
			if (result !== 'ok')
				return { result, sent };
		}
		return { sent: count };
	}

	join({ group }) {
		this.#client.joinGroup(group);
	}

	leave({ group }) {
		this.#client.leaveGroup(group);
	}

	members({ group }) {
		this.#client.requestMembership(group);
	}

	disconnect() {
		this.#client.disconnect();
	}

	stats() {
		const found = this.#client.stats();
		return { stats: { state: found.state, peer: found.peerId, rtt_ns: Math.round(found.rttMs * 1e6), sent_reliable: found.messagesSent, sent_fast: 0,
			received_reliable: found.messagesReceived, received_fast: 0, bytes_sent: found.bytesSent, bytes_received: found.bytesReceived,
			fast_fallback: found.fastFallback, outq_bytes: found.queuedBytes, resumes: found.resumes, gaps: found.gaps, resent: found.messagesResent } };
	}

	quit() {}

	// 'ok', or why the client refuses; anything else that it throws is a fault of the client and ends the driver.
	#attempt(call) {
		try {
			call();
			return 'ok';
		} catch (error) {
			if (error.name !== 'RingcastError')
				throw error;
			return error.code;
		}
	}

	take(command) {
		let more;
		const result = this.#attempt(() => { more = this[command.do](command); });
		this.#say({ id: command.id, result, ...more });
	}
}
