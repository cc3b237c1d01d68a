// Prometheus text as numbers.
const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

// A Map from names to [{ labels, value }].
export function parseMetrics(text) {
	const samples = new Map();
	for (const line of text.split('\n')) {
		const match = line.startsWith('#') ? null : SAMPLE.exec(line);
		if (!match)
			continue;
		const labels = Object.fromEntries([...(match[2] ?? '').matchAll(LABEL)].map(([, name, value]) => [name, value]));
		if (!samples.has(match[1]))
			samples.set(match[1], []);
		samples.get(match[1]).push({ labels, value: match[3] === '+Inf' ? Infinity : Number(match[3]) });
	}
	return samples;
}

export function sum(samples, name) {
	return (samples.get(name) ?? []).reduce((total, { value }) => total + value, 0);
}

// A Map from the label's values to their sums.
export function sumBy(samples, name, label) {
	const sums = new Map();
	for (const { labels, value } of samples.get(name) ?? [])
		sums.set(labels[label], (sums.get(labels[label]) ?? 0) + value);
	return sums;
}

// The bound below which this part of what a histogram counted between two looks lies, in all shards together; 0 when it counted nothing.
export function quantileBetween(before, now, name, part) {
	const bucket = `${name}_bucket`, old = sumBy(before, bucket, 'le');
	const grown = [...sumBy(now, bucket, 'le')].map(([le, value]) => [le === '+Inf' ? Infinity : Number(le), value - (old.get(le) ?? 0)]);
	grown.sort(([a], [b]) => a - b);
	const total = grown.at(-1)?.[1] ?? 0;
	const found = grown.find(([, value]) => value >= total * part);
	return total > 0 && found && Number.isFinite(found[0]) ? found[0] : 0;
}
