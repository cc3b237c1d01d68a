'use strict';
// What comes before what. Each op code shows one order.
let session;
let log = [];
const say = (text, to = 1) => session.sendMessage(session.newTextGameMessage(5, -1, text), to);

exports.ssExports = {
	configuration: { tickInterval: 50 },
	init(rtSession) { session = rtSession; },
	onTick: (now) => say(`tick ${now}`),
	onPlayerConnect({ peerId, payload }) {
		say('welcome', peerId);
		say('somebody comes', 1);
		if (payload.toString() === 'never')
			return new Promise(() => {});
		return payload.toString() === 'later' ? new Promise((resolve) => setTimeout(() => resolve(true), 50)) : payload.toString() !== 'no';
	},
	onPlayerAccepted({ peerId }) { say(`${session.getPlayerId(peerId)} has ${session.getPlayerData(peerId)}`); },
	onPlayerDisconnect(peerId) { say(`${session.getPlayers().has(peerId)} ${session.getPlayerId(peerId)}`); },
	onSendToPlayer(m) {
		say('before I answer');
		return m.opCode === 1 ? true : new Promise((resolve) => setTimeout(() => resolve(m.opCode === 2), 20));
	},
	onMessage(m) {
		if (m.opCode === 1) { // promises of one event settle before the next event
			log.push(m.payload.toString());
			Promise.resolve().then(() => log.push('a')).then(() => process.nextTick(() => log.push('b')));
			if (m.payload.toString() === 'end')
				setImmediate(() => say(log.join(' ')));
		} else if (m.opCode === 2) {
			session.kick(2, 'too loud');
			session.joinGroup(7, 1);
			session.leaveGroup('7', { peerId: 1 });
			say([session.getName(), session.getProperties(), session.getMatchmakerData(), session.getGameSessionId(), session.getServerId(), session.getAllPlayersGroupId()].join(' '));
		} else if (m.opCode === 3) { // payloads stay good after the event
			log = [...log, m.payload];
			if (log.length === 3)
				setTimeout(() => say(Buffer.concat(log)), 10);
		} else if (m.opCode === 6) {
			for (let i = 0; i < 300000; i++) {
				session.kick(1, 'a reason that is not all that short');
				session.getLogger().info(`line ${i}`);
			}
			setTimeout(() => session.getLogger().info('room again'), 5000);
		} else if (m.opCode === 7) {
			process.stdout.write('last words, ');
			process.stdout.write(Buffer.from([0xc3]));
			process.stdout.write(Buffer.from([0xbc]));
			process.exit(0);
		} else if (m.opCode === 8) {
			say(`player ${m.payload} is ${session.getPlayerId(Number(m.payload.toString()))}`);
		} else {
			say(`${m.opCode} ${m.sender} ${m.reliable} ${m.targetPlayer} ${m.targetGroup} ${m.getPayloadAsText()}`);
		}
	},
};
