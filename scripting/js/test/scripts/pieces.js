'use strict';
// Says how much of its session's data it sees, and what that adds up to.
let session;

function sumOf(text) {
	let sum = 0;
	for (const byte of Buffer.from(text))
		sum = (sum * 31 + byte) % 65521;
	return `${text.length} ${sum}`;
}

exports.ssExports = {
	init(given) { session = given; },
	onProcessStarted(args) {
		session.getLogger().info(`arguments ${args.length} ${sumOf(args.join(' '))}`);
		return true;
	},
	onStartGameSession(game) {
		session.getLogger().info(`data ${sumOf(game.gameSessionData)} properties ${sumOf(session.getProperties())} matchmaker ${sumOf(game.matchmakerData)}`);
	},
	onPlayerConnect() { return true; },
	onMessage(message) { session.sendMessage(session.newBinaryGameMessage(message.opCode, -1, 'heard'), message.sender); },
};
