'use strict';
// Everything that live scripts were seen to do wrong; none of it may throw or end the session. Each op code of the player tries one thing.
const util = require('util');

let session;
let logger;
let held;

const tries = {
	1: (m) => session.sendMessage(session.newTextGameMessage(5, -1, 'x'), undefined),
	2: (m) => session.sendMessage(session.newTextGameMessage(5, -1, 'x'), NaN),
	3: (m) => session.sendMessage(session.newTextGameMessage(5, -1, 'player object'), session.getPlayers().get(1)),
	4: (m) => session.sendMessage('a plain string', 1),
	5: (m) => session.sendMessage(session.newTextGameMessage(undefined, -1, 'x'), 1),
	6: (m) => session.sendReliableGroupMessage(session.newTextGameMessage(5, '1', m.payload), '-1'),
	7: (m) => session.sendMessage(session.newTextGameMessage(5, -1, undefined), 1),
	8: (m) => session.sendMessage(null, null),
	9: (m) => session.sendGroupMessage(session.newBinaryGameMessage(5, undefined, [1, 2, 3]), 7),
	10: (m) => logger.info(session),
	11: (m) => logger.info(m, String(m), util.inspect(m)),
	12: (m) => { const circular = {}; circular.self = circular; logger.warn(circular); },
	13: (m) => logger.error({ get bad() { throw new Error('no'); }, [util.inspect.custom]() { throw new Error('cannot be shown'); } }),
	14: (m) => { const { sendMessage, newTextGameMessage } = session; sendMessage(newTextGameMessage(5, -1, 'detached'), 1); },
	15: (m) => { held = session.newTextGameMessage(5, -1, 'again'); session.sendMessage(held, 1); session.sendMessage(held, 1); },
	16: (m) => session.sendMessage(session.newTextGameMessage(5, -1, 'y'.repeat(20000)), 1),
	17: (m) => session.sendMessage(session.newTextGameMessage(5, -1, JSON.stringify(JSON.parse(m.payload))), 1),
	18: (m) => session.sendMessage(session.newTextGameMessage(5, -1, String.fromCharCode.apply(null, m.payload)), 1),
	19: (m) => session.sendMessage(session.newTextGameMessage(5, -1, m.payload != '' ? 'something' : 'nothing'), 1), // eslint-disable-line eqeqeq
	20: (m) => session.broadcastGroupMembershipUpdate(7, -1),
	21: (m) => session.broadcastGroupMembershipUpdate(7),
	22: (m) => session.sendMessage(session.newTextGameMessage(5, -1, { a: 1 }), 1),
	23: (m) => session.sendMessage(session.newTextGameMessage(5, -1, Buffer.from('b').toJSON()), 1),
	24: (m) => session.sendMessage(session.newTextGameMessage(5, -1, new Float32Array([1]).buffer), 1),
	25: (m) => session.sendMessage(session.newTextGameMessage(5, -1, 17), 1),
	26: (m) => session.sendGroupMessage(session.newTextGameMessage(5, -1, 'x'), 0),
	27: (m) => session.kick('nobody'),
	28: (m) => session.joinGroup(0, 1),
	29: (m) => session.sendMessage(session.newTextGameMessage(5.5, -1, 'x'), 1),
	30: (m) => { throw new Error('in onMessage'); },
	31: async (m) => { await null; throw new Error('in async onMessage'); },
	32: (m) => { throw undefined; }, // eslint-disable-line no-throw-literal
	33: (m) => console.log('to the console', { a: 1 }),
	34: (m) => console.error('to its\nerror side'),
	35: (m) => process.stdout.write('no line end'),
	36: (m) => process.kill(process.pid, 0),
	37: (m) => session.getLogger().cxfatal('worst'),
	38: (m) => session.getLogger().debug('not shown'),
	39: (m) => session.sendMessage(session.newTextGameMessage(5, -1, session.getPlayers().map((p) => p.peerId).join('+')), 1),
	40: (m) => session.sendMessage(session.newTextGameMessage(5, -1, `${session.getPlayers().length} ${session.getPlayers().some((p) => p.peerId === 2)}`), 1),
};

exports.ssExports = {
	init(rtSession) {
		session = rtSession;
		logger = session.getLogger();
	},
	onMessage: (gameMessage) => tries[gameMessage.opCode](gameMessage),
	onPlayerConnect: (connectMsg) => { throw new Error('in onPlayerConnect ' + connectMsg.peerId); },
	onSendToPlayer: () => undefined,
	onSendToGroup: async () => { throw new Error('in async onSendToGroup'); },
};
