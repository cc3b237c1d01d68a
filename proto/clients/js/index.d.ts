/** As a target player, the server's script; as a sender, it too. */
export const SERVER: -1;
/** As a target group, every player of the session. */
export const EVERYONE: -1;

export type State = 'idle' | 'connecting' | 'connected' | 'closing' | 'resuming';
export type Payload = string | ArrayBuffer | ArrayBufferView;

/** Made by resume() of 'ringcast-client/resume', and for the client alone. */
export type Resuming = () => object;

export interface Options {
	/** For TCP, upgrade and login together; 10 000. A time in which the program stood still counts for a quarter at most. */
	connectTimeoutMs?: number;
	/** For the server's answer to our goodbye; 2 000. */
	closeTimeoutMs?: number;
	/** To notice a dead server, and for the round trip; 5 000. 0: never. */
	pingIntervalMs?: number;
	/** Bytes that were sent and not yet taken by the network; 262 144. Beyond, a call is refused with code 'full'. */
	queueBytesMax?: number;
	/** What resume() of 'ringcast-client/resume' returns: a connection that breaks is made again, where the server has a window for it (limits.resume_window_ms). */
	resume?: Resuming;
	/** Messages to a group that this player is in do not come back to it, where the server can. */
	noEcho?: boolean;
	/** Node only: options of tls.connect, such as ca. */
	tls?: object;
	/** A WebSocket class to use instead of the platform's. */
	WebSocket?: new (url: string) => unknown;
}

export interface SendOptions {
	/** May be lost or overtaken. A WebSocket has no such channel, so it is counted (fastFallback) and goes reliably. */
	fast?: boolean;
}

export interface Message {
	readonly opCode: number;
	/** Peer id, proven by the server; SERVER for the script's own. */
	readonly sender: number;
	readonly targetPlayer: number;
	/** 0 unless it came by a group. */
	readonly targetGroup: number;
	readonly payload: Uint8Array;
	/** The payload as UTF-8. */
	readonly text: string;
}

export interface Membership {
	group: number;
	/** Peer ids. */
	players: number[];
}

export interface End {
	/** WebSocket close code; without a close frame 1006, after disconnect() 1000. */
	code: number;
	/** The code's name, such as 'kicked'; 'unknown' for a game's own. */
	name: string;
	reason: string;
	/** False after an end that is meant to be one: 3500 to 3999, and disconnect(). */
	mayReconnect: boolean;
}

export interface Stats {
	state: State;
	peerId: number;
	/** Of the last ping that was answered; 0: none yet. */
	rttMs: number;
	/** 7/8 old, 1/8 new. */
	rttSmoothedMs: number;
	messagesSent: number;
	messagesReceived: number;
	/** Payload bytes of these messages. */
	bytesSent: number;
	bytesReceived: number;
	/** Wanted fast, sent reliably. */
	fastFallback: number;
	/** Broken connections that were made again; of these, those with lost messages; what was sent again. */
	resumes: number;
	gaps: number;
	messagesResent: number;
	queuedBytes: number;
	/** Left out: the server asks and does not read the answers. */
	pongsUnsent: number;
}

export interface Events {
	connected: { peerId: number };
	message: Message;
	membership: Membership;
	disconnected: End;
	/** With the option resume: the connection broke, and is made again; resumed or disconnected follows. What is sent meanwhile waits, but for fast messages, which are lost. */
	dropped: { reason: string };
	/** The player is who it was, and what it missed comes next. lost: so many messages before that are lost, and the game has to be brought up to date. */
	resumed: { lost: number };
}

export class RingcastError extends Error {
	readonly code: 'argument' | 'size' | 'state' | 'full';
}

export class DisconnectedError extends Error {
	readonly end: End;
}

/** Close codes by name. */
export const CloseCode: { readonly [name: string]: number };

/**
 * One player's connection. What the caller gets wrong throws RingcastError at once; what the server or the network does is an event.
 * Reconnecting is the game's, unless it resumes: it needs a new token.
 */
export class RingcastClient {
	constructor(options?: Options);
	readonly state: State;
	/** Our number in the session; 0 before the login. */
	readonly peerId: number;

	/**
	 * Resolves with the peer id when the login has succeeded, rejects with DisconnectedError when it has not.
	 * @param token the player session id
	 * @param payload what the game's connect callback sees, at most 4096 bytes
	 */
	connect(url: string, token: string, payload?: Payload): Promise<number>;
	/** The orderly end. Messages that arrive from here on are dropped. */
	disconnect(): Promise<End>;

	send(message: { opCode: number; targetPlayer?: number; targetGroup?: number; payload?: Payload } & SendOptions): void;
	sendToServer(opCode: number, payload?: Payload, options?: SendOptions): void;
	sendToPlayer(peerId: number, opCode: number, payload?: Payload, options?: SendOptions): void;
	/** Members get it, the sender included. */
	sendToGroup(group: number, opCode: number, payload?: Payload, options?: SendOptions): void;

	/** 1 to 2147483646. There is no answer to a join that is refused. */
	joinGroup(group: number): void;
	leaveGroup(group: number): void;
	/** The answer is the event 'membership'. Also of EVERYONE. */
	requestMembership(group: number): void;

	stats(): Stats;

	/** Returns what takes the listener away again. */
	on<Name extends keyof Events>(event: Name, listener: (value: Events[Name]) => void): () => void;
	once<Name extends keyof Events>(event: Name, listener: (value: Events[Name]) => void): () => void;
	off<Name extends keyof Events>(event: Name, listener: (value: Events[Name]) => void): void;
}
