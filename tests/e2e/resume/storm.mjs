// storm.mjs PORT TOKEN...: clients of one session say numbered messages to everybody until standard input ends, and tell what they hear in the lines of
// tests/e2e/storms.py. Somebody else tears their connections.
import { EVERYONE, RingcastClient } from '../../../proto/clients/js/src/node.js';
import { resume } from '../../../proto/clients/js/src/resume.js';

const SAY = 9, WINDOW = 32, PAYLOAD_BYTES_MAX = 120;
const SETTLE_MS = 60_000; // only to end a storm that has failed

const [port, ...tokens] = process.argv.slice(2);
const clients = [];
let isEnough = false;

function tell(...words) {
	process.stdout.write(`${words.join(' ')}\n`);
}

function open(token, index) {
	const client = new RingcastClient({ resume: resume() });
	const self = { client, index, said: 0, heard: tokens.map(() => 0) };
	client.on('connected', () => tell('in', index));
	client.on('dropped', () => tell('dropped', index));
	client.on('resumed', ({ lost }) => tell('resumed', index, lost));
	client.on('disconnected', ({ code, reason }) => tell('over', index, code, reason));
	client.on('message', ({ opCode, payload }) => {
		if (opCode !== SAY)
			return;
		const words = new DataView(payload.buffer, payload.byteOffset);
		tell('heard', index, words.getUint32(0), words.getUint32(4));
		self.heard[words.getUint32(0)]++;
	});
	client.connect(`ws://127.0.0.1:${port}/websocket`, token).catch(() => {}); // told by disconnected
	return self;
}

// Nobody may be so far ahead of its slowest listener that the server's bound for a player is reached: that would be a gap by design.
function say(self) {
	const payload = new Uint8Array(8 + Math.floor(Math.random() * (PAYLOAD_BYTES_MAX - 8)));
	const words = new DataView(payload.buffer);
	if (self.said - Math.min(...clients.map((client) => client.heard[self.index])) >= WINDOW)
		return;
	words.setUint32(0, self.index);
	words.setUint32(4, self.said);
	try {
		self.client.sendToGroup(EVERYONE, SAY, payload);
		self.said++;
	} catch (error) {
		if (error.code !== 'full')
			throw error;
	}
}

function isSettled() {
	return clients.every(({ heard }) => clients.every(({ said, index }) => heard[index] === said));
}

function end() {
	for (const { client, index, said } of clients) {
		tell('said', index, said);
		tell('resent', index, client.stats().messagesResent);
	}
	process.exit(0);
}

function turn() {
	const isSaying = !isEnough && clients.every(({ client }) => ['connected', 'resuming'].includes(client.state));
	if (isSaying)
		clients.forEach(say);
	else if (isEnough && isSettled())
		end();
}

clients.push(...tokens.map(open));
setInterval(turn, 1);
process.stdin.resume();
process.stdin.on('end', () => {
	isEnough = true;
	setTimeout(end, SETTLE_MS);
});
