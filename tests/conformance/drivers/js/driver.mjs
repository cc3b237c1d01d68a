// The JavaScript client behind the driver protocol of tests/conformance/README.md.
import { createInterface } from 'node:readline';
import { RingcastClient } from '../../../../proto/clients/js/src/node.js';

let client = watch(new RingcastClient());

function say(object) {
	process.stdout.write(`${JSON.stringify(object)}\n`);
}

const hexOf = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
const bytesOf = (hex) => new Uint8Array(Buffer.from(hex ?? '', 'hex'));

function watch(made) {
	made.on('connected', ({ peerId }) => say({ event: 'connected', peer: peerId }));
	made.on('message', (message) => say({ event: 'message', opcode: message.opCode, sender: message.sender, player: message.targetPlayer,
		group: message.targetGroup, fast: false, payload: hexOf(message.payload) }));
	made.on('membership', ({ group, players }) => say({ event: 'membership', group, peers: players }));
	made.on('disconnected', ({ code, name, reason }) => say({ event: 'disconnected', code, name, reason }));
	return made;
}

function connect(command) {
	if (client.state === 'idle')
		client = watch(new RingcastClient({
			connectTimeoutMs: command.connect_timeout_ms,
			closeTimeoutMs: command.close_timeout_ms,
			pingIntervalMs: command.ping_interval_ms,
			...(command.outq_bytes_max ? { queueBytesMax: command.outq_bytes_max } : {}),
		}));
	client.connect(`ws://${command.host}:${command.port}/websocket`, command.token, bytesOf(command.payload));
}

function send(command) {
	const payload = command.bytes === undefined ? bytesOf(command.payload) : new Uint8Array(command.bytes).fill(0x78);
	let sent = 0, result = 'ok';
	for (; sent < (command.count ?? 1) && result === 'ok'; sent += result === 'ok' ? 1 : 0)
		result = attempt(() => client.send({ opCode: command.opcode, targetPlayer: command.player, targetGroup: command.group, payload, fast: command.fast }));
	return { result, sent };
}

function stats() {
	const found = client.stats();
	return { stats: { state: found.state, peer: found.peerId, rtt_ns: Math.round(found.rttMs * 1e6), sent_reliable: found.messagesSent, sent_fast: 0,
		received_reliable: found.messagesReceived, received_fast: 0, bytes_sent: found.bytesSent, bytes_received: found.bytesReceived,
		fast_fallback: found.fastFallback, outq_bytes: found.queuedBytes } };
}

const commands = {
	connect,
	send,
	stats,
	join: ({ group }) => client.joinGroup(group),
	leave: ({ group }) => client.leaveGroup(group),
	members: ({ group }) => client.requestMembership(group),
	disconnect: () => { client.disconnect(); },
	quit: () => process.nextTick(() => process.stdout.write('', () => process.exit(0))),
};

// 'ok', or why the client refuses; anything else that it throws is a fault of the client and ends the driver.
function attempt(call) {
	try {
		call();
		return 'ok';
	} catch (error) {
		if (error.name !== 'RingcastError')
			throw error;
		return error.code;
	}
}

say({ driver: 'js', can: ['names', 'frames'] });
for await (const line of createInterface({ input: process.stdin })) {
	const command = JSON.parse(line);
	let more;
	const result = attempt(() => { more = commands[command.do](command); });
	say({ id: command.id, result, ...more });
}
process.exit(0);
