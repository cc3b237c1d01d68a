// Streams: of JSON, one object a line, and of blocks.
import { ask } from './api.js';

// Calls take(object) for each, until the answer ends or signal does.
export async function readLines(path, signal, take) {
	const reader = (await ask('GET', path, { signal })).body.pipeThrough(new TextDecoderStream()).getReader();
	let rest = '';
	for (;;) {
		const { done, value } = await reader.read();
		if (done)
			return;
		const lines = (rest + value).split('\n');
		rest = lines.pop();
		lines.filter((line) => line !== '').forEach((line) => take(JSON.parse(line)));
	}
}

// The bytes that have come when the answer ends or signal does.
export async function readBytes(path, signal) {
	const chunks = [];
	try {
		const reader = (await ask('GET', path, { signal })).body.getReader();
		for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read())
			chunks.push(value);
	} catch (error) {
		if (!signal.aborted)
			throw error;
	}
	return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

// Without the beginning of a block of pcapng whose end has not come: each says at 4 how long it is.
export function wholeBlocks(bytes) {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	let end = 0;
	while (end + 8 <= bytes.length) {
		const size = view.getUint32(end + 4, true);
		if (size < 12 || end + size > bytes.length)
			break;
		end += size;
	}
	return bytes.subarray(0, end);
}
