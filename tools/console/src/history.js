// What the daemon counted in the last minutes, kept while the tab lives. One look is a parsed /metrics and its moment.
import { getText } from './api.js';
import { parseMetrics, quantileBetween, sum, sumBy } from './metrics.js';

export const LOOKS_MAX = 120;
export const LOOK_INTERVAL_MS = 2000;
const looks = [];

export async function look(signal) {
	const samples = parseMetrics(await getText('/metrics', signal));
	looks.push({ at: performance.now() / 1000, samples });
	if (looks.length > LOOKS_MAX)
		looks.shift();
	return samples;
}

export function forgetLooks() {
	looks.length = 0;
}

// One value for each two looks that follow one another.
function between(value) {
	return looks.slice(1).map((now, i) => value(looks[i], now));
}

// A counter that went back is one of a daemon that was started anew.
function rate(before, now, total) {
	return Math.max(0, total(now.samples) - total(before.samples)) / (now.at - before.at);
}

export function rates(...names) {
	const total = (samples) => names.reduce((all, name) => all + sum(samples, name), 0);
	return between((before, now) => rate(before, now, total));
}

export function levels(name) {
	return looks.map(({ samples }) => sum(samples, name));
}

// [{ name, values }] of those label values that moved, the largest first.
export function ratesBy(name, label) {
	const keys = looks.length > 0 ? [...sumBy(looks.at(-1).samples, name, label).keys()] : [];
	const lines = keys.map((key) => ({ name: key, values: between((before, now) => rate(before, now, (samples) => sumBy(samples, name, label).get(key) ?? 0)) }));
	const weight = ({ values }) => values.reduce((all, value) => all + value, 0);
	return lines.filter((line) => weight(line) > 0).sort((a, b) => weight(b) - weight(a));
}

export function quantiles(name, part) {
	return between((before, now) => quantileBetween(before.samples, now.samples, name, part));
}

export function means(name) {
	return between((before, now) => {
		const grown = sum(now.samples, `${name}_count`) - sum(before.samples, `${name}_count`);
		return grown > 0 ? Math.max(0, sum(now.samples, `${name}_sum`) - sum(before.samples, `${name}_sum`)) / grown : 0;
	});
}
