// Scripts: which there are, and a place to drop a zip.
import { get, postZip } from '../api.js';
import { mayChange } from '../caller.js';
import { el, newId, setText } from '../dom.js';
import { field, form } from '../field.js';
import { bytes, count, moment } from '../format.js';
import { attempt, tellError } from '../notice.js';
import { Table } from '../table.js';

const REFRESH_MS = 3000;

export const scriptHref = (name) => `#/scripts/${encodeURIComponent(name)}`;
export const scriptPath = (name) => `/v1/scripts/${encodeURIComponent(name)}`;

// "Arena 2.zip" may be arena-2.
function nameOf(file) {
	return file.name.toLowerCase().replace(/\.zip$/, '').replace(/[^a-z0-9._-]+/g, '-').replace(/^[^a-z0-9]+/, '');
}

class Push {
	#zip = null;
	#said = el('p', { class: 'note', role: 'status' }, 'Drop a zip here, or choose one.');
	#name = field('Name of the script', { required: true, maxlength: 63, pattern: '[a-z0-9][a-z0-9._\\-]*' });
	#main = field('Its file, where it is not the usual one', { placeholder: 'main.lua, index.js' });
	#file;
	#done;
	element;

	constructor(done, name = '') {
		this.#done = done;
		this.#name.input.value = name;
		this.#file = el('input', { id: newId('field'), type: 'file', accept: '.zip,application/zip', onchange: () => this.#take(this.#file.files[0]) });
		this.element = el('section', { class: 'drop', 'aria-label': 'Push a script', ondragover: (event) => this.#drag(event), ondragleave: () => this.#light(false),
			ondrop: (event) => this.#drop(event) }, el('h2', {}, 'Push a script'), this.#said,
		form('Push a script', () => this.#push(), el('p', { class: 'field' }, el('label', { for: this.#file.id }, 'Zip'), this.#file), this.#name.element, this.#main.element,
			el('p', { class: 'buttons' }, el('button', {}, 'Push'))));
	}

	#light(isOn) {
		this.element.classList.toggle('over', isOn);
	}

	#drag(event) {
		event.preventDefault();
		this.#light(true);
	}

	#drop(event) {
		event.preventDefault();
		this.#light(false);
		this.#take(event.dataTransfer.files[0]);
	}

	#take(file) {
		if (!file)
			return;
		this.#zip = file;
		this.#name.input.value ||= nameOf(file);
		setText(this.#said, `${file.name}, ${bytes(file.size)}: push it to make it the current version.`);
	}

	async #push() {
		if (!this.#zip) {
			tellError(new Error('Choose a zip first.'));
			return;
		}
		const main = this.#main.input.value, query = main ? `?main=${encodeURIComponent(main)}` : '';
		const pushed = await attempt(() => postZip(scriptPath(this.#name.input.value) + query, this.#zip), (script) => `${script.name}: ${script.version} is the current version.`);
		if (pushed)
			await this.#done();
	}
}

export function pushElement(done, name) {
	return new Push(done, name).element;
}

export function showScripts(place) {
	const table = new Table({ caption: 'Scripts, by their current versions', key: (script) => script.name, empty: 'No script was pushed.', columns: [
		{ title: 'Name', text: (script) => script.name, href: (script) => scriptHref(script.name) },
		{ title: 'Version', text: (script) => script.version },
		{ title: 'Language', text: (script) => script.language ?? '–' },
		{ title: 'Sessions', isNumber: true, text: (script) => count(script.session_count) },
		{ title: 'Files', isNumber: true, text: (script) => `${count(script.file_count)}, ${bytes(script.file_bytes)}` },
		{ title: 'Pushed', text: (script) => moment(script.pushed_at) },
		{ title: 'Callbacks', isWide: true, text: (script) => (script.callbacks ?? []).join(', ') },
	] });
	const refresh = async () => table.update((await get('/v1/scripts', place.signal)).scripts);
	if (mayChange())
		place.put(pushElement(refresh));
	place.put(table.element);
	place.every(REFRESH_MS, refresh);
}
