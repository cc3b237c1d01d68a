'use strict';
// A small game to begin with. Players tap; the server counts, and tells everybody the score. The first with WINS taps wins, and it begins anew.
//
//   try it:   ringcastd --dev --script .       then, twice: ringcast play demo
//             > send 10 tap --to server
//   test it:  ringcast script test .           tests/*.scn
//   run it:   ringcast script push NAME .
//
// The callbacks are those of docs/scripting.md, as in GameLift Realtime; all of them may be left out.

const TAP = 10; // from players
const SCORE = 20, WON = 21, REFUSED = 22; // from the server
const WINS = 3;

let session;
const taps = new Map(); // peer id -> how many

// To one player. Reliable: by TCP, in order. sendMessage would go by UDP where the player has it.
function tell(peer, opCode, text) {
	session.sendReliableMessage(session.newTextGameMessage(opCode, session.getServerId(), text), peer);
}

function tellAll(opCode, text) {
	session.sendReliableGroupMessage(session.newTextGameMessage(opCode, session.getServerId(), text), session.getAllPlayersGroupId());
}

exports.ssExports = {
	configuration: { maxPlayers: 8 },

	// First of all. The session is for keeping: everything is asked of it.
	init(rtSession) {
		session = rtSession;
		session.getLogger().info('a game begins');
	},

	// May this player come in? connectMsg.payload is what its client logged in with: a good place for the version of your game.
	onPlayerConnect(connectMsg) {
		const payload = String(connectMsg.payload || '');
		return payload === '' || payload === 'version 1';
	},

	// It is in, and hears what we say from now on.
	onPlayerAccepted(player) {
		taps.set(player.peerId, 0);
		tell(player.peerId, SCORE, 'you have 0');
	},

	onPlayerDisconnect(peer) {
		taps.delete(peer);
	},

	// A message to the server. Players send what they like: look before you believe.
	onMessage(msg) {
		if (msg.opCode !== TAP)
			return;
		if (String(msg.payload) !== 'tap') {
			tell(msg.sender, REFUSED, 'that is no tap');
			return;
		}
		taps.set(msg.sender, taps.get(msg.sender) + 1);
		tellAll(SCORE, `${msg.sender} has ${taps.get(msg.sender)}`);
		if (taps.get(msg.sender) < WINS)
			return;
		tellAll(WON, `${msg.sender}`);
		for (const peer of taps.keys())
			taps.set(peer, 0);
	},
};
