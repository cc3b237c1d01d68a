// A stream of JSON, one object a line.
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
