'use strict';
// What a script may require, what the dry run says of it, where errors are placed.
const test = require('node:test');
const assert = require('node:assert');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { spawnSync } = require('child_process');
const { Engine, SCRIPTS } = require('./engine');

const CHECK = path.join(__dirname, '..', 'check.js');

test('siblings, node_modules, data, and the stand-in for the service\'s own file', async (t) => {
	const engine = new Engine(t);
	engine.open(1, 'index.js', { folder: path.join(SCRIPTS, 'modules'), args: 'first second' });
	await engine.expectLog(1, /^loop 4 loop from the deep 3 \{\} true \[ 'first', 'second' \]$/);
	await engine.stop();
});

function check(folder, main, env = {}) {
	const { status, stdout } = spawnSync(process.execPath, [CHECK, folder, main], { encoding: 'utf8', env: { ...process.env, ...env }, timeout: 100000 });
	assert.strictEqual(stdout.split('\n').length, 2, stdout);
	const result = JSON.parse(stdout);
	assert.strictEqual(status, result.error === undefined ? 0 : 1);
	return result;
}

test('the dry run says what a script exports', () => {
	const sample = check(SCRIPTS, 'sample.js');
	assert.strictEqual(sample.callbacks.length, 13);
	assert.deepStrictEqual(sample.configuration, { maxPlayers: 16, pingIntervalTime: 30000 });
	assert.deepStrictEqual(sample.warnings, []);
	assert.deepStrictEqual(check(SCRIPTS, 'order.js').configuration, { tickInterval: 50 });
	assert.deepStrictEqual(check(path.join(SCRIPTS, 'modules'), 'index.js').callbacks, ['init']);
});

const INIT = 'exports.ssExports = { init() {}, ';
for (const [what, text, expected] of [
	['a syntax error', '\n\nlet x = ;\n', /^s\.js:3: SyntaxError: Unexpected token ';'$/],
	['an exception', '\nnothing.here();\n', /^s\.js:2: ReferenceError: nothing is not defined$/],
	['a missing module', 'require("./gone");', /^s\.js:1: Error: Cannot find module '\.\/gone'$/],
	['no exports', '', /^s\.js: exports\.ssExports is missing$/],
	['no init', 'exports.ssExports = {};', /^s\.js: ssExports\.init is missing$/],
	['a callback that is none', `${INIT} onMessage: 5 };`, /^s\.js: ssExports\.onMessage is not a function$/],
	['a bad maxPlayers', `${INIT} configuration: { maxPlayers: 'many' } };`, /^s\.js: configuration\.maxPlayers must be a whole number from 1 to 1000000$/],
	['a bad tickInterval', `${INIT} configuration: { tickInterval: 0.5 } };`, /^s\.js: configuration\.tickInterval must be/],
	['a bad configuration', `${INIT} configuration: 7 };`, /^s\.js: ssExports\.configuration is not an object$/],
	['an exit', 'process.exit(2);', /^s\.js: process\.exit\(2\) while it was loaded$/],
	['a thrown string', 'throw "words";', /^s\.js: words$/],
	['an endless loop', 'for (;;);', /^s\.js: was not loaded within 1 s$/],
	['a hint of several lines', 'throw new Error("first\\n\\nInstead do this");', /^s\.js:1: Error: first Instead do this$/],
	['a place that only happens to be', 'require(__dirname + "/gone.js");', /^s\.js:1: Error: Cannot find module 'gone\.js'$/],
	['an error in another file', 'require("./other.js");', /^other\.js:2: TypeError: bad$/],
]) {
	test(`the dry run refuses ${what}`, () => {
		const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringcast-check-'));
		fs.writeFileSync(path.join(folder, 's.js'), text);
		fs.writeFileSync(path.join(folder, 'other.js'), '\nthrow new TypeError("bad");\n');
		try {
			assert.match(check(folder, 's.js', { RINGCAST_CHECK_TIMEOUT_MS: what === 'an endless loop' ? '1000' : '60000' }).error, expected);
		} finally {
			fs.rmSync(folder, { recursive: true });
		}
	});
}

