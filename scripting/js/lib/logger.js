'use strict';
// The six levels of Realtime's logger. A log call never throws, whatever it is given.
const { StringDecoder } = require('string_decoder');
const util = require('util');

const LEVELS = ['debug', 'info', 'warn', 'error', 'fatal', 'cxfatal'];
const TEXT_CHARACTERS_MAX = 8000;

function format(values) {
	try {
		const text = values.map((value) => (typeof value === 'string' ? value : util.inspect(value))).join(' ');
		return text.length > TEXT_CHARACTERS_MAX ? `${text.slice(0, TEXT_CHARACTERS_MAX)}... (${text.length} characters)` : text;
	} catch (error) {
		return `(a value that cannot be printed: ${error && error.message})`;
	}
}

// "loggingLevel:debug" among the launch arguments; info without.
function threshold(args) {
	for (const arg of args) {
		const match = /^-{0,2}loggingLevel[:=](\w+)$/i.exec(arg);
		if (match !== null && LEVELS.includes(match[1].toLowerCase()))
			return LEVELS.indexOf(match[1].toLowerCase());
	}
	return LEVELS.indexOf('info');
}

// write(level number, text)
function makeLogger(write, level) {
	const logger = {};
	LEVELS.forEach((name, number) => {
		logger[name] = number < level ? () => {} : (...values) => write(number, format(values));
	});
	return Object.freeze(logger);
}

// What a script writes to stdout and stderr (console.log, warnings of Node) goes to its session's log, line by line. Returns how to get
// a last line that has no end.
function captureStream(stream, write) {
	const decoder = new StringDecoder('utf8');
	let rest = '';
	stream.write = (chunk, encoding, callback) => {
		const done = typeof encoding === 'function' ? encoding : callback;
		const lines = (rest + (typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk)))).split('\n');
		rest = lines.pop();
		lines.forEach((line) => write(line));
		if (rest.length > TEXT_CHARACTERS_MAX) {
			write(rest);
			rest = '';
		}
		if (typeof done === 'function')
			queueMicrotask(done);
		return true;
	};
	return () => {
		const last = rest + decoder.end();
		rest = '';
		if (last !== '')
			write(last);
	};
}

module.exports = { LEVELS, makeLogger, threshold, format, captureStream };
