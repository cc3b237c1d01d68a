'use strict';
// The dry run: node check.js FOLDER MAIN loads a script as a session would, runs none of its callbacks, and prints one line of JSON:
// {"callbacks": [...], "configuration": {...}, "warnings": [...]} or {"error": "file:line: what"}. Exit code 0 or 1.
const path = require('path');
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const { standInForServiceFiles, load, examine, describe } = require('./lib/load');

const TIMEOUT_MS = Number(process.env.RINGCAST_CHECK_TIMEOUT_MS || 10000);

let isAnswered = false;

// The first answer counts: a worker that has said what there is ends too, and that is no news.
function answer(result) {
	if (isAnswered)
		return;
	isAnswered = true;
	process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(result.error === undefined ? 0 : 1));
}

function main([folder, file]) {
	if (folder === undefined || file === undefined)
		return answer({ error: 'usage: node check.js FOLDER MAIN' });
	const worker = new Worker(__filename, { workerData: { folder: path.resolve(folder), file }, stdout: true, stderr: true });
	worker.on('message', answer);
	worker.on('error', (error) => answer({ error: describe(error, path.resolve(folder), file) }));
	worker.on('exit', (code) => answer({ error: `${file}: process.exit(${code}) while it was loaded` }));
	setTimeout(() => answer({ error: `${file}: was not loaded within ${TIMEOUT_MS / 1000} s` }), TIMEOUT_MS);
	return undefined;
}

function run({ folder, file }) {
	standInForServiceFiles();
	load(folder, file).then((exported) => parentPort.postMessage(examine(exported, file)))
		.catch((error) => parentPort.postMessage({ error: describe(error, folder, file) }));
}

if (isMainThread)
	main(process.argv.slice(2));
else
	run(workerData);
