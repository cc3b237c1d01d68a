// The admin API, asked with the caller's token. The token lives as long as the tab and goes to this server only.
const KEY = 'ringcast-token';

// The page lies at console/ below the API, wherever a proxy has put both.
const BASE = new URL('..', document.baseURI);

export class ApiError extends Error {
	constructor(status, problem) {
		super(problem.detail ?? `HTTP ${status}`);
		this.status = status;
		this.code = problem.code ?? '';
	}
}

let onRefused = () => {};

// Called when the token is not good any more.
export function whenRefused(listener) {
	onRefused = listener;
}

export function hasToken() {
	return sessionStorage.getItem(KEY) !== null;
}

export function keepToken(token) {
	if (token === null)
		sessionStorage.removeItem(KEY);
	else
		sessionStorage.setItem(KEY, token);
}

function headersOf(type) {
	const token = sessionStorage.getItem(KEY), headers = {};
	if (token !== null)
		headers.Authorization = `Bearer ${token}`;
	if (type)
		headers['Content-Type'] = type;
	return headers;
}

async function problemOf(response) {
	try {
		return await response.json();
	} catch {
		return { detail: `${response.status} ${response.statusText}` };
	}
}

// The answer's response, or ApiError.
export async function ask(method, path, { body, type, signal } = {}) {
	let response;
	try {
		response = await fetch(new URL(path.slice(1), BASE), { method, body, signal, headers: headersOf(type), cache: 'no-store', credentials: 'same-origin', redirect: 'error' });
	} catch (error) {
		throw signal?.aborted ? error : new ApiError(0, { detail: 'The daemon does not answer.' });
	}
	if (response.ok)
		return response;
	const error = new ApiError(response.status, await problemOf(response));
	if (response.status === 401)
		onRefused(error);
	throw error;
}

export async function get(path, signal) {
	return (await ask('GET', path, { signal })).json();
}

export async function getText(path, signal) {
	return (await ask('GET', path, { signal })).text();
}

export async function post(path, body = {}) {
	return (await ask('POST', path, { body: JSON.stringify(body), type: 'application/json' })).json();
}

export async function postZip(path, body) {
	return (await ask('POST', path, { body, type: 'application/zip' })).json();
}

export async function remove(path) {
	return (await ask('DELETE', path)).json();
}

// What an endpoint of a newer daemon says, or null where this one does not have it, or has its service switched off.
export async function getIfThere(path, signal) {
	try {
		return await get(path, signal);
	} catch (error) {
		if (error instanceof ApiError && (error.status === 404 || error.status === 409))
			return null;
		throw error;
	}
}
