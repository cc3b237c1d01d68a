// Which page an address names.
import { showOverview } from './pages/overview.js';
import { showSessions } from './pages/sessions.js';

// {name} stands for one part. Those with a name are in the menu; the others light up that entry.
const PAGES = [
	{ path: '#/', menu: '#/', name: 'Overview', title: 'Overview', show: showOverview },
	{ path: '#/sessions', menu: '#/sessions', name: 'Sessions', title: 'Sessions', show: showSessions },
];

export const MENU = PAGES.filter(({ name }) => name);

// The parameters, or null.
function match(path, hash) {
	const wanted = path.split('/'), parts = hash.split('/'), parameters = {};
	if (wanted.length !== parts.length)
		return null;
	for (const [i, part] of wanted.entries()) {
		if (part.startsWith('{'))
			parameters[part.slice(1, -1)] = decodeURIComponent(parts[i]);
		else if (part !== parts[i])
			return null;
	}
	return parameters;
}

export function pageOf(hash) {
	for (const page of PAGES) {
		const parameters = match(page.path, hash || '#/');
		if (parameters)
			return { page, parameters };
	}
	return { page: PAGES[0], parameters: {} };
}
