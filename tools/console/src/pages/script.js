// One script: its versions, what changed between two of them, and the way back.
import { get, post, remove } from '../api.js';
import { mayChange } from '../caller.js';
import { confirm } from '../dialog.js';
import { diffElements } from '../diff_view.js';
import { el } from '../dom.js';
import { choice, form } from '../field.js';
import { bytes, count, moment } from '../format.js';
import { attempt, goTo, tellError } from '../notice.js';
import { Table } from '../table.js';
import { pushElement, scriptPath } from './scripts.js';

const REFRESH_MS = 3000;

function columns(path, refresh) {
	const all = [
		{ title: 'Version', text: (version) => version.version },
		{ title: 'State', text: (version) => (version.is_current ? 'current' : 'kept') },
		{ title: 'Language', text: (version) => version.language ?? '–' },
		{ title: 'Sessions', isNumber: true, text: (version) => count(version.session_count) },
		{ title: 'Files', isNumber: true, text: (version) => (version.file_count ? `${count(version.file_count)}, ${bytes(version.file_bytes)}` : '–') },
		{ title: 'Pushed', text: (version) => moment(version.pushed_at) },
	];
	if (mayChange())
		all.push({ title: 'Change', text: () => 'Make current', label: (version) => `Make current: ${version.version}`, act: async (version) => {
			await attempt(() => post(`${path}/rollback`, { version: version.version }), (script) => `${script.version} is the current version; running sessions keep theirs.`);
			await refresh();
		} });
	return all;
}

class Comparison {
	#path;
	#from = choice('From', []);
	#to = choice('To', []);
	#out = el('div');
	#known = '';
	element;

	constructor(path) {
		this.#path = path;
		this.element = el('section', { 'aria-label': 'Compare' }, el('h2', {}, 'Compare two versions'), form('Compare', () => this.#show(), this.#from.element, this.#to.element,
			el('p', { class: 'buttons' }, el('button', {}, 'Compare'))), this.#out);
	}

	update(versions) {
		const names = versions.map(({ version, is_current }) => [version, is_current ? `${version}, current` : version]), known = JSON.stringify(names);
		this.element.hidden = versions.length < 2;
		if (known === this.#known)
			return;
		this.#known = known;
		for (const [{ input }, at] of [[this.#from, 1], [this.#to, 0]]) {
			input.replaceChildren(...names.map(([value, text]) => el('option', { value }, text)));
			input.selectedIndex = Math.min(at, names.length - 1);
		}
	}

	async #show() {
		try {
			const [from, to] = await Promise.all([this.#from, this.#to].map(({ input }) => get(`${this.#path}/versions/${encodeURIComponent(input.value)}/files`)));
			this.#out.replaceChildren(...diffElements(from, to));
		} catch (error) {
			tellError(error);
		}
	}
}

async function removeScript(name, path) {
	const sure = await confirm({ title: 'Remove this script?', text: `${name} goes with all its versions. It must be used by no session.`, yes: 'Remove' });
	if (sure && await attempt(() => remove(path), `${name} was removed.`))
		goTo('#/scripts');
}

export function showScript(place) {
	const { name } = place.parameters, path = scriptPath(name), comparison = new Comparison(path);
	const refresh = async () => {
		const { versions } = await get(path, place.signal);
		table.update(versions);
		comparison.update(versions);
	};
	const table = new Table({ caption: 'Versions, the newest first', key: (version) => version.version, columns: columns(path, refresh) });
	place.rename(name);
	place.put(el('p', {}, 'What its sessions say stands with each of them: ', el('a', { href: '#/sessions' }, 'sessions'), '.'), table.element);
	if (mayChange())
		place.put(comparison.element, pushElement(refresh, name), el('p', { class: 'buttons' }, el('button', { type: 'button', class: 'danger', onclick: () => removeScript(name, path) }, 'Remove this script')));
	place.every(REFRESH_MS, refresh);
}