test('the dry run warns of names that are almost callbacks, and is not confused by output', () => {
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringcast-check-'));
	fs.writeFileSync(path.join(folder, 's.js'), `console.log('hello'); process.stdout.write('{}\\n'); ${INIT} onMesage() {} };`);
	const { warnings, callbacks } = check(folder, 's.js');
	fs.rmSync(folder, { recursive: true });
	assert.deepStrictEqual(callbacks, ['init']);
	assert.deepStrictEqual(warnings, ['ssExports.onMesage is no callback; it is never called']);
});

// Files of a folder -> which one Node takes for the script.
function mainOf(files, main) {
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringcast-check-'));
	for (const [name, text] of Object.entries(files)) {
		fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
		fs.writeFileSync(path.join(folder, name), text);
	}
	const { status, stdout } = spawnSync(process.execPath, [CHECK, folder, ...(main === undefined ? [] : [main])], { encoding: 'utf8', timeout: 100000 });
	fs.rmSync(folder, { recursive: true });
	const result = JSON.parse(stdout);
	assert.strictEqual(status, result.error === undefined ? 0 : 1);
	return result.error === undefined ? result.main : result.error;
}

const GOOD = 'exports.ssExports = { init() {} };';
const GOOD_ESM = 'export const ssExports = { init() {} };';
for (const [what, files, expected] of [
	['index.js', { 'index.js': GOOD, 'other.js': '' }, 'index.js'],
	['"main"', { 'package.json': '{"main": "./lib/game"}', 'lib/game.js': GOOD, 'index.js': '' }, 'lib/game.js'],
	['a "main" that is not there, beside an index.js', { 'package.json': '{"main": "gone.js"}', 'index.js': GOOD }, 'index.js'],
	['"exports" without "main"', { 'package.json': '{"exports": {".": "./src/game.js"}}', 'src/game.js': GOOD, 'a.js': '', 'b.js': '' }, 'src/game.js'],
	['"exports" with a name', { 'package.json': '{"name": "g", "exports": "./src/game.js"}', 'src/game.js': GOOD }, 'src/game.js'],
	['index.mjs', { 'index.mjs': GOOD_ESM, 'other.mjs': '' }, 'index.mjs'],
	['a single .mjs', { 'game.mjs': GOOD_ESM, 'data.json': '{}' }, 'game.mjs'],
	['a module that awaits', { 'index.mjs': 'await null; export const ssExports = { init() {} };' }, 'index.mjs'],
	['a module in .js that awaits', { 'package.json': '{"type": "module"}', 'index.js': 'await null; export const ssExports = { init() {} };' }, 'index.js'],
]) {
	test(`the script of a folder: ${what}`, () => assert.strictEqual(mainOf(files), expected));
}

test('a script among siblings is asked for by name', () => {
	const files = { 'GameServer.js': GOOD, 'gameloop.js': '' };
	assert.match(mainOf(files), /which one of GameServer\.js, gameloop\.js is the script\? Name it: --main FILE$/);
	assert.strictEqual(mainOf(files, 'GameServer.js'), 'GameServer.js');
});

test('ES modules work too', () => {
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringcast-check-'));
	fs.writeFileSync(path.join(folder, 's.mjs'), 'export const ssExports = { init() {}, onMessage() {} };');
	const { callbacks } = check(folder, 's.mjs');
	fs.rmSync(folder, { recursive: true });
	assert.deepStrictEqual(callbacks, ['init', 'onMessage']);
});

test('errors of translated scripts are placed in their source', async (t) => {
	const engine = new Engine(t, { nodeArguments: ['--enable-source-maps'] });
	engine.open(1, 'mapped.js');
	const end = await engine.expect('END');
	assert.match(end.text.toString(), /mapped\.ts:3: Error: from typescript/);
	await engine.stop();
});
