// Retains, forgets, and makes snapshots: at once, later, and wrongly.
'use strict';

let session;
const say = (text) => session.newTextGameMessage(30, session.getServerId(), text);

exports.ssExports = {
	init(rt) { session = rt; },
	onMessage(message) {
		if (message.opCode === 1)
			session.retainMessage(say('kept'), 7, 4294967295);
		else if (message.opCode === 2)
			session.forgetMessage(7, 5);
		else
			session.retainMessage(say('kept'), 7, -1);
	},
	onSnapshot(groupId, peerId) {
		session.sendReliableMessage(say('sent meanwhile'), peerId);
		if (groupId === 1)
			return [say('one'), say('two')];
		if (groupId === 2)
			return new Promise((resolve) => { setTimeout(() => resolve(say('later')), 20); });
		if (groupId === 3)
			throw new Error('no snapshot');
		if (groupId === 4) { // somebody else waits for the same promise, and goes on when it is taken
			const made = Promise.resolve(say('made'));
			made.then(() => {}).then(() => session.sendReliableMessage(say('said right behind'), peerId));
			return made;
		}
		if (groupId === 5)
			return [say('good'), { payload: 'without an op code' }, say('more')];
		if (groupId === 6)
			return Promise.resolve([say('good'), session.newBinaryGameMessage(30, session.getServerId(), Buffer.alloc(20000))]);
		return undefined;
	},
};
