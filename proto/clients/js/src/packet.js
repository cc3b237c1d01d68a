// Packets of the Realtime wire (docs/protocol.md): one, with its length before it, is one WebSocket message.
import { CLIENT_VERSION, OpCode, PACKET_BYTES_MAX, SERVER } from './limits.js';
import { NO_BYTES, Reader, WireError, Writer, bytesField, encodeText, listField, readFields, varintField } from './wire.js';

const LOGIN = 30, LOGIN_RESULT = 31, PING_RESULT = 33, MEMBERSHIP = 43;
const GROUP_COMMANDS = { [OpCode.JOIN_GROUP]: 40, [OpCode.LEAVE_GROUP]: 41, [OpCode.REQUEST_GROUP_MEMBERSHIP]: 42 };

function withLength(writer) {
	const prefix = new Writer();
	prefix.varint(writer.size);
	const out = writer.finish(prefix.size);
	out.set(prefix.finish());
	return out;
}

export function encodeLogin(token, payload, { resume, noEcho } = {}) {
	const login = new Writer().bytes(1, encodeText(token)).int32(2, CLIENT_VERSION).int32(16, resume ? 1 : 0).int32(20, noEcho ? 1 : 0).finish();
	return withLength(new Writer().int32(3, SERVER).int32(6, 1).bytes(15, payload).message(LOGIN, login));
}

// number: the command's field; command: a Writer with what is in it.
export function encodeCommand(opCode, sender, number, command) {
	return withLength(new Writer().sint32(1, opCode).int32(3, SERVER).int32(5, sender).int32(6, 1).message(number, command.finish()));
}

export function encodeGroup(opCode, group, sender) {
	return encodeCommand(opCode, sender, GROUP_COMMANDS[opCode], new Writer().int32(1, group));
}

export function encodeMessage({ opCode, targetPlayer, targetGroup, sender, payload }) {
	const writer = new Writer().sint32(1, opCode).int32(3, targetPlayer).int32(4, targetGroup).int32(5, sender);
	return withLength(writer.int32(6, 1).bytes(15, payload));
}

const int32Field = (name) => varintField((target, reader) => { target[name] = reader.int32(); });
const peerFields = new Map([[1, int32Field('peerId')]]);
const loginResultFields = new Map([
	[1, varintField((result, reader) => { result.success = reader.bool(); })],
	[2, bytesField((result, reader) => { result.reconnectToken = reader.view().slice(); })],
	[3, int32Field('peerId')],
	[16, varintField((result, reader) => { result.isResumed = reader.bool(); })],
	[17, int32Field('windowMs')],
	[18, int32Field('received')],
	[19, int32Field('lost')],
]);
const receivedFields = new Map([[1, int32Field('received')]]);
const membershipFields = new Map([
	[1, int32Field('group')],
	[2, listField((membership, reader) => { membership.players.push(reader.int32()); })],
]);

// Of the commands only three are for us. The others are read all the same, so that what is broken is broken wherever it stands.
function takeCommand(number) {
	return bytesField((packet, reader) => {
		const bytes = reader.view();
		const loginResult = packet.loginResult ?? { success: false, peerId: 0 };
		packet.loginResult = packet.membership = packet.received = undefined;
		if (number === LOGIN_RESULT)
			packet.loginResult = readFields(bytes, loginResultFields, loginResult);
		else if (number === PING_RESULT)
			readFields(bytes, receivedFields, packet);
		else if (number === MEMBERSHIP)
			packet.membership = readFields(bytes, membershipFields, { group: 0, players: [] });
		else
			readFields(bytes, peerFields, {});
	});
}

const packetFields = new Map([
	[1, varintField((packet, reader) => { packet.opCode = reader.sint32(); })],
	[3, int32Field('targetPlayer')],
	[4, int32Field('targetGroup')],
	[5, int32Field('sender')],
	[15, bytesField((packet, reader) => { packet.payload = reader.view(); })],
	...[30, 31, 32, 33, 34, 35, 36, 37, 38, 40, 41, 42, 43].map((number) => [number, takeCommand(number)]),
]);

// The length must be whole and cover exactly what follows.
function bodyOf(bytes) {
	const reader = new Reader(bytes), size = reader.size();
	if (bytes.length > PACKET_BYTES_MAX || size !== bytes.length - reader.at)
		throw new WireError('the length of a packet is not its own');
	return bytes.subarray(reader.at);
}

// Throws WireError for what is no packet. The payload is a view of the bytes.
export function decodePacket(bytes) {
	return readFields(bodyOf(bytes), packetFields, { opCode: 0, targetPlayer: 0, targetGroup: 0, sender: 0, payload: NO_BYTES, loginResult: undefined,
		membership: undefined, received: undefined });
}
