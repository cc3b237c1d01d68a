// Two versions of files, as what changed in each.
import { diffLines } from './diff.js';
import { el } from './dom.js';
import { count } from './format.js';

const CONTEXT_LINES = 3;

function linesOf(file) {
	return file && file.text !== null ? file.text.replace(/\n$/, '').split('\n') : [];
}

// Far from any change a line is left out; null stands for those.
function shortened(changes) {
	const near = new Set();
	for (const [i, [kind]] of changes.entries())
		for (let k = i - CONTEXT_LINES; kind !== ' ' && k <= i + CONTEXT_LINES; k++)
			near.add(k);
	return changes.flatMap((change, i) => (near.has(i) ? [change] : near.has(i - 1) || i === 0 ? [null] : []));
}

function lineElement(change) {
	if (change === null)
		return el('span', { class: 'left-out' }, '…\n');
	const [kind, line] = change;
	return el(kind === '+' ? 'ins' : kind === '-' ? 'del' : 'span', {}, `${kind} ${line}\n`);
}

function fileElement(name, from, to) {
	const isText = (file) => !file || file.text !== null;
	const changes = diffLines(linesOf(from), linesOf(to)), number = (kind) => count(changes.filter(([one]) => one === kind).length);
	const state = !from ? 'new' : !to ? 'gone' : `${number('+')} lines added, ${number('-')} taken away`;
	return el('details', { open: true }, el('summary', {}, `${name}: ${isText(from) && isText(to) ? state : 'changed, and no text'}`),
		el('pre', { class: 'diff', tabindex: '0', role: 'region', 'aria-label': `Changes of ${name}` }, shortened(changes).map(lineElement)));
}

// from, to: answers of /v1/scripts/{name}/versions/{version}/files
export function diffElements(from, to) {
	const byName = ({ files }) => new Map(files.map((file) => [file.name, file])), before = byName(from), after = byName(to);
	const names = [...new Set([...before.keys(), ...after.keys()])].sort();
	const changed = names.filter((name) => before.get(name)?.text !== after.get(name)?.text || before.get(name)?.bytes !== after.get(name)?.bytes);
	const notes = [`${from.version} to ${to.version}: ${changed.length === 0 ? 'no file differs.' : `${count(changed.length)} of ${count(names.length)} files differ.`}`];
	if (from.left_out + to.left_out > 0)
		notes.push(`${count(from.left_out + to.left_out)} files were not compared.`);
	return [el('p', { class: 'note', role: 'status' }, notes.join(' ')), ...changed.map((name) => fileElement(name, before.get(name), after.get(name)))];
}
