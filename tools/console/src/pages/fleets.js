// Fleets of the service.
import { count } from '../format.js';
import { showLists } from '../service_list.js';
import { Table } from '../table.js';

const COLUMNS = [
	{ title: 'Name', text: (fleet) => fleet.name || 'unnamed' },
	{ title: 'Id', text: (fleet) => fleet.id },
	{ title: 'State', text: (fleet) => fleet.status },
	{ title: 'Runs', text: (fleet) => (fleet.is_custom ? 'game servers' : 'a script here') },
	{ title: 'Sessions', isNumber: true, text: (fleet) => count(fleet.sessions) },
	{ title: 'Beginning', isNumber: true, text: (fleet) => count(fleet.activating) },
	{ title: 'Players', isNumber: true, text: (fleet) => count(fleet.players) },
	{ title: 'Processes', isNumber: true, text: (fleet) => count(fleet.processes) },
	{ title: 'Room for', isNumber: true, text: (fleet) => count(fleet.available) },
	{ title: 'What keeps it', isWide: true, text: (fleet) => fleet.waiting_because ?? 'nothing' },
];

export function showFleets(place) {
	showLists(place, [['fleets', new Table({ caption: 'Fleets', columns: COLUMNS, key: (fleet) => fleet.id, empty: 'No fleet.' })]]);
}
