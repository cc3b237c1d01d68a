// Types for server scripts: `import type { ServerScript } from 'ringcast-sidecar'`, then `export const ssExports: ServerScript = {...}`.

export interface Player {
	readonly peerId: number;
	readonly playerSessionId: string;
}

/** A Map from peer id to player that also has the methods of an array of players. */
export interface Players extends Map<number, Player> {
	readonly length: number;
	toArray(): Player[];
	map<T>(callback: (player: Player, index: number) => T): T[];
	filter(callback: (player: Player, index: number) => boolean): Player[];
	find(callback: (player: Player, index: number) => boolean): Player | undefined;
	findIndex(callback: (player: Player, index: number) => boolean): number;
	some(callback: (player: Player, index: number) => boolean): boolean;
	every(callback: (player: Player, index: number) => boolean): boolean;
	reduce<T>(callback: (sum: T, player: Player, index: number) => T, initial: T): T;
	slice(start?: number, end?: number): Player[];
	at(index: number): Player | undefined;
}

export interface GameMessage {
	readonly opCode: number;
	/** Peer id; -1 is the server. */
	readonly sender: number;
	/** Empty when there is none, never null. */
	readonly payload: Buffer;
	/** It came over the WebSocket. */
	readonly reliable: boolean;
	readonly targetPlayer: number;
	readonly targetGroup: number;
	getPayloadAsText(): string;
}

export interface ConnectMessage extends Player {
	readonly player: Player;
	readonly payload: Buffer;
}

export interface GameSession {
	readonly gameSessionId: string;
	readonly name: string;
	readonly maximumPlayerSessionCount: number;
	readonly gameProperties: { key: string; value: string }[];
	/** The session's properties, as they were given. */
	readonly gameSessionData: string;
	/** What the matchmaker said of its players, as JSON; empty when no matchmaker made the session. */
	readonly matchmakerData: string;
	readonly status: 'ACTIVATING';
	readonly [field: string]: unknown;
}

type Log = (...values: unknown[]) => void;
export interface Logger { debug: Log; info: Log; warn: Log; error: Log; fatal: Log; cxfatal: Log }

export type Payload = string | Uint8Array | ArrayBuffer | readonly number[] | object | number | null | undefined;

/** As StartMatchBackfill of the API takes it. What is left out the service knows: the configuration that made the match, who plays in it. */
export interface Backfill {
	readonly ConfigurationName?: string;
	readonly TicketId?: string;
	readonly Players?: readonly { PlayerId: string; Team: string; PlayerAttributes?: object; LatencyInMs?: Record<string, number> }[];
}
type Answered = (error: Error | null, ticketId?: string) => void;
/** How the search ended: the word that the API has for the state of its ticket. */
type Ended = (ticketId: string, status: string) => void;

/** All methods work detached, and none ever throws. */
export interface Session {
	getServerId(): -1;
	getAllPlayersGroupId(): -1;
	getGameSessionId(): string;
	getLogger(): Logger;
	getPlayers(): Players;
	newTextGameMessage(opCode: number, sender: number, payload?: Payload): GameMessage;
	newBinaryGameMessage(opCode: number, sender: number, payload?: Payload): GameMessage;
	sendMessage(message: GameMessage, peerId: number): void;
	sendReliableMessage(message: GameMessage, peerId: number): void;
	sendGroupMessage(message: GameMessage, groupId: number): void;
	sendReliableGroupMessage(message: GameMessage, groupId: number): void;
	broadcastGroupMembershipUpdate(groupId: number, targetGroupId: number): void;
	processEnding(): Promise<boolean>;

	// Beyond Realtime
	getName(): string;
	getProperties(): string;
	getMatchmakerData(): string;
	getPlayerId(peerId: number): string | undefined;
	getPlayerData(peerId: number): string | undefined;
	/** An event for those outside, posted to webhooks. data: a string is JSON already, anything else becomes it. */
	emitEvent(name: string, data?: unknown): void;
	/** Asks the service for players who join. Resolves to the ticket's id; an error's name is the API's word for it, such as ConflictException. */
	startMatchBackfill(options?: Backfill, callback?: null, ended?: Ended): Promise<string>;
	startMatchBackfill(options: Backfill, callback: Answered, ended?: Ended): void;
	startMatchBackfill(callback: Answered, ended?: Ended): void;
	/** Without an id: the search that is under way. */
	stopMatchBackfill(ticketId?: string): Promise<string>;
	stopMatchBackfill(ticketId: string, callback: Answered): void;
	stopMatchBackfill(callback: Answered): void;
	kick(peerId: number, reason?: string): void;
	joinGroup(groupId: number, peerId: number): void;
	leaveGroup(groupId: number, peerId: number): void;
	/**
	 * To the group, reliably, and from then on to who joins it, right behind the join, until another message is retained under the key or it is forgotten.
	 * Group -1: everyone, and who joins the session. key: a whole number from 0 up.
	 */
	retainMessage(message: GameMessage, groupId: number, key: number): void;
	forgetMessage(groupId: number, key: number): void;
}

type Verdict = boolean | Promise<boolean>;
type Done = void | Promise<void>;
type Snapshot = GameMessage | readonly GameMessage[] | void | null;

export interface ServerScript {
	configuration?: {
		maxPlayers?: number;
		/** ms */
		pingIntervalTime?: number;
		/** ms; onTick is called at this rate. */
		tickInterval?: number;
	};
	init(session: Session): Done;
	onProcessStarted?(args: string[]): boolean | void | Promise<boolean | void>;
	onStartGameSession?(gameSession: GameSession): Done;
	onHealthCheck?(): Verdict;
	onPlayerConnect?(connectMessage: ConnectMessage): Verdict;
	onPlayerAccepted?(player: Player): Done;
	onPlayerDisconnect?(peerId: number): Done;
	/** Its stream broke, and it may come back: it keeps its place, its groups and what is sent to it reliably. Then onPlayerResumed or onPlayerDisconnect follows. */
	onPlayerDropped?(peerId: number): Done;
	onPlayerResumed?(peerId: number): Done;
	onMessage?(message: GameMessage): Done;
	onSendToPlayer?(message: GameMessage): Verdict;
	onSendToGroup?(message: GameMessage): Verdict;
	onPlayerJoinGroup?(groupId: number, peerId: number): Verdict;
	onPlayerLeaveGroup?(groupId: number, peerId: number): Verdict;
	/** The player is about to join the group (-1: the session): what is it to know of the game? It follows the join, before anything that is said later. */
	onSnapshot?(groupId: number, peerId: number): Snapshot | Promise<Snapshot>;
	onProcessTerminate?(): Done;
	/** A backend's message to this session; its sender is the server, -1. */
	onServiceMessage?(message: GameMessage): Done;
	/** now: the engine's clock in ms */
	onTick?(now: number): Done;
}
