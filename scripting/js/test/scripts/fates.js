'use strict';
// Ends in every way a script can. The launch argument says how it starts, a message's op code how it goes on.
const v8 = require('v8');
const { isMainThread } = require('worker_threads');

let session;
const hoard = [];

const fates = {
	1: () => process.exit(0),
	2: () => process.exit(3),
	3: () => setTimeout(() => { throw new TypeError('from a timer'); }, 1),
	4: () => { Promise.reject(new Error('forgotten')); },
	5: () => { for (;;); },
	6: () => { for (;;) hoard.push(new Array(1000).fill({})); },
	7: () => { const grow = () => { hoard.push(Buffer.alloc(8 << 20, 1)); setImmediate(grow); }; grow(); },
	8: () => session.processEnding().then((outcome) => { session.getLogger().info('outcome ' + outcome); process.exit(0); }),
	9: () => { session.processEnding(); session.processEnding(); },
	10: () => process.kill(process.pid, 'SIGTERM'),
	11: () => { try { process.abort(); } catch (error) { session.getLogger().info('abort: ' + error.code); } },
	12: () => process.on('uncaughtException', (error) => session.getLogger().info('survived: ' + error.message)),
	13: () => process.nextTick(() => { throw new Error('from a tick'); }),
	14: (m) => { for (let i = 0; i < 200000; i++) session.sendMessage(session.newTextGameMessage(5, -1, m.payload), 1); },
	15: () => session.sendMessage(session.newTextGameMessage(6, -1, 'alive ' + !isMainThread + ' ' + v8.getHeapStatistics().heap_size_limit), 1),
	17: () => { process.removeAllListeners(); setTimeout(() => { throw new Error('x'.repeat(200000)); }, 1); },
	16: () => process.on('exit', () => session.sendMessage(session.newTextGameMessage(7, -1, 'last words'), 1)),
};

exports.ssExports = {
	init(rtSession) {
		session = rtSession;
		if (process.argv[2] === 'throw')
			throw new Error('no init');
		if (process.argv[2] === 'loop')
			for (;;);
	},
	async onProcessStarted(args) {
		if (args[0] === 'slow')
			await new Promise((resolve) => setTimeout(resolve, 2500));
		return args[0] !== 'refuse';
	},
	async onStartGameSession(game) {
		if (process.argv[2] !== 'fail')
			return;
		await new Promise((resolve) => setTimeout(resolve, 300)); // events have come meanwhile
		throw new Error(`no start, ${game.status} ${game.Status}`);
	},
	onHealthCheck: () => true,
	onMessage: (gameMessage) => fates[gameMessage.opCode](gameMessage),
};
