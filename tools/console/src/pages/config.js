// The configuration that runs, and where each value comes from.
import { get } from '../api.js';
import { el, setText } from '../dom.js';
import { choice, field, form } from '../field.js';
import { count } from '../format.js';
import { Table } from '../table.js';

const SOURCES = [['', 'anywhere'], ['set', 'anywhere but the defaults'], ['file', 'the file'], ['flag', 'a flag'], ['environment', 'the environment'], ['dev', 'dev mode'], ['default', 'the defaults']];

const COLUMNS = [
	{ title: 'Key', text: (key) => key.name },
	{ title: 'Value', isWide: true, text: (key) => (key.is_secret ? 'secret' : String(key.value) || 'empty') },
	{ title: 'Comes from', text: (key) => (key.line ? `file, line ${key.line}` : key.source) },
	{ title: 'Default', isWide: true, text: (key) => key.default || 'empty' },
	{ title: 'Changes', text: (key) => (key.reloadable ? 'with a reload' : 'with a restart') },
];

function isShown(key, text, source) {
	return key.name.includes(text) && (source === '' || key.source === source || (source === 'set' && key.source !== 'default'));
}

export async function showConfig(place) {
	const search = field('Search by key', { type: 'search' }), source = choice('Comes from', SOURCES), total = el('p', { class: 'note' });
	const table = new Table({ caption: 'Configuration', columns: COLUMNS, key: (key) => key.name, empty: 'No such key.' });
	let values = [];
	const show = () => {
		const shown = values.filter((key) => isShown(key, search.input.value.trim(), source.input.value));
		table.update(shown);
		setText(total, `${count(shown.length)} of ${count(values.length)} keys.`);
	};
	search.input.addEventListener('input', show);
	source.input.addEventListener('change', show);
	place.put(form('Search', show, search.element, source.element), total, table.element);
	await place.once(async () => {
		({ values } = await get('/v1/config', place.signal));
		show();
	});
}
