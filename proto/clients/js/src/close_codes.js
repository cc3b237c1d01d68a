// Close codes by name: engine/base/close.def (a test compares), and RFC 6455's own.
const NAMES = {
	1000: 'normal',
	1001: 'going_away',
	1002: 'protocol',
	1003: 'not_binary',
	1005: 'no_code',
	1006: 'abnormal',
	1007: 'bad_utf8',
	1009: 'oversize',
	1011: 'internal_error',
	1015: 'tls',
	3001: 'shutdown',
	3502: 'session_ended',
	3008: 'slow',
	3012: 'no_pong',
	3013: 'rate_limit',
	3014: 'login_timeout',
	3015: 'idle',
	3016: 'draining',
	3017: 'no_resources',
	3500: 'bad_token',
	3503: 'kicked',
	3504: 'session_full',
	3505: 'unhealthy',
	3507: 'denied',
	3508: 'script_failed',
	3509: 'script_lost',
	3510: 'script_share',
	3511: 'activation',
	3512: 'taken_over',
};

export const CloseCode = Object.freeze(Object.fromEntries(Object.entries(NAMES).map(([code, name]) => [name, Number(code)])));

export function closeName(code) {
	return Object.hasOwn(NAMES, code) ? NAMES[code] : 'unknown';
}

// Not after an end that the server or the game wants to be one: 3500 to 3999, and our own goodbye.
export function mayReconnect(code) {
	return code !== 1000 && (code < 3500 || code > 3999);
}
