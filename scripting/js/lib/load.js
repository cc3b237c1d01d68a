'use strict';
// Loads a script and says what it exports: for a session, and for the dry run.
const Module = require('module');
const path = require('path');
const { pathToFileURL } = require('url');

const CALLBACKS = ['init', 'onProcessStarted', 'onStartGameSession', 'onHealthCheck', 'onPlayerConnect', 'onPlayerAccepted',
	'onPlayerDisconnect', 'onMessage', 'onSendToPlayer', 'onSendToGroup', 'onPlayerJoinGroup', 'onPlayerLeaveGroup', 'onProcessTerminate',
	'onTick'];
const CONFIGURATION = { maxPlayers: 1000000, pingIntervalTime: 3600000, tickInterval: 3600000 };
const PACKET_STUB = path.join(__dirname, 'packet_pb.js');

// The service's own files do not exist here. Only when the script brings none of that name.
function standInForServiceFiles() {
	const resolve = Module._resolveFilename;
	Module._resolveFilename = function (request, ...rest) {
		try {
			return resolve.call(this, request, ...rest);
		} catch (error) {
			if (/(^|\/)src\/proto\/Packet_pb(\.js)?$/.test(request))
				return PACKET_STUB;
			throw error;
		}
	};
}

async function load(folder, main) {
	const file = path.resolve(folder, main);
	let loaded;
	try {
		loaded = require(file);
	} catch (error) {
		if (error === null || typeof error !== 'object' || error.code !== 'ERR_REQUIRE_ESM')
			throw error;
		loaded = await import(pathToFileURL(file).href);
	}
	const candidates = [loaded && loaded.ssExports, loaded && loaded.default && loaded.default.ssExports, loaded && loaded.default, loaded];
	return candidates.find((candidate) => candidate && typeof candidate === 'object' && 'init' in candidate) || candidates[0] || candidates[1];
}

function wrong(main, what) {
	return Object.assign(new Error(`${main}: ${what}`), { isAboutExports: true });
}

// Throws when the exports cannot be used; returns what the engine wants to know of them.
function examine(exported, main) {
	if (exported === undefined || exported === null || typeof exported !== 'object')
		throw wrong(main, 'exports.ssExports is missing');
	for (const name of CALLBACKS)
		if (exported[name] !== undefined && exported[name] !== null && typeof exported[name] !== 'function')
			throw wrong(main, `ssExports.${name} is not a function`);
	if (typeof exported.init !== 'function')
		throw wrong(main, 'ssExports.init is missing');
	const configuration = {};
	const given = exported.configuration === undefined || exported.configuration === null ? {} : exported.configuration;
	if (typeof given !== 'object')
		throw wrong(main, 'ssExports.configuration is not an object');
	for (const [name, max] of Object.entries(CONFIGURATION)) {
		if (given[name] === undefined || given[name] === null)
			continue;
		if (!Number.isInteger(Number(given[name])) || Number(given[name]) < 1 || Number(given[name]) > max)
			throw wrong(main, `configuration.${name} must be a whole number from 1 to ${max}`);
		configuration[name] = Number(given[name]);
	}
	return { callbacks: CALLBACKS.filter((name) => typeof exported[name] === 'function'), configuration, warnings: warningsAbout(exported) };
}

function warningsAbout(exported) {
	const known = new Set([...CALLBACKS, 'configuration']);
	const odd = Object.keys(exported).filter((name) => /^on[A-Z]/.test(name) && !known.has(name));
	return odd.map((name) => `ssExports.${name} is no callback; it is never called`);
}

function inside(folder, file) {
	const relative = path.relative(folder, file.replace(/^file:\/\//, ''));
	return relative.startsWith('..') || path.isAbsolute(relative) ? null : relative;
}

// "file:line: what", the file as seen from the script's folder. A syntax error names its place in the first line of the stack.
function describe(error, folder, main) {
	if (error !== null && typeof error === 'object' && error.isAboutExports)
		return error.message;
	if (error === null || typeof error !== 'object' || typeof error.stack !== 'string')
		return `${main}: ${String(error)}`;
	const what = `${error.name || 'Error'}: ${String(error.message).split('\n')[0]}`;
	const places = error.stack.matchAll(/^(?:\s+at .*?\(?|)((?:file:\/\/)?\/[^\n():]+):(\d+)/gm);
	for (const [, file, line] of places) {
		const relative = inside(folder, file);
		if (relative !== null)
			return `${relative}:${line}: ${what}`;
	}
	return `${main}: ${what}`;
}

module.exports = { CALLBACKS, standInForServiceFiles, load, examine, describe };
