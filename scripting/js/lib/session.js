'use strict';
// The session object that scripts get. Every method works detached, and whatever a script passes, it gets a line in its log instead of an
// exception.
const util = require('util');
const { KIND } = require('./frame');
const { GameMessage, payloadOf } = require('./message');

const SERVER = -1;
const EVERYONE = -1;
const PAYLOAD_BYTES_MAX = 16288;
const EVENT_NAME = /^[A-Za-z][A-Za-z0-9._-]{0,63}$/;
const EVENT_BYTES_MAX = 60000;
const END_DELAY_MS = 100;

function show(value, how = (given) => util.inspect(given, { depth: 0, breakLength: Infinity }).slice(0, 80)) {
	try {
		return how(value);
	} catch {
		return '(a value that cannot be printed)';
	}
}

// A whole number out of a number or a numeric string; null otherwise.
function integer(value) {
	const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
	return typeof number === 'number' && Number.isInteger(number) && number >= -2147483648 && number <= 2147483647 ? number : null;
}

// Scripts pass player objects where a peer id is meant.
function peerOf(value) {
	return integer(value !== null && typeof value === 'object' ? value.peerId : value);
}

// world: { facts, outbox, logger, players, people, questions, complain, end }
function makeSession(world) {
	const { facts, outbox, players, people, questions, complain } = world;
	let ending = null;

	function newMessage(opCode, sender, payload) {
		const from = integer(sender);
		return new GameMessage(opCode, from === null ? SERVER : from, payloadOf(payload), false, 0, 0);
	}

	// A script that says more than the engine takes is cut short, whatever it says.
	function isTooMuch(what) {
		if (!outbox.isChoked())
			return false;
		complain(what, 'more than the engine takes; it is dropped');
		return true;
	}

	// put(opCode, sender, payload): of a message that is right, when there is room for it.
	function say(what, message, put) {
		const opCode = message !== null && typeof message === 'object' ? integer(message.opCode) : null;
		if (opCode === null)
			return complain(what, `${show(message)} is no message with an op code`);
		const payload = payloadOf(message.payload);
		if (payload.length > PAYLOAD_BYTES_MAX)
			return complain(what, `payload of ${payload.length} bytes, more than ${PAYLOAD_BYTES_MAX}`);
		if (isTooMuch(what))
			return undefined;
		const sender = integer(message.sender);
		return put(opCode, sender === null ? SERVER : sender, payload);
	}

	function send(what, message, player, group, reliable) {
		return say(what, message, (opCode, sender, payload) => outbox.send(reliable, opCode, sender, player, group, payload));
	}

	function isGroup(group) {
		return group !== null && (group > 0 || group === EVERYONE);
	}

	function isKey(key) {
		return Number.isInteger(key) && key >= 0 && key <= 0xffffffff;
	}

	function retainMessage(message, groupId, key) {
		const group = integer(groupId);
		if (!isGroup(group) || !isKey(key))
			return complain('retainMessage', `group ${show(groupId)}, key ${show(key)}: a group id and a whole number from 0 up are needed`);
		return say('retainMessage', message, (opCode, sender, payload) => outbox.message(KIND.RETAIN, 0, opCode, sender, group, key, payload));
	}

	function forgetMessage(groupId, key) {
		const group = integer(groupId);
		if (!isGroup(group) || !isKey(key))
			return complain('forgetMessage', `group ${show(groupId)}, key ${show(key)}: a group id and a whole number from 0 up are needed`);
		if (!isTooMuch('forgetMessage'))
			outbox.two(KIND.FORGET, group, key);
		return undefined;
	}

	function toPlayer(what, message, target, reliable) {
		const peer = peerOf(target);
		if (peer === null || peer <= 0)
			return complain(what, `${show(target)} is no peer id`);
		return send(what, message, peer, 0, reliable);
	}

	function toGroup(what, message, target, reliable) {
		const group = integer(target);
		if (!isGroup(group))
			return complain(what, `${show(target)} is no group id`);
		return send(what, message, 0, group, reliable);
	}

	function move(what, kind, groupId, peerId) {
		const group = integer(groupId);
		const peer = peerOf(peerId);
		if (group === null || group <= 0 || peer === null || peer <= 0)
			return complain(what, `group ${show(groupId)}, peer ${show(peerId)}: a group above 0 and a peer id are needed`);
		if (!isTooMuch(what))
			outbox.two(kind, group, peer);
		return undefined;
	}

	// JSON of an event: a string is JSON already; undefined when it is neither.
	function jsonOf(value) {
		try {
			if (typeof value !== 'string')
				return JSON.stringify(value === undefined ? null : value);
			JSON.parse(value);
			return value;
		} catch {
			return undefined;
		}
	}

	function emitEvent(name, data) {
		const text = jsonOf(data);
		if (typeof name !== 'string' || !EVENT_NAME.test(name))
			return complain('emitEvent', `${show(name)} is no event's name: a letter, then letters, digits and . _ -, 64 at most`);
		if (text === undefined)
			return complain('emitEvent', `${show(data)} is not JSON and cannot become it`);
		const json = Buffer.from(text, 'utf8');
		if (json.length > EVENT_BYTES_MAX)
			return complain('emitEvent', `JSON of ${json.length} bytes, more than ${EVENT_BYTES_MAX}`);
		if (!isTooMuch('emitEvent'))
			outbox.emit(Buffer.from(name, 'utf8'), json);
		return undefined;
	}

	// What the service is asked; the callback hears (error, ticketId), always later. Without one it is a promise.
	function ask(what, question, callback, ended) {
		if (typeof callback !== 'function')
			return new Promise((resolve, reject) => { ask(what, question, (error, ticketId) => (error ? reject(error) : resolve(ticketId)), ended); });
		const text = jsonOf({ ...question, Action: what });
		const json = Buffer.from(text === undefined ? '' : text, 'utf8');
		if (text === undefined || json.length > EVENT_BYTES_MAX)
			questions.refuse(callback, 'InvalidRequestException', text === undefined ? 'it cannot become JSON' : `JSON of ${json.length} bytes, more than ${EVENT_BYTES_MAX}`);
		else if (isTooMuch(what))
			questions.refuse(callback, 'ThrottlingException', 'more than the engine takes');
		else
			outbox.ask(questions.add(callback, ended), json);
		return undefined;
	}

	// ended hears (ticketId, status) when the search is over.
	function startMatchBackfill(options, callback, ended) {
		if (typeof options === 'function')
			return startMatchBackfill({}, options, callback);
		return ask('StartMatchBackfill', options !== null && typeof options === 'object' ? options : {}, callback, ended);
	}

	function stopMatchBackfill(ticketId, callback) {
		if (typeof ticketId === 'function')
			return stopMatchBackfill(undefined, ticketId);
		return ask('StopMatchBackfill', ticketId === undefined || ticketId === null ? {} : { TicketId: ticketId }, callback);
	}

	const session = {
		getServerId: () => SERVER,
		getAllPlayersGroupId: () => EVERYONE,
		getGameSessionId: () => facts.id,
		getLogger: () => world.logger,
		getPlayers: () => players,
		newTextGameMessage: (opCode, sender, payload) => newMessage(opCode, sender, payload),
		newBinaryGameMessage: (opCode, sender, payload) => newMessage(opCode, sender, payload),
		sendMessage: (message, peerId) => toPlayer('sendMessage', message, peerId, false),
		sendReliableMessage: (message, peerId) => toPlayer('sendReliableMessage', message, peerId, true),
		sendGroupMessage: (message, groupId) => toGroup('sendGroupMessage', message, groupId, false),
		sendReliableGroupMessage: (message, groupId) => toGroup('sendReliableGroupMessage', message, groupId, true),
		broadcastGroupMembershipUpdate(groupId, targetGroupId) {
			const group = integer(groupId);
			const target = integer(targetGroupId);
			if (group === null || target === null)
				return complain('broadcastGroupMembershipUpdate', `${show(groupId)}, ${show(targetGroupId)}: two group ids are needed`);
			if (!isTooMuch('broadcastGroupMembershipUpdate'))
				outbox.two(KIND.BROADCAST, group, target);
			return undefined;
		},
		// The session ends when the script exits, or soon: what it logs after "await" still counts.
		processEnding() {
			ending = ending || new Promise((resolve) => {
				setTimeout(() => world.end(), END_DELAY_MS);
				setImmediate(() => resolve(true));
			});
			return ending;
		},

		// What Realtime scripts never had.
		getName: () => facts.name,
		getProperties: () => facts.properties,
		getMatchmakerData: () => facts.matchmaker_data,
		getPlayerId: (peerId) => (people.get(peerOf(peerId)) || {}).playerId,
		getPlayerData: (peerId) => (people.get(peerOf(peerId)) || {}).playerData,
		emitEvent,
		startMatchBackfill: (options, callback, ended) => startMatchBackfill(options, callback, ended),
		stopMatchBackfill: (ticketId, callback) => stopMatchBackfill(ticketId, callback),
		kick(peerId, reason) {
			const peer = peerOf(peerId);
			if (peer === null || peer <= 0)
				return complain('kick', `${show(peerId)} is no peer id`);
			if (!isTooMuch('kick'))
				outbox.text(KIND.KICK, peer, reason === undefined || reason === null ? '' : show(reason, String));
			return undefined;
		},
		joinGroup: (groupId, peerId) => move('joinGroup', KIND.PUT, groupId, peerId),
		leaveGroup: (groupId, peerId) => move('leaveGroup', KIND.TAKE, groupId, peerId),
		retainMessage: (message, groupId, key) => retainMessage(message, groupId, key),
		forgetMessage: (groupId, key) => forgetMessage(groupId, key),
	};
	for (const name of Object.keys(session))
		Object.defineProperty(session, name, { enumerable: false });
	Object.defineProperty(session, util.inspect.custom, { value: () => `Session { id: '${facts.id}', players: ${players.size} }` });
	// Of a snapshot: a message, an array of them, or nothing. Half of one is worse than none: what cannot be said throws.
	const saySnapshot = (low, high, given) => {
		for (const message of Array.isArray(given) ? given : given ? [given] : []) {
			let isSaid = false;
			say('onSnapshot', message, (opCode, sender, payload) => {
				outbox.snapshotPart(low, high, opCode, sender, payload);
				isSaid = true;
			});
			if (!isSaid)
				throw new Error(`${show(message)} cannot be a part of a snapshot, and there is none without it`);
		}
	};
	return { session, saySnapshot };
}

module.exports = { makeSession, integer };
