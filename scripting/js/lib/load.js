'use strict';
// Loads a script and says what it exports: for a session, and for the dry run.
const fs = require('fs');
const Module = require('module');
const os = require('os');
const path = require('path');
const { pathToFileURL } = require('url');

const { createRequire } = Module;
const SCRIPT = /\.[cm]?js$/;
const CALLBACKS = ['init', 'onProcessStarted', 'onStartGameSession', 'onHealthCheck', 'onPlayerConnect', 'onPlayerAccepted',
	'onPlayerDisconnect', 'onMessage', 'onSendToPlayer', 'onSendToGroup', 'onPlayerJoinGroup', 'onPlayerLeaveGroup', 'onProcessTerminate',
	'onTick', 'onServiceMessage', 'onPlayerDropped', 'onPlayerResumed', 'onSnapshot'];
const MESSAGE_CHARACTERS_MAX = 600;
const CONFIGURATION = { maxPlayers: 1000000, pingIntervalTime: 3600000, tickInterval: 3600000 };
const ESM_ERRORS = ['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE']; // the second: since Node requires modules that do not await
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
		if (error === null || typeof error !== 'object' || !ESM_ERRORS.includes(error.code))
			throw error;
		loaded = await import(pathToFileURL(file).href);
	}
	const candidates = [loaded && loaded.ssExports, loaded && loaded.default && loaded.default.ssExports, loaded && loaded.default, loaded];
	return candidates.find((candidate) => candidate && typeof candidate === 'object' && 'init' in candidate) || candidates[0] || candidates[1];
}

// The script of a folder: what Node takes for the folder, or for a package in it ("exports"), else the only script in it.
function findMain(folder) {
	const scripts = fs.readdirSync(folder).filter((name) => SCRIPT.test(name) && fs.statSync(path.join(folder, name)).isFile());
	const usual = resolved(() => require.resolve(folder)) || resolved(() => resolveAsPackage(folder)) ||
		['index.mjs', 'index.cjs'].find((name) => scripts.includes(name));
	if (usual && SCRIPT.test(usual) && inside(folder, path.resolve(folder, usual)) !== null)
		return path.relative(folder, path.resolve(folder, usual));
	if (scripts.length === 1)
		return scripts[0];
	const names = scripts.length > 1 ? `which one of ${scripts.slice(0, 8).join(', ')}${scripts.length > 8 ? ', ...' : ''} is the script?` :
		'no script in the folder itself.';
	throw wrong('package.json', `no "main" or "exports" that leads to a file, and no index.js; ${names} Name it: --main FILE`);
}

function resolved(how) {
	try {
		return how();
	} catch (error) {
		if (error.code === 'ERR_INVALID_PACKAGE_CONFIG' || error instanceof SyntaxError)
			throw error;
		return null;
	}
}

// "exports" counts for packages only, so it is made one for the moment.
function resolveAsPackage(folder) {
	if (!fs.existsSync(path.join(folder, 'package.json')))
		return null;
	const home = fs.mkdtempSync(path.join(os.tmpdir(), 'ringcast-main-'));
	try {
		fs.mkdirSync(path.join(home, 'node_modules'));
		fs.symlinkSync(folder, path.join(home, 'node_modules', 'script'));
		return createRequire(path.join(home, 'x.js')).resolve('script');
	} finally {
		fs.rmSync(home, { recursive: true });
	}
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

// Node's hints are in the lines below the first; who required whom is not needed, nor where the script happens to lie.
function oneLine(message, folder) {
	const text = message.split('\nRequire stack:')[0].split('\n').filter((line) => line.trim() !== '').join(' ');
	return text.split(`file://${folder}/`).join('').split(`${folder}/`).join('').slice(0, MESSAGE_CHARACTERS_MAX);
}

// "file:line: what", the file as seen from the script's folder. A syntax error names its place in the first line of the stack.
function describe(error, folder, main) {
	if (error !== null && typeof error === 'object' && error.isAboutExports)
		return error.message;
	if (error === null || typeof error !== 'object' || typeof error.stack !== 'string')
		return `${main}: ${String(error)}`;
	const what = `${error.name || 'Error'}: ${oneLine(String(error.message), folder)}`;
	const places = error.stack.matchAll(/^(?:\s+at .*?\(?|)((?:file:\/\/)?\/[^\n():]+):(\d+)/gm);
	for (const [, file, line] of places) {
		const relative = inside(folder, file);
		if (relative !== null)
			return `${relative}:${line}: ${what}`;
	}
	return `${main}: ${what}`;
}

module.exports = { CALLBACKS, findMain, standInForServiceFiles, load, examine, describe };
