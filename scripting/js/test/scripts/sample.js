'use strict';
// The shape that the documentation's example gives a Realtime script: every callback, a game loop by setTimeout, and an end when everybody has left.
const Packet = require('../src/proto/Packet_pb'); // eslint-disable-line no-unused-vars
const util = require('util');

const configuration = { pingIntervalTime: 30000, maxPlayers: 16 };
const TICK_MS = 20;
const OP_WELCOME = 100;
const OP_ECHO = 101;
const OP_LEFT = 102;

let session;
let logger;
let startTime;
let activePlayers = 0;
let ticks = 0;

function init(rtSession) {
	session = rtSession;
	logger = session.getLogger();
	logger.info('init');
}

function onProcessStarted(args) {
	logger.info('Starting process with args: ' + args);
	return true;
}

async function tickLoop() {
	ticks++;
	const elapsed = Date.now() - startTime;
	if (activePlayers === 0 && elapsed > 60) {
		logger.info('All players disconnected. Ending game');
		const outcome = await session.processEnding();
		logger.info('Completed process ending with: ' + outcome);
		process.exit(0);
	} else {
		setTimeout(tickLoop, TICK_MS);
	}
}

function onStartGameSession(gameSession) {
	logger.info('game session ' + gameSession.gameSessionId + ' ' + gameSession.GameSessionId + ' ' + util.inspect(gameSession.gameProperties) +
		` ${gameSession.matchmakerData} ${gameSession.MatchmakerData}`);
	startTime = Date.now();
	activePlayers = 1; // until the first one has come and gone
}

function onHealthCheck() {
	return true;
}

function onPlayerConnect(connectMsg) {
	logger.info('connect ' + connectMsg.player.peerId + ' with ' + connectMsg.payload);
	if (connectMsg.payload.toString() === 'no')
		return false;
	session.sendReliableMessage(session.newTextGameMessage(OP_WELCOME, session.getServerId(), 'hello ' + connectMsg.player.peerId), connectMsg.player.peerId);
	return true;
}

function onPlayerAccepted(player) {
	session.sendReliableMessage(session.newTextGameMessage(OP_WELCOME, session.getServerId(), 'accepted ' + session.getPlayers().size), player.peerId);
}

function onPlayerDisconnect(peerId) {
	session.getPlayers().forEach((player, playerId) => {
		if (playerId !== peerId)
			session.sendReliableMessage(session.newTextGameMessage(OP_LEFT, session.getServerId(), 'Peer ' + peerId + ' disconnected'), playerId);
	});
	activePlayers = session.getPlayers().size - 1;
}

function onMessage(gameMessage) {
	const answer = session.newTextGameMessage(OP_ECHO, gameMessage.sender, gameMessage.payload);
	session.sendMessage(answer, gameMessage.sender);
}

function onSendToPlayer(gameMessage) {
	return gameMessage.opCode !== 13;
}

function onSendToGroup(gameMessage) {
	return gameMessage.getPayloadAsText() !== 'blocked';
}

function onPlayerJoinGroup(groupId, peerId) {
	return groupId < 10 && peerId > 0;
}

function onPlayerLeaveGroup(groupId, peerId) {
	return peerId === 1;
}

function onProcessTerminate() {
	logger.info('terminating after ' + (ticks > 0 ? 'some' : 'no') + ' ticks');
}

exports.ssExports = {
	configuration,
	init,
	onProcessStarted,
	onMessage,
	onPlayerConnect,
	onPlayerAccepted,
	onPlayerDisconnect,
	onSendToPlayer,
	onSendToGroup,
	onPlayerJoinGroup,
	onPlayerLeaveGroup,
	onStartGameSession: (gameSession) => { onStartGameSession(gameSession); tickLoop(); },
	onProcessTerminate,
	onHealthCheck,
};
