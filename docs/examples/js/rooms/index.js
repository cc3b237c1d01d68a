'use strict';
// The example game: rooms. What it does is said in docs/examples/README.md, to the letter.

const ENTER = 10, STEP = 11, ANNOUNCE = 12, CHAT = 30;
const STATE = 20, WON = 21, REFUSED = 22, NEWS = 23;
const ROOMS = 9, PLACES = 4, LAST_CELL = 9, POINTS_TO_WIN = 3, CHAT_BYTES = 32;

let session;
const rooms = []; // at 1 to 9: { number, coin, changed, seats: in the order of peer ids }
const seats = new Map(); // peer id -> { peer, room, cell, points, step }

for (let number = 1; number <= ROOMS; number++)
	rooms[number] = { number, coin: 5, changed: false, seats: [] };

function tell(opCode, text, peer) {
	session.sendReliableMessage(session.newTextGameMessage(opCode, session.getServerId(), text), peer);
}

function tellGroup(opCode, text, group) {
	session.sendReliableGroupMessage(session.newTextGameMessage(opCode, session.getServerId(), text), group);
}

function leave(peer) {
	const seat = seats.get(peer);
	if (seat === undefined)
		return;
	seat.room.seats.splice(seat.room.seats.indexOf(seat), 1);
	seat.room.changed = true;
	seats.delete(peer);
}

function enter(peer, text) {
	if (!/^[1-9]$/.test(text))
		return tell(REFUSED, 'no such room', peer);
	const room = rooms[Number(text)];
	const old = seats.get(peer);
	const isInside = old !== undefined && old.room === room;
	if (room.seats.length - (isInside ? 1 : 0) >= PLACES)
		return tell(REFUSED, 'room is full', peer);
	leave(peer);
	if (old !== undefined && !isInside)
		session.leaveGroup(old.room.number, peer);
	if (!isInside)
		session.joinGroup(room.number, peer);
	const seat = { peer, room, cell: 0, points: 0, step: 0 };
	seats.set(peer, seat);
	room.seats.push(seat);
	room.seats.sort((a, b) => a.peer - b.peer);
	room.changed = true;
	return undefined;
}

function step(peer, text) {
	const seat = seats.get(peer);
	if (seat === undefined)
		return tell(REFUSED, 'enter a room first', peer);
	if (text !== '+' && text !== '-')
		return tell(REFUSED, 'no such step', peer);
	seat.step = text === '+' ? 1 : -1;
	return undefined;
}

function win(room, winner) {
	tellGroup(WON, `${winner.peer} ${room.number} ${session.getPlayerId(winner.peer) || '-'}`, session.getAllPlayersGroupId());
	session.emitEvent('won', { peer: winner.peer, room: room.number });
	room.seats.forEach((seat) => { seat.points = 0; });
}

function move(room, seat) {
	const cell = Math.max(0, Math.min(LAST_CELL, seat.cell + seat.step));
	room.changed = room.changed || cell !== seat.cell;
	seat.cell = cell;
	seat.step = 0;
	if (seat.cell !== room.coin)
		return;
	seat.points++;
	room.coin = (3 * room.coin + 4) % 10;
	room.changed = true;
	if (seat.points === POINTS_TO_WIN)
		win(room, seat);
}

function tick() {
	for (const room of rooms.slice(1)) {
		room.seats.forEach((seat) => move(room, seat));
		if (room.changed && room.seats.length > 0)
			tellGroup(STATE, [`coin ${room.coin}`, ...room.seats.map(({ peer, cell, points }) => `${peer} ${cell} ${points}`)].join(','), room.number);
		room.changed = false;
	}
}

exports.ssExports = {
	configuration: { tickInterval: 100 },
	init(rtSession) { session = rtSession; },
	onPlayerConnect: ({ payload }) => ['', 'rooms 1'].includes(payload.toString()),
	onPlayerDisconnect: leave,
	onMessage(gameMessage) {
		if (gameMessage.opCode === ENTER)
			enter(gameMessage.sender, gameMessage.getPayloadAsText());
		else if (gameMessage.opCode === STEP)
			step(gameMessage.sender, gameMessage.getPayloadAsText());
	},
	onServiceMessage(message) {
		if (message.opCode === ANNOUNCE)
			tellGroup(NEWS, message.getPayloadAsText(), session.getAllPlayersGroupId());
	},
	onSendToGroup: (gameMessage) => gameMessage.opCode < CHAT || gameMessage.payload.length <= CHAT_BYTES,
	onPlayerJoinGroup: () => false,
	onPlayerLeaveGroup: () => false,
	onTick: tick,
};
