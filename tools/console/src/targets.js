// Op codes, senders and targets in words.
import { OPCODES } from '../../../proto/opcode.def';

export function opCodeText(opCode) {
	return OPCODES.has(opCode) ? `${opCode} (${OPCODES.get(opCode)})` : String(opCode);
}

export function senderText(peerId) {
	return peerId === -1 ? 'server' : `player ${peerId}`;
}

export function targetText(player, group) {
	if (group)
		return group === -1 ? 'everyone' : `group ${group}`;
	return player === -1 ? 'server' : `player ${player}`;
}
