// Players as rows.
import { mayChange } from '../caller.js';
import { bytes, count, moment } from '../format.js';
import { kick, playerHref } from './player.js';

// A reservation without a player id has no name by which it could be cancelled.
function changeOf(player) {
	if (player.state !== 'reserved')
		return 'Kick';
	return player.player_id ? 'Cancel' : '';
}

export function playerColumns(sessionId) {
	const all = [
		{ title: 'Peer', isNumber: true, text: (player) => player.peer_id || '–', href: (player) => playerHref(sessionId, player) },
		{ title: 'Player', text: (player) => player.player_id || 'unnamed' },
		{ title: 'State', text: (player) => player.state },
		{ title: 'Path', text: (player) => (player.is_fast ? 'UDP and WebSocket' : player.address ? 'WebSocket' : '–') },
		{ title: 'Address', text: (player) => player.address || '–' },
		{ title: 'Joined', text: (player) => moment(player.joined_at) },
		{ title: 'Received', isNumber: true, text: (player) => count(player.messages_received) },
		{ title: 'Sent', isNumber: true, text: (player) => count(player.messages_sent) },
		{ title: 'Drops', isNumber: true, text: (player) => count(player.drops) },
		{ title: 'Queue', isNumber: true, text: (player) => bytes(player.outq_bytes) },
	];
	if (mayChange())
		all.push({ title: 'Change', text: changeOf, act: (player) => kick(sessionId, player),
			label: (player) => `${player.state === 'reserved' ? 'Cancel' : 'Kick'} ${player.player_id || `peer ${player.peer_id}`}` });
	return all;
}
