// The JavaScript client over TLS: js_client.mjs URL CA-FILE TOKEN [TOKEN]. Two players talk; one alone is to be refused for the CA's sake, and says why.
import { readFileSync } from 'node:fs';
import { RingcastClient } from '../../../proto/clients/js/src/node.js';

const [url, caFile, ...tokens] = process.argv.slice(2);
const clients = tokens.map(() => new RingcastClient({ tls: { ca: readFileSync(caFile) }, connectTimeoutMs: 60_000, closeTimeoutMs: 60_000 }));

async function talk([alice, bob]) {
	const heard = new Promise((resolve) => bob.on('message', resolve));
	const peers = [await alice.connect(url, tokens[0]), await bob.connect(url, tokens[1])];
	alice.sendToPlayer(peers[1], 5, new Uint8Array(4096).fill(1));
	const { sender, payload } = await heard;
	const ends = await Promise.all([alice.disconnect(), bob.disconnect()]);
	return { peers, sender, bytes: payload.length, ends: ends.map(({ code }) => code) };
}

async function fail([client]) {
	return client.connect(url, tokens[0]).then(() => ({}), ({ end }) => end);
}

console.log(JSON.stringify(await (clients.length === 2 ? talk : fail)(clients)));
