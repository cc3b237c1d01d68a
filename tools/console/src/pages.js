// Which page an address names.
import { showAudit } from './pages/audit.js';
import { showConfig } from './pages/config.js';
import { showDisconnects } from './pages/disconnects.js';
import { showEvents } from './pages/events.js';
import { showFleets } from './pages/fleets.js';
import { showOverview } from './pages/overview.js';
import { showPlayer } from './pages/player.js';
import { showPlayground } from './pages/playground.js';
import { showQueues } from './pages/queues.js';
import { showScript } from './pages/script.js';
import { showScripts } from './pages/scripts.js';
import { showSession } from './pages/session.js';
import { showSessions } from './pages/sessions.js';
import { showTickets } from './pages/tickets.js';

// {name} stands for one part. Those with a name are in the menu; the others light up that entry.
const PAGES = [
	{ path: '#/', menu: '#/', name: 'Overview', title: 'Overview', show: showOverview },
	{ path: '#/sessions', menu: '#/sessions', name: 'Sessions', title: 'Sessions', show: showSessions },
	{ path: '#/sessions/{id}', menu: '#/sessions', title: 'Session', show: showSession },
	{ path: '#/sessions/{id}/players/{peer}', menu: '#/sessions', title: 'Player', show: showPlayer },
	{ path: '#/disconnects', menu: '#/disconnects', name: 'Disconnects', title: 'Disconnects', show: showDisconnects },
	{ path: '#/scripts', menu: '#/scripts', name: 'Scripts', title: 'Scripts', show: showScripts },
	{ path: '#/scripts/{name}', menu: '#/scripts', title: 'Script', show: showScript },
	{ path: '#/playground', menu: '#/playground', name: 'Playground', title: 'Playground', show: showPlayground },
	{ path: '#/playground/{id}', menu: '#/playground', title: 'Playground', show: showPlayground },
	{ path: '#/fleets', menu: '#/fleets', name: 'Fleets', title: 'Fleets', show: showFleets },
	{ path: '#/queues', menu: '#/queues', name: 'Queues', title: 'Queues', show: showQueues },
	{ path: '#/tickets', menu: '#/tickets', name: 'Tickets', title: 'Matchmaking tickets', show: showTickets },
	{ path: '#/events', menu: '#/events', name: 'Events', title: 'Events', show: showEvents },
	{ path: '#/config', menu: '#/config', name: 'Configuration', title: 'Configuration', show: showConfig },
	{ path: '#/audit', menu: '#/audit', name: 'Audit trail', title: 'Audit trail', show: showAudit },
];

export const MENU = PAGES.filter(({ name }) => name);

// What a part of an address stands for; null: it is not encoded as it should be.
function decoded(part) {
	try {
		return decodeURIComponent(part);
	} catch {
		return null;
	}
}

// The parameters, or null.
function match(path, hash) {
	const wanted = path.split('/'), parts = hash.split('/'), parameters = {};
	if (wanted.length !== parts.length)
		return null;
	for (const [i, part] of wanted.entries()) {
		const value = decoded(parts[i]);
		if (value === null || !(part.startsWith('{') || part === parts[i]))
			return null;
		if (part.startsWith('{'))
			parameters[part.slice(1, -1)] = value;
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
