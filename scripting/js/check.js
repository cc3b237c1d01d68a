'use strict';
// The dry run: node check.js FOLDER [MAIN] loads a script as a session would, runs none of its callbacks, and prints one line of JSON:
// {"main": "index.js", "callbacks": [...], "configuration": {...}, "warnings": [...]} or {"error": "file:line: what"}. Exit code 0 or 1.
const fs = require('fs');
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const { afterRunning } = require('./lib/clock');
const { findMain, standInForServiceFiles, load, examine, describe } = require('./lib/load');

const TIMEOUT_MS = Number(process.env.RINGCAST_CHECK_TIMEOUT_MS || 10000);
const HINT_CHARACTERS_MAX = 200;

let isAnswered = false;

// The first answer counts: a worker that has said what there is ends too, and that is no news.
function answer(result) {
	if (isAnswered)
		return;
	isAnswered = true;
	process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(result.error === undefined ? 0 : 1));
}

function main([folder, file]) {
	if (folder === undefined)
		return answer({ error: 'usage: node check.js FOLDER [MAIN]' });
	const root = fs.realpathSync(folder);
	try {
		return tryOut(root, file || findMain(root));
	} catch (error) {
		return answer({ error: describe(error, root, 'package.json') });
	}
}

function tryOut(folder, file) {
	const worker = new Worker(__filename, { workerData: { folder, file }, stdout: true, stderr: true });
	worker.on('message', answer);
	worker.on('error', (error) => answer({ error: describe(error, folder, file) }));
	worker.on('exit', (code) => answer({ error: `${file}: process.exit(${code}) while it was loaded` }));
	afterRunning(TIMEOUT_MS, () => answer({ error: `${file}: was not loaded within ${TIMEOUT_MS / 1000} s` }));
}

// What Node warns of when a file does not load is often the remedy ("set "type": "module"").
function run({ folder, file }) {
	const hints = [];
	process.on('warning', ({ message }) => hints.push(message.split('\n')[0].slice(0, HINT_CHARACTERS_MAX)));
	standInForServiceFiles();
	load(folder, file).then((exported) => parentPort.postMessage({ main: file, ...examine(exported, file) })).catch((error) => setImmediate(() => {
		const hint = error instanceof SyntaxError && hints.length > 0 ? ` (${hints[0]})` : '';
		parentPort.postMessage({ error: describe(error, folder, file) + hint });
	}));
}

if (isMainThread)
	main(process.argv.slice(2));
else
	run(workerData);
