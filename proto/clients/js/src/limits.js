// Every limit and fixed number of the wire that a client needs; docs/protocol.md has them all.
export const SERVER = -1;    // as a target player: the server's script; as a sender: it, too
export const EVERYONE = -1;  // as a target group
export const PAYLOAD_BYTES_MAX = 4096;
export const TOKEN_BYTES_MAX = 8192; // those that a backend signs are long
export const PACKET_BYTES_MAX = 16384; // of any packet that is taken
export const CLIENT_VERSION = 2;
export const INT32_MAX = 2147483647;
export const INT32_MIN = -2147483648;

// Where nobody is: a client that has no WebSocket pings asks who is in it, and the answer is its pong.
export const KEEPALIVE_GROUP = INT32_MAX;

export const OpCode = Object.freeze({
	LOGIN: 0,
	LOGIN_RESPONSE: -1,
	PING_RESULT: -3,
	JOIN_GROUP: -10,
	LEAVE_GROUP: -11,
	REQUEST_GROUP_MEMBERSHIP: -12,
	GROUP_MEMBERSHIP_UPDATE: -13,
});
